//! The client against a real relay, in this process and on a loopback port.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails its test by panicking"
)]

use mrp_client::session::{Event, Handle, Settings, Transport, Transports, spawn};
use mrp_client::{Error, Handover, Poll, Relay, RelayUrl};
use mrp_proto::agent::{Change, ProfilePatch, Visibility};
use mrp_proto::backoff::Backoff;
use mrp_proto::code::Code;
use mrp_proto::frame::{self, SAFE_FRAME, SendOutcome};
use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::message::{Message, SendRequest, Status};
use relayd::{Config, ListenAddress, Server};
use std::collections::HashSet;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

/// What should happen at once may take this long on a busy machine; what takes longer does not happen.
const DEADLINE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("it did not happen in time")
}

struct RunningRelay {
    url: RelayUrl,
    address: ListenAddress,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningRelay {
    async fn start(data: &Path) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), data).await
    }

    async fn start_at(address: ListenAddress, data: &Path) -> Self {
        let config = Config {
            listen: vec![address],
            data_dir: data.to_owned(),
            ..Config::default()
        };
        let server = soon(Server::bind(config)).await.unwrap();
        let url = server.url().parse().unwrap();
        let address = server.addresses()[0].clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            // An error says that the test has ended without stopping it.
            let stopped = async { drop(stopped.await) };
            server.run(stopped).await.unwrap();
        });
        Self {
            url,
            address,
            stop,
            task,
        }
    }

    async fn stop(self) -> ListenAddress {
        self.stop.send(()).unwrap();
        soon(self.task).await.unwrap();
        self.address
    }

    fn client(&self, agent: u8) -> Relay {
        Relay::new(self.url.clone(), key(agent)).unwrap()
    }

    /// A session with pauses that a test can wait for.
    fn session(&self, agent: u8, max_frame: usize) -> (Handle, mpsc::Receiver<Event>) {
        let backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(200));
        let settings = Settings {
            backoff,
            max_frame,
            ..Settings::default()
        };
        spawn(self.url.clone(), key(agent), settings)
    }
}

fn key(agent: u8) -> Arc<SecretKey> {
    Arc::new(SecretKey::from_seed(&[agent; 32]))
}

fn message(to: &PublicKey, text: &str) -> SendRequest {
    SendRequest {
        thread_id: Some("a thread/ü".to_owned()),
        ..SendRequest::new(to, serde_json::value::to_raw_value(text).unwrap())
    }
}

fn text_of(message: &Message) -> String {
    serde_json::from_str(message.body.as_ref().unwrap().get()).unwrap()
}

async fn next(events: &mut mpsc::Receiver<Event>) -> Event {
    soon(events.recv()).await.expect("the session goes on")
}

async fn next_message(events: &mut mpsc::Receiver<Event>) -> Box<Message> {
    match next(events).await {
        Event::Message(message) => message,
        other => panic!("expected a message: {other:?}"),
    }
}

/// Waits until the sender sees the message as delivered.
async fn delivered(sender: &Relay, message: &Message) {
    let id = &message.message_id;
    let seen =
        async { while sender.message_status(id).await.unwrap().status != Status::Delivered {} };
    soon(seen).await;
}

#[tokio::test]
async fn a_message_goes_from_send_to_ack() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RunningRelay::start(folder.path()).await;
    let (alice, bob, eve) = (relay.client(1), relay.client(2), relay.client(3));
    assert!(
        alice
            .health()
            .await
            .unwrap()
            .features
            .iter()
            .any(|feature| feature == "idempotency")
    );

    let draft = message(bob.public_key(), "hello");
    let accepted = alice.send(&draft, Some("draft-1")).await.unwrap();
    assert_eq!(alice.send(&draft, Some("draft-1")).await.unwrap(), accepted);
    let error = alice
        .send(&message(bob.public_key(), "other"), Some("draft-1"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(Code::IdempotencyMismatch));

    let manual = Poll {
        sender: Some(*alice.public_key()),
        thread_id: draft.thread_id.clone(),
        handover: Handover::Manual,
        ..Poll::default()
    };
    for _ in 0..2 {
        let page = bob.poll(&manual).await.unwrap();
        assert_eq!(page.messages.len(), 1);
        assert_eq!(page.messages[0].message_id, accepted.message_id);
        assert_eq!(text_of(&page.messages[0]), "hello");
    }
    bob.ack(&accepted.message_id).await.unwrap();
    bob.ack(&accepted.message_id).await.unwrap();
    assert!(bob.poll(&manual).await.unwrap().messages.is_empty());
    let status = alice.message_status(&accepted.message_id).await.unwrap();
    assert_eq!(status.status, Status::Delivered);
    assert!(status.delivered_at.is_some());

    let thread = alice.thread("a thread/ü", Some(10), None).await.unwrap();
    assert_eq!(thread.messages[0].message_id, accepted.message_id);
    assert_eq!(
        alice.message(&accepted.message_id).await.unwrap().status,
        Status::Delivered
    );
    let error = eve.message(&accepted.message_id).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::MessageNotFound));
    assert_eq!(
        eve.ack(&accepted.message_id).await.unwrap_err().code(),
        Some(Code::MessageNotFound)
    );
    relay.stop().await;
}

#[tokio::test]
async fn a_profile_is_changed_shown_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RunningRelay::start(folder.path()).await;
    let (alice, bob) = (relay.client(1), relay.client(2));
    let patch = ProfilePatch {
        display_name: Change::Set("Alice ü".to_owned()),
        visibility: Change::Set(Visibility::Public),
        ..ProfilePatch::default()
    };
    alice.update_profile(&patch).await.unwrap();
    let shown = bob.agent(alice.public_key()).await.unwrap();
    assert_eq!(shown.display_name.as_deref(), Some("Alice ü"));
    assert_eq!(shown.visibility, Visibility::Public);

    let too_long = ProfilePatch {
        display_name: Change::Set("x".repeat(257)),
        ..ProfilePatch::default()
    };
    let Error::Refused(refusal) = alice.update_profile(&too_long).await.unwrap_err() else {
        panic!("the relay refuses that")
    };
    assert_eq!((refusal.status, &*refusal.code), (422, "validation_failed"));
    assert_eq!(refusal.details.unwrap()["field"], "display_name");
    assert!(refusal.request_id.is_some());

    alice.delete_agent().await.unwrap();
    let error = bob.agent(alice.public_key()).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::AgentNotFound));
    relay.stop().await;
}

#[tokio::test]
async fn a_poll_that_waits_is_answered_when_something_comes() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RunningRelay::start(folder.path()).await;
    let (alice, bob) = (relay.client(1), relay.client(2));
    let waiting = Poll {
        wait: Some(Duration::from_secs(30)),
        ..Poll::default()
    };
    let polling = tokio::spawn({
        let bob = bob.clone();
        async move { bob.poll(&waiting).await.unwrap() }
    });
    alice
        .send(&message(bob.public_key(), "now"), None)
        .await
        .unwrap();
    let page = soon(polling).await.unwrap();
    assert_eq!(text_of(&page.messages[0]), "now");
    relay.stop().await;
}

#[tokio::test]
async fn the_same_request_many_times_at_once_is_no_replay() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RunningRelay::start(folder.path()).await;
    let alice = relay.client(1);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let alice = alice.clone();
            tokio::spawn(async move {
                alice
                    .send(&message(alice.public_key(), "again"), None)
                    .await
            })
        })
        .collect();
    let mut ids = HashSet::new();
    for call in calls {
        ids.insert(soon(call).await.unwrap().unwrap().message_id);
    }
    assert_eq!(ids.len(), 50);
    relay.stop().await;
}

#[tokio::test]
async fn a_session_receives_sends_and_acks() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RunningRelay::start(folder.path()).await;
    let (alice, bob) = (relay.client(1), relay.client(2));
    alice
        .send(&message(bob.public_key(), "before"), None)
        .await
        .unwrap();
    let (handle, mut events) = relay.session(2, frame::MAX_FRAME);
    assert!(matches!(next(&mut events).await, Event::Up { .. }));
    let before = next_message(&mut events).await;
    assert_eq!(text_of(&before), "before");
    alice
        .send(&message(bob.public_key(), "while"), None)
        .await
        .unwrap();
    let during = next_message(&mut events).await;
    assert_eq!(text_of(&during), "while");
    handle.stored(before.message_id.clone());
    delivered(&alice, &before).await;

    let request = message(alice.public_key(), "answer");
    let send = frame::Send {
        request_id: "r1".to_owned(),
        idempotency_key: None,
        request,
    };
    handle.send(send).unwrap();
    let Event::SendResult {
        request_id,
        outcome: SendOutcome::Accepted { message_id, .. },
    } = next(&mut events).await
    else {
        panic!("expected the result of the send")
    };
    assert_eq!(request_id, "r1");
    let page = alice.poll(&Poll::default()).await.unwrap();
    assert_eq!(page.messages[0].message_id, message_id);

    // What was not acked comes again on the next connection, and only that.
    soon(handle.shutdown()).await;
    let (handle, mut events) = relay.session(2, frame::MAX_FRAME);
    assert!(matches!(next(&mut events).await, Event::Up { .. }));
    assert_eq!(
        next_message(&mut events).await.message_id,
        during.message_id
    );
    // An ack is on its way before the end is.
    handle.stored(during.message_id.clone());
    soon(handle.shutdown()).await;
    delivered(&alice, &during).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_session_by_polls_acks_what_is_stored_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RunningRelay::start(folder.path()).await;
    let (alice, bob) = (relay.client(1), relay.client(2));
    for text in ["one", "two"] {
        let draft = message(bob.public_key(), text);
        alice.send(&draft, None).await.unwrap();
    }
    let settings = Settings {
        transports: Transports::Only(Transport::Poll),
        ..Settings::default()
    };
    let (handle, mut events) = spawn(relay.url.clone(), key(2), settings);
    let Event::Up { transport } = next(&mut events).await else {
        panic!("expected a session")
    };
    assert_eq!(transport, Transport::Poll);
    let one = next_message(&mut events).await;
    let two = next_message(&mut events).await;
    assert_eq!((text_of(&one), text_of(&two)), ("one".into(), "two".into()));
    handle.stored(one.message_id.clone());
    delivered(&alice, &one).await;
    // It ends with the second in hand: that stays with the relay.
    soon(handle.shutdown()).await;
    let left = bob
        .poll(&Poll {
            handover: Handover::Manual,
            ..Poll::default()
        })
        .await
        .unwrap();
    let left: Vec<_> = left.messages.iter().map(|left| &left.message_id).collect();
    assert_eq!(left, [&two.message_id]);
    relay.stop().await;
}

#[tokio::test]
async fn a_large_message_is_pushed_to_whom_takes_it_and_announced_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let relay = RunningRelay::start(folder.path()).await;
    let (alice, bob) = (relay.client(1), relay.client(2));
    let large = "x".repeat(SAFE_FRAME - 2);
    let accepted = alice
        .send(&message(bob.public_key(), &large), None)
        .await
        .unwrap();
    let (handle, mut events) = relay.session(2, SAFE_FRAME);
    assert!(matches!(next(&mut events).await, Event::Up { .. }));
    let Event::Pending { message_id, size } = next(&mut events).await else {
        panic!("expected an announcement")
    };
    assert_eq!(message_id, accepted.message_id);
    assert!(size > SAFE_FRAME as u64);
    assert_eq!(text_of(&bob.message(&message_id).await.unwrap()), large);
    soon(handle.shutdown()).await;

    let (_handle, mut events) = relay.session(2, frame::MAX_FRAME);
    assert!(matches!(next(&mut events).await, Event::Up { .. }));
    assert_eq!(text_of(&*next_message(&mut events).await), large);
    relay.stop().await;
}

/// Sends until the relay has said yes, as a program with an outbox does.
async fn send_for_certain(sender: &Relay, to: &PublicKey, number: usize) {
    let draft = message(to, &number.to_string());
    let key = format!("draft-{number}");
    while let Err(error) = sender.send(&draft, Some(&key)).await {
        assert!(error.is_retryable(), "{error}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn restarts_of_the_relay_lose_nothing_and_keep_the_order() {
    const COUNT: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let mut relay = RunningRelay::start(folder.path()).await;
    let (handle, mut events) = relay.session(2, frame::MAX_FRAME);
    // So few are on the way that some are still to come when the relay is back, however long the session takes to be.
    let ahead = Arc::new(Semaphore::new(COUNT / 10));
    let sending = tokio::spawn({
        let (alice, ahead) = (relay.client(1), Arc::clone(&ahead));
        async move {
            for number in 0..COUNT {
                ahead.acquire().await.unwrap().forget();
                send_for_certain(&alice, &key(2).public(), number).await;
            }
        }
    });
    let mut stored = Vec::new();
    let mut known = HashSet::new();
    let (mut ups, mut restarts) = (0, 0);
    while stored.len() < COUNT {
        match next(&mut events).await {
            Event::Up { .. } => ups += 1,
            Event::Message(message) => {
                if known.insert(message.message_id.clone()) {
                    stored.push(text_of(&message));
                    ahead.add_permits(1);
                }
                handle.stored(message.message_id);
            }
            Event::Down { .. } => {}
            other => panic!("{other:?}"),
        }
        // In the middle of the stream, twice.
        if restarts < 2 && stored.len() > (restarts + 1) * COUNT / 3 {
            restarts += 1;
            let address = relay.stop().await;
            relay = RunningRelay::start_at(address, folder.path()).await;
        }
    }
    soon(sending).await.unwrap();
    let expected: Vec<_> = (0..COUNT).map(|number| number.to_string()).collect();
    assert_eq!(stored, expected);
    assert_eq!(ups, 3, "one session for each run of the relay");
    soon(handle.shutdown()).await;
    relay.stop().await;
}
