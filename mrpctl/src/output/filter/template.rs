//! `--format`: a template such as `{{ from.name }}: {{ text }}`. What it inserts is escaped for terminals, for it came from
//! elsewhere; what the template itself says is not.

use super::{MOST, mistake};
use crate::exit::{Failure, Reason};
use crate::output::escape;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
};

const EXAMPLE: &str = "mrpctl tail -F '{{ from.name or from.short }}: {{ text }}'";
const NAME: &str = "format";
/// Steps that one object may take.
const FUEL: u64 = 1_000_000;

/// A template, compiled.
#[derive(Debug)]
pub(super) struct Template {
    environment: Environment<'static>,
}

impl Template {
    pub(super) fn parse(source: &str) -> Result<Self, Failure> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(insert);
        environment.set_fuel(Some(FUEL));
        environment
            .add_template_owned(NAME, source.to_owned())
            .map_err(|error| unreadable(source, &error))?;
        let template = Self { environment };
        // What there is not, such as a filter, shows when it is used.
        match template.render(&serde_json::json!({})) {
            Err(error) if is_unknown(error.kind()) => Err(unreadable(source, &error)),
            _ => Ok(template),
        }
    }

    pub(super) fn apply(&self, object: &str) -> Result<String, Failure> {
        let fields: serde_json::Value = serde_json::from_str(object)
            .map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
        let mut text = self.render(&fields).map_err(|error| failed(&error))?;
        if text.len() > MOST {
            let what = format!("--format gives more than {MOST} bytes of one object");
            return Err(Failure::new(Reason::BadData, what));
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }

    fn render(&self, fields: &serde_json::Value) -> Result<String, Error> {
        let fields = minijinja::value::Serde(fields.clone());
        self.environment
            .get_template(NAME)?
            .render(Value::from(fields))
    }
}

/// Nothing is nothing, objects are JSON, and control characters are made visible unless the template says `| safe`.
fn insert(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(());
    }
    let written = match value.as_str() {
        Some(text) if value.is_safe() => out.write_str(text),
        Some(text) => out.write_str(&escape::block(text)),
        None => match value.kind() {
            minijinja::value::ValueKind::Map | minijinja::value::ValueKind::Seq => {
                let json = serde_json::to_string(value)
                    .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
                out.write_str(&json)
            }
            _ => write!(out, "{value}"),
        },
    };
    written.map_err(Error::from)
}

fn is_unknown(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnknownFilter
            | ErrorKind::UnknownTest
            | ErrorKind::UnknownFunction
            | ErrorKind::TemplateNotFound
    )
}

fn unreadable(source: &str, error: &Error) -> Failure {
    mistake(
        "--format",
        &said(error),
        source,
        &place(source, error),
        EXAMPLE,
    )
}

fn failed(error: &Error) -> Failure {
    let what = format!("--format failed: {}", said(error));
    Failure::new(Reason::BadData, what).fix(EXAMPLE)
}

fn said(error: &Error) -> String {
    error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// Where in the template it is: the line, with its number where there are several.
fn place(source: &str, error: &Error) -> String {
    let number = error.line().unwrap_or(1).max(1);
    let line = source.lines().nth(number - 1).unwrap_or_default();
    if source.lines().count() > 1 {
        format!("line {number}: {line}")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = r#"{"from":{"name":null,"short":"Xk3"},"text":"a\u001b[1m\nb","n":7,"list":[1,"x"],"yes":true}"#;

    fn apply(source: &str) -> Result<String, Failure> {
        Template::parse(source).and_then(|template| template.apply(OBJECT))
    }

    #[test]
    fn fields_are_inserted_and_what_is_not_there_is_nothing() {
        for (source, text) in [
            ("{{ from.name or from.short }}: {{ n }}", "Xk3: 7\n"),
            ("[{{ from.name }}{{ nope }}{{ nope.deeper.still }}]", "[]\n"),
            ("{{ text }}", "a\\e[1m\nb\n"),
            ("{{ text | safe }}", "a\u{1b}[1m\nb\n"),
            ("\u{1b}[1m{{ n }}\u{1b}[m", "\u{1b}[1m7\u{1b}[m\n"),
            (
                "{{ list }} {{ from }}",
                "[1,\"x\"] {\"name\":null,\"short\":\"Xk3\"}\n",
            ),
            ("{% if yes %}y{% endif %}\n", "y\n"),
        ] {
            assert_eq!(apply(source).as_deref(), Ok(text), "{source}");
        }
    }

    #[test]
    fn mistakes_name_their_place_in_the_template() {
        for (source, what, place) in [
            ("{{ text", "unexpected end of input", "{{ text"),
            ("a\n{{ text | nope }}", "nope", "line 2: {{ text | nope }}"),
            ("{% for x %}", "unexpected", "{% for x %}"),
        ] {
            let failure = Template::parse(source).unwrap_err();
            let told = failure.told().unwrap();
            assert_eq!(failure.exit(), 64, "{source}");
            assert!(told.detail.message.contains(what), "{source}: {told:?}");
            assert_eq!(told.notes[0].lines, [place], "{source}");
        }
        let failure =
            apply("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}");
        assert_eq!(failure.unwrap_err().exit(), 65);
    }
}
