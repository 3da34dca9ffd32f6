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
async fn a_send_becomes_visible_when_it_is_accepted() {
    let Fixture { dir: _dir, store } = fixture();
    assert_eq!(
        store.enqueue(draft("out_1"), None).await.unwrap(),
        Enqueued::New(1)
    );
    assert_eq!(*store.newest().borrow(), 0);
    assert_eq!(store.pending().await.unwrap().len(), 1);
    let accepted = Accepted {
        message_id: "msg_1_a".to_owned(),
        created_at: at(20),
        expires_at: at(30),
    };
    store
        .record_accepted(1, accepted.clone(), at(21))
        .await
        .unwrap();
    assert!(store.pending().await.unwrap().is_empty());
    let Some(Progress::Sent(seq, sent, _)) = store.progress("out_1".to_owned()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((seq, sent.id.as_str()), (1, "msg_1_a"));
    assert_eq!(sent.body.unwrap().get(), "\"hello\"");
    assert_eq!(store.by_id("msg_1_a".to_owned()).await.unwrap().len(), 1);
    // An answer that comes twice counts once.
    store.record_accepted(1, accepted, at(22)).await.unwrap();
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.sent, counts.queued, counts.newest), (1, 0, 1));
}

#[tokio::test]
async fn failures_are_recorded_and_a_final_one_ends_it() {
    let Fixture { dir, store } = fixture();
    store.enqueue(draft("out_1"), None).await.unwrap();
    let failure = |retry_at| Failure {
        error: ErrorDetail::new(Code::RelayUnreachable, "no", None),
        retry_at,
        at: at(100),
        perhaps_sent: false,
        tried: true,
    };
    store
        .record_failure(1, failure(Some(at(50))))
        .await
        .unwrap();
    let record = store.outbox_at(1).await.unwrap().unwrap();
    assert_eq!((record.attempts, record.next_attempt_at), (1, Some(at(50))));
    store.record_failure(1, failure(None)).await.unwrap();
    store.close().await;
    let store = Store::open(&dir.path().join("mrpd.redb")).unwrap();
    assert!(store.pending().await.unwrap().is_empty());
    assert_eq!(store.outbox().await.unwrap()[0].stage, OutboxStage::Failed);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.queued, counts.failed), (0, 1));
}

#[tokio::test]
async fn an_idempotency_key_is_one_send_until_its_time_is_over() {
    let Fixture { dir: _dir, store } = fixture();
    let enqueue = |id: &str, send_key| store.enqueue(draft(id), Some(send_key));
    assert_eq!(
        enqueue("out_1", key("k", "d", 60)).await.unwrap(),
        Enqueued::New(1)
    );
    assert_eq!(
        enqueue("out_2", key("k", "d", 60)).await.unwrap(),
        Enqueued::Before("out_1".to_owned())
    );
    assert_eq!(
        enqueue("out_3", key("k", "other", 60)).await.unwrap(),
        Enqueued::Mismatch
    );
    assert_eq!(
        store.sent_under("k".to_owned(), at(59)).await.unwrap(),
        Some(("d".to_owned(), "out_1".to_owned()))
    );
    assert_eq!(
        store.sent_under("k".to_owned(), at(60)).await.unwrap(),
        None
    );
    store.sweep(at(61)).await.unwrap();
    assert_eq!(
        enqueue("out_4", key("k", "d", 99)).await.unwrap(),
        Enqueued::New(2)
    );
}

#[tokio::test]
async fn a_key_that_is_used_again_outlives_the_mark_of_its_first_use() {
    let Fixture { dir: _dir, store } = fixture();
    let put = |id: &str, until| store.enqueue(draft(id), Some(key("k", "d", until)));
    // Drafts are of the tenth second: the first use is over by then.
    assert_eq!(put("out_1", 5).await.unwrap(), Enqueued::New(1));
    assert_eq!(put("out_2", 99).await.unwrap(), Enqueued::New(2));
    store.sweep(at(61)).await.unwrap();
    assert_eq!(
        put("out_3", 99).await.unwrap(),
        Enqueued::Before("out_2".to_owned())
    );
}

#[tokio::test]
async fn an_answer_that_comes_before_the_record_of_its_question_answers_it() {
    let Fixture { dir: _dir, store } = fixture();
    let mut question = draft("out_1");
    question.message.from = "me".to_owned();
    question.message.to = "alice".to_owned();
    store.enqueue(question, None).await.unwrap();
    let mut answers = [incoming("x", &[("1", None)]), incoming("y", &[("2", None)])];
    for answer in &mut answers {
        answer.message.reply_to = Some("msg_1_a".to_owned());
    }
    answers[0].message.from = "mallory".to_owned();
    for answer in answers {
        accept(&store, answer).await;
    }
    let accepted = Accepted {
        message_id: "msg_1_a".to_owned(),
        created_at: at(20),
        expires_at: at(30),
    };
    store.record_accepted(1, accepted, at(21)).await.unwrap();
    let Some(Progress::Sent(3, _, track)) = store.progress("out_1".to_owned()).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(track.reply, Some(2));
    assert_eq!(track.stage(), Stage::Replied);
}

#[tokio::test]
async fn a_retry_of_what_is_held_lasts() {
    let Fixture { dir: _dir, store } = fixture();
    let held = OutboxRecord {
        due_at: Some(at(500)),
        ..draft("out_1")
    };
    store.enqueue(held, None).await.unwrap();
    store.release_now(1, at(100)).await.unwrap();
    let record = store.outbox_at(1).await.unwrap().unwrap();
    assert_eq!((record.due_at, record.tried_since()), (None, at(100)));
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
async fn an_answer_is_noted_with_what_it_answers_and_with_nothing_else() {
    let Fixture { store, .. } = fixture();
    let Enqueued::New(position) = store.enqueue(draft("out_1"), None).await.unwrap() else {
        panic!()
    };
    let accepted = Accepted {
        message_id: "msg_9".to_owned(),
        created_at: at(10),
        expires_at: at(100),
    };
    let mut stages = store.stages();
    store
        .record_accepted(position, accepted, at(11))
        .await
        .unwrap();
    let sent = async || match store.progress("out_1".to_owned()).await.unwrap() {
        Some(Progress::Sent(_, message, track)) => (message, track),
        other => panic!("{other:?}"),
    };
    let (message, _) = sent().await;
    let answer = |id: &str, from: &str| {
        let mut answer = incoming(id, &[(id, None)]);
        answer.message.from = from.to_owned();
        answer.message.to = message.from.clone();
        answer.message.reply_to = Some("msg_9".to_owned());
        answer
    };
    accept(&store, answer("msg_a", "a stranger")).await;
    assert_eq!(sent().await.1, Track::default());
    accept(&store, answer("msg_b", &message.to)).await;
    let (_, track) = sent().await;
    assert_eq!(track.stage(), mrpd_api::body::Stage::Replied);
    assert_eq!(track.reply, Some(3));
    store.record_delivered(1, at(50)).await.unwrap();
    assert_eq!(sent().await.1, track, "the first word counts");
    let told: Vec<_> = std::iter::from_fn(|| stages.try_recv().ok())
        .map(|change| change.stage)
        .collect();
    use mrpd_api::body::Stage;
    assert_eq!(told, [Stage::Accepted, Stage::Replied]);
}

#[tokio::test]
async fn what_is_taken_out_frees_its_key_and_what_was_given_up_can_be_tried_anew() {
    let Fixture { store, .. } = fixture();
    let failure = |retry_at| Failure {
        error: ErrorDetail::new(Code::Refused, "no", None),
        retry_at,
        at: at(100),
        perhaps_sent: false,
        tried: true,
    };
    let put = |id: &str| store.enqueue(draft(id), Some(key("k", "d", 4_000_000_000)));
    assert_eq!(put("out_1").await.unwrap(), Enqueued::New(1));
    let why = ErrorDetail::new(Code::Cancelled, "by hand", None);
    let remove = |stage| store.remove_from_outbox(1, stage, why.clone());
    assert!(!remove(OutboxStage::Failed).await.unwrap());
    assert!(remove(OutboxStage::Queued).await.unwrap());
    assert!(!remove(OutboxStage::Queued).await.unwrap());
    assert_eq!(store.counts().await.unwrap().queued, 0);
    // The key is free, and nothing of its first use makes it be forgotten early.
    assert_eq!(put("out_2").await.unwrap(), Enqueued::New(2));
    assert!(matches!(put("out_3").await.unwrap(), Enqueued::Before(id) if id == "out_2"));
    store.record_failure(2, failure(None)).await.unwrap();
    assert_eq!(store.revive(1, at(200)).await.unwrap(), None);
    let revived = store.revive(2, at(200)).await.unwrap().unwrap();
    assert_eq!(revived.position, 3);
    let record = store.outbox_at(3).await.unwrap().unwrap();
    assert_eq!(
        (record.stage, record.tried_since()),
        (OutboxStage::Queued, at(200))
    );
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.queued, counts.failed), (1, 0));
}

#[tokio::test]
async fn after_a_crash_a_relay_may_have_whatever_was_due() {
    let Fixture { store, .. } = fixture();
    let mut held = draft("out_2");
    held.due_at = Some(at(500));
    store.enqueue(draft("out_1"), None).await.unwrap();
    store.enqueue(held, None).await.unwrap();
    let perhaps = async || {
        let pending = store.take_pending(at(100)).await.unwrap();
        pending
            .iter()
            .map(|one| one.perhaps_sent)
            .collect::<Vec<_>>()
    };
    assert_eq!(perhaps().await, [true, false]);
    store.settle_outbox().await.unwrap();
    assert_eq!(perhaps().await, [false, false]);
    assert_eq!(perhaps().await, [true, false]);
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
