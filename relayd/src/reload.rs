//! Reading the configuration again while the relay runs (SIGHUP).
//!
//! This is the one place that says which fields take effect at once and which wait for a restart. A field that no part has taken a
//! copy of is in force as soon as the configuration is replaced; the parts that do keep something are told in [`tell_parts`].

use crate::app::App;
use crate::config::{Config, Registration};
use crate::log;

/// A field, or several that belong together.
struct Field {
    name: &'static str,
    effect: Effect,
    differs: fn(&Config, &Config) -> bool,
    /// Takes the field over from another configuration.
    copy: fn(&mut Config, &Config),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    AtOnce,
    AtRestart,
}

macro_rules! fields {
    ($($effect:ident: $($name:literal => $($part:ident).+,)+)+) => {
        const FIELDS: &[Field] = &[$($(Field {
            name: $name,
            effect: Effect::$effect,
            differs: |left, right| left.$($part).+ != right.$($part).+,
            copy: |to, from| to.$($part).+.clone_from(&from.$($part).+),
        },)+)+];
    };
}

fields! {
    AtOnce:
        "log" => log,
        "tls.cert" => tls.cert,
        "tls.key" => tls.key,
        "limits.send_per_minute" => limits.send_per_minute,
        "limits.receive_per_minute" => limits.receive_per_minute,
        "limits.request_per_minute" => limits.request_per_minute,
        "limits.failures_per_minute_per_ip" => limits.failures_per_minute_per_ip,
        "limits.new_agents_per_hour_per_ip" => limits.new_agents_per_hour_per_ip,
        "limits.sockets_per_agent" => limits.sockets_per_agent,
        "limits.inbox_messages" => limits.inbox_messages,
        "limits.inbox_bytes" => limits.inbox_bytes,
        "limits.sender_bytes" => limits.sender_bytes,
        "limits.body" => limits.body,
        "limits.message" => limits.message,
        "limits.blob" => limits.blob,
        "limits.blob_bytes_per_agent" => limits.blob_bytes_per_agent,
        "limits.blobs_per_agent" => limits.blobs_per_agent,
        "limits.acl_entries" => limits.acl_entries,
        "limits.ttl_default" => limits.ttl_default,
        "limits.ttl_max" => limits.ttl_max,
        "access.trusted_proxies" => access.trusted_proxies,
        "webhooks.allow_http" => webhooks.allow_http,
        "webhooks.allow_networks" => webhooks.allow_networks,
        "webhooks.timeout" => webhooks.timeout,
        "websocket.send_result_status" => websocket.send_result_status,
        "websocket.ping" => websocket.ping,
        "websocket.pong_timeout" => websocket.pong_timeout,
    AtRestart:
        "listen" => listen,
        "data_dir" => data_dir,
        "blob_store" => blob_store,
        // They decide what a signature may name, and whether the relay is private.
        "public_url" => public_url,
        "names" => names,
        "log_format" => log_format,
        "auth.timestamp_tolerance" => auth.timestamp_tolerance,
        "cache.database" => cache.database,
        "cache.recent" => cache.recent,
        "limits.connections" => limits.connections,
        "limits.connections_per_ip" => limits.connections_per_ip,
        "limits.unauthenticated_connections_per_ip" => limits.unauthenticated_connections_per_ip,
        // The keys in the file are read again at once.
        "access.registration" => access.registration,
        "access.allowlist_file" => access.allowlist_file,
        "access.cors_origins" => access.cors_origins,
        "tls.acme.domains" => tls.acme.domains,
        "tls.acme.email" => tls.acme.email,
        "tls.acme.directory" => tls.acme.directory,
        "metrics.listen" => metrics.listen,
}

/// Puts a configuration that was read again in force, as far as that can be done without a restart, and logs what became of it.
pub(crate) fn apply(app: &App, read: &Config) {
    let plan = Plan::new(&app.config, read);
    if !plan.waiting.is_empty() {
        tracing::warn!(
            fields = plan.waiting.join(" "),
            "changed in the configuration, but not in force before a restart"
        );
    }
    if !plan.changed.is_empty() {
        app.config.replace(plan.config);
    }
    tell_parts(app);
    tracing::info!(
        changed = plan.changed.join(" "),
        "the configuration was read again"
    );
}

/// Those that took something from the configuration, or from files that it names, take it again.
fn tell_parts(app: &App) {
    log::set_filter(&app.config.log);
    app.limits.set(&app.config);
    app.certificates.reread();
    match app.reload_access() {
        Ok(reloaded) if app.config.access.registration == Registration::Allowlist => {
            tracing::info!(
                allowed = reloaded.allowed,
                removed = reloaded.removed,
                "the list of allowed keys was read again"
            )
        }
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the list of allowed keys stays as it was"),
    }
}

/// What is to be done about a configuration.
#[derive(Debug)]
struct Plan {
    /// The one to put in force.
    config: Config,
    changed: Vec<&'static str>,
    waiting: Vec<&'static str>,
}

impl Plan {
    fn new(running: &Config, read: &Config) -> Self {
        let mut config = running.clone();
        let (mut changed, mut waiting) = (Vec::new(), Vec::new());
        // A listener speaks TLS or it does not, and where its certificates come from does not change under it.
        let is_same_tls = running.tls.cert.is_some() == read.tls.cert.is_some();
        for field in FIELDS.iter().filter(|field| (field.differs)(running, read)) {
            let is_tls_file = matches!(field.name, "tls.cert" | "tls.key");
            if field.effect == Effect::AtOnce && (is_same_tls || !is_tls_file) {
                (field.copy)(&mut config, read);
                changed.push(field.name);
            } else {
                waiting.push(field.name);
            }
        }
        Self {
            config,
            changed,
            waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(assignments: &[&str]) -> Config {
        let mut config = Config::default();
        for assignment in assignments {
            config.set(assignment).unwrap();
        }
        config
    }

    #[test]
    fn what_can_change_changes_and_the_rest_is_named() {
        let running = with(&["limits.body=2KiB"]);
        let read = with(&[
            "limits.body=3KiB",
            "log=debug",
            "listen=127.0.0.1:1",
            "tls.cert=/c.pem",
            "tls.key=/k.pem",
        ]);
        let plan = Plan::new(&running, &read);
        assert_eq!(plan.changed, ["log", "limits.body"]);
        assert_eq!(plan.waiting, ["tls.cert", "tls.key", "listen"]);
        assert_eq!(plan.config.limits.body, 3 << 10);
        assert_eq!(plan.config.log, "debug");
        assert_eq!(plan.config.listen, running.listen);
        assert_eq!(plan.config.tls, running.tls);
        // Other files of the same kind are another matter.
        let moved = with(&["tls.cert=/d.pem", "tls.key=/k.pem"]);
        let plan = Plan::new(&with(&["tls.cert=/c.pem", "tls.key=/k.pem"]), &moved);
        assert_eq!(plan.changed, ["tls.cert"]);
        assert_eq!(plan.config.tls, moved.tls);
    }

    #[test]
    fn every_field_of_the_file_is_one_or_the_other() {
        // What has one value only cannot change.
        let fixed = [
            "store",
            "gateways.routing",
            "gateways.a2a",
            "gateways.mcp",
            "gateways.did",
        ];
        let known: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        for name in Config::field_names() {
            assert!(
                known.contains(&name) != fixed.contains(&name),
                "{name} is in neither list, or in both"
            );
        }
        assert_eq!(
            known.len() + fixed.len(),
            Config::field_names().count(),
            "a field that is none"
        );
    }
}
