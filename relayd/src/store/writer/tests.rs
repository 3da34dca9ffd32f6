use super::super::fixture::*;
use super::super::queue::Admission;
use super::super::{AcceptError, Options, QueueLimits, Store, StoreError};
use super::*;
use std::path::Path;
use std::sync::mpsc;
use tokio::sync::oneshot;

/// Keeps the writer inside an operation until the answer is dropped.
async fn hold(store: &Store) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (entered, inside) = oneshot::channel();
    let gate = std::sync::Mutex::new((held, Some(entered)));
    let store = store.clone();
    tokio::spawn(async move {
        let hold = store.write::<_, StoreError, _>(Admission::Other, move |_| {
            let mut gate = gate.lock().unwrap();
            gate.1.take().map(|entered| entered.send(()));
            let _ = gate.0.recv();
            Ok(())
        });
        hold.await
    });
    inside.await.unwrap();
    release
}

#[tokio::test]
async fn many_senders_share_a_commit() {
    let store = empty_store();
    let before = store.counters().commits;
    let release = hold(&store).await;
    let senders: Vec<_> = (0..64)
        .map(|number| {
            let submission = send(agent(number), agent(99), "1", at(0));
            let store = store.clone();
            tokio::spawn(async move { store.accept_message(submission).await })
        })
        .collect();
    wait_until(|| store.counters().waiting == 64).await;
    drop(release);
    for sender in senders {
        sender.await.unwrap().unwrap();
    }
    assert_eq!(store.counters().commits - before, 2);
    assert_eq!(waiting(&store, agent(99), at(0)).await.len(), 64);
}

#[tokio::test]
async fn a_full_queue_refuses_sends_first() {
    let options = Options {
        queue: QueueLimits {
            operations: 2,
            bytes: 200,
        },
        ..Options::default()
    };
    let store = Store::in_memory(options).unwrap();
    let release = hold(&store).await;
    let submit = |body: &str| {
        let (store, submission) = (store.clone(), send(agent(1), agent(2), body, at(0)));
        tokio::spawn(async move { store.accept_message(submission).await })
    };
    let overloaded = Err(AcceptError::Store(StoreError::Overloaded));
    let large = submit(&format!("\"{}\"", "x".repeat(200)));
    assert_eq!(large.await.unwrap(), overloaded);
    let first = submit("1");
    wait_until(|| store.counters().waiting == 1).await;
    let second = submit("2");
    wait_until(|| store.counters().waiting == 2).await;
    assert_eq!(submit("3").await.unwrap(), overloaded);
    // Other operations still have room, up to twice as many.
    let sweeps: Vec<_> = (0..3)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.sweep(at(0), 1).await })
        })
        .collect();
    wait_until(|| sweeps.iter().any(tokio::task::JoinHandle::is_finished)).await;
    assert_eq!(store.counters().waiting, 4);
    drop(release);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let mut refused = 0;
    for sweep in sweeps {
        refused += usize::from(sweep.await.unwrap() == Err(StoreError::Overloaded));
    }
    assert_eq!(refused, 1);
    assert_eq!(store.counters().waiting, 0);
}

fn on(disk: &Disk) -> Store {
    let patience = Duration::from_secs(30);
    let options = Options::default();
    Store::start(disk.opener(), Path::new("disk"), options, patience).unwrap()
}

#[tokio::test]
async fn a_store_that_cannot_come_back_says_so() {
    let disk = Disk::default();
    let options = Options::default();
    let store = Store::start(disk.opener(), Path::new("disk"), options, Duration::ZERO).unwrap();
    disk.fail();
    let lost = store.accept_message(send(agent(1), agent(2), "1", at(0)));
    lost.await.unwrap_err();
    let fatal = store.failed().await;
    assert!(fatal.to_string().contains("fails on command"), "{fatal}");
    assert_eq!(store.ping().await, Err(StoreError::Unavailable));
}

#[tokio::test]
async fn a_failing_disk_is_said_to_be_unavailable_and_comes_back() {
    let disk = Disk::default();
    let store = on(&disk);
    let send_one = async |body: &str| {
        let sending = store.accept_message(send(agent(1), agent(2), body, at(0)));
        sending.await.map(|acceptance| acceptance.sequence.0)
    };
    send_one("0").await.unwrap();
    disk.fail();
    let lost = send(agent(1), agent(2), "1", at(0));
    let claim = lost.claim.clone();
    let unavailable = AcceptError::Store(StoreError::Unavailable);
    assert_eq!(store.accept_message(lost).await.unwrap_err(), unavailable);
    assert_eq!(send_one("2").await, Err(unavailable));
    assert!(store.ping().await.is_err());
    disk.mend();
    wait_until(|| store.counters().reopened == 1).await;
    store.ping().await.unwrap();
    // The outcome was left open: it is there whole, with its claim, or not at all.
    let again = super::super::Submission {
        claim,
        ..send(agent(1), agent(2), "1", at(0))
    };
    match store.accept_message(again).await {
        Ok(_) | Err(AcceptError::Replay) => {}
        Err(error) => panic!("{error}"),
    }
    let last = send_one("3").await.unwrap();
    let waiting = waiting(&store, agent(2), at(0)).await;
    let messages: Vec<_> = waiting.into_iter().map(|stored| stored.message).collect();
    assert_eq!(bodies(&messages), ["0", "1", "3"]);
    assert_eq!(last, 3);
}

#[tokio::test]
async fn a_reader_that_meets_the_failure_has_the_database_opened_again() {
    let disk = Disk::default();
    let store = on(&disk);
    let body = format!("\"{}\"", "x".repeat(1 << 20));
    let sending = store.accept_message(send(agent(1), agent(2), &body, at(0)));
    let id = sending.await.unwrap().accepted.message_id;
    store.close().await;
    let store = on(&disk);
    disk.fail();
    let reading = store.message(&id, agent(2), at(0)).await;
    assert_eq!(reading.unwrap_err(), StoreError::Unavailable);
    disk.mend();
    wait_until(|| store.counters().reopened == 1).await;
    assert!(store.message(&id, agent(2), at(0)).await.unwrap().is_some());
}

#[tokio::test]
async fn one_damaged_record_concerns_nobody_else() {
    let store = empty_store();
    let damage = store.write::<_, StoreError, _>(Admission::Other, |tables| {
        tables.agents.insert(agent(7).as_bytes(), [9].as_slice())?;
        Ok(())
    });
    damage.await.unwrap();
    let (one, other) = tokio::join!(
        store.accept_message(send(agent(1), agent(7), "1", at(0))),
        store.accept_message(send(agent(1), agent(2), "1", at(0))),
    );
    let AcceptError::Store(StoreError::Corrupt(_)) = one.unwrap_err() else {
        panic!()
    };
    assert_eq!(other.unwrap().sequence.0, 1);
}

#[tokio::test]
async fn closing_finishes_what_waits_and_ends_the_other_handles() {
    let store = empty_store();
    let other = store.clone();
    let sending = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .accept_message(send(agent(1), agent(2), "1", at(0)))
                .await
        }
    });
    wait_until(|| store.counters().operations == 1).await;
    store.close().await;
    sending.await.unwrap().unwrap();
    assert_eq!(other.ping().await, Err(StoreError::Unavailable));
    let late = other.accept_message(send(agent(1), agent(2), "1", at(0)));
    let unavailable = AcceptError::Store(StoreError::Unavailable);
    assert_eq!(late.await.unwrap_err(), unavailable);
    other.close().await;
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash_and_nothing_twice() {
    let home = Home::new();
    let store = home.open();
    let mut claims = Vec::new();
    for number in 0..20 {
        let submission = send(agent(1), agent(2), &number.to_string(), at(0));
        claims.push(submission.claim.clone());
        store.accept_message(submission).await.unwrap();
        if number == 9 {
            // Readers have seen these: a commit that is not on disk by itself.
            assert_eq!(waiting(&store, agent(2), at(0)).await.len(), 10);
        }
    }
    let first = waiting(&store, agent(2), at(0)).await.remove(0).message;
    let marking = store.mark_delivered(agent(2), &first.message_id, None, at(0));
    marking.await.unwrap();
    let crashed = home.crashed();
    store.close().await;
    for home in [crashed, home] {
        for _ in 0..2 {
            let store = home.open();
            let left = waiting(&store, agent(2), at(0)).await;
            let messages: Vec<_> = left.into_iter().map(|stored| stored.message).collect();
            let expected: Vec<_> = (1..20).map(|number: u8| number.to_string()).collect();
            assert_eq!(bodies(&messages), expected);
            for claim in &claims {
                let replayed = super::super::Submission {
                    claim: claim.clone(),
                    ..send(agent(1), agent(2), "99", at(0))
                };
                let replayed = store.accept_message(replayed).await;
                assert_eq!(replayed.unwrap_err(), AcceptError::Replay);
            }
            store.close().await;
        }
        let store = home.open();
        let next = store.accept_message(send(agent(1), agent(2), "20", at(0)));
        assert_eq!(next.await.unwrap().sequence.0, 21);
        store.close().await;
    }
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_is_said_to_be_unavailable_and_comes_back() {
    let home = Home::new();
    let store = home.open();
    let send_one = async |number: usize| {
        let body = format!("\"{number} {}\"", "x".repeat(1 << 20));
        let sending = store.accept_message(send(agent(1), agent(2), &body, at(0)));
        sending.await.map(|acceptance| acceptance.sequence.0)
    };
    // Whatever number the next file begins with, its name is taken.
    for number in 2..40 {
        std::fs::create_dir(home.journal().join(format!("{number:016x}.log"))).unwrap();
    }
    let mut sent = 0;
    let refused = loop {
        // Somebody reads at the same time, and waits behind the group that is lost.
        let reading = waiting_or_not(&store);
        let (outcome, ()) = tokio::join!(send_one(sent), reading);
        match outcome {
            Ok(sequence) => sent = usize::try_from(sequence).unwrap(),
            Err(error) => break error,
        }
    };
    assert!(sent > 5, "a file takes more than {sent}");
    assert_eq!(refused, AcceptError::Store(StoreError::Unavailable));
    assert!(store.ping().await.is_err());
    for number in 2..40 {
        std::fs::remove_dir(home.journal().join(format!("{number:016x}.log"))).unwrap();
    }
    wait_until(|| store.counters().reopened == 1).await;
    assert_eq!(send_one(99).await, Ok(sent as u64 + 1));
    let room = super::super::Room {
        messages: 1,
        bytes: usize::MAX,
    };
    let mut after = super::super::Sequence::START;
    let mut left = 0;
    while let [stored] = &store
        .next_after(agent(2), after, room, at(0))
        .await
        .unwrap()[..]
    {
        after = stored.sequence;
        left += 1;
    }
    assert_eq!(left, sent + 1);
}

async fn waiting_or_not(store: &Store) {
    let _ = store
        .message(&"msg_1_000000000000".parse().unwrap(), agent(3), at(0))
        .await;
}

#[tokio::test]
async fn messages_that_expired_unseen_hold_up_none_behind_them() {
    let store = empty_store();
    let room = super::super::Room {
        messages: 2,
        bytes: usize::MAX,
    };
    let next = async |after: u64, now: u64| {
        let after = super::super::Sequence(after);
        let found = store.next_after(agent(2), after, room, at(now)).await;
        let found = found.unwrap().into_iter();
        found.map(|stored| stored.sequence.0).collect::<Vec<_>>()
    };
    assert!(next(0, 0).await.is_empty(), "it is watched from now on");
    for _ in 0..5 {
        let sending = store.accept_message(send(agent(1), agent(2), "1", at(0)));
        sending.await.unwrap();
    }
    let sending = store.accept_message(send(agent(1), agent(2), "1", at(900)));
    sending.await.unwrap();
    assert_eq!(next(0, 1_100).await, [6]);
    store.sweep(at(1_100), 100).await.unwrap();
    assert_eq!(next(5, 1_100).await, [6]);
}

#[tokio::test]
async fn a_quiet_store_has_everything_in_its_database() {
    let home = Home::new();
    let store = home.open();
    let sending = store.accept_message(send(agent(1), agent(2), "1", at(0)));
    sending.await.unwrap();
    let has_it = async || {
        let copy = home.without_journal();
        let store = copy.open();
        let has = waiting(&store, agent(2), at(0)).await.len() == 1;
        store.close().await;
        has
    };
    assert!(!has_it().await, "it is in the journal only");
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while !has_it().await {
        assert!(tokio::time::Instant::now() < patience);
    }
}

#[tokio::test]
async fn an_operation_that_meets_damage_halfway_leaves_nothing_behind() {
    let home = Home::new();
    let store = home.open();
    let sending = store.accept_message(send(agent(1), agent(2), "1", at(0)));
    sending.await.unwrap();
    let half = store.write::<(), StoreError, _>(Admission::Other, |tables| {
        tables.agents.insert(agent(7).as_bytes(), [9].as_slice())?;
        Err(Failure::corrupt("on purpose").into())
    });
    let (half, other) = tokio::join!(
        half,
        store.accept_message(send(agent(1), agent(2), "2", at(0)))
    );
    assert!(matches!(half, Err(StoreError::Corrupt(_))), "{half:?}");
    assert_eq!(other.unwrap().sequence.0, 2);
    let to_seven = store.accept_message(send(agent(1), agent(7), "3", at(0)));
    to_seven.await.unwrap();
    assert_eq!(store.counters().reopened, 0);
    let copy = home.crashed();
    let crashed = copy.open();
    assert_eq!(waiting(&crashed, agent(2), at(0)).await.len(), 2);
}

#[tokio::test]
async fn a_reader_that_keeps_up_is_served_without_the_database_and_misses_nothing() {
    let home = Home::new();
    let store = home.open();
    let next = async |after: u64| {
        let room = super::super::Room {
            messages: 100,
            bytes: usize::MAX,
        };
        let after = super::super::Sequence(after);
        let found = store.next_after(agent(2), after, room, at(0)).await;
        let found = found.unwrap().into_iter();
        found.map(|stored| stored.sequence.0).collect::<Vec<_>>()
    };
    let send_one = async |recipient: u8| {
        let sending = store.accept_message(send(agent(1), agent(recipient), "1", at(0)));
        sending.await.unwrap()
    };
    send_one(2).await;
    assert_eq!(next(0).await, [1]);
    send_one(2).await;
    send_one(3).await;
    let third = send_one(2).await;
    let is_shown = || store.shared().visible.is_whole();
    assert!(!is_shown(), "what was accepted is in the journal only");
    assert_eq!(next(1).await, [2, 4]);
    assert!(!is_shown(), "and yet it was found");
    let id = &third.accepted.message_id;
    let marking = store.mark_delivered(agent(2), id, None, at(0));
    marking.await.unwrap();
    assert_eq!(next(1).await, [2]);
    // From the beginning is more than is kept.
    assert_eq!(next(0).await, [1, 2]);
    assert!(is_shown());
    assert!(next(4).await.is_empty());
    assert_eq!(send_one(2).await.sequence.0, 5);
    assert_eq!(next(4).await, [5]);
}
