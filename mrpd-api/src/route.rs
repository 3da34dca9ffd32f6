//! Paths and header names of the local interface.

/// Version of this interface; every answer carries it in [`API_HEADER`].
pub const API_VERSION: &str = "1";
/// Header of every answer: [`API_VERSION`].
pub const API_HEADER: &str = "mrpd-api";
/// Header of every answer: the daemon's own version.
pub const VERSION_HEADER: &str = "mrpd-version";
/// Header of a send: the same key is sent once in 24 hours.
pub const IDEMPOTENCY_KEY_HEADER: &str = "idempotency-key";

/// Media type of message streams: one JSON object a line.
pub const NDJSON: &str = "application/x-ndjson";
/// Media type of message streams for browsers and the like (`id:` is the message's `seq`).
pub const EVENT_STREAM: &str = "text/event-stream";

/// `GET`: whether the daemon lives.
pub const HEALTH: &str = "/healthz";
/// `GET`: the OpenAPI document of this interface.
pub const OPENAPI: &str = "/v1/openapi.json";
/// `GET`: [`crate::body::Status`].
pub const STATUS: &str = "/v1/status";
/// `GET`: figures, as OpenMetrics text.
pub const METRICS: &str = "/metrics";
/// `GET`: events as NDJSON ([`crate::event::Event`]), with the filter of [`crate::body::EventQuery`].
pub const EVENTS: &str = "/v1/events";
/// `POST` [`crate::body::Send`], gives [`crate::body::Sent`].
pub const SEND: &str = "/v1/send";
/// `POST` [`crate::body::sending::SendMany`], gives a list of [`crate::body::sending::SendOutcome`].
pub const SEND_MANY: &str = "/v1/send/many";
/// `GET` below a recipient or a `@group`: who is meant ([`crate::body::sending::Recipients`]).
pub const RECIPIENTS: &str = "/v1/recipients";
/// `GET`: messages as NDJSON, with the filters of [`crate::body::MessageQuery`].
pub const MESSAGES: &str = "/v1/messages";
/// `POST` [`crate::body::inbox::Claim`], gives messages with leases.
pub const CLAIM: &str = "/v1/claim";
/// `POST` [`crate::body::inbox::Ack`], gives [`crate::body::inbox::Changed`].
pub const ACK: &str = "/v1/ack";
/// `POST` [`crate::body::inbox::Nack`], gives [`crate::body::inbox::Changed`].
pub const NACK: &str = "/v1/nack";
/// `POST` [`crate::body::inbox::Touch`], gives [`crate::body::inbox::Changed`].
pub const TOUCH: &str = "/v1/touch";
/// `POST` [`crate::body::inbox::Mark`], gives [`crate::body::inbox::Changed`].
pub const MARK: &str = "/v1/messages/mark";
/// `POST` [`crate::body::inbox::Prune`], gives [`crate::body::inbox::Removed`].
pub const PRUNE: &str = "/v1/prune";
/// `GET`: threads, the latest first, a list of [`crate::body::inbox::Thread`]; below an id its messages as NDJSON, both ways.
pub const THREADS: &str = "/v1/threads";
/// `GET`: messages as NDJSON, newest first, with the filters of [`crate::body::MessageQuery`] of which `text` is required.
pub const SEARCH: &str = "/v1/search";
/// `GET`: messages from unknown senders that are held, as NDJSON; `POST .../accept`, `POST .../reject`.
pub const PENDING: &str = "/v1/pending";
/// `GET`: the outbox, a list of [`crate::body::OutboxEntry`].
pub const OUTBOX: &str = "/v1/outbox";
/// `GET`: contacts; `PUT`, `DELETE`, `POST .../rename` below a name.
pub const CONTACTS: &str = "/v1/contacts";
/// `GET`: agents, a list of [`crate::body::Agent`].
pub const AGENTS: &str = "/v1/agents";
/// `POST` [`crate::body::signing::SignData`], gives [`crate::body::signing::DataSignature`].
pub const SIGN: &str = "/v1/sign";
/// `GET`: relays, a list of [`crate::body::Relay`].
pub const RELAYS: &str = "/v1/relays";
/// `GET`: a list of [`crate::body::inbox::NamedCursor`]; `GET`, `PUT`, `DELETE` below a name: where a named reader of the inbox
/// stands ([`crate::body::Cursor`]).
pub const CURSORS: &str = "/v1/cursors";
/// `GET`: dead-man switches, a list of [`crate::body::timed::Expect`].
pub const EXPECTS: &str = "/v1/expects";
/// `GET`: schedules, a list of [`crate::body::timed::Schedule`].
pub const SCHEDULES: &str = "/v1/schedules";
/// `GET`: what is well and what is not ([`crate::body::doctor::Doctor`]).
pub const DOCTOR: &str = "/v1/doctor";
/// `GET`: messages both ways as NDJSON, with the filters of [`crate::body::MessageQuery`].
pub const EXPORT: &str = "/v1/export";
/// `POST` such lines, gives [`crate::body::archive::ImportSummary`].
pub const IMPORT: &str = "/v1/import";
/// `POST` [`crate::body::archive::Backup`], gives [`crate::body::archive::BackedUp`].
pub const BACKUP: &str = "/v1/backup";
/// `PUT`: a file for a message, streamed; gives [`crate::body::blobs::Blob`] with an id for [`crate::body::Send::attachments`].
/// `POST`: the same, uploaded to a relay in clear. `GET`: both kinds, as far as they are known here. Below an id: `GET` the bytes,
/// `DELETE`, and `GET .../info`.
pub const BLOBS: &str = "/v1/blobs";
/// `GET`: hooks, a list of [`crate::body::hooks::Hook`]; below a name `POST .../enable`, `disable`, `test`, `replay`.
pub const HOOKS: &str = "/v1/hooks";
/// `GET`: the hook log as NDJSON, with the filters of [`crate::body::hooks::HookLogQuery`].
pub const HOOK_LOG: &str = "/v1/hooks/log";
/// `GET`: what was given up, a list of [`crate::body::dead::DeadLetter`]; `POST .../retry`, `.../drop`.
pub const DEAD: &str = "/v1/dead";
/// `GET`: topics, a list of [`crate::body::services::Topic`]; `GET .../subscribers` and `DELETE .../subscribers/{who}` below a name.
pub const TOPICS: &str = "/v1/topics";
/// `POST` below a topic's name: [`crate::body::services::Publish`], gives [`crate::body::services::Published`].
pub const PUBLISH: &str = "/v1/publish";
/// `GET`: what local agents have subscribed to, a list of [`crate::body::services::Subscription`]; `POST`
/// [`crate::body::services::Subscribe`]; `DELETE` below `{who}` or `{who}/{topic}`, `?agent=`.
pub const SUBSCRIPTIONS: &str = "/v1/subscriptions";
/// `GET`: [`crate::body::services::Spool`].
pub const SPOOL: &str = "/v1/spool";
/// `POST`: read configuration and contacts again.
pub const RELOAD: &str = "/v1/reload";
/// `POST`: end the daemon; the answer comes first.
pub const SHUTDOWN: &str = "/v1/shutdown";
/// `GET` below a name: what became of a message that was sent ([`crate::body::outbox::Receipt`]).
pub const RECEIPTS: &str = "/v1/receipts";
/// `POST`: everything that waits for its next attempt is tried now.
pub const OUTBOX_FLUSH: &str = "/v1/outbox/flush";
/// `GET`: public agents at a relay, with the filters of [`crate::body::relays::DiscoverQuery`].
pub const DISCOVER: &str = "/v1/discover";
/// `GET`: what public agents at a relay can do, by tag.
pub const CAPABILITIES: &str = "/v1/capabilities";
/// `GET` below a recipient: its profile.
pub const LOOKUP: &str = "/v1/lookup";
/// `GET`: whom an agent lets in and keeps out; `PUT`, `DELETE` below a peer.
pub const ACL: &str = "/v1/acl";
/// `GET`, `PUT`: whose messages an agent's inbox takes ([`crate::body::relays::Policy`]).
pub const POLICY: &str = "/v1/policy";
/// `GET`, `PATCH`: how an agent shows itself at its relays.
pub const PROFILE: &str = "/v1/profile";
/// `GET`: how many sends the relays take, and how they are ([`crate::body::relays::Limits`]).
pub const LIMITS: &str = "/v1/limits";
/// `GET`, `PUT`, `DELETE`: where a relay announces an agent's messages.
pub const WEBHOOK: &str = "/v1/webhook";
