//! What a bound signature covers: the parts of a request by name, and the bytes that are signed for them.

use super::{BoundError, Request};
use std::borrow::Cow;

/// A part of a request that a signature may cover. There are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Component {
    Method,
    Authority,
    Path,
    Query,
    ContentDigest,
    ContentType,
    IdempotencyKey,
    Range,
}

impl Component {
    pub(super) const ALL: [Self; 8] = [
        Self::Method,
        Self::Authority,
        Self::Path,
        Self::Query,
        Self::ContentDigest,
        Self::ContentType,
        Self::IdempotencyKey,
        Self::Range,
    ];

    /// As RFC 9421 section 2 writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Method => "@method",
            Self::Authority => "@authority",
            Self::Path => "@path",
            Self::Query => "@query",
            Self::ContentDigest => "content-digest",
            Self::ContentType => "content-type",
            Self::IdempotencyKey => "idempotency-key",
            Self::Range => "range",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|component| component.name() == name)
    }

    /// The value in a request at an authority; `None` for a header that it has not.
    pub(super) fn value<'a>(
        self,
        request: &Request<'a>,
        authority: &'a str,
    ) -> Option<Cow<'a, [u8]>> {
        let header = |value: Option<&'a [u8]>| Some(Cow::Borrowed(value?.trim_ascii()));
        match self {
            Self::Method => Some(request.method.as_bytes().into()),
            Self::Authority => Some(authority.as_bytes().into()),
            Self::Path => Some(request.path.as_bytes().into()),
            // A request without a query has the mark alone (RFC 9421 section 2.2.7).
            Self::Query => {
                let query = request.query.unwrap_or_default();
                Some(format!("?{query}").into_bytes().into())
            }
            Self::ContentDigest => header(request.content_digest),
            Self::ContentType => header(request.content_type),
            Self::IdempotencyKey => header(request.idempotency_key),
            Self::Range => header(request.range),
        }
    }
}

/// What a request has that a signature must cover.
pub(super) fn of_request(request: &Request<'_>) -> impl Iterator<Item = Component> {
    Component::ALL
        .into_iter()
        .filter(|component| component.value(request, "").is_some())
}

/// Whether everything is covered that must be, and nothing that the request has not.
pub(super) fn check(covered: &[Component], request: &Request<'_>) -> Result<(), BoundError> {
    if let Some(missing) = of_request(request).find(|component| !covered.contains(component)) {
        let name = missing.name();
        return Err(BoundError::NotCovered { name });
    }
    let absent = |component: &&Component| component.value(request, "").is_none();
    match covered.iter().find(absent) {
        Some(absent) => Err(BoundError::Absent {
            name: absent.name(),
        }),
        None => Ok(()),
    }
}

/// The signature base (RFC 9421 section 2.5) of named values, under parameters that are written already.
pub(super) fn base<'a>(
    values: impl IntoIterator<Item = (&'a str, Cow<'a, [u8]>)>,
    parameters: &str,
) -> Vec<u8> {
    let mut base = Vec::new();
    for (name, value) in values {
        base.push(b'"');
        base.extend_from_slice(name.as_bytes());
        base.extend_from_slice(b"\": ");
        base.extend_from_slice(&value);
        base.push(b'\n');
    }
    base.extend_from_slice(b"\"@signature-params\": ");
    base.extend_from_slice(parameters.as_bytes());
    base
}
