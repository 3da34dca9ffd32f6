//! `[[relay]]`.

use crate::config::reader::{Account, Reader};
use crate::config::tree::{Origin, Table, Value};
use crate::config::{Problem, Relay, Severity, Transport};
use mrp_client::RelayUrl;
use std::time::Duration;

/// Reads a relay; `None` if it has no URL.
pub(super) fn read(mut reader: Reader<'_>, name: &str) -> Option<Relay> {
    const TRANSPORTS: &[(&str, Transport)] = &[
        ("ws", Transport::Ws),
        ("poll", Transport::Poll),
        ("auto", Transport::Auto),
    ];
    let url = reader.text("url");
    let transport = reader.choice("transport", TRANSPORTS, Transport::Ws);
    let ping = reader.duration("ping", Duration::from_secs(20));
    let idle_timeout = reader.duration("idle_timeout", Duration::from_secs(75));
    if ping.is_zero() || idle_timeout <= ping {
        reader.wrong(
            "idle_timeout",
            "must be longer than ping, and ping longer than nothing",
        );
    }
    let backoff = read_backoff(&mut reader);
    let url = match url.as_deref().map(RelayUrl::parse) {
        Some(Ok(url)) => Some(url),
        Some(Err(error)) => {
            reader.wrong("url", error.to_string());
            None
        }
        None => {
            reader.wrong("url", "missing; write url = \"https://...\"");
            None
        }
    };
    reader.finish();
    Some(Relay {
        name: name.to_owned(),
        url: url?,
        transport,
        ping,
        idle_timeout,
        backoff,
    })
}

/// Under two names one relay would hold two sessions of an agent, which take the messages from each other.
pub(super) fn check_urls(relays: &[Relay], tree: &Table, account: &mut Account) {
    for (index, relay) in relays.iter().enumerate() {
        let twin = relays[..index].iter().find(|other| other.url == relay.url);
        let Some(twin) = twin else { continue };
        let origin = match tree.get("relay").map(|node| &node.value) {
            Some(Value::List(list)) => list
                .iter()
                .find(|item| item.value.named() == Some(&relay.name))
                .map(|item| item.origin.clone()),
            _ => None,
        };
        account.problems.push(Problem {
            severity: Severity::Fatal,
            origin: origin.unwrap_or(Origin::Default),
            field: format!("relay.{}.url", relay.name),
            what: format!(
                "the same as that of the relay {:?}; leave one of them out",
                twin.name
            ),
        });
    }
}

fn read_backoff(relay: &mut Reader<'_>) -> (Duration, Duration) {
    let mut reader = relay.child("backoff");
    let min = reader.duration("min", Duration::from_secs(1));
    let max = reader.duration("max", Duration::from_secs(60));
    if min.is_zero() || max < min {
        reader.wrong("min", "must be longer than nothing and at most max");
    }
    if !reader.switch("jitter", true) {
        reader.wrong(
            "jitter",
            "false is not supported: clients in step would hammer a relay that comes back",
        );
    }
    reader.finish();
    (min, max)
}
