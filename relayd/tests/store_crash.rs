//! Kills a process that is writing, again and again: what was acknowledged is there, in order, and no signature works twice.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

use mrp_proto::key::{PublicKey, SecretKey, Signature};
use mrp_proto::message::{Draft, Metadata};
use mrp_proto::time::Timestamp;
use relayd::store::{
    AcceptError, Options, Proof, Quotas, ReplayClaim, Room, Sequence, Store, Submission,
};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Tells the test that it is the process to be killed: where to write, and which round it is.
const CHILD: &str = "STORE_CRASH_CHILD";
const SENDERS: u8 = 16;
const RECIPIENT: u8 = 100;

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if let Ok(task) = std::env::var(CHILD) {
        let (round, path) = task.split_once(' ').unwrap();
        return write_until_killed(round.parse().unwrap(), Path::new(path));
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.redb");
    let mut acknowledged: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
    for (round, kill_after) in [1, 40, 333, 120, 700].into_iter().enumerate() {
        for (sender, number) in run_and_kill(round, &path, kill_after) {
            acknowledged.entry(sender).or_default().push(number);
        }
        check(&path, &acknowledged);
    }
}

/// Starts the writing process, and kills it once it has acknowledged so many messages. Answers all that it acknowledged.
fn run_and_kill(round: usize, path: &Path, kill_after: usize) -> Vec<(u8, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "what_was_acknowledged_survives_a_kill",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, format!("{round} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines {
        let line = line.unwrap();
        // The last line may be cut off; the test harness writes lines of its own.
        let Some(rest) = line.strip_prefix("acknowledged ") else {
            continue;
        };
        let Some((sender, number)) = rest.strip_suffix('.').and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        acknowledged.push((sender.parse().unwrap(), number.parse().unwrap()));
        if acknowledged.len() == kill_after {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(acknowledged.len() >= kill_after);
    acknowledged
}

fn write_until_killed(round: u64, path: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = Store::open(path, Options::default()).unwrap();
    let senders = (1..=SENDERS).map(|sender| {
        let store = store.clone();
        async move {
            for number in round * 1_000_000.. {
                store.accept_message(send(sender, number)).await.unwrap();
                let mut output = std::io::stdout();
                writeln!(output, "acknowledged {sender} {number}.").unwrap();
            }
        }
    });
    let tasks: Vec<_> = senders.map(|sender| runtime.spawn(sender)).collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
}

fn check(path: &Path, acknowledged: &BTreeMap<u8, Vec<u64>>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = Store::open(path, Options::default()).unwrap();
    let mut found: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
    let mut last = Sequence::START;
    loop {
        let room = Room {
            messages: 1_000,
            bytes: usize::MAX,
        };
        let page = store.next_after(agent(RECIPIENT), last, room, now());
        let page = runtime.block_on(page).unwrap();
        if page.is_empty() {
            break;
        }
        for stored in page {
            assert!(stored.sequence > last);
            last = stored.sequence;
            let sender = (1..=SENDERS).find(|sender| agent(*sender) == stored.message.sender_key);
            let number = stored.message.body.unwrap().get().parse().unwrap();
            found.entry(sender.unwrap()).or_default().push(number);
        }
    }
    for (sender, numbers) in acknowledged {
        let stored = &found[sender];
        assert!(stored.is_sorted_by(|one, next| one < next), "out of order");
        let missing: Vec<_> = numbers
            .iter()
            .filter(|number| !stored.contains(number))
            .collect();
        assert!(missing.is_empty(), "lost of sender {sender}: {missing:?}");
        let replayed = send(*sender, *numbers.last().unwrap());
        let outcome = runtime.block_on(store.accept_message(replayed));
        assert_eq!(outcome.unwrap_err(), AcceptError::Replay);
    }
    runtime.block_on(store.close());
}

fn agent(number: u8) -> PublicKey {
    SecretKey::from_seed(&[number; 32]).public()
}

/// The clock stands still, so that claims and messages last as long as the test.
fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_772_611_200_000)
}

fn send(sender: u8, number: u64) -> Submission {
    let mut signature = [sender; 64];
    signature[..8].copy_from_slice(&number.to_be_bytes());
    let mut random = [sender; 6];
    random[1..].copy_from_slice(&number.to_be_bytes()[3..]);
    Submission {
        sender: agent(sender),
        draft: Draft {
            recipient: agent(RECIPIENT),
            body: Some(RawValue::from_string(number.to_string()).unwrap()),
            content_type: "application/json".to_owned(),
            attachments: Vec::new(),
            thread_id: None,
            in_reply_to: None,
            expires_in: Duration::from_secs(1_000),
            metadata: Metadata::new(),
        },
        now: now(),
        random,
        claim: Some(ReplayClaim::new(
            agent(sender),
            Proof::Signature(Signature::from_bytes(signature)),
            now().after(Duration::from_secs(600)),
        )),
        idempotency_key: None,
        quotas: Quotas {
            inbox_messages: 0,
            inbox_bytes: 0,
            sender_bytes: 0,
            ..Quotas::default()
        },
    }
}
