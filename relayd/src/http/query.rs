//! Query parameters: those that are known are read strictly, the others ignored.

use super::error::ApiError;
use super::segment::percent_decode;
use http::Uri;
use mrp_proto::message::Violation;

/// A request's query, decoded.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(uri: &Uri) -> Result<Self, ApiError> {
        let pairs = uri
            .query()
            .unwrap_or("")
            .split('&')
            .filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        });
        let decoded: Option<Vec<_>> = decoded.collect();
        decoded.map(Self).ok_or_else(|| {
            let rule = "must be percent-encoded UTF-8";
            Violation::new("query", rule, "percent-encoded UTF-8", "something else").into()
        })
    }

    /// A parameter that may be given once.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Violation> {
        let mut values = self
            .0
            .iter()
            .filter(|(given, _)| given == name)
            .map(|(_, value)| value.as_str());
        let first = values.next();
        match values.count() {
            0 => Ok(first),
            more => Err(Violation::new(name, "must be given once", 1, more + 1)),
        }
    }

    /// A parameter that may be given again and again, up to `most` times; each value has 1 to `longest` characters.
    pub(super) fn texts(
        &self,
        name: &str,
        most: usize,
        longest: usize,
    ) -> Result<Vec<String>, Violation> {
        let given = self.0.iter().filter(|(given, _)| given == name);
        let values: Vec<_> = given.map(|(_, value)| value.clone()).collect();
        if values.len() > most {
            let rule = format!("must be given at most {most} times");
            return Err(Violation::new(name, rule, most, values.len()));
        }
        for value in &values {
            check_length(name, value, 1, longest)?;
        }
        Ok(values)
    }

    /// A parameter that may be given once, with up to `longest` characters; an empty one is as good as none.
    pub(super) fn bounded_text(
        &self,
        name: &str,
        longest: usize,
    ) -> Result<Option<&str>, Violation> {
        let text = self.text(name)?.filter(|text| !text.is_empty());
        if let Some(text) = text {
            check_length(name, text, 1, longest)?;
        }
        Ok(text)
    }

    /// A whole number within bounds.
    pub(crate) fn number(
        &self,
        name: &str,
        least: u64,
        most: u64,
    ) -> Result<Option<u64>, Violation> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let rule = format!("must be a whole number from {least} to {most}");
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            Ok(number) => Err(Violation::new(name, rule, most, number)),
            Err(_) => Err(Violation::new(name, rule, most, shortened(text))),
        }
    }
}

fn check_length(name: &str, text: &str, least: usize, most: usize) -> Result<(), Violation> {
    let length = text.chars().count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    let rule = format!("must have {least} to {most} characters");
    Err(Violation::new(name, rule, most, length))
}

/// Queries are written by forms and their libraries, so a plus is a space.
fn decode(text: &str) -> Option<String> {
    percent_decode(&text.replace('+', " "))
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap()).unwrap()
    }

    #[test]
    fn parameters_are_decoded_and_unknown_ones_ignored() {
        let query = query("a=1+2%2B3&b=%C3%BC&&c&other=x");
        assert_eq!(query.text("a"), Ok(Some("1 2+3")));
        assert_eq!(query.text("b"), Ok(Some("ü")));
        assert_eq!(query.text("c"), Ok(Some("")));
        assert_eq!(query.text("d"), Ok(None));
        assert!(Query::of(&"/x?a=%ff".parse().unwrap()).is_err());
        assert!(Query::of(&"/x?a=%zz".parse().unwrap()).is_err());
    }

    #[test]
    fn texts_keep_their_bounds() {
        let query = query("a=xx&a=y&b=zzz&c=&d=1");
        assert_eq!(query.texts("a", 2, 2).unwrap(), ["xx", "y"]);
        assert_eq!(query.texts("absent", 2, 2).unwrap(), [""; 0]);
        assert_eq!(query.texts("a", 1, 2).unwrap_err().actual, 2);
        for (name, length) in [("b", 3), ("c", 0)] {
            let violation = query.texts(name, 2, 2).unwrap_err();
            assert_eq!((&*violation.field, violation.actual), (name, length.into()));
        }
        assert_eq!(query.bounded_text("c", 2), Ok(None));
        assert_eq!(query.bounded_text("d", 2), Ok(Some("1")));
        assert!(query.bounded_text("b", 2).is_err());
    }

    #[test]
    fn numbers_keep_their_bounds_and_nothing_is_given_twice() {
        let query = query("low=0&high=101&ok=100&word=ten&twice=1&twice=2");
        assert_eq!(query.number("ok", 1, 100), Ok(Some(100)));
        assert_eq!(query.number("absent", 1, 100), Ok(None));
        for name in ["low", "high", "word", "twice"] {
            let violation = query.number(name, 1, 100).unwrap_err();
            assert_eq!(violation.field, name);
        }
        assert_eq!(query.number("high", 1, 100).unwrap_err().limit, 100);
        assert_eq!(query.number("word", 1, 100).unwrap_err().actual, "ten");
        assert_eq!(query.number("twice", 1, 100).unwrap_err().limit, 1);
    }
}
