//! Clients that know capabilities as plain strings (protocol A3.3).

use http::{HeaderMap, header};
use mrp_proto::agent::CapabilityForm;
use mrp_proto::relay_api::TIMESTAMP_HEADER;

/// What the published SDK's HTTP library calls itself.
const LIBRARY: &str = "python-httpx/";

/// The form in which a request wants capabilities where nothing else in it says so. The published SDK up to 0.2.7, and the
/// published MCP server with it, cannot read objects; it is known by its library together with timestamps in whole seconds, which
/// later versions have in milliseconds.
pub(super) fn form_of(headers: &HeaderMap) -> CapabilityForm {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_library =
        text(header::USER_AGENT.as_str()).is_some_and(|agent| agent.starts_with(LIBRARY));
    let in_seconds = text(TIMESTAMP_HEADER).is_some_and(|timestamp| !timestamp.contains('.'));
    if is_library && in_seconds {
        CapabilityForm::Plain
    } else {
        CapabilityForm::Structured
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_the_older_sdk_is_taken_for_it() {
        let form = |agent: Option<&'static str>, timestamp: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            let mut insert = |name: &'static str, value: Option<&'static str>| {
                value.map(|value| headers.insert(name, HeaderValue::from_static(value)))
            };
            insert("user-agent", agent);
            insert(TIMESTAMP_HEADER, timestamp);
            form_of(&headers)
        };
        let seconds = Some("2026-03-05T12:00:00Z");
        assert_eq!(
            form(Some("python-httpx/0.28.1"), seconds),
            CapabilityForm::Plain
        );
        for (agent, timestamp) in [
            (
                Some("python-httpx/0.28.1"),
                Some("2026-03-05T12:00:00.000Z"),
            ),
            (Some("curl/8.5.0"), seconds),
            (Some("mine (python-httpx/0.28.1)"), seconds),
            (Some("python-httpx/0.28.1"), None),
            (None, seconds),
        ] {
            assert_eq!(
                form(agent, timestamp),
                CapabilityForm::Structured,
                "{agent:?}"
            );
        }
    }
}
