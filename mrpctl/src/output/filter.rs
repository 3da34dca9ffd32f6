//! `--jq` and `--format`: what becomes of each JSON object before it is written.

pub(super) mod guard;
mod jq;
mod template;

use crate::exit::Failure;
use crate::output::Audience;
use jq::Jq;
use std::sync::Arc;
use template::Template;

/// Bytes that one object may become. A filter that repeats itself for ever ends here.
const MOST: usize = 64 * 1024 * 1024;

/// What was asked for, ready to be used. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Filter(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Jq(Arc<Jq>),
    Template(Arc<Template>),
}

impl Filter {
    /// Reads what the options say; nothing where they say nothing. A template has fuel, and ends by itself.
    pub(super) fn new(
        expression: Option<&str>,
        template: Option<&str>,
        audience: Audience,
    ) -> Result<Option<Self>, Failure> {
        let kind = match (expression, template) {
            (Some(expression), _) => {
                guard::announce(audience);
                Kind::Jq(Arc::new(Jq::parse(expression)?))
            }
            (None, Some(template)) => Kind::Template(Arc::new(Template::parse(template)?)),
            (None, None) => return Ok(None),
        };
        Ok(Some(Self(kind)))
    }

    /// What an object becomes: whole lines, or nothing.
    pub(super) fn apply(&self, object: &str) -> Result<String, Failure> {
        match &self.0 {
            Kind::Jq(jq) => guard::watched(|| jq.apply(object)),
            Kind::Template(template) => template.apply(object),
        }
    }
}

/// A mistake in an option's text: what it is, and the place it was found at.
fn mistake(option: &str, what: &str, source: &str, place: &str, example: &str) -> Failure {
    let failure = Failure::new(
        crate::exit::Reason::Usage,
        format!("{option} cannot be understood: {what}"),
    );
    let place = if place.is_empty() {
        format!("{source} (at its end)")
    } else {
        place.to_owned()
    };
    failure.note("at", vec![place]).fix(example)
}
