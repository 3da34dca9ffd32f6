//! `GET /`: for people who open the relay's address in a browser, and for programs that know nothing else of it.

use super::health::features;
use crate::app::App;
use crate::config::{Config, LimitsConfig};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, LazyLock};
use utoipa::ToSchema;

const PAGE: &str = include_str!("index/page.html");
const STYLE: &str = include_str!("index/page.css");

/// Nothing is loaded, framed, sent or run; the page's own style is known by its hash.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("a policy is visible ASCII")
});

/// The relay in a few words.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Index {
    /// The protocol.
    protocol: &'static str,
    /// The program and its version.
    software: String,
    /// Where the relay is.
    url: String,
    /// What it can do beyond the published interface.
    features: Vec<&'static str>,
    limits: Limits,
    /// Where its description is.
    openapi: String,
    /// Where it says how it is.
    health: String,
}

/// What may be sent.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    /// Bytes of a message's body.
    body: usize,
    /// Bytes of a blob.
    blob: u64,
    /// Seconds that a message is kept, at most.
    ttl_max: u64,
}

/// `GET /`
#[utoipa::path(
    get,
    path = "/",
    operation_id = "get_index",
    tag = "Health",
    summary = "The relay in a few words, in the form that `Accept` asks for",
    security(()),
    responses((
        status = 200,
        description = "A page for people, or the same for programs",
        content((String = "text/plain"), (String = "text/html"), (Index = "application/json")),
    )),
)]
pub(super) async fn show(State(app): State<Arc<App>>, request: Request) -> Response {
    let index = Index::of(&app.config, request.headers(), features(&app, &request));
    let (content_type, body) = match Form::asked_for(request.headers()) {
        Form::Html => ("text/html; charset=utf-8", index.html()),
        Form::Json => (
            "application/json",
            serde_json::to_string(&index).unwrap_or_default(),
        ),
        Form::Text => ("text/plain; charset=utf-8", index.text()),
    };
    let mut response = Response::new(Body::from(body));
    for (name, value) in [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::VARY, HeaderValue::from_static("accept, host")),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ] {
        let name: HeaderName = name;
        response.headers_mut().insert(name, value);
    }
    std::future::ready(response).await
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Json,
    Text,
}

impl Form {
    /// The first that is named; what names none of them, such as curl, is read by people in a terminal.
    fn asked_for(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let mut types = accepted
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let form = types.find_map(|range| match range.split(';').next()?.trim() {
            "text/html" => Some(Self::Html),
            "application/json" => Some(Self::Json),
            "text/plain" => Some(Self::Text),
            _ => None,
        });
        form.unwrap_or(Self::Text)
    }
}

impl Index {
    fn of(config: &Config, headers: &HeaderMap, features: Vec<&'static str>) -> Self {
        let url = url(config, headers);
        let LimitsConfig {
            body,
            blob,
            ttl_max,
            ..
        } = config.limits;
        Self {
            protocol: "Machine Relay Protocol",
            software: concat!("relayd ", env!("CARGO_PKG_VERSION")).to_owned(),
            features,
            limits: Limits {
                body,
                blob,
                ttl_max: ttl_max.as_secs(),
            },
            openapi: format!("{url}/v1/openapi.json"),
            health: format!("{url}/v1/health"),
            url,
        }
    }

    fn text(&self) -> String {
        format!(
            "This is a relay for the {protocol} ({software}).\n\
             \n\
             Programs reach each other through it with signed messages: a key is an address, and there is nothing to register.\n\
             \n\
             Use it:     mrpctl init --relay {url}\n\
             Interface:  {openapi}\n\
             Health:     {health}\n\
             Messages:   bodies up to {body} KiB, kept for up to {days} days\n\
             Blobs:      up to {blob} MiB\n\
             Beyond the published protocol: {features}\n",
            protocol = self.protocol,
            software = self.software,
            url = self.url,
            openapi = self.openapi,
            health = self.health,
            body = self.limits.body >> 10,
            days = self.limits.days(),
            blob = self.limits.blob >> 20,
            features = self.features.join(", "),
        )
    }

    fn html(&self) -> String {
        let values = [
            ("style", STYLE.to_owned()),
            ("software", self.software.clone()),
            ("url", escape(&self.url)),
            ("features", self.features.join(", ")),
            ("body", (self.limits.body >> 10).to_string()),
            ("blob", (self.limits.blob >> 20).to_string()),
            ("days", self.limits.days().to_string()),
        ];
        let fill = |page: String, (name, value): (&str, String)| {
            page.replace(&format!("{{{{{name}}}}}"), &value)
        };
        values.into_iter().fold(PAGE.to_owned(), fill)
    }
}

impl Limits {
    fn days(&self) -> u64 {
        self.ttl_max / 86_400
    }
}

/// The configured URL; else what the client itself calls the relay, which only the client gets to see.
fn url(config: &Config, headers: &HeaderMap) -> String {
    if let Some(url) = &config.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = if config.tls.is_on() { "https" } else { "http" };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    match authority {
        Some(authority) if !authority.as_str().contains('@') => format!("{scheme}://{authority}"),
        _ => format!("{scheme}://<this address>"),
    }
}

/// Makes a text fit for an element's content and a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn the_page_is_for_those_who_ask_for_it() {
        let form = |accept: &str| Form::asked_for(&with(header::ACCEPT, accept));
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(form(browser), Form::Html);
        assert_eq!(form("application/json, text/html"), Form::Json);
        assert_eq!(form("*/*"), Form::Text);
        assert_eq!(Form::asked_for(&HeaderMap::new()), Form::Text);
    }

    #[test]
    fn what_a_client_calls_the_relay_is_escaped_or_not_repeated() {
        let page = |host: &str| {
            Index::of(&Config::default(), &with(header::HOST, host), vec!["ack"]).html()
        };
        assert!(page("127.0.0.1:8080").contains("<code>http://127.0.0.1:8080</code>"));
        for hostile in ["<script>", "a@b", "x/y", "a b"] {
            assert!(
                page(hostile).contains("http://&lt;this address&gt;"),
                "{hostile}"
            );
        }
        assert_eq!(
            escape("<a b=\"c\" d='e'>&"),
            "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;"
        );
        let config = Config {
            public_url: Some("https://x/\"><script>".to_owned()),
            ..Config::default()
        };
        let page = Index::of(&config, &HeaderMap::new(), Vec::new()).html();
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("{{"), "{page}");
    }
}
