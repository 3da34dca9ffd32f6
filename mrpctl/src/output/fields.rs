//! `--fields`: some fields of a JSON object, their values untouched.

use super::escape;
use crate::exit::{Failure, Reason};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

type RawObject<'a> = BTreeMap<String, &'a RawValue>;

/// The fields that were asked for; `from.name` is the field `name` inside `from`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<String>);

impl Fields {
    pub(super) fn new(names: &[String]) -> Self {
        Self(
            names
                .iter()
                .filter(|name| !name.is_empty())
                .cloned()
                .collect(),
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    /// An object with these fields, in the order they were asked for; what is not there is null.
    pub(super) fn keep(&self, object: &str) -> Result<String, Failure> {
        let mut kept = String::from("{");
        for (number, (name, value)) in self.values(object)?.into_iter().enumerate() {
            if number > 0 {
                kept.push(',');
            }
            kept.push_str(&serde_json::Value::from(name).to_string());
            kept.push(':');
            kept.push_str(value.unwrap_or("null"));
        }
        Ok(kept + "}")
    }

    /// The values as text for people, a cell each.
    pub(super) fn cells(&self, object: &str) -> Result<Vec<String>, Failure> {
        let cell = |value: Option<&str>| match value.map(serde_json::from_str) {
            None | Some(Ok(serde_json::Value::Null)) => String::new(),
            Some(Ok(serde_json::Value::String(text))) => escape::line(&text),
            Some(Ok(value)) if peer(&value).is_some() => {
                escape::line(peer(&value).unwrap_or_default())
            }
            Some(_) => escape::line(value.unwrap_or_default()),
        };
        Ok(self
            .values(object)?
            .into_iter()
            .map(|(_, value)| cell(value))
            .collect())
    }

    /// The values as one line, with tabs between them.
    pub(super) fn as_text(&self, object: &str) -> Result<String, Failure> {
        Ok(self.cells(object)?.join("\t"))
    }

    fn values<'a>(&'a self, object: &'a str) -> Result<Vec<(&'a str, Option<&'a str>)>, Failure> {
        let fields = read(object)?;
        let value = |name: &'a String| {
            let found = fields.get(name).map(|value| value.get());
            (name.as_str(), found.or_else(|| inside(&fields, name)))
        };
        Ok(self.0.iter().map(value).collect())
    }
}

/// What somebody is called, for people: by their name here, else by the beginning of their key.
fn peer(value: &serde_json::Value) -> Option<&str> {
    let short = value.get("short")?.as_str()?;
    Some(value.get("name")?.as_str().unwrap_or(short))
}

fn read(object: &str) -> Result<RawObject<'_>, Failure> {
    serde_json::from_str(object).map_err(|error| {
        let what = format!("--fields needs an object: {error}");
        Failure::new(Reason::BadData, what)
    })
}

fn inside<'a>(fields: &RawObject<'a>, path: &str) -> Option<&'a str> {
    let (outer, rest) = path.split_once('.')?;
    let inner: RawObject<'a> = serde_json::from_str(fields.get(outer)?.get()).ok()?;
    match inner.get(rest) {
        Some(value) => Some(value.get()),
        None => inside(&inner, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str =
        r#"{"id":"msg_1","from":{"name":"ann","key":"K"},"n":1e400,"x.y":true,"none":null}"#;

    fn fields(text: &str) -> Fields {
        Fields::new(&text.split(',').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn fields_come_in_the_order_asked_for_and_untouched() {
        assert_eq!(
            fields("n,from.name,x.y,missing,id").keep(OBJECT).unwrap(),
            r#"{"n":1e400,"from.name":"ann","x.y":true,"missing":null,"id":"msg_1"}"#
        );
    }

    #[test]
    fn people_are_called_by_their_names_in_cells_and_untouched_in_objects() {
        let object = r#"{"from":{"key":"Kkkk","name":"an\u001bn","short":"Kk"},"to":{"key":"Kkkk","name":null,"short":"Kk"}}"#;
        let chosen = fields("from,to,from.key");
        assert_eq!(chosen.cells(object).unwrap(), ["an\\en", "Kk", "Kkkk"]);
        assert!(chosen.keep(object).unwrap().contains("\"short\""));
    }

    #[test]
    fn cells_are_bare_and_escaped() {
        let object = "{\"a\":\"\\u001b[1m\",\"b\":[1, 2],\"c\":null}";
        assert_eq!(
            fields("a,b,c,d").cells(object).unwrap(),
            ["\\e[1m", "[1, 2]", "", ""]
        );
        assert_eq!(fields("b,a").as_text(object).unwrap(), "[1, 2]\t\\e[1m");
    }
}
