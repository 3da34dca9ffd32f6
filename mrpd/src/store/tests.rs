use super::schema::Counter;
use super::*;
use mrp_client::{Bindable, RelayUrl};
use mrp_proto::message::SendRequest;
use mrp_proto::time::Timestamp;
use mrpd_api::body::Stage;
use mrpd_api::error::{Code, ErrorDetail};
use mrpd_api::message::{Direction, Kind};
use std::time::Duration;

mod inbox;
mod journal;
mod outbox;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(seconds * 1000)
}

fn message(id: &str, text: &str) -> MessageRecord {
    MessageRecord {
        id: id.to_owned(),
        out_id: None,
        dir: Direction::In,
        agent: "me".to_owned(),
        relay: "home".to_owned(),
        from: "alice".to_owned(),
        to: "me".to_owned(),
        kind: Kind::Text,
        content_type: "application/json".to_owned(),
        body: Some(serde_json::value::to_raw_value(text).unwrap()),
        thread: None,
        reply_to: None,
        attachments: Vec::new(),
        downloads: Vec::new(),
        metadata: Default::default(),
        encrypted: true,
        verified: true,
        created_at: at(1),
        received_at: at(2),
        expires_at: at(3),
        behind: 0,
        imported: false,
        standing: Default::default(),
    }
}

fn incoming(id: &str, marks: &[(&str, Option<Timestamp>)]) -> Incoming {
    let mut copies = Copies::default();
    for (mark, until) in marks {
        copies.add(&[mark], *until);
    }
    Incoming {
        message: message(id, id),
        copies,
    }
}

fn behind(after: u64) -> Selection {
    Selection {
        after,
        ..Selection::default()
    }
}

async fn accept(store: &Store, incoming: Incoming) -> Stored {
    store.accept(incoming).await.wait().await.unwrap()
}

fn draft(id: &str) -> OutboxRecord {
    let request: SendRequest =
        serde_json::from_str(r#"{"recipient_key":"bob","body":{"a": 1}}"#).unwrap();
    OutboxRecord {
        id: id.to_owned(),
        request,
        message: MessageRecord {
            dir: Direction::Out,
            ..message("", "hello")
        },
        stage: OutboxStage::Queued,
        attempts: 0,
        created_at: at(10),
        next_attempt_at: None,
        error: None,
        due_at: None,
        held_for: Default::default(),
        useless_at: None,
        tried_since: None,
        failed_at: None,
        perhaps_sent: false,
        key: None,
        files: Vec::new(),
    }
}

fn key(key: &str, digest: &str, until: i64) -> SendKey {
    SendKey {
        key: key.to_owned(),
        digest: digest.to_owned(),
        until: at(until),
    }
}

struct Fixture {
    dir: tempfile::TempDir,
    store: Store,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("mrpd.redb")).unwrap();
    Fixture { dir, store }
}

#[tokio::test]
async fn numbers_have_no_gaps_and_copies_take_none() {
    let Fixture { dir: _dir, store } = fixture();
    assert_eq!(
        accept(&store, incoming("a", &[("1", None)])).await,
        Stored::New(1)
    );
    assert_eq!(
        accept(&store, incoming("a", &[("1", None)])).await,
        Stored::Copy
    );
    assert_eq!(
        accept(&store, incoming("b", &[("2", None)])).await,
        Stored::New(2)
    );
    assert_eq!(*store.newest().borrow(), 2);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.received, counts.newest), (2, 2));
}

#[tokio::test]
async fn a_copy_by_another_way_is_known_by_any_of_its_marks() {
    let Fixture { dir: _dir, store } = fixture();
    let first = incoming("a", &[("relay1 a", None), ("envelope x", None)]);
    assert_eq!(accept(&store, first).await, Stored::New(1));
    let other_way = incoming("b", &[("relay2 b", None), ("envelope x", None)]);
    assert_eq!(accept(&store, other_way).await, Stored::Copy);
    let again = incoming("b", &[("relay2 b", None)]);
    assert_eq!(accept(&store, again).await, Stored::Copy);
}

#[tokio::test]
async fn a_relay_that_reuses_a_name_keeps_a_message_from_no_other_relay() {
    let Fixture { dir: _dir, store } = fixture();
    let first = incoming("a", &[("relay1 a", None), ("envelope x", None)]);
    assert_eq!(accept(&store, first).await, Stored::New(1));
    let under_an_old_name = incoming("a", &[("relay1 a", None), ("envelope y", None)]);
    assert_eq!(accept(&store, under_an_old_name).await, Stored::Copy);
    let by_another_relay = incoming("b", &[("relay2 b", None), ("envelope y", None)]);
    assert_eq!(accept(&store, by_another_relay).await, Stored::New(2));
}

#[tokio::test]
async fn submitted_together_they_are_numbered_in_order_and_survive() {
    let Fixture { dir, store } = fixture();
    let mut waiting = Vec::new();
    for number in 0..200 {
        let id = format!("m{number}");
        waiting.push(store.accept(incoming(&id, &[(&id, None)])).await);
    }
    for (number, submitted) in waiting.into_iter().enumerate() {
        let seq = u64::try_from(number).unwrap() + 1;
        assert_eq!(submitted.wait().await.unwrap(), Stored::New(seq));
    }
    store.close().await;
    assert_eq!(store.probe().await, Err(StoreError::Closed));
    let store = Store::open(&dir.path().join("mrpd.redb")).unwrap();
    assert_eq!(*store.newest().borrow(), 200);
    let known = incoming("m7", &[("m7", None)]);
    assert_eq!(accept(&store, known).await, Stored::Copy);
    assert_eq!(
        accept(&store, incoming("n", &[("n", None)])).await,
        Stored::New(201)
    );
}

#[tokio::test]
async fn marks_are_forgotten_when_their_time_has_come_and_not_before() {
    let Fixture { dir: _dir, store } = fixture();
    let marks = [("short", Some(at(100))), ("for ever", None)];
    accept(&store, incoming("a", &marks)).await;
    assert_eq!(store.remembered().await.unwrap(), 2);
    assert!(!store.sweep(at(99)).await.unwrap());
    assert_eq!(store.remembered().await.unwrap(), 2);
    assert!(!store.sweep(at(101)).await.unwrap());
    assert_eq!(store.remembered().await.unwrap(), 1);
}

#[tokio::test]
async fn a_page_is_bounded_and_says_where_to_go_on() {
    let Fixture { dir: _dir, store } = fixture();
    for number in 1..=450 {
        let id = format!("m{number}");
        store.accept(incoming(&id, &[(&id, None)])).await;
    }
    store.probe().await.unwrap();
    let page = store.page(0, |_| true).await.unwrap();
    assert_eq!(page.messages.len(), 200);
    assert_eq!((page.reached, page.end), (200, false));
    let page = store
        .page(400, |message| message.id.ends_with('7'))
        .await
        .unwrap();
    let found: Vec<u64> = page.messages.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(found, [407, 417, 427, 437, 447]);
    assert_eq!((page.reached, page.end), (450, true));
}

#[tokio::test]
async fn the_last_ones_are_found_from_the_end() {
    let Fixture { dir: _dir, store } = fixture();
    for number in 1..=30 {
        let id = format!("m{number}");
        store.accept(incoming(&id, &[(&id, None)])).await;
    }
    store.probe().await.unwrap();
    let odd = |_: u64, message: &MessageRecord| message.id[1..].parse::<u64>().unwrap() % 2 == 1;
    assert_eq!(
        store.place_before_last(2, behind(0), odd).await.unwrap(),
        26
    );
    assert_eq!(
        store.place_before_last(99, behind(0), odd).await.unwrap(),
        0
    );
    assert_eq!(
        store.place_before_last(99, behind(10), odd).await.unwrap(),
        10
    );
    assert_eq!(
        store.place_before_last(0, behind(0), odd).await.unwrap(),
        30
    );
}

#[tokio::test]
async fn what_a_relay_could_once_is_never_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let store = Store::open(&path).unwrap();
    let relay: RelayUrl = "https://relay.example".parse().unwrap();
    assert_eq!(store.bindable(&relay).await, Ok(Bindable::default()));
    let of = |requests, sessions| Bindable { requests, sessions };
    for level in [of(true, false), of(false, true), of(false, false)] {
        store.remember_bindable(&relay, level).await.unwrap();
    }
    store.close().await;
    let store = Store::open(&path).unwrap();
    assert_eq!(store.bindable(&relay).await, Ok(of(true, true)));
    let other = "https://other.example".parse().unwrap();
    assert_eq!(store.bindable(&other).await, Ok(Bindable::default()));
}

#[tokio::test]
async fn cursors_sealers_extras_and_profiles_are_kept() {
    let Fixture { dir: _dir, store } = fixture();
    assert_eq!(store.cursor("x".to_owned()).await.unwrap(), 0);
    store.put_cursor("x".to_owned(), 7).await.unwrap();
    assert_eq!(store.cursor("x".to_owned()).await.unwrap(), 7);
    assert!(!store.is_sealer("alice".to_owned()).await.unwrap());
    accept(&store, incoming("a", &[("a", None)])).await;
    assert!(store.is_sealer("alice".to_owned()).await.unwrap());
    let extras = ContactExtras {
        relay: Some("http://r".to_owned()),
        ..ContactExtras::default()
    };
    store
        .put_contact_extras("k".to_owned(), Some(extras.clone()))
        .await
        .unwrap();
    assert_eq!(store.contact_extras().await.unwrap()["k"], extras);
    store
        .put_contact_extras("k".to_owned(), None)
        .await
        .unwrap();
    assert!(store.contact_extras().await.unwrap().is_empty());
    store
        .put_profile("a r".to_owned(), "p".to_owned())
        .await
        .unwrap();
    assert_eq!(
        store.profile("a r".to_owned()).await.unwrap().as_deref(),
        Some("p")
    );
}

#[tokio::test]
async fn who_was_ever_verified_stays_so_and_nobody_else_becomes_so() {
    let Fixture { dir, store } = fixture();
    let unverified = |from: &str, id: &str| {
        let mut incoming = incoming(id, &[(id, None)]);
        incoming.message.verified = false;
        incoming.message.encrypted = false;
        incoming.message.from = from.to_owned();
        incoming
    };
    accept(&store, unverified("alice", "a")).await;
    accept(&store, unverified("bob", "b")).await;
    assert_eq!(store.was_verified("alice".to_owned()).await, Ok(false));
    accept(&store, incoming("c", &[("c", None)])).await;
    accept(&store, unverified("alice", "d")).await;
    assert_eq!(store.was_verified("alice".to_owned()).await, Ok(true));
    store.close().await;
    let store = Store::open(&dir.path().join("mrpd.redb")).unwrap();
    assert_eq!(store.was_verified("alice".to_owned()).await, Ok(true));
    assert_eq!(store.was_verified("bob".to_owned()).await, Ok(false));
}

#[tokio::test]
async fn a_failed_operation_is_told_and_the_store_opens_again() {
    let Fixture { dir: _dir, store } = fixture();
    accept(&store, incoming("a", &[("a", None)])).await;
    let broken: Result<(), _> = store
        .write(|_| Err(redb::Error::Io(io::Error::other("no space left"))))
        .await;
    assert!(matches!(broken, Err(StoreError::Disk(_))));
    assert!(store.trouble().borrow().is_some());
    let again = async { while store.probe().await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), again)
        .await
        .unwrap();
    // That nothing can be written is not disproven by writing nothing.
    assert!(store.trouble().borrow().is_some());
    store.prove_room().await.unwrap();
    assert!(store.trouble().borrow().is_none());
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.received, 1);
    assert_eq!(
        accept(&store, incoming("b", &[("b", None)])).await,
        Stored::New(2)
    );
    assert!(store.trouble().borrow().is_none());
}

#[test]
fn the_file_is_private_from_birth_and_a_later_version_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mrpd.redb");
    drop(open_database(&path).unwrap());
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(schema::META)
        .unwrap()
        .insert("schema", 3)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(
        open_database(&path),
        Err(OpenError::TooNew {
            found: 3,
            known: 2,
            ..
        })
    ));
    std::fs::write(&path, "no store").unwrap();
    assert!(matches!(
        open_database(&path),
        Err(OpenError::Engine { .. })
    ));
}

#[test]
fn the_second_daemon_learns_who_the_first_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mrpd.lock");
    let first = Lock::take(&path).unwrap();
    let error = Lock::take(&path).unwrap_err();
    let own = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&own), "{error}");
    drop(first);
    Lock::take(&path).unwrap();
}

#[tokio::test]
async fn held_messages_of_whoever_sent_most_give_way_to_the_others() {
    let Fixture { dir: _dir, store } = fixture();
    for (id, from) in [("a", "alice"), ("b", "mallory"), ("c", "mallory")] {
        let mut stranger = incoming(id, &[(id, None)]);
        stranger.message.from = from.to_owned();
        let stored = store.accept_from_stranger(stranger).await.wait().await;
        assert_eq!(stored, Ok(Stored::Held));
    }
    let bytes = store.write(|transaction| transaction.counter(Counter::HeldBytes));
    let all = bytes.await.unwrap();
    let left = store.write(move |transaction| held::make_room(transaction, all - 1));
    assert!(left.await.unwrap() < all);
    let held = store.held(0).await.unwrap().messages;
    let ids: Vec<&str> = held.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["a", "c"]);
}
