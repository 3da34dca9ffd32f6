//! `--jq`: a filter in jq's language, as `gh --jq` has it: texts are written bare, all else as JSON, a result a line.

use super::{MOST, mistake};
use crate::exit::{Failure, Reason};
use jaq_core::data::JustLut;
use jaq_core::load::{self, Arena, File, Loader, lex};
use jaq_core::{Compiler, Ctx, Exn, Vars};
use jaq_json::Val;
use std::fmt;
use std::io::Write as _;

const EXAMPLE: &str = "mrpctl tail --jq 'select(.kind == \"event\") | .body.event'";

/// What jq has and the library has not.
const DEFINITIONS: &str = r#"
def @tsv: map(if type == "string" then split("\\") | join("\\\\") | split("\t") | join("\\t") | split("\n") | join("\\n")
  | split("\r") | join("\\r") elif . == null then "" else tostring end) | join("\t");
def @csv: map(if type == "string" then "\"" + (split("\"") | join("\"\"")) + "\"" elif . == null then "" else tostring end)
  | join(",");
"#;

/// An expression, compiled.
pub(super) struct Jq {
    source: String,
    filter: jaq_core::Filter<JustLut<Val>>,
}

impl Jq {
    pub(super) fn parse(source: &str) -> Result<Self, Failure> {
        let definitions = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs())
            .chain(
                load::parse(DEFINITIONS, |parser| parser.defs())
                    .into_iter()
                    .flatten(),
            );
        let functions = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let arena = Arena::default();
        let program = File {
            code: source,
            path: (),
        };
        let modules = Loader::new(definitions)
            .load(&arena, program)
            .map_err(|errors| unreadable(source, errors))?;
        let filter = Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map_err(|errors| undefined(source, errors))?;
        Ok(Self {
            source: source.to_owned(),
            filter,
        })
    }

    pub(super) fn apply(&self, object: &str) -> Result<String, Failure> {
        let input = jaq_json::read::parse_single(object.as_bytes())
            .map_err(|error| self.failed(&error.to_string()))?;
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let mut lines = Vec::new();
        for result in self.filter.id.run((context, input)) {
            match result {
                Ok(Val::TStr(text)) => lines.extend_from_slice(&text),
                Ok(value) => write!(lines, "{value}").expect("writing to memory does not fail"),
                Err(exception) => match self.judge(exception) {
                    Some(failure) => return Err(failure),
                    None => break,
                },
            }
            lines.push(b'\n');
            if lines.len() > MOST {
                return Err(self.failed(&format!("it gives more than {MOST} bytes of one object")));
            }
        }
        Ok(String::from_utf8_lossy(&lines).into_owned())
    }

    /// Nothing where the expression ended by itself (`halt`).
    fn judge(&self, exception: Exn<'_, Val>) -> Option<Failure> {
        let error = exception.get_err().ok()?;
        Some(self.failed(&error.to_string()))
    }

    fn failed(&self, what: &str) -> Failure {
        Failure::new(
            Reason::BadData,
            format!("--jq {} failed: {what}", self.source),
        )
        .fix("pass over what does not fit with ?, such as .body.event?")
    }
}

impl fmt::Debug for Jq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Jq").field(&self.source).finish()
    }
}

fn unreadable(source: &str, errors: load::Errors<&str, ()>) -> Failure {
    let first = errors.into_iter().next().map(|(_, error)| error);
    let (what, place) = match first {
        Some(load::Error::Lex(errors)) => match errors.into_iter().next() {
            Some((expected, place)) => (lacks(&expected), place),
            None => (String::new(), ""),
        },
        Some(load::Error::Parse(errors)) => match errors.into_iter().next() {
            Some((expected, found)) => (format!("expected {}", expected.as_str()), found),
            None => (String::new(), ""),
        },
        Some(load::Error::Io(_)) => ("modules cannot be loaded".to_owned(), source),
        None => (String::new(), ""),
    };
    mistake("--jq", &what, source, from(source, place), EXAMPLE)
}

fn lacks(expected: &lex::Expect<&str>) -> String {
    format!("expected {}", expected.as_str())
}

fn undefined(source: &str, errors: jaq_core::compile::Errors<&str, ()>) -> Failure {
    let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
    let (name, what) = first.map_or(("", "word"), |(name, what)| (name, what.as_str()));
    mistake(
        "--jq",
        &format!("there is no {what} {name}"),
        source,
        from(source, name),
        EXAMPLE,
    )
}

/// The rest of the source from a part of it on.
fn from<'a>(source: &'a str, part: &str) -> &'a str {
    let start = load::span(source, part).start;
    source.get(start..).unwrap_or(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str =
        r#"{"id":"m","from":{"name":"ann"},"n":[1,2],"big":12345678901234567890,"none":null}"#;

    fn apply(source: &str) -> Result<String, Failure> {
        Jq::parse(source).and_then(|jq| jq.apply(OBJECT))
    }

    #[test]
    fn texts_are_bare_and_all_else_is_json_with_a_result_a_line() {
        for (source, lines) in [
            (".id", "m\n"),
            (".n[]", "1\n2\n"),
            (".from", "{\"name\":\"ann\"}\n"),
            (".big", "12345678901234567890\n"),
            (".missing", "null\n"),
            ("empty", ""),
            ("select(.id == \"x\")", ""),
            ("\"\\(.from.name): \\(.n | length)\"", "ann: 2\n"),
            ("[.id, .from.name, .none, 1.5] | @tsv", "m\tann\t\t1.5\n"),
            ("[\"a\\tb\\n\\\\\"] | @tsv", "a\\tb\\n\\\\\n"),
            ("[\"a\\\"b\", 1] | @csv", "\"a\"\"b\",1\n"),
            (".id | test(\"^M\"; \"i\")", "true\n"),
            (".from.name.x?", ""),
            ("1, halt, 2", "1\n"),
        ] {
            assert_eq!(apply(source), Ok(lines.to_owned()), "{source}");
        }
    }

    #[test]
    fn mistakes_name_their_place_and_failures_the_expression() {
        for (source, exit, what, place) in [
            (".a | nope(1)", 64, "there is no filter nope", "nope(1)"),
            (".a | $x", 64, "there is no variable $x", "$x"),
            (".[", 64, "expected", ".[ (at its end)"),
            (".a |", 64, "expected", ".a | (at its end)"),
            ("\"open", 64, "expected", "\"open (at its end)"),
        ] {
            let failure = apply(source).unwrap_err();
            let told = failure.told().unwrap();
            assert_eq!(failure.exit(), exit, "{source}");
            assert!(told.detail.message.contains(what), "{source}: {told:?}");
            assert_eq!(told.notes[0].lines, [place], "{source}");
        }
        let failure = apply(".id.x").unwrap_err();
        assert_eq!(failure.exit(), 65);
        assert!(failure.told().unwrap().detail.message.contains(".id.x"));
    }

    #[test]
    fn what_never_ends_is_cut_off() {
        let failure = apply("repeat(\"0123456789\" * 100000)").unwrap_err();
        assert!(failure.told().unwrap().detail.message.contains("more than"));
    }
}
