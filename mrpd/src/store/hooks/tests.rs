use super::*;
use crate::store::{Copies, Incoming};
use mrpd_api::message::{Direction, Kind};
use redb::ReadableTableMetadata as _;

fn now() -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000)
}

fn message(id: &str) -> Incoming {
    Incoming {
        message: MessageRecord {
            id: id.to_owned(),
            out_id: None,
            dir: Direction::In,
            agent: "own".to_owned(),
            relay: "home".to_owned(),
            from: "alice".to_owned(),
            to: "own".to_owned(),
            kind: Kind::Text,
            content_type: "application/json".to_owned(),
            body: None,
            thread: None,
            reply_to: None,
            attachments: Vec::new(),
            metadata: mrp_proto::message::Metadata::new(),
            encrypted: false,
            verified: false,
            created_at: now(),
            received_at: now(),
            expires_at: now(),
            behind: 0,
            standing: crate::store::Standing::default(),
            downloads: Vec::new(),
            imported: false,
        },
        copies: Copies::default(),
    }
}

fn job(id: &str) -> HookJob {
    HookJob {
        from: "alice".to_owned(),
        message_id: id.to_owned(),
        attempts: 0,
        failures: 0,
        due: None,
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn entry(outcome: &str) -> HookLogEntry {
    HookLogEntry {
        at: now(),
        hook: "a".to_owned(),
        seqs: vec![1],
        message_id: "m1".to_owned(),
        attempt: 1,
        outcome: outcome.to_owned(),
        why: String::new(),
        took_ms: 0,
        stdout: String::new(),
        stderr: String::new(),
    }
}

fn end(seq: u64, end: JobEnd, skipped: &[&str]) -> RunEnd {
    RunEnd {
        hook: "a".to_owned(),
        jobs: vec![(seq, end)],
        skipped: names(skipped),
        log: entry("x"),
    }
}

/// A store with two messages, and the hooks a and b, which have both of them before them.
async fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    store.know_hooks(names(&["a", "b"]), now()).await.unwrap();
    let mut matched = Matched::default();
    for (seq, id) in [(1, "m1"), (2, "m2")] {
        store.accept(message(id)).await.wait().await.unwrap();
        for hook in ["a", "b"] {
            matched.jobs.push((hook.to_owned(), seq, job(id)));
        }
    }
    matched.cursors = vec![("a".to_owned(), 2), ("b".to_owned(), 2)];
    store.record_matched(matched).await.unwrap();
    (dir, store)
}

async fn seqs(store: &Store, hook: &str) -> Vec<u64> {
    let jobs = store.hook_jobs(hook.to_owned()).await.unwrap();
    jobs.into_iter().map(|(seq, _)| seq).collect()
}

#[tokio::test]
async fn attempts_count_from_their_beginning_and_failures_from_their_end() {
    let (dir, store) = store().await;
    for attempt in 1..=2 {
        let begun = store.begin_run("a".to_owned(), vec![1]).await.unwrap();
        assert_eq!((begun[0].1.attempts, begun[0].1.failures), (attempt, 0));
        assert_eq!(begun[0].2.id, "m1");
    }
    let due = now().after(Duration::from_secs(5));
    store
        .end_run(end(1, JobEnd::Retry(due), &[]))
        .await
        .unwrap();
    // It is all there when the daemon comes back.
    store.close().await;
    let store = Store::open(&dir.path().join("store")).unwrap();
    let jobs = store.hook_jobs("a".to_owned()).await.unwrap();
    let kept = HookJob {
        attempts: 2,
        failures: 1,
        due: Some(due),
        ..job("m1")
    };
    assert_eq!(jobs, [(1, kept), (2, job("m2"))]);
    store.end_run(end(1, JobEnd::Handled, &[])).await.unwrap();
    assert_eq!(seqs(&store, "a").await, [2]);
    let hooks = store.know_hooks(names(&["a"]), now()).await.unwrap();
    assert_eq!(
        (hooks[0].1.handled, hooks[0].1.failed, hooks[0].1.cursor),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn later_hooks_are_skipped_unless_they_have_begun() {
    let (_dir, store) = store().await;
    store.begin_run("b".to_owned(), vec![2]).await.unwrap();
    let fallen = store.end_run(end(1, JobEnd::Handled, &["b"])).await;
    assert_eq!(fallen.unwrap(), [("b".to_owned(), 1)]);
    let fallen = store.end_run(end(2, JobEnd::Handled, &["b"])).await;
    assert!(fallen.unwrap().is_empty());
    assert_eq!(seqs(&store, "b").await, [2]);
}

/// A message that a has looked at, and settles alone, before b has looked.
async fn settled_alone(store: &Store) {
    store.accept(message("m3")).await.wait().await.unwrap();
    let mut matched = looked("a", 3);
    matched.jobs = vec![("a".to_owned(), 3, job("m3"))];
    store.record_matched(matched).await.unwrap();
    let fallen = store.end_run(end(3, JobEnd::Handled, &["b"])).await;
    assert_eq!(fallen.unwrap(), []);
}

fn looked(hook: &str, cursor: u64) -> Matched {
    Matched {
        cursors: vec![(hook.to_owned(), cursor)],
        ..Matched::default()
    }
}

async fn b_finds(store: &Store, seq: u64) -> Vec<(String, u64, HookJob)> {
    let mut matched = looked("b", seq);
    matched.jobs = vec![("b".to_owned(), seq, job("m"))];
    store.record_matched(matched).await.unwrap()
}

#[tokio::test]
async fn later_hooks_that_have_not_looked_yet_are_skipped_as_well() {
    let (dir, store) = store().await;
    settled_alone(&store).await;
    store.close().await;
    let store = Store::open(&dir.path().join("store")).unwrap();
    assert_eq!(b_finds(&store, 3).await, []);
    assert_eq!(seqs(&store, "b").await, [1, 2]);
    store.accept(message("m4")).await.wait().await.unwrap();
    let found = b_finds(&store, 4).await;
    assert_eq!(found, [("b".to_owned(), 4, job("m"))]);
    // Once it has come to the message, nothing more is remembered of it.
    store.rewind_hook("b".to_owned(), 3).await.unwrap();
    let noted = store.read(|transaction| {
        let settled = transaction.open_table(crate::store::schema::HOOK_SETTLED)?;
        Ok(settled.len()?)
    });
    assert_eq!(noted.await.unwrap(), 0);
}

#[tokio::test]
async fn a_hook_that_is_set_back_by_hand_is_skipped_no_more() {
    let (_dir, store) = store().await;
    settled_alone(&store).await;
    store.rewind_hook("b".to_owned(), 2).await.unwrap();
    assert_eq!(b_finds(&store, 3).await.len(), 1);
    assert_eq!(seqs(&store, "b").await, [1, 2, 3]);
}

#[tokio::test]
async fn what_is_given_up_can_be_revived_once_or_dropped() {
    let (_dir, store) = store().await;
    for seq in [1, 2] {
        store.begin_run("a".to_owned(), vec![seq]).await.unwrap();
        let dead = JobEnd::Dead("exit status 100".to_owned());
        store.end_run(end(seq, dead, &[])).await.unwrap();
    }
    assert!(seqs(&store, "a").await.is_empty());
    let dead = store.dead_jobs().await.unwrap();
    let shown: Vec<_> = dead
        .iter()
        .map(|dead| (dead.seq, dead.why.as_str()))
        .collect();
    assert_eq!(shown, [(1, "exit status 100"), (2, "exit status 100")]);
    let revived = store.revive_job("a".to_owned(), 1).await.unwrap().unwrap();
    assert_eq!((revived.attempts, revived.failures), (1, 0));
    assert_eq!(store.revive_job("a".to_owned(), 1).await.unwrap(), None);
    assert!(store.drop_dead_job("a".to_owned(), 2).await.unwrap());
    assert!(!store.drop_dead_job("a".to_owned(), 2).await.unwrap());
    assert_eq!(
        (seqs(&store, "a").await, store.dead_job_count().await),
        (vec![1], Ok(0))
    );
}

#[tokio::test]
async fn a_hook_begins_behind_the_newest_message_and_is_remembered_for_a_while() {
    let (_dir, store) = store().await;
    let cursor = |hooks: &[(String, HookRecord)], name: &str| {
        let found = hooks.iter().find(|(known, _)| known == name);
        found.map(|(_, record)| record.cursor)
    };
    let hooks = store.know_hooks(names(&["b", "new"]), now()).await.unwrap();
    assert_eq!(
        (cursor(&hooks, "new"), cursor(&hooks, "b")),
        (Some(2), Some(2))
    );
    store.accept(message("m3")).await.wait().await.unwrap();
    // It comes back within the time: its queue is there, but what came meanwhile is not for it.
    let later = now().after(KEPT);
    let hooks = store.know_hooks(names(&["a", "b"]), later).await.unwrap();
    assert_eq!(
        (cursor(&hooks, "a"), cursor(&hooks, "b")),
        (Some(3), Some(2))
    );
    assert_eq!(seqs(&store, "a").await, [1, 2]);
    store.know_hooks(names(&["b"]), later).await.unwrap();
    let much_later = later.after(KEPT + Duration::from_secs(1));
    store.know_hooks(names(&["b"]), much_later).await.unwrap();
    assert_eq!(
        (seqs(&store, "a").await, seqs(&store, "b").await),
        (vec![], vec![1, 2])
    );
}

#[tokio::test]
async fn a_hook_is_switched_on_behind_the_newest_message() {
    let (_dir, store) = store().await;
    store.switch_hook("a".to_owned(), true).await.unwrap();
    store.accept(message("m3")).await.wait().await.unwrap();
    let hooks = store.know_hooks(names(&["a"]), now()).await.unwrap();
    assert!(hooks[0].1.disabled);
    let on = store.switch_hook("a".to_owned(), false).await.unwrap();
    assert_eq!((on.cursor, on.disabled), (3, false));
    assert_eq!(
        store.rewind_hook("a".to_owned(), 1).await.unwrap().cursor,
        1
    );
}

#[tokio::test]
async fn the_log_keeps_the_newest_entries_and_is_read_by_hook() {
    let (_dir, store) = store().await;
    let other = HookLogEntry {
        hook: "b".to_owned(),
        ..entry("passed_over")
    };
    let matched = Matched {
        passed: std::iter::repeat_n(other, 10_050).collect(),
        ..Matched::default()
    };
    store.record_matched(matched).await.unwrap();
    store.end_run(end(1, JobEnd::Handled, &[])).await.unwrap();
    let first = store.hook_log(0, None).await.unwrap().entries[0].0;
    assert_eq!(first, 52, "10,000 are kept");
    let mut after = 0;
    let found = loop {
        let page = store.hook_log(after, Some("a".to_owned())).await.unwrap();
        if page.end {
            break page.entries;
        }
        assert!(page.entries.is_empty());
        after = page.reached;
    };
    assert_eq!((found.len(), found[0].0), (1, 10_051));
}

#[tokio::test]
async fn a_message_that_is_gone_is_nobodys_affair() {
    let (_dir, store) = store().await;
    let matched = Matched {
        jobs: vec![("a".to_owned(), 9, job("m9"))],
        ..Matched::default()
    };
    store.record_matched(matched).await.unwrap();
    assert!(
        store
            .begin_run("a".to_owned(), vec![9])
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(seqs(&store, "a").await, [1, 2]);
}

#[tokio::test]
async fn what_is_given_up_without_its_message_is_not_revived() {
    let (_dir, store) = store().await;
    let matched = Matched {
        jobs: vec![("a".to_owned(), 9, job("m9"))],
        ..Matched::default()
    };
    store.record_matched(matched).await.unwrap();
    let dead = JobEnd::Dead("exit status 100".to_owned());
    store.end_run(end(9, dead, &[])).await.unwrap();
    assert_eq!(store.revive_job("a".to_owned(), 9).await.unwrap(), None);
    assert_eq!(seqs(&store, "a").await, [1, 2]);
}

#[tokio::test]
async fn what_is_given_up_last_is_not_what_gives_way() {
    let (_dir, store) = store().await;
    let matched = Matched {
        jobs: (1..=10_000)
            .map(|seq| ("b".to_owned(), seq, job("m")))
            .collect(),
        ..Matched::default()
    };
    store.record_matched(matched).await.unwrap();
    let dead = || JobEnd::Dead("exit status 100".to_owned());
    let others = RunEnd {
        hook: "b".to_owned(),
        jobs: (1..=10_000).map(|seq| (seq, dead())).collect(),
        skipped: Vec::new(),
        log: entry("dead"),
    };
    store.end_run(others).await.unwrap();
    store.end_run(end(1, dead(), &[])).await.unwrap();
    store.end_run(end(2, dead(), &[])).await.unwrap();
    let kept: Vec<_> = store.dead_jobs().await.unwrap();
    let first: Vec<_> = kept[..2]
        .iter()
        .map(|dead| (&*dead.hook, dead.seq))
        .collect();
    assert_eq!(first, [("a", 2), ("b", 2)]);
    assert_eq!(kept.len(), 10_000);
}
