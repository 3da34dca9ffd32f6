//! Conditions and templates over messages and other JSON, as the configuration has them: `match = '...'` and `{{ ... }}`.
//!
//! They are Jinja's expressions (minijinja), without a way to files, to other templates or to the clock. What is evaluated is
//! bounded in steps and in the length of what it writes, so that no message makes it run for long.

use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};

/// Steps that one evaluation may take.
const FUEL: u64 = 50_000;
/// Bytes that a template may write.
const OUTPUT: usize = 1 << 20;
/// Bytes of an expression or a template.
const SOURCE: usize = 16 << 10;

/// The fields of the message object, for [`Condition::parse`] and [`Template::parse`].
pub const MESSAGE_FIELDS: &[&str] = &[
    "v",
    "seq",
    "id",
    "dir",
    "agent",
    "relay",
    "from",
    "to",
    "kind",
    "type",
    "text",
    "body",
    "thread",
    "reply_to",
    "attachments",
    "metadata",
    "encrypted",
    "verified",
    "state",
    "attempt",
    "created_at",
    "received_at",
    "expires_at",
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("truncate", truncate);
    environment
});

/// What is wrong with an expression or a template, or why it could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It cannot be understood.
    #[error("{what}{}", line_of(*.line))]
    Syntax {
        /// What is wrong.
        what: String,
        /// In which line of it, where it has several.
        line: Option<usize>,
    },
    /// It names something that there is not.
    #[error("there is no {name:?} here; known: {known}")]
    UnknownName {
        /// The name.
        name: String,
        /// What there is.
        known: String,
    },
    /// It is too long.
    #[error("has {actual} bytes, at most {SOURCE} are allowed")]
    TooLong {
        /// Bytes it has.
        actual: usize,
    },
    /// It took too many steps.
    #[error("took more than {FUEL} steps")]
    TooManySteps,
    /// It wrote too much.
    #[error("wrote more than {OUTPUT} bytes")]
    TooMuchOutput,
    /// It failed on this input.
    #[error("failed: {0}")]
    Failed(String),
}

fn line_of(line: Option<usize>) -> String {
    line.filter(|line| *line > 1)
        .map_or_else(String::new, |line| format!(" (in line {line} of it)"))
}

/// An expression that holds or does not. Cheap to clone.
#[derive(Clone)]
pub struct Condition {
    source: Arc<str>,
    expression: Arc<minijinja::Expression<'static, 'static>>,
}

impl Condition {
    /// Reads an expression; `fields` are the names it may use.
    ///
    /// # Errors
    /// An [`ExpressionError`].
    pub fn parse(source: &str, fields: &[&str]) -> Result<Self, ExpressionError> {
        check_length(source)?;
        let expression = ENVIRONMENT
            .compile_expression_owned(source.to_owned())
            .map_err(judge)?;
        check_names(expression.undeclared_variables(false), fields)?;
        let condition = Self {
            source: source.into(),
            expression: Arc::new(expression),
        };
        // What is missing on the way of an empty object only shows here, such as a filter that there is not.
        refuse_unknown(condition.holds(&serde_json::json!({})))?;
        Ok(condition)
    }

    /// Whether it holds for what has the named fields. A field that is missing is false, and equal to nothing.
    ///
    /// # Errors
    /// An [`ExpressionError`] if it cannot be evaluated; it does not hold then.
    pub fn holds(&self, fields: &impl Serialize) -> Result<bool, ExpressionError> {
        let value = self.expression.eval(value(fields)?).map_err(judge)?;
        Ok(value.is_true())
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Condition")
            .field(&self.source)
            .finish()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Condition {}

/// Text with `{{ ... }}` in it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Arc<str>);

impl Template {
    /// Reads a template; `fields` are the names it may use.
    ///
    /// # Errors
    /// An [`ExpressionError`].
    pub fn parse(source: &str, fields: &[&str]) -> Result<Self, ExpressionError> {
        check_length(source)?;
        let parsed = ENVIRONMENT
            .template_from_named_str("template", source)
            .map_err(judge)?;
        check_names(parsed.undeclared_variables(false), fields)?;
        let template = Self(source.into());
        refuse_unknown(template.render(&serde_json::json!({})))?;
        Ok(template)
    }

    /// Writes the text for what has the named fields. A field that is missing writes nothing.
    ///
    /// # Errors
    /// An [`ExpressionError`].
    pub fn render(&self, fields: &impl Serialize) -> Result<String, ExpressionError> {
        let template = ENVIRONMENT
            .template_from_named_str("template", &self.0)
            .map_err(judge)?;
        let mut output = Bounded(Vec::new());
        template
            .render_captured_to(value(fields)?, &mut output)
            .map_err(judge)?;
        String::from_utf8(output.0).map_err(|error| ExpressionError::Failed(error.to_string()))
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.0
    }
}

/// Raw JSON inside (a message's body) is only seen through by way of a tree.
fn value(fields: &impl Serialize) -> Result<Value, ExpressionError> {
    let tree =
        serde_json::to_value(fields).map_err(|error| ExpressionError::Failed(error.to_string()))?;
    Ok(minijinja::value::Serde(tree).into())
}

fn check_length(source: &str) -> Result<(), ExpressionError> {
    let actual = source.len();
    if actual > SOURCE {
        return Err(ExpressionError::TooLong { actual });
    }
    Ok(())
}

fn check_names(
    names: impl IntoIterator<Item = String>,
    fields: &[&str],
) -> Result<(), ExpressionError> {
    const GLOBALS: &[&str] = &["range", "dict", "namespace"];
    let names: BTreeSet<String> = names.into_iter().collect();
    let unknown = names
        .into_iter()
        .find(|name| !fields.contains(&name.as_str()) && !GLOBALS.contains(&name.as_str()));
    match unknown {
        Some(name) => Err(ExpressionError::UnknownName {
            name,
            known: fields.join(", "),
        }),
        None => Ok(()),
    }
}

/// Of a trial with nothing, only what would fail with everything counts.
fn refuse_unknown<T>(trial: Result<T, ExpressionError>) -> Result<(), ExpressionError> {
    match trial {
        Err(error @ ExpressionError::Syntax { .. }) => Err(error),
        _ => Ok(()),
    }
}

fn judge(error: minijinja::Error) -> ExpressionError {
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    match error.kind() {
        ErrorKind::SyntaxError
        | ErrorKind::UnknownFilter
        | ErrorKind::UnknownFunction
        | ErrorKind::UnknownTest
        | ErrorKind::TemplateNotFound => ExpressionError::Syntax {
            what,
            line: error.line(),
        },
        ErrorKind::OutOfFuel => ExpressionError::TooManySteps,
        ErrorKind::WriteFailure => ExpressionError::TooMuchOutput,
        _ => ExpressionError::Failed(what),
    }
}

/// The first so many characters, with "..." in place of the rest.
fn truncate(text: &Value, length: Option<usize>) -> String {
    const LENGTH: usize = 255;
    const END: &str = "...";
    let text = match text.as_str() {
        Some(text) => text.to_owned(),
        None if text.is_undefined() || text.is_none() => String::new(),
        None => text.to_string(),
    };
    let length = length.unwrap_or(LENGTH);
    if text.chars().count() <= length {
        return text;
    }
    let kept = length.saturating_sub(END.len());
    text.chars().take(kept).chain(END.chars()).collect()
}

/// What refuses to grow for ever.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT {
            return Err(io::Error::other("too much"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message() -> serde_json::Value {
        json!({
            "from": {"name": null, "short": "Xk3m9AAA"},
            "text": "a \"quoted\" line",
            "kind": "event",
            "metadata": {"mrpd-auto": "1"},
            "body": {"event": "build.passed", "data": {"branch": "main", "n": 3}},
        })
    }

    fn holds(source: &str) -> bool {
        let condition = Condition::parse(source, MESSAGE_FIELDS).unwrap();
        condition.holds(&message()).unwrap()
    }

    #[test]
    fn conditions_look_at_the_message() {
        for source in [
            r#"body.event == "build.passed" and body.data.branch == "main""#,
            "body.data.n > 2",
            r#"metadata["mrpd-auto"] == "1""#,
            r#"kind in ["event", "text"] and not body.nothing.below.it"#,
            r#"text is startingwith("a ")"#,
        ] {
            assert!(holds(source), "{source}");
        }
        for source in ["body.data.branch == 'dev'", "body.other", "attachments"] {
            assert!(!holds(source), "{source}");
        }
    }

    #[test]
    fn mistakes_are_found_when_it_is_read() {
        let error = |source: &str| {
            Condition::parse(source, MESSAGE_FIELDS)
                .expect_err(source)
                .to_string()
        };
        assert!(error("body.event ==").contains("syntax error"));
        assert!(error("bdy.event == 1").contains("no \"bdy\" here; known: v, seq"));
        assert!(error("text | nosuch").contains("nosuch"));
        assert!(error(&"1 + ".repeat(9000)).contains("at most 16384"));
        let template = Template::parse("{{ txt }}", MESSAGE_FIELDS).unwrap_err();
        assert!(template.to_string().contains("\"txt\""));
        let included = Template::parse("{% include '/etc/passwd' %}", MESSAGE_FIELDS);
        assert!(matches!(included, Err(ExpressionError::Syntax { .. })));
    }

    #[test]
    fn templates_write_text() {
        for (source, written) in [
            ("{{ from.name or from.short }}", "Xk3m9AAA"),
            ("{{ text | truncate(8) }}", "a \"qu..."),
            (
                r#"{"text": {{ text | tojson }} }"#,
                r#"{"text": "a \"quoted\" line" }"#,
            ),
            ("<{{ thread }}>", "<>"),
            ("{{ body.data.n + 1 }} & <b>", "4 & <b>"),
        ] {
            let template = Template::parse(source, MESSAGE_FIELDS).unwrap();
            assert_eq!(template.render(&message()).unwrap(), written, "{source}");
        }
    }

    #[test]
    fn nothing_runs_or_writes_for_ever() {
        let long = Template::parse(
            "{% for a in range(10000) %}{% for b in range(10000) %}{{ a }}{% endfor %}{% endfor %}",
            MESSAGE_FIELDS,
        )
        .unwrap();
        assert_eq!(long.render(&message()), Err(ExpressionError::TooManySteps));
        let wide = Template::parse("{% for a in range(500) %}{{ text }}{% endfor %}", &["text"]);
        let text = "x".repeat(4096);
        let written = wide.unwrap().render(&json!({ "text": text }));
        assert_eq!(written, Err(ExpressionError::TooMuchOutput));
    }
}
