//! Lists, leases, held messages, threads, retention, and the way from the older layout.

use super::*;
use mrpd_api::message::State;

async fn receive(store: &Store, id: &str, change: impl FnOnce(&mut MessageRecord)) -> u64 {
    let mut incoming = incoming(id, &[(id, None)]);
    change(&mut incoming.message);
    match accept(store, incoming).await {
        Stored::New(seq) => seq,
        other => panic!("{other:?}"),
    }
}

async fn receive_plain(store: &Store, count: u64) {
    for number in 1..=count {
        receive(store, &format!("m{number}"), |_| {}).await;
    }
}

async fn found(store: &Store, selection: Selection) -> Vec<u64> {
    let mut selection = selection;
    let mut found = Vec::new();
    loop {
        let page = store.select(selection.clone(), |_, _| true).await.unwrap();
        found.extend(page.messages.iter().map(|(seq, _)| *seq));
        if page.end {
            return found;
        }
        selection.go_on(page.reached);
    }
}

fn demand(fields: &[(Field, &str)]) -> Selection {
    let mut selection = Selection::default();
    for (field, value) in fields {
        selection.demand(*field, value);
    }
    selection
}

async fn in_state(store: &Store, state: State) -> Vec<u64> {
    let mut selection = Selection::default();
    selection.demand_state(state);
    found(store, selection).await
}

async fn ready(store: &Store) -> Vec<u64> {
    let mut selection = Selection::default();
    selection.demand_ready();
    found(store, selection).await
}

async fn claim(store: &Store, seqs: &[u64], now: i64, until: i64) -> Vec<u64> {
    let claimed = store.claim(seqs.to_vec(), 100, at(now), at(until)).await;
    claimed.unwrap().into_iter().map(|(seq, _)| seq).collect()
}

async fn settle(store: &Store, target: Target, settlement: Settlement) -> Settled {
    store.settle(vec![target], settlement).await.unwrap()
}

fn id(id: &str) -> Target {
    Target::Id(id.to_owned())
}

fn lease(seq: u64, attempt: u32) -> Target {
    Target::Lease { seq, attempt }
}

#[tokio::test]
async fn what_is_on_several_lists_is_found_both_ways() {
    let Fixture { dir: _dir, store } = fixture();
    for number in 1..=60_u64 {
        receive(&store, &format!("m{number}"), |message| {
            message.from = format!("peer{}", number % 3);
            message.thread = (number % 5 == 0).then(|| "t".to_owned());
            message.kind = if number % 2 == 0 {
                Kind::Event
            } else {
                Kind::Text
            };
        })
        .await;
    }
    let wanted = |rule: fn(u64) -> bool| (1..=60).filter(|&n| rule(n)).collect::<Vec<_>>();
    let three = [
        (Field::Peer, "peer1"),
        (Field::Thread, "t"),
        (Field::Kind, "event"),
    ];
    let both = |n: u64| n % 30 == 10;
    assert_eq!(found(&store, demand(&three)).await, wanted(both));
    let mut backwards = demand(&three);
    backwards.order = Order::Descending;
    backwards.limit = 1;
    let mut reversed = wanted(both);
    reversed.reverse();
    assert_eq!(found(&store, backwards).await, reversed);
    let within = Selection {
        after: 10,
        before: 41,
        ..demand(&[(Field::Thread, "t")])
    };
    assert_eq!(found(&store, within).await, [15, 20, 25, 30, 35, 40]);
    assert_eq!(
        found(&store, demand(&[(Field::Thread, "no")])).await,
        [0; 0]
    );
    assert_eq!(found(&store, demand(&[(Field::Peer, "t")])).await, [0; 0]);
}

#[tokio::test]
async fn since_begins_at_the_right_message_even_when_the_clock_was_wrong() {
    let Fixture { dir: _dir, store } = fixture();
    // One message comes while the clock is an hour ahead.
    for (number, seconds) in [(1, 10), (2, 20), (3, 3620), (4, 30), (5, 40)] {
        receive(&store, &format!("m{number}"), |message| {
            message.received_at = at(seconds);
        })
        .await;
    }
    let since = |seconds| {
        let store = store.clone();
        async move {
            let selection = Selection {
                since: Some(at(seconds)),
                ..Selection::default()
            };
            let matches = move |_: u64, message: &MessageRecord| message.received_at >= at(seconds);
            let page = store.select(selection, matches).await.unwrap();
            let seqs: Vec<u64> = page.messages.iter().map(|(seq, _)| *seq).collect();
            seqs
        }
    };
    assert_eq!(since(5).await, [1, 2, 3, 4, 5]);
    assert_eq!(since(20).await, [2, 3, 4, 5]);
    assert_eq!(since(35).await, [3, 5]);
    assert_eq!(since(9000).await, [0; 0]);
}

#[tokio::test]
async fn a_message_belongs_to_one_claimer_until_its_lease_ends() {
    let Fixture { dir: _dir, store } = fixture();
    receive_plain(&store, 3).await;
    assert_eq!(claim(&store, &[1, 2], 100, 200).await, [1, 2]);
    assert_eq!(claim(&store, &[1, 2, 3], 150, 400).await, [3]);
    assert_eq!(ready(&store).await, [0; 0]);
    assert_eq!(in_state(&store, State::Claimed).await, [1, 2, 3]);
    assert_eq!(store.next_due().await.unwrap(), Some(at(200)));
    // Whoever comes after the end gets it, whether or not anybody has cleaned up.
    assert_eq!(claim(&store, &[1], 200, 300).await, [1]);
    let late = settle(&store, lease(1, 1), Settlement::Done).await;
    assert_eq!(late, Settled::Lost(vec![lease(1, 1)]));
    let right = settle(&store, lease(1, 2), Settlement::Done).await;
    assert_eq!(right, Settled::Changed(vec![1]));
    // Message 2 has run out as well, and nobody has taken it: whoever had it may still say that it is done.
    assert_eq!(ready(&store).await, [2]);
    let late = settle(&store, lease(2, 1), Settlement::Done).await;
    assert_eq!(late, Settled::Changed(vec![2]));
    assert_eq!(in_state(&store, State::Done).await, [1, 2]);
    let again = settle(&store, lease(2, 1), Settlement::Done).await;
    assert_eq!(again, Settled::Changed(vec![2]), "an ack can be repeated");
    assert_eq!(
        settle(&store, id("m9"), Settlement::Done).await,
        Settled::Missing(vec![id("m9")])
    );
}

#[tokio::test]
async fn leases_end_in_time_and_survive_a_restart() {
    let Fixture { dir, store } = fixture();
    receive_plain(&store, 2).await;
    claim(&store, &[1, 2], 100, 200).await;
    settle(&store, id("m2"), Settlement::Keep(at(300))).await;
    store.close().await;
    let store = Store::open(&dir.path().join("mrpd.redb")).unwrap();
    assert_eq!(claim(&store, &[1, 2], 150, 400).await, [0; 0]);
    let mut changes = store.ready_changes();
    changes.borrow_and_update();
    assert!(!store.end_due(at(250)).await.unwrap());
    assert!(changes.has_changed().unwrap());
    assert_eq!(ready(&store).await, [1]);
    let (_, message) = &store.by_id("m1".to_owned()).await.unwrap()[0];
    assert_eq!(
        (message.standing.state, message.standing.attempt),
        (State::New, 1)
    );
}

#[tokio::test]
async fn what_is_given_back_waits_for_its_time() {
    let Fixture { dir: _dir, store } = fixture();
    receive_plain(&store, 3).await;
    claim(&store, &[1, 2, 3], 100, 200).await;
    settle(&store, id("m1"), Settlement::Again(None)).await;
    settle(&store, id("m2"), Settlement::Again(Some(at(500)))).await;
    settle(&store, id("m3"), Settlement::Dead).await;
    assert_eq!(ready(&store).await, [1]);
    assert_eq!(
        in_state(&store, State::New).await,
        [1, 2],
        "delayed is unread as well"
    );
    assert_eq!(in_state(&store, State::Dead).await, [3]);
    assert_eq!(
        settle(&store, id("m1"), Settlement::Again(None)).await,
        Settled::Unclaimed(vec![id("m1")])
    );
    store.end_due(at(499)).await.unwrap();
    assert_eq!(ready(&store).await, [1]);
    store.end_due(at(500)).await.unwrap();
    assert_eq!(ready(&store).await, [1, 2]);
    assert_eq!(store.counts().await.unwrap().unread, 2);
}

#[tokio::test]
async fn a_change_is_made_for_all_or_for_none() {
    let Fixture { dir: _dir, store } = fixture();
    receive_plain(&store, 2).await;
    claim(&store, &[1, 2], 100, 200).await;
    let targets = vec![id("m1"), lease(2, 7)];
    let settled = store.settle(targets, Settlement::Done).await.unwrap();
    assert_eq!(settled, Settled::Lost(vec![lease(2, 7)]));
    assert_eq!(in_state(&store, State::Claimed).await, [1, 2]);
    let marked = settle(&store, id("m1"), Settlement::Mark(State::Read)).await;
    assert_eq!(marked, Settled::Lost(vec![id("m1")]));
    let twice = store.settle(vec![id("m1"), lease(1, 1)], Settlement::Done);
    assert_eq!(twice.await.unwrap(), Settled::Changed(vec![1]));
}

#[tokio::test]
async fn strangers_are_held_until_they_are_let_in() {
    let Fixture { dir: _dir, store } = fixture();
    let hold = |id: &'static str, from: &'static str| {
        let store = store.clone();
        async move {
            let mut incoming = incoming(id, &[(id, None)]);
            incoming.message.from = from.to_owned();
            let stored = store.accept_from_stranger(incoming).await;
            stored.wait().await.unwrap()
        }
    };
    assert_eq!(hold("a", "eve").await, Stored::Held);
    assert_eq!(hold("a", "eve").await, Stored::Copy);
    assert_eq!(hold("b", "mallory").await, Stored::Held);
    assert_eq!(hold("c", "eve").await, Stored::Held);
    assert_eq!(receive(&store, "d", |_| {}).await, 1);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.held, counts.newest), (3, 1));
    let senders = HeldBy::Senders(vec!["eve".to_owned()]);
    store.let_in(vec!["eve".to_owned()]).await.unwrap();
    assert_eq!(store.release(senders.clone()).await.unwrap(), 2);
    assert_eq!(store.release(senders).await.unwrap(), 0);
    assert_eq!(
        found(&store, demand(&[(Field::Peer, "eve")])).await,
        [2, 3],
        "they get their numbers when they become visible"
    );
    assert_eq!(hold("e", "eve").await, Stored::New(4));
    let ids = HeldBy::Ids(vec!["b".to_owned()]);
    assert_eq!(store.drop_held(ids).await.unwrap(), 1);
    assert_eq!(hold("b", "mallory").await, Stored::Copy, "a copy of it");
    let bob = draft("out_1");
    store.enqueue(bob, None).await.unwrap();
    assert!(
        matches!(hold("f", "me").await, Stored::New(5)),
        "whoever was written to may answer"
    );
    assert_eq!(store.counts().await.unwrap().held, 0);
}

#[tokio::test]
async fn threads_have_both_ways_and_the_latest_comes_first() {
    let Fixture { dir: _dir, store } = fixture();
    for (id, thread) in [("1", "a"), ("2", "b"), ("3", "a"), ("4", "b"), ("5", "b")] {
        receive(&store, id, |message| {
            message.thread = Some(thread.to_owned());
            if id == "4" {
                message.dir = Direction::Out;
            }
        })
        .await;
    }
    let listed = |before| {
        let store = store.clone();
        async move {
            let threads = store.threads(before, 10).await.unwrap();
            let shown = threads.into_iter().map(|t| (t.id, t.count, t.newest));
            shown.collect::<Vec<_>>()
        }
    };
    let entry = |id: &str, count, newest| (id.to_owned(), count, newest);
    assert_eq!(listed(99).await, [entry("b", 3, 5), entry("a", 2, 3)]);
    assert_eq!(listed(5).await, [entry("a", 2, 3)]);
    for id in ["5", "1", "3"] {
        assert_eq!(store.remove(id.to_owned()).await.unwrap(), 1);
    }
    assert_eq!(listed(99).await, [entry("b", 2, 4)]);
}

#[tokio::test]
async fn retention_takes_what_is_old_and_settled_and_nothing_else() {
    let Fixture { dir: _dir, store } = fixture();
    for number in 1..=8 {
        receive(&store, &format!("m{number}"), |message| {
            message.received_at = at(i64::from(number) * 100);
            if number == 8 {
                message.dir = Direction::Out;
                message.received_at = at(150);
            }
        })
        .await;
    }
    claim(&store, &[1, 2, 6], 900, 999_999).await;
    settle(&store, id("m2"), Settlement::Done).await;
    settle(&store, id("m3"), Settlement::Mark(State::Read)).await;
    settle(&store, id("m7"), Settlement::Mark(State::Archived)).await;
    let expendable = Expendable {
        before: Some(at(650)),
        bytes: None,
        unread: Unread::Keep,
        after: 0,
    };
    let pruned = store.prune(expendable.clone()).await.unwrap();
    assert_eq!((pruned.removed, pruned.end), (3, true));
    assert_eq!(found(&store, Selection::default()).await, [1, 4, 5, 6, 7]);
    assert!(store.by_id("m2".to_owned()).await.unwrap().is_empty());
    let unread = Expendable {
        unread: Unread::Drop,
        ..expendable
    };
    store.prune(unread).await.unwrap();
    assert_eq!(found(&store, Selection::default()).await, [1, 6, 7]);
    let bytes = store.counts().await.unwrap().bytes;
    let too_much = Expendable {
        before: None,
        bytes: Some(bytes - 1),
        unread: Unread::Keep,
        after: 0,
    };
    store.prune(too_much).await.unwrap();
    assert_eq!(found(&store, Selection::default()).await, [1, 6]);
    assert_eq!(
        receive(&store, "m9", |_| {}).await,
        9,
        "numbers are not used again"
    );
    let copy = accept(&store, incoming("m2", &[("m2", None)])).await;
    assert_eq!(copy, Stored::Copy, "what is gone does not come back");
}

#[tokio::test]
async fn bytes_are_counted_and_come_back_to_nothing() {
    let Fixture { dir: _dir, store } = fixture();
    receive_plain(&store, 30).await;
    assert!(store.counts().await.unwrap().bytes > 30 * 100);
    let everything = Expendable {
        before: None,
        bytes: None,
        unread: Unread::Drop,
        after: 0,
    };
    assert_eq!(store.prune(everything).await.unwrap().removed, 30);
    let counts = store.counts().await.unwrap();
    assert_eq!(
        (counts.bytes, counts.received, counts.unread, counts.newest),
        (0, 0, 0, 30)
    );
    assert_eq!(ready(&store).await, [0; 0]);
}

#[tokio::test]
async fn a_file_that_has_become_empty_becomes_small() {
    let Fixture { dir, store } = fixture();
    let path = dir.path().join("mrpd.redb");
    let text = "x".repeat(400_000);
    for number in 0..120 {
        receive(&store, &format!("m{number}"), |message| {
            message.body = Some(serde_json::value::to_raw_value(&text).unwrap());
        })
        .await;
    }
    assert_eq!(
        store.compact(Duration::ZERO).await.unwrap(),
        Compaction::Needless
    );
    let everything = Expendable {
        before: None,
        bytes: None,
        unread: Unread::Drop,
        after: 0,
    };
    store.prune(everything).await.unwrap();
    receive(&store, "last", |_| {}).await;
    let before = std::fs::metadata(&path).unwrap().len();
    assert_eq!(
        store.compact(Duration::from_secs(3600)).await.unwrap(),
        Compaction::Busy
    );
    assert_eq!(
        store.compact(Duration::ZERO).await.unwrap(),
        Compaction::Done
    );
    let after = std::fs::metadata(&path).unwrap().len();
    assert!(after < before / 4, "{before} to {after}");
    assert_eq!(
        store.compact(Duration::ZERO).await.unwrap(),
        Compaction::Needless
    );
    assert_eq!(receive(&store, "more", |_| {}).await, 122);
    assert_eq!(store.by_id("last".to_owned()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_older_file_is_brought_to_this_layout_wherever_that_was_broken_off() {
    for done_before in [0, 2] {
        let Fixture { dir, store } = fixture();
        receive_plain(&store, 5).await;
        receive(&store, "sent", |message| {
            message.dir = Direction::Out;
            message.to = "bob".to_owned();
            message.thread = Some("t".to_owned());
        })
        .await;
        store.close().await;
        let path = dir.path().join("mrpd.redb");
        make_old(&path, done_before);
        let store = Store::open(&path).unwrap();
        assert_eq!(in_state(&store, State::New).await.len(), 5);
        assert_eq!(found(&store, demand(&[(Field::Peer, "bob")])).await, [6]);
        assert_eq!(store.threads(99, 9).await.unwrap().len(), 1);
        let counts = store.counts().await.unwrap();
        assert_eq!((counts.unread, counts.received), (5, 6));
        assert!(counts.bytes > 600);
        let mut stranger = incoming("x", &[("x", None)]);
        stranger.message.from = "bob".to_owned();
        let stored = store.accept_from_stranger(stranger).await.wait().await;
        assert_eq!(stored.unwrap(), Stored::New(7));
        store.close().await;
        assert_eq!(
            Store::open(&path).unwrap().counts().await.unwrap().unread,
            6,
            "it is done once"
        );
    }
}

/// Takes away from a file what the older layout did not have, but for what `done` messages have of it.
fn make_old(path: &Path, done: u64) {
    use crate::store::schema::*;
    use redb::ReadableTable as _;
    let database = Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut kept = Vec::new();
    {
        let index = transaction.open_table(INDEX).unwrap();
        for entry in index.iter().unwrap() {
            let key = entry.unwrap().0.value();
            if key.1 <= done {
                kept.push(key);
            }
        }
    }
    transaction.delete_table(INDEX).unwrap();
    transaction.delete_table(STANDINGS).unwrap();
    transaction.delete_table(TIMES).unwrap();
    transaction.delete_table(THREADS).unwrap();
    transaction.delete_table(THREAD_ORDER).unwrap();
    transaction.delete_table(LET_IN).unwrap();
    {
        let mut index = transaction.open_table(INDEX).unwrap();
        for key in kept {
            index.insert(key, ()).unwrap();
        }
        let mut meta = transaction.open_table(META).unwrap();
        meta.insert(SCHEMA, 1).unwrap();
        meta.insert(Counter::Bytes.name(), 0).unwrap();
        meta.insert(Counter::Unread.name(), done).unwrap();
        meta.insert(Counter::Upgraded.name(), done).unwrap();
    }
    transaction.commit().unwrap();
}

#[tokio::test]
async fn what_a_hook_has_yet_to_do_with_stays() {
    let Fixture { dir: _dir, store } = fixture();
    receive_plain(&store, 2).await;
    let hooks = vec!["deploy".to_owned()];
    store.know_hooks(hooks.clone(), at(1)).await.unwrap();
    for number in 3..=4 {
        receive(&store, &format!("m{number}"), |_| {}).await;
    }
    let everything = Expendable {
        before: None,
        bytes: None,
        unread: Unread::Drop,
        after: 0,
    };
    store.prune(everything.clone()).await.unwrap();
    assert_eq!(found(&store, Selection::default()).await, [3, 4]);
    let job = HookJob {
        from: "alice".to_owned(),
        message_id: "m3".to_owned(),
        attempts: 0,
        failures: 0,
        due: None,
    };
    let matched = Matched {
        cursors: vec![(hooks[0].clone(), 4)],
        jobs: vec![(hooks[0].clone(), 3, job)],
        passed: Vec::new(),
    };
    store.record_matched(matched).await.unwrap();
    store.prune(everything.clone()).await.unwrap();
    assert_eq!(found(&store, Selection::default()).await, [3]);
    // What was given up waits for the user's word, and goes when that is spoken.
    store.end_run(given_up(&hooks[0], 3)).await.unwrap();
    for size in [None, Some(0)] {
        let expendable = Expendable {
            bytes: size,
            ..everything.clone()
        };
        store.prune(expendable).await.unwrap();
        assert_eq!(found(&store, Selection::default()).await, [3]);
    }
    assert!(store.drop_dead_job(hooks[0].clone(), 3).await.unwrap());
    store.prune(everything).await.unwrap();
    assert_eq!(found(&store, Selection::default()).await, [0_u64; 0]);
}

fn given_up(hook: &str, seq: u64) -> RunEnd {
    let why = "exit status 100";
    RunEnd {
        hook: hook.to_owned(),
        jobs: vec![(seq, JobEnd::Dead(why.to_owned()))],
        skipped: Vec::new(),
        log: HookLogEntry {
            at: at(5),
            hook: hook.to_owned(),
            seqs: vec![seq],
            message_id: format!("m{seq}"),
            attempt: 1,
            outcome: "dead".to_owned(),
            why: why.to_owned(),
            took_ms: 0,
            stdout: String::new(),
            stderr: String::new(),
        },
    }
}
