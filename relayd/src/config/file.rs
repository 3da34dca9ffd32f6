//! Reading the file, and single assignments, field by field, so that a mistake is named with its line.

use super::field::{self, ConfigError, FieldError, Named};
use super::{Config, ConfigError as Error};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads the file at `path` over `config`.
pub(super) fn read(path: &Path, config: &mut Config) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::in_file(
            path,
            None,
            format!("cannot read the configuration: {error}"),
        )
    })?;
    apply(&text, config).map_err(|(offset, problem)| {
        let line = offset.map(|offset| line_of(&text, offset));
        Error::in_file(path, line, problem)
    })
}

/// Carries `name=value` out.
pub(super) fn set(assignment: &str, config: &mut Config) -> Result<(), ConfigError> {
    let Some((name, text)) = assignment.split_once('=') else {
        return Err(Error::in_assignment(format!(
            "{assignment}: expected KEY=VALUE"
        )));
    };
    let refused = |error: FieldError| Error::in_assignment(error.to_string());
    let field = match field::find(name.trim()).map_err(refused)? {
        Named::Field(field) => field,
        Named::Table => {
            let problem = format!(
                "{}: is a table; set one of its fields, as in {0}.field=value",
                name.trim()
            );
            return Err(Error::in_assignment(problem));
        }
    };
    let as_text = DeValue::String(text.into());
    match DeValue::parse(text) {
        Ok(value) => field
            .set(config, value.get_ref())
            .or_else(|error| field.set(config, &as_text).or(Err(error))),
        Err(_) => field.set(config, &as_text),
    }
    .map_err(refused)
}

/// The line of a file that a field, or else the table that would hold it, is on.
pub(super) fn line_of_field(path: &Path, field: &str) -> Option<usize> {
    let text = std::fs::read_to_string(path).ok()?;
    let document = DeTable::parse(&text).ok()?;
    let mut table = Some(document.get_ref());
    let mut found = None;
    for part in field.split('.') {
        let Some((key, value)) = table.and_then(|table| table.get_key_value(part)) else {
            break;
        };
        found = Some(key.span().start);
        table = value.get_ref().as_table();
    }
    found.map(|offset| line_of(&text, offset))
}

/// A problem, and the byte that it begins at.
type Found = (Option<usize>, String);

fn apply(text: &str, config: &mut Config) -> Result<(), Found> {
    let document = DeTable::parse(text).map_err(|error| {
        (
            error.span().map(|span| span.start),
            format!("not TOML: {}", error.message()),
        )
    })?;
    apply_table("", document.get_ref(), config)
}

fn apply_table(prefix: &str, table: &DeTable<'_>, config: &mut Config) -> Result<(), Found> {
    // In the order of the file, so that the first mistake is the one that is named.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name = format!("{prefix}{}", key.get_ref());
        apply_entry(name, value, config).map_err(|found| match found {
            Ok(inner) => inner,
            Err(error) => (Some(key.span().start), error.to_string()),
        })?;
    }
    Ok(())
}

/// The error is either one of an entry of the table that this entry is, or of the entry itself.
fn apply_entry(
    name: String,
    value: &Spanned<DeValue<'_>>,
    config: &mut Config,
) -> Result<(), Result<Found, FieldError>> {
    match field::find(&name).map_err(Err)? {
        Named::Field(field) => field.set(config, value.get_ref()).map_err(Err),
        Named::Table => match value.get_ref() {
            DeValue::Table(table) => apply_table(&format!("{name}."), table, config).map_err(Ok),
            _ => Err(Err(FieldError::NotATable { name })),
        },
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BlobStoreConfig, CorsOrigins, ListenAddress, Registration};

    fn problem(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("relayd.toml");
        std::fs::write(&path, text).unwrap();
        let problem = Config::load(&path).unwrap_err().to_string();
        let (_, rest) = problem.split_once("relayd.toml:").unwrap();
        rest.to_owned()
    }

    #[test]
    fn every_field_that_has_an_effect_is_read() {
        let text = r#"
            listen = ["0.0.0.0:443", "unix:/run/relayd/http.sock"]
            data_dir = "/srv/relay"
            store = "embedded"
            public_url = "https://relay.example.net/"
            names = ["Other.example.net:8443"]
            blob_store = "s3://bucket/relay/"
            log = "relayd=debug,warn"
            log_format = "json"
            [auth]
            timestamp_tolerance = "2m"
            [limits]
            send_per_minute = 0
            inbox_bytes = "1MiB"
            ttl_default = "1d"
            [tls]
            acme = { domains = ["relay.example.net"], email = "ops@example.net" }
            [access]
            registration = "allowlist"
            allowlist_file = "/etc/relayd/keys"
            cors_origins = ["https://example.net"]
            trusted_proxies = ["10.0.0.0/8", "unix"]
            [webhooks]
            allow_http = true
            allow_networks = ["127.0.0.0/8"]
            timeout = "5s"
            [metrics]
            listen = "127.0.0.1:9464"
            [gateways]
            mcp = false
            [cache]
            database = "64MiB"
            recent = 0
            [websocket]
            send_result_status = "ok"
            ping = "20s"
        "#;
        let mut config = Config::default();
        assert_eq!(apply(text, &mut config), Ok(()));
        assert_eq!(config.listen.len(), 2);
        assert_eq!(config.data_dir, Path::new("/srv/relay"));
        assert_eq!(
            config.public_url.as_deref(),
            Some("https://relay.example.net")
        );
        assert_eq!(config.auth.timestamp_tolerance.as_secs(), 120);
        assert_eq!(config.limits.send_per_minute, Some(0));
        assert_eq!(config.limits.receive_per_minute, None);
        assert_eq!(config.limits.inbox_bytes, 1 << 20);
        assert_eq!(config.access.trusted_proxies.len(), 2);
        assert_eq!(config.names, ["other.example.net:8443"]);
        let s3 = BlobStoreConfig::S3 {
            bucket: "bucket".to_owned(),
            prefix: "relay".to_owned(),
        };
        assert_eq!(config.blob_store, s3);
        assert_eq!(config.tls.acme.domains, ["relay.example.net"]);
        assert_eq!(config.access.registration, Registration::Allowlist);
        let origins = vec!["https://example.net".to_owned()];
        assert_eq!(config.access.cors_origins, CorsOrigins::Listed(origins));
        assert!(config.webhooks.allow_http && config.webhooks.allow_networks.len() == 1);
        assert_eq!(config.metrics.listen.unwrap().port(), 9464);
        assert_eq!(config.websocket.ping.as_secs(), 20);
        assert_eq!((config.cache.database, config.cache.recent), (64 << 20, 0));
    }

    #[test]
    fn a_mistake_is_named_with_line_field_and_what_is_allowed() {
        for (text, expected) in [
            (
                "\nlisten = 8080\n",
                "2: listen: expected an address with a port such as \"127.0.0.1:8080\" or \"[::]:443\", or \"unix:/path\" (given: 8080)",
            ),
            (
                "[limits]\n\nsend_per_minute = \"many\"",
                "3: limits.send_per_minute: expected a whole number from 0 to 4294967295; 0 switches the limit off (given: \"many\")",
            ),
            (
                "[limits]\nsend_per_minute = -1",
                "2: limits.send_per_minute: expected a whole number from 0 to 4294967295; 0 switches the limit off (given: -1)",
            ),
            (
                "limits.ttl_max = \"31d\"",
                "1: limits.ttl_max: expected a duration from \"1s\" to \"30d\" (given: \"31d\")",
            ),
            (
                "limits.body = \"3MiB\"",
                "1: limits.body: expected a size from \"1KiB\" to \"2MiB\" (given: \"3MiB\")",
            ),
            (
                "data_dir = \"here\"",
                "1: data_dir: expected an absolute path (given: \"here\")",
            ),
            (
                "store = \"postgres://\"",
                "1: store: expected \"embedded\" (given: \"postgres://\")",
            ),
            (
                "public_url = \"relay.example.net\"",
                "1: public_url: expected a URL such as \"https://relay.example.net\", or \"\" (given: \"relay.example.net\")",
            ),
            (
                "public_url = \"https://relay.example.net/#start\"",
                "1: public_url: expected a URL such as \"https://relay.example.net\", or \"\" (given: \"https://relay.example.net/#start\")",
            ),
            (
                "public_url = \"https://:443\"",
                "1: public_url: expected a URL such as \"https://relay.example.net\", or \"\" (given: \"https://:443\")",
            ),
            (
                "public_url = \"https://relay.example.net:70000\"",
                "1: public_url: expected a URL such as \"https://relay.example.net\", or \"\" (given: \"https://relay.example.net:70000\")",
            ),
            (
                "log = \"relayd=loud\"",
                "1: log: expected a level (error, warn, info, debug, trace) or tracing directives (given: \"relayd=loud\")",
            ),
            (
                "limits = 1",
                "1: limits: expected a table, written [limits]",
            ),
            (
                "[limits]\nsend_per_minut = 3",
                "2: limits.send_per_minut: there is no such field; did you mean limits.send_per_minute?",
            ),
            (
                "send_per_minute = 3",
                "1: send_per_minute: there is no such field; did you mean limits.send_per_minute?",
            ),
            (
                "\n\n[tls]\ncert = \"x\"",
                "4: tls.cert: expected an absolute path (given: \"x\")",
            ),
            (
                "[access]\ncors_origins = [\"*\", \"https://example.net\"]",
                "2: access.cors_origins: expected \"*\", or a list of origins such as \"https://example.net\" (given: [\"*\", \"https://example.net\"])",
            ),
            (
                "[gateways]\nmcp = true",
                "2: gateways.mcp: expected false; this version of relayd has no gateways (given: true)",
            ),
            (
                "blob_store = \"s3:///x\"",
                "1: blob_store: expected \"local\", or \"s3://bucket/prefix\" (given: \"s3:///x\")",
            ),
            ("colour = \"blue\"", "1: colour: there is no such field"),
        ] {
            assert_eq!(problem(text).trim_start_matches(' '), expected, "{text}");
        }
        assert!(
            problem("\nlisten = \n").starts_with("2: not TOML: "),
            "{}",
            problem("\nlisten = \n")
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let problem = Config::load(Path::new("/nonexistent/relayd.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            problem.starts_with("/nonexistent/relayd.toml: cannot read the configuration: "),
            "{problem}"
        );
    }

    #[test]
    fn assignments_need_no_quotes() {
        let mut config = Config::default();
        for assignment in [
            "listen=127.0.0.1:0",
            "data_dir=/srv/2026",
            "limits.inbox_messages=7",
            "auth.timestamp_tolerance=1m",
            "log_format=\"text\"",
        ] {
            config.set(assignment).unwrap();
        }
        assert_eq!(
            config.listen,
            [ListenAddress::Tcp(([127, 0, 0, 1], 0).into())]
        );
        assert_eq!(config.limits.inbox_messages, 7);
        for (wrong, expected) in [
            (
                "limits.inbox_messages=x",
                "--set limits.inbox_messages: expected a whole number, 0 or more; 0 switches the limit off (given: \"x\")",
            ),
            ("listen", "--set listen: expected KEY=VALUE"),
            (
                "limits=1",
                "--set limits: is a table; set one of its fields, as in limits.field=value",
            ),
            (
                "metrics.listen=x",
                "--set metrics.listen: expected an address with a port such as \"127.0.0.1:9464\", or \"\" (given: \"x\")",
            ),
        ] {
            assert_eq!(config.set(wrong).unwrap_err().to_string(), expected);
        }
    }
}
