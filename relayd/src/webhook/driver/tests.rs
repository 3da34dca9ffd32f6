use super::*;
use crate::access::Access;
use crate::blobs::Blobs;
use crate::config::Config;
use crate::store::{Options, Proof, ReplayClaim, Store};
use crate::webhook::TargetError;
use crate::webhook::address::Resolver;
use mrp_proto::key::SecretKey;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// No more than this passes before a test says that something never comes.
const PATIENCE: Duration = Duration::from_secs(20);
const URL: &str = "http://hooks.example";

fn agent(seed: u8) -> PublicKey {
    SecretKey::from_seed(&[seed; 32]).public()
}

/// A name server that gives one answer after another, the last one for ever.
fn answers(given: &[&str]) -> (Resolver, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let given: Vec<IpAddr> = given.iter().map(|text| text.parse().unwrap()).collect();
    let resolver = Resolver::of(move |_| {
        let number = counter.fetch_add(1, Ordering::SeqCst);
        Ok(vec![given[number.min(given.len() - 1)]])
    });
    (resolver, asked)
}

/// A relay in memory with a name server of the test's own, whose webhooks are tried again at once.
fn app(networks: &[&str], resolver: Resolver) -> Arc<App> {
    let mut config = Config::default();
    config.webhooks.allow_http = true;
    config.webhooks.allow_networks = networks.iter().map(|text| text.parse().unwrap()).collect();
    config.webhooks.schedule.retries = [Duration::from_millis(1); 6];
    config.webhooks.limits.give_up_after = u32::MAX;
    let store = Store::in_memory(Options::default()).unwrap();
    let access = Access::load(&config.access).unwrap();
    let blobs = Blobs::in_memory(&config);
    let mut app = App::new(config, store, blobs, access);
    app.webhooks = Webhooks::with_resolver(&app.config.webhooks, resolver);
    Arc::new(app)
}

async fn register(app: &App, url: &str) -> Result<(), TargetError> {
    app.webhooks.check(url, &app.config.webhooks).await?;
    let secret = WebhookSecret::new("sixteen letters!".to_owned());
    let now = app.now();
    let signature = SecretKey::from_seed(&[2; 32]).sign(url.as_bytes());
    let claim = ReplayClaim::new(agent(2), Proof::Signature(signature), now);
    let registering = app
        .store
        .set_webhook(agent(2), url.to_owned(), secret, claim, now);
    registering.await.unwrap();
    let request = format!(r#"{{"recipient_key":"{}","body":1}}"#, agent(2));
    let request = serde_json::from_str(&request).unwrap();
    crate::send::accept(app, agent(1), request, None, None)
        .await
        .unwrap();
    Ok(())
}

fn run_beside(app: &Arc<App>) -> AbortOnDropHandle<()> {
    let app = Arc::clone(app);
    AbortOnDropHandle::new(tokio::spawn(async move { run(&app).await }))
}

/// Waits until the webhook looks as it must.
async fn until_webhook(app: &App, condition: impl Fn(u32, Option<&str>) -> bool) {
    let looking = async {
        loop {
            let seen = app.store.webhook(agent(2)).await.unwrap().unwrap();
            if condition(seen.consecutive_failures, seen.last_error.as_deref()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let looked = tokio::time::timeout(PATIENCE, looking).await;
    looked.expect("it comes to that");
}

/// Counts connections and answers each with 200.
async fn receiver(address: &str) -> (u16, Arc<Mutex<usize>>, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&connections);
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            *counter.lock().unwrap() += 1;
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(answer).await;
        }
    });
    (port, connections, AbortOnDropHandle::new(serving))
}

#[tokio::test]
async fn a_name_that_turns_inside_after_its_registration_leads_nowhere() {
    let (port, connections, _trap) = receiver("127.0.0.1:0").await;
    let (resolver, asked) = answers(&["8.8.8.8", "127.0.0.1"]);
    let app = app(&[], resolver);
    register(&app, &format!("{URL}:{port}/")).await.unwrap();
    let _running = run_beside(&app);
    until_webhook(&app, |failures, error| {
        failures >= 5 && error == Some("address_refused")
    })
    .await;
    assert!(asked.load(Ordering::SeqCst) >= 6, "each attempt asks again");
    assert_eq!(*connections.lock().unwrap(), 0);
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_judged() {
    let (port, judged, _receiver) = receiver("127.0.0.1:0").await;
    let (_, other, _trap) = receiver(&format!("127.0.0.2:{port}")).await;
    // Whoever asked a second time would be sent to the other one.
    let (resolver, asked) = answers(&["127.0.0.1", "127.0.0.1", "127.0.0.2"]);
    let app = app(&["127.0.0.0/8"], resolver);
    register(&app, &format!("{URL}:{port}/")).await.unwrap();
    let running = run_beside(&app);
    let delivered = async {
        while *judged.lock().unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, delivered).await.unwrap();
    app.shutdown.begin();
    running.await.unwrap();
    let figures = metrics::render(&app).await;
    for line in [
        "relayd_webhook_attempts_total{outcome=\"taken\"} 1",
        "relayd_messages_delivered_total{channel=\"webhook\"} 1",
    ] {
        assert!(figures.contains(line), "{line} in {figures}");
    }
    assert_eq!(
        asked.load(Ordering::SeqCst),
        2,
        "at the registration, and once"
    );
    assert_eq!(*other.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_registration_fails_closed() {
    let refused = async |resolver, url: &str| match register(&app(&[], resolver), url).await {
        Err(TargetError::Refused(violation)) => {
            assert_eq!(violation.field, "url");
            assert!(!violation.to_string().contains("127.0.0.1"), "{violation}");
            violation.actual
        }
        other => panic!("{other:?}"),
    };
    let (inside, _) = answers(&["127.0.0.1"]);
    assert_eq!(refused(inside, URL).await, "address_refused");
    let failing = Resolver::of(|_| Err(std::io::ErrorKind::TimedOut.into()));
    assert_eq!(refused(failing, URL).await, "unresolved");
    let silent = Resolver::of(|_| Ok(Vec::new()));
    assert_eq!(refused(silent, URL).await, "unresolved");
}

#[tokio::test]
async fn lookups_for_registrations_are_bounded() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let waiting = Resolver::of(move |_| {
        let _ = held.lock().unwrap().recv();
        Ok(Vec::new())
    });
    let app = app(&[], waiting);
    let lookups: Vec<_> = (0..crate::webhook::LOOKUPS)
        .map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move { app.webhooks.check(URL, &app.config.webhooks).await })
        })
        .collect();
    let full = async {
        while app.webhooks.lookups.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, full).await.unwrap();
    assert_eq!(
        app.webhooks.check(URL, &app.config.webhooks).await,
        Err(TargetError::Busy)
    );
    drop(release);
    for lookup in lookups {
        assert!(lookup.await.unwrap().is_err());
    }
}

#[test]
fn a_delivery_id_is_made_of_the_message_and_its_recipient() {
    let message = |id: &str, recipient: u8| -> Message {
        let key = agent(recipient);
        let text = format!(
            r#"{{"message_id":"{id}","sender_key":"{key}","recipient_key":"{key}","content_type":"x","status":"sent",
            "created_at":"2026-03-04T08:00:00.000Z","expires_at":"2026-03-04T08:00:00.000Z"}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    let id = |name, recipient| delivery_id(&message(name, recipient));
    assert_eq!(id("msg_1_a1b2c3d4e5f6", 1), id("msg_1_a1b2c3d4e5f6", 1));
    assert_ne!(id("msg_1_a1b2c3d4e5f6", 1), id("msg_1_a1b2c3d4e5f7", 1));
    assert_ne!(id("msg_1_a1b2c3d4e5f6", 1), id("msg_1_a1b2c3d4e5f6", 2));
}

#[tokio::test]
async fn a_configuration_that_is_read_again_holds_at_once() {
    let (resolver, _) = answers(&["127.0.0.1"]);
    let app = app(&[], resolver);
    let check = || app.webhooks.check(URL, &app.config.webhooks);
    assert!(check().await.is_err());
    let mut config = app.config.clone();
    config.webhooks.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
    app.config.replace(config);
    assert_eq!(check().await, Ok(()));
}
