//! The labels there are: small enums, each with all its counters from the start.

use crate::store::Fault;
use mrp_proto::code::Code;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::fmt;
use std::marker::PhantomData;

/// A label with few values, known beforehand.
pub(crate) trait Label: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;

    /// All values, each at its index.
    fn all() -> &'static [Self];

    /// Its place in [`Label::all`].
    fn index(self) -> usize;

    /// As it is shown.
    fn text(self) -> &'static str;
}

/// A counter for each value of a label.
pub(super) struct Counters<L> {
    counters: Box<[Counter]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label> Counters<L> {
    pub(super) fn new(registry: &mut Registry, name: &str, help: &str) -> Self {
        let family = Family::<[(&'static str, &'static str); 1], Counter>::default();
        registry.register(name, help, family.clone());
        let counters = L::all()
            .iter()
            .map(|value| family.get_or_create(&[(L::NAME, value.text())]).clone());
        Self {
            counters: counters.collect(),
            label: PhantomData,
        }
    }

    pub(super) fn count(&self, label: L, times: usize) {
        self.counters[label.index()].inc_by(times as u64);
    }
}

impl<L> fmt::Debug for Counters<L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.counters).finish()
    }
}

/// Makes an enum that is a label.
macro_rules! label {
    ($(#[$about:meta])* $visibility:vis enum $type:ident, $label:literal { $($(#[$doc:meta])* $name:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $type {
            $($(#[$doc])* $name,)+
        }

        impl Label for $type {
            const NAME: &'static str = $label;

            fn all() -> &'static [Self] {
                &[$(Self::$name,)+]
            }

            fn index(self) -> usize {
                self as usize
            }

            fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

label! {
    /// What became of a signature.
    pub(crate) enum Outcome, "outcome" {
        /// It is good, and its sender was let in.
        Good = "good",
        /// There is none, or a header of it cannot be read.
        Missing = "missing",
        /// Its key is none.
        Key = "key",
        /// Its time is unreadable or too far away.
        Clock = "clock",
        /// It does not match.
        Mismatch = "mismatch",
        /// It was seen before.
        Replay = "replay",
        /// It is not bound to this relay, as its agent wants it to be.
        Unbound = "unbound",
    }
}

impl Outcome {
    /// What a refusal says about the signature; `None` if it is about something else.
    pub(crate) fn of(code: Code) -> Option<Self> {
        Some(match code {
            Code::MissingAuth => Self::Missing,
            Code::InvalidPublicKey => Self::Key,
            Code::TimestampOutOfRange => Self::Clock,
            Code::InvalidSignature => Self::Mismatch,
            Code::ReplayDetected => Self::Replay,
            Code::BoundAuthRequired => Self::Unbound,
            _ => return None,
        })
    }
}

label! {
    /// How messages come to their recipients.
    pub(crate) enum Channel, "channel" {
        /// A poll that takes them over.
        Poll = "poll",
        /// An acknowledgement over HTTP.
        Ack = "ack",
        /// An acknowledgement over a WebSocket.
        WebSocket = "websocket",
        /// A webhook that took them.
        Webhook = "webhook",
    }
}

label! {
    /// How a webhook delivery went.
    pub(crate) enum Attempt, "outcome" {
        /// It was taken.
        Taken = "taken",
        /// The host's name has no address.
        Unresolved = "unresolved",
        /// The name leads where no delivery goes.
        AddressRefused = "address_refused",
        /// There was no connection.
        Unreachable = "unreachable",
        /// There was no TLS, or a wrong certificate.
        Tls = "tls_failed",
        /// There was no answer in time.
        TimedOut = "timed_out",
        /// The answer was no HTTP.
        BadReply = "bad_reply",
        /// A redirect, or another status that is neither success nor failure.
        Redirect = "status_other",
        /// A status that says that the delivery is wrong.
        Refused = "status_4xx",
        /// A status that says that the receiver is not well.
        Failed = "status_5xx",
        /// It was put off, because its receiver has as many as it may have.
        Postponed = "postponed",
    }
}

impl Attempt {
    /// Of a delivery that failed.
    pub(crate) fn failed(fault: Fault) -> Self {
        match fault {
            Fault::Unresolved => Self::Unresolved,
            Fault::AddressRefused => Self::AddressRefused,
            Fault::Unreachable => Self::Unreachable,
            Fault::Tls => Self::Tls,
            Fault::TimedOut => Self::TimedOut,
            Fault::BadReply => Self::BadReply,
            Fault::Status(400..=499) => Self::Refused,
            Fault::Status(500..) => Self::Failed,
            Fault::Status(_) => Self::Redirect,
        }
    }
}

label! {
    /// What may be reached.
    pub(crate) enum Limit, "limit" {
        /// `limits.send_per_minute`
        Sends = "send_per_minute",
        /// `limits.receive_per_minute`
        Polls = "receive_per_minute",
        /// `limits.request_per_minute`
        Requests = "request_per_minute",
        /// `limits.failures_per_minute_per_ip`
        Failures = "failures_per_minute_per_ip",
        /// `limits.new_agents_per_hour_per_ip`
        NewAgents = "new_agents_per_hour_per_ip",
        /// `limits.inbox_messages` and `limits.inbox_bytes`
        Inbox = "inbox",
        /// `limits.sender_bytes`
        Sender = "sender_bytes",
        /// `limits.sockets_per_agent`
        Sockets = "sockets_per_agent",
        /// `limits.connections_per_ip` and `limits.unauthenticated_connections_per_ip`
        Connections = "connections_per_ip",
        /// Operations or bytes that wait for the store.
        StoreQueue = "store_queue",
        /// Signatures that are remembered.
        ReplayGuard = "replay_guard",
        /// `limits.body` and `limits.message`
        Size = "size",
        /// `limits.blob_bytes_per_agent` and `limits.blobs_per_agent`
        Blobs = "blobs_per_agent",
        /// Uploads under way.
        Uploads = "uploads",
        /// `limits.acl_entries`
        AccessEntries = "acl_entries",
        /// Room on the disk.
        Disk = "disk",
        /// Requests and bodies under way.
        Load = "load",
    }
}

label! {
    /// What time frees.
    pub(super) enum Freed, "kind" {
        /// Messages whose time was over, and whose bodies went.
        Expired = "expired",
        /// Messages that went whole.
        Removed = "removed",
        /// Replay claims.
        Claims = "claims",
        /// Remembered answers to idempotency keys.
        Answers = "answers",
    }
}

impl Label for Code {
    const NAME: &'static str = "code";

    fn all() -> &'static [Self] {
        Self::ALL
    }

    fn index(self) -> usize {
        self as usize
    }

    fn text(self) -> &'static str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    fn indices_are_places<L: Label>() {
        for (place, value) in L::all().iter().enumerate() {
            assert_eq!(value.index(), place, "{}", value.text());
        }
    }

    #[test]
    fn every_value_has_its_own_counter() {
        indices_are_places::<Outcome>();
        indices_are_places::<Channel>();
        indices_are_places::<Attempt>();
        indices_are_places::<Limit>();
        indices_are_places::<Freed>();
        indices_are_places::<Code>();
        let mut registry = Registry::default();
        let counters = Counters::<Channel>::new(&mut registry, "c", "c");
        counters.count(Channel::WebSocket, 3);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        assert!(text.contains("c_total{channel=\"websocket\"} 3"), "{text}");
        assert!(text.contains("c_total{channel=\"poll\"} 0"), "{text}");
    }
}
