//! Every field there is: its name, what it may be, and how it is set.

use super::value::{self, ListenAddress, Network};
use super::{BlobStoreConfig, Config, CorsOrigins, LogFormat, Registration, SendResultStatus};
use std::path::PathBuf;
use std::time::Duration;
use toml::de::DeValue;

/// A mistake in the configuration: where, in which field, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{problem}")]
pub struct ConfigError {
    place: Place,
    problem: String,
}

/// Where a mistake is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    File {
        path: PathBuf,
        line: Option<usize>,
    },
    Assignment,
    /// Fields that contradict each other; the one that is named.
    Together {
        field: String,
    },
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File {
                path,
                line: Some(line),
            } => write!(formatter, "{}:{line}: ", path.display()),
            Self::File { path, line: None } => write!(formatter, "{}: ", path.display()),
            Self::Assignment => formatter.write_str("--set "),
            Self::Together { .. } => Ok(()),
        }
    }
}

impl ConfigError {
    pub(super) fn in_file(
        path: &std::path::Path,
        line: Option<usize>,
        problem: impl Into<String>,
    ) -> Self {
        let place = Place::File {
            path: path.to_owned(),
            line,
        };
        Self {
            place,
            problem: problem.into(),
        }
    }

    pub(super) fn in_assignment(problem: impl Into<String>) -> Self {
        Self {
            place: Place::Assignment,
            problem: problem.into(),
        }
    }

    pub(super) fn together(field: &str, problem: &str) -> Self {
        Self {
            place: Place::Together {
                field: field.to_owned(),
            },
            problem: format!("{field}: {problem}"),
        }
    }

    /// The same mistake with the place of its field in the file that was read, if the file has that field.
    pub(crate) fn found_in(self, path: &std::path::Path) -> Self {
        let Place::Together { field } = &self.place else {
            return self;
        };
        let line = super::file::line_of_field(path, field);
        Self::in_file(path, line, self.problem)
    }
}

/// Why a field was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FieldError {
    #[error("{name}: expected {allowed} (given: {given})")]
    Value {
        name: &'static str,
        allowed: &'static str,
        given: String,
    },
    #[error("{name}: there is no such field{}", suggestion.as_ref().map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    Unknown {
        name: String,
        suggestion: Option<&'static str>,
    },
    #[error("{name}: expected a table, written [{name}]")]
    NotATable { name: String },
}

/// One field.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) allowed: &'static str,
    set: fn(&mut Config, &DeValue<'_>) -> Option<()>,
}

const COUNT: &str = "a whole number from 0 to 4294967295; 0 switches the limit off";
const OFF: &str = "false; this version of relayd has no gateways";
const MANY: &str = "a whole number, 0 or more; 0 switches the limit off";

macro_rules! fields {
    ($($name:literal, $allowed:expr, |$config:ident, $value:ident| $set:expr;)+) => {
        /// All of them, in the order of the documentation.
        pub(super) const FIELDS: &[Field] = &[$(Field {
            name: $name,
            allowed: $allowed,
            set: |$config, $value| { $set; Some(()) },
        },)+];
    };
}

fields! {
    "listen", value::LISTEN, |config, value| config.listen = one_or_several(value, text_as::<ListenAddress>)?;
    "data_dir", "an absolute path", |config, value| config.data_dir = absolute_path(value)?;
    "store", "\"embedded\"", |_config, value| (text(value)? == "embedded").then_some(())?;
    "public_url", "a URL such as \"https://relay.example.net\", or \"\"", |config, value| config.public_url = public_url(value)?;
    "names", "a host such as \"relay.example.net\" or \"relay.example.net:8443\", or a list of them",
        |config, value| config.names = one_or_several(value, authority)?;
    "blob_store", "\"local\", or \"s3://bucket/prefix\"", |config, value| config.blob_store = blob_store(value)?;
    "log", "a level (error, warn, info, debug, trace) or tracing directives", |config, value| config.log = directives(value)?;
    "log_format", "\"auto\", \"text\" or \"json\"", |config, value| config.log_format = match text(value)? {
        "auto" => LogFormat::Auto,
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        _ => return None,
    };
    "tls.cert", "an absolute path", |config, value| config.tls.cert = Some(absolute_path(value)?);
    "tls.key", "an absolute path", |config, value| config.tls.key = Some(absolute_path(value)?);
    "tls.acme.domains", "a domain name, or a list of them",
        |config, value| config.tls.acme.domains = one_or_several(value, domain)?;
    "tls.acme.email", "an address such as \"ops@example.net\"",
        |config, value| config.tls.acme.email = Some(text(value).filter(|text| is_email(text))?.to_owned());
    "tls.acme.directory", "a URL that begins with \"https://\"",
        |config, value| config.tls.acme.directory = Some(text(value).filter(|text| text.starts_with("https://"))?.to_owned());
    "auth.timestamp_tolerance", "a duration from \"1s\" to \"1h\"",
        |config, value| config.auth.timestamp_tolerance = duration_within(value, 1, 3600)?;
    "limits.send_per_minute", COUNT, |config, value| config.limits.send_per_minute = Some(whole(value)?);
    "limits.receive_per_minute", COUNT, |config, value| config.limits.receive_per_minute = Some(whole(value)?);
    "limits.request_per_minute", COUNT, |config, value| config.limits.request_per_minute = Some(whole(value)?);
    "limits.failures_per_minute_per_ip", COUNT,
        |config, value| config.limits.failures_per_minute_per_ip = Some(whole(value)?);
    "limits.new_agents_per_hour_per_ip", COUNT,
        |config, value| config.limits.new_agents_per_hour_per_ip = Some(whole(value)?);
    "limits.sockets_per_agent", MANY, |config, value| config.limits.sockets_per_agent = whole(value)?;
    "limits.inbox_messages", MANY, |config, value| config.limits.inbox_messages = whole(value)?;
    "limits.inbox_bytes", value::SIZE, |config, value| config.limits.inbox_bytes = size(value)?;
    "limits.sender_bytes", value::SIZE, |config, value| config.limits.sender_bytes = size(value)?;
    "limits.body", "a size from \"1KiB\" to \"2MiB\"", |config, value| config.limits.body = size_within(value, 1 << 10, 2 << 20)?;
    "limits.message", "a size from \"1KiB\" to \"2MiB\"",
        |config, value| config.limits.message = size_within(value, 1 << 10, 2 << 20)?;
    "limits.blob", value::SIZE, |config, value| config.limits.blob = size(value)?;
    "limits.blob_bytes_per_agent", value::SIZE, |config, value| config.limits.blob_bytes_per_agent = size(value)?;
    "limits.blobs_per_agent", MANY, |config, value| config.limits.blobs_per_agent = whole(value)?;
    "limits.acl_entries", MANY, |config, value| config.limits.acl_entries = whole(value)?;
    "limits.ttl_default", "a duration from \"1s\" to \"30d\"",
        |config, value| config.limits.ttl_default = duration_within(value, 1, 2_592_000)?;
    "limits.ttl_max", "a duration from \"1s\" to \"30d\"",
        |config, value| config.limits.ttl_max = duration_within(value, 1, 2_592_000)?;
    "limits.connections", "a whole number; 0 means as many as open files allow",
        |config, value| config.limits.connections = whole(value)?;
    "limits.connections_per_ip", MANY, |config, value| config.limits.connections_per_ip = whole(value)?;
    "limits.unauthenticated_connections_per_ip", MANY,
        |config, value| config.limits.unauthenticated_connections_per_ip = whole(value)?;
    "access.registration", "\"open\" or \"allowlist\"", |config, value| config.access.registration = match text(value)? {
        "open" => Registration::Open,
        "allowlist" => Registration::Allowlist,
        _ => return None,
    };
    "access.allowlist_file", "an absolute path, or \"\"", |config, value| config.access.allowlist_file = match text(value)? {
        "" => None,
        _ => Some(absolute_path(value)?),
    };
    "access.cors_origins", "\"*\", or a list of origins such as \"https://example.net\"",
        |config, value| config.access.cors_origins = cors_origins(value)?;
    "access.trusted_proxies", value::NETWORK,
        |config, value| config.access.trusted_proxies = one_or_several(value, text_as::<Network>)?;
    "webhooks.allow_http", "true or false", |config, value| config.webhooks.allow_http = value.as_bool()?;
    "webhooks.allow_networks", value::NETWORK,
        |config, value| config.webhooks.allow_networks = one_or_several(value, text_as::<Network>)?;
    "webhooks.timeout", "a duration from \"1s\" to \"1m\"",
        |config, value| config.webhooks.timeout = duration_within(value, 1, 60)?;
    "metrics.listen", "an address with a port such as \"127.0.0.1:9464\", or \"\"",
        |config, value| config.metrics.listen = match text(value)? {
            "" => None,
            _ => Some(text_as(value)?),
        };
    "gateways.routing", OFF, |_config, value| off(value)?;
    "gateways.a2a", OFF, |_config, value| off(value)?;
    "gateways.mcp", OFF, |_config, value| off(value)?;
    "gateways.did", OFF, |_config, value| off(value)?;
    "cache.database", "a size from \"4MiB\" to \"64GiB\"",
        |config, value| config.cache.database = size_within(value, 4 << 20, 64 << 30)?;
    "cache.recent", "a size from \"0\" to \"16GiB\"", |config, value| config.cache.recent = size_within(value, 0, 16 << 30)?;
    "websocket.send_result_status", "\"auto\", \"ok\" or \"sent\"",
        |config, value| config.websocket.send_result_status = match text(value)? {
            "auto" => SendResultStatus::Auto,
            "ok" => SendResultStatus::Ok,
            "sent" => SendResultStatus::Sent,
            _ => return None,
        };
    "websocket.ping", "a duration from \"1s\" to \"1h\"", |config, value| config.websocket.ping = duration_within(value, 1, 3600)?;
    "websocket.pong_timeout", "a duration from \"1s\" to \"1h\"",
        |config, value| config.websocket.pong_timeout = duration_within(value, 1, 3600)?;
}

/// What a name in a configuration stands for.
pub(super) enum Named {
    Field(&'static Field),
    Table,
}

/// Looks a full name up.
pub(super) fn find(name: &str) -> Result<Named, FieldError> {
    if let Some(field) = FIELDS.iter().find(|field| field.name == name) {
        return Ok(Named::Field(field));
    }
    if FIELDS.iter().any(|field| is_within(field.name, name)) {
        return Ok(Named::Table);
    }
    Err(FieldError::Unknown {
        name: name.to_owned(),
        suggestion: suggestion(name),
    })
}

impl Field {
    pub(super) fn set(&self, config: &mut Config, value: &DeValue<'_>) -> Result<(), FieldError> {
        (self.set)(config, value).ok_or_else(|| FieldError::Value {
            name: self.name,
            allowed: self.allowed,
            given: shown(value),
        })
    }
}

fn is_within(name: &str, table: &str) -> bool {
    name.strip_prefix(table)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// The known name that takes the fewest changes of a character, if they are few.
fn suggestion(name: &str) -> Option<&'static str> {
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    let candidates = FIELDS.iter().map(|field| field.name);
    candidates
        .map(|known| {
            (
                distance(name, known).min(distance(name, last(known))),
                known,
            )
        })
        .filter(|(distance, known)| *distance <= 1 + last(known).len() / 4)
        .min()
        .map(|(_, known)| known)
}

/// Levenshtein's, over bytes: names are ASCII.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in right.bytes().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

fn text<'a>(value: &'a DeValue<'_>) -> Option<&'a str> {
    value.as_str()
}

fn text_as<T: std::str::FromStr>(value: &DeValue<'_>) -> Option<T> {
    text(value)?.parse().ok()
}

fn one_or_several<T>(value: &DeValue<'_>, read: fn(&DeValue<'_>) -> Option<T>) -> Option<Vec<T>> {
    match value.as_array() {
        Some(items) => items.iter().map(|item| read(item.get_ref())).collect(),
        None => Some(vec![read(value)?]),
    }
}

fn whole<T: TryFrom<u64>>(value: &DeValue<'_>) -> Option<T> {
    let number = value.as_integer()?;
    let number = u64::from_str_radix(number.as_str(), number.radix()).ok()?;
    T::try_from(number).ok()
}

fn size(value: &DeValue<'_>) -> Option<u64> {
    whole(value).or_else(|| value::size(text(value)?))
}

fn size_within(value: &DeValue<'_>, least: u64, most: u64) -> Option<usize> {
    let size = size(value).filter(|size| (least..=most).contains(size))?;
    usize::try_from(size).ok()
}

fn duration_within(value: &DeValue<'_>, least: u64, most: u64) -> Option<Duration> {
    let within = Duration::from_secs(least)..=Duration::from_secs(most);
    value::duration(text(value)?).filter(|duration| within.contains(duration))
}

fn absolute_path(value: &DeValue<'_>) -> Option<PathBuf> {
    Some(PathBuf::from(text(value)?)).filter(|path| path.is_absolute())
}

fn public_url(value: &DeValue<'_>) -> Option<Option<String>> {
    let text = text(value)?;
    if text.is_empty() {
        return Some(None);
    }
    let url: http::Uri = text.parse().ok()?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    let is_origin =
        matches!(url.path(), "" | "/") && url.query().is_none() && !text.contains(['@', '#']);
    let authority = url.authority()?;
    // What follows the host is a port or nothing; the URL's own reader takes any digits for one.
    let port = authority.as_str().strip_prefix(authority.host())?;
    let has_place = !authority.host().is_empty() && (port.is_empty() || url.port_u16().is_some());
    (is_http && is_origin && has_place).then(|| Some(text.trim_end_matches('/').to_owned()))
}

/// `host` or `host:port`, in lower case.
fn authority(value: &DeValue<'_>) -> Option<String> {
    let text = text(value)?.to_ascii_lowercase();
    let authority: http::uri::Authority = text.parse().ok()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let is_whole =
        !authority.host().is_empty() && (port.is_empty() || authority.port_u16().is_some());
    is_whole.then_some(text)
}

/// As far as a relay needs to know: a name and a place, and nothing that would have to be written differently elsewhere.
fn is_email(text: &str) -> bool {
    let is_plain = |character: char| {
        !character.is_control() && !character.is_whitespace() && !"\"\\<>,".contains(character)
    };
    let parts = text.split_once('@');
    parts.is_some_and(|(name, place)| !name.is_empty() && !place.is_empty())
        && text.chars().all(is_plain)
}

fn domain(value: &DeValue<'_>) -> Option<String> {
    authority(value).filter(|name| !name.contains(':'))
}

fn blob_store(value: &DeValue<'_>) -> Option<BlobStoreConfig> {
    let text = text(value)?;
    if text == "local" {
        return Some(BlobStoreConfig::Local);
    }
    let (bucket, prefix) = match text.strip_prefix("s3://")?.split_once('/') {
        Some((bucket, prefix)) => (bucket, prefix.trim_end_matches('/')),
        None => (text.strip_prefix("s3://")?, ""),
    };
    (!bucket.is_empty()).then(|| BlobStoreConfig::S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    })
}

fn cors_origins(value: &DeValue<'_>) -> Option<CorsOrigins> {
    let origins = one_or_several(value, |item| text(item).map(str::to_owned))?;
    if origins.iter().any(|origin| origin == "*") {
        return (origins.len() == 1).then_some(CorsOrigins::Any);
    }
    let is_origin = |origin: &String| {
        let url: Option<http::Uri> = origin.parse().ok();
        url.is_some_and(|url| {
            url.scheme().is_some()
                && url.authority().is_some()
                && !origin.ends_with('/')
                && url.path() == "/"
        })
    };
    origins
        .iter()
        .all(is_origin)
        .then_some(CorsOrigins::Listed(origins))
}

fn off(value: &DeValue<'_>) -> Option<()> {
    (!value.as_bool()?).then_some(())
}

fn directives(value: &DeValue<'_>) -> Option<String> {
    let text = text(value)?;
    crate::log::is_filter(text).then(|| text.to_owned())
}

/// A value as a message shows it: what it is, and the text of short ones.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.len() <= 64 => format!("{text:?}"),
        DeValue::String(_) => "a long text".to_owned(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .take(4)
                .map(|item| shown(item.get_ref()))
                .collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(_) => "a table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_mail_is_one_that_can_be_written_anywhere() {
        for good in ["ops@example.net", "o'ps+relay@sub.example.net"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "ops",
            "@example.net",
            "ops@",
            "o\"ps@example.net",
            "o\\ps@example.net",
            "ops@example.net\nx = 1",
            "Ops <ops@example.net>",
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}
