//! A local agent and a relay that nobody runs, for tests.

use crate::attachments::{Downloads, Uploads};
use crate::board::Board;
use crate::config::{Agent, Config, KeySource, Origin, Relay, Sources, Transport};
use crate::contacts::Contacts;
use crate::context::Context;
use crate::desk::Desk;
use crate::events::Events;
use crate::fanout::Fanout;
use crate::hooks::Engine;
use crate::hooks::run::Runner;
use crate::outbox::Outbox;
use crate::roster::{Link, LocalAgent, Roster};
use crate::socket::Passed;
use crate::store::{Copies, Incoming, MessageRecord, Store};
use mrp_client::Relay as Client;
use mrp_proto::content::classify;
use mrp_proto::key::SecretKey;
use mrp_proto::message::Metadata;
use mrp_proto::time::Timestamp;
use mrpd_api::body::Encrypt;
use mrpd_api::message::{Direction, Kind, Message, Peer, State, Trust, VERSION};
use mrpd_api::paths::{Environment, Paths};
use serde_json::value::RawValue;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What is in force where nothing is configured, of a user whose home is `home`.
pub(crate) fn config(home: &Path) -> Config {
    let sources = Sources::from_environment(paths(home));
    Config::clone(&sources.load().config)
}

/// Where everything is of a user whose home is `home`.
pub(crate) fn paths(home: &Path) -> Paths {
    Paths::new(Environment {
        mrp_home: home.join(".mrp"),
        config_home: home.join(".config"),
        data_home: home.join("data"),
        state_home: home.join("state"),
        cache_home: home.join("cache"),
        runtime_dir: None,
        run_user: None,
        socket: None,
        user: None,
        uid: 0,
        home: home.to_path_buf(),
    })
}

/// The parts of a daemon, and what a reload would change of them.
pub(crate) struct Parts {
    pub(crate) context: Context,
    pub(crate) roster: watch::Sender<Arc<Roster>>,
    pub(crate) config: watch::Sender<Arc<Config>>,
}

/// The parts of a daemon of these agents, with its files in `dir`. Of what runs by itself only the outbox does.
pub(crate) async fn parts(dir: &Path, agents: Vec<LocalAgent>) -> Parts {
    let store = Store::open(&dir.join("mrpd.redb")).unwrap();
    let contacts = Contacts::open(dir.join("contacts.json"), store.clone());
    let contacts = contacts.await.unwrap();
    let (roster_sender, roster) = watch::channel(Arc::new(Roster::of(agents)));
    let (config_sender, config) = watch::channel(Arc::new(config(dir)));
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let uploads = Uploads::open(dir.join("outgoing"), store.clone());
    let uploads = uploads.await.unwrap();
    let outbox = Outbox::start(
        store.clone(),
        contacts.clone(),
        roster.clone(),
        config.clone(),
        uploads.clone(),
        stop.clone(),
        &tasks,
    );
    let context = Context {
        outbox: outbox.await.unwrap(),
        uploads,
        downloads: Downloads::new(
            store.clone(),
            contacts.clone(),
            roster.clone(),
            config.clone(),
        ),
        fanout: Fanout::new(store.clone()),
        desk: Desk::default(),
        store,
        contacts,
        roster,
        config,
        hooks: Engine::new().0,
        runner: Runner::new(dir.join("hooks"), dir.join("mrpd.sock")),
        board: Board::default(),
        events: Events::default(),
        passed: Passed::default(),
        stop,
        tasks,
    };
    Parts {
        context,
        roster: roster_sender,
        config: config_sender,
    }
}

/// A relay on a port where nothing listens.
pub(crate) fn relay(name: &str) -> Relay {
    Relay {
        name: name.to_owned(),
        url: "http://127.0.0.1:1".parse().unwrap(),
        transport: Transport::Ws,
        ping: Duration::from_secs(20),
        idle_timeout: Duration::from_secs(75),
        backoff: (Duration::from_secs(1), Duration::from_secs(60)),
    }
}

/// An agent whose key is made from `seed`, with the one relay `home`.
pub(crate) fn agent(name: &str, seed: u8) -> LocalAgent {
    let secret = Arc::new(SecretKey::from_seed(&[seed; 32]));
    let relay = relay("home");
    let client = Client::new(relay.url.clone(), Arc::clone(&secret)).unwrap();
    LocalAgent {
        config: Agent {
            name: name.to_owned(),
            key: KeySource::Credential("none".to_owned()),
            origin: Origin::Default,
            relays: vec!["home".to_owned()],
            display_name: None,
            visibility: None,
            inbox_policy: None,
            metadata: None,
            encrypt: Encrypt::Always,
            require_encryption: false,
            bound_auth: crate::config::BoundAuth::Prefer,
        },
        public: secret.public(),
        secret,
        links: vec![Link { relay, client }],
    }
}

/// The key that is made from `seed`, as text.
pub(crate) fn key(seed: u8) -> String {
    SecretKey::from_seed(&[seed; 32]).public().to_string()
}

/// A message from agent 1 to `me`, agent 9.
pub(crate) fn record(id: &str) -> MessageRecord {
    let time = Timestamp::from_unix_millis(1_800_000_000_000);
    MessageRecord {
        id: id.to_owned(),
        out_id: None,
        dir: Direction::In,
        agent: "me".to_owned(),
        relay: "home".to_owned(),
        from: key(1),
        to: key(9),
        kind: Kind::Text,
        content_type: "application/json".to_owned(),
        body: Some(
            serde_json::value::RawValue::from_string("{\n \"text\":\r\n\"a\\nb\"}".to_owned())
                .unwrap(),
        ),
        thread: None,
        reply_to: None,
        attachments: Vec::new(),
        downloads: Vec::new(),
        metadata: Default::default(),
        encrypted: true,
        verified: true,
        created_at: time,
        received_at: time,
        expires_at: time,
        behind: 0,
        imported: false,
        standing: Default::default(),
    }
}

/// Stores such a message.
pub(crate) async fn receive(store: &Store, id: &str) {
    let mut copies = Copies::default();
    copies.add(&[id], None);
    let message = record(id);
    let stored = store.accept(Incoming { message, copies }).await;
    stored.wait().await.unwrap();
}
/// A sealed message that came in with this body, from somebody who is no contact.
pub(crate) fn message(body: &str) -> Message {
    let key = |seed| SecretKey::from_seed(&[seed; 32]).public();
    let from = key(7);
    let body = RawValue::from_string(body.to_owned()).unwrap();
    Message {
        v: VERSION,
        seq: 1042,
        id: "msg_1772611200_a1b2c3d4e5f6".to_owned(),
        dir: Direction::In,
        agent: "me".to_owned(),
        relay: "home".to_owned(),
        from: Peer {
            key: from,
            name: None,
            short: from.short(),
            trust: Trust::Unknown,
        },
        to: key(9),
        kind: classify("application/json", Some(&body)),
        content_type: "application/json".to_owned(),
        text: None,
        body: Some(body),
        thread: None,
        reply_to: None,
        attachments: Vec::new(),
        metadata: Metadata::default(),
        encrypted: true,
        verified: true,
        state: State::New,
        attempt: 0,
        lease: None,
        created_at: Timestamp::EPOCH,
        received_at: Timestamp::EPOCH,
        expires_at: Timestamp::EPOCH,
    }
}
