use super::super::failure::Stop;
use super::super::fixture::*;
use super::super::queue::Admission;
use super::super::{Store, StoreError};
use super::*;
use tokio::sync::oneshot::error::TryRecvError;

/// An operation of the kind that may be carried out at once, and what is known of it when it was handed in.
fn submit<T: Send + 'static>(
    store: &Store,
    bytes: usize,
    work: impl Fn(&mut Tables<'_>) -> Result<T, Stop<StoreError>> + Send + 'static,
) -> Result<Result<T, StoreError>, TryRecvError> {
    let queue = &store.0.queue;
    let mut answer = queue
        .submit(store.shared(), Admission::Send { bytes }, work)
        .unwrap();
    answer.try_recv()
}

fn write(tables: &mut Tables<'_>) -> Result<u64, Stop<StoreError>> {
    let sequence = tables.next_sequence();
    let row = [1; 100];
    tables.messages.insert(sequence, row.as_slice())?;
    Ok(sequence)
}

/// Writes until it is done at once: the writer may just have the pen. The answer is the last place then.
async fn write_at_once(store: &Store) -> u64 {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let done = store.counters().operations;
        match submit(store, 100, write) {
            Ok(written) => return written.unwrap(),
            Err(_) => wait_until(|| store.counters().operations > done).await,
        }
        assert!(tokio::time::Instant::now() < patience);
    }
}

/// With a journal that has its first file.
async fn ready() -> (Home, Store) {
    let home = Home::new();
    let store = home.open();
    let sending = store.accept_message(send(agent(1), agent(2), "1", at(0)));
    assert_eq!(sending.await.unwrap().sequence.0, 1);
    (home, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_alone_has_the_answer_at_once() {
    let (home, store) = ready().await;
    let last = write_at_once(&store).await;
    let last = write_at_once(&store).await.max(last + 1);
    assert_eq!(store.counters().waiting, 0);
    assert_eq!(store.counters().waiting_bytes, 0);
    assert!(!store.shared().visible.is_whole());
    store.ping().await.unwrap();
    assert!(store.shared().visible.is_whole(), "whoever reads sees it");
    let copy = home.crashed();
    let crashed = copy.open();
    let next = crashed.accept_message(send(agent(1), agent(2), "1", at(0)));
    assert_eq!(next.await.unwrap().sequence.0, last + 1, "none is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_message_and_one_that_is_not_alone_are_for_the_writer() {
    let (_home, store) = ready().await;
    let long = submit(&store, SHORT + 1, write);
    assert_eq!(long, Err(TryRecvError::Empty));
    wait_until(|| store.counters().commits == 2).await;
    {
        let _pen = store.0.queue.pen.lock().unwrap();
        assert_eq!(submit(&store, 100, write), Err(TryRecvError::Empty));
        assert_eq!(submit(&store, 100, write), Err(TryRecvError::Empty));
        assert_eq!(store.counters().waiting_bytes, 200);
    }
    wait_until(|| store.counters().operations == 4).await;
    store.0.queue.pen.lock().unwrap().took = QUICK;
    assert_eq!(
        submit(&store, 100, write),
        Err(TryRecvError::Empty),
        "the disk is slow"
    );
}

#[tokio::test]
async fn nobody_else_may_be_there_to_serve() {
    let (_home, store) = ready().await;
    assert_eq!(submit(&store, 100, write), Err(TryRecvError::Empty));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_at_once_is_brought_into_the_database_when_nothing_comes() {
    let (home, store) = ready().await;
    let has = async |expected: u64| {
        let alone = Home::new();
        std::fs::copy(home.database(), alone.database()).unwrap();
        let store = alone.open();
        let last =
            store.write::<_, StoreError, _>(Admission::Other, |tables| Ok(tables.last_sequence()));
        let last = last.await;
        store.close().await;
        last == Ok(expected)
    };
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    let mut last = 1;
    for _ in 0..3 {
        while !has(last).await {
            assert!(tokio::time::Instant::now() < patience);
        }
        // The writer waits for nothing now, and has to hear that there is something again.
        last = write_at_once(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_fails_halfway_leaves_nothing_and_the_next_is_served() {
    let (home, store) = ready().await;
    let last = write_at_once(&store).await;
    let half = store.write::<u64, StoreError, _>(Admission::Send { bytes: 100 }, |tables| {
        write(tables)?;
        Err(Failure::corrupt("on purpose").into())
    });
    assert!(matches!(half.await, Err(StoreError::Corrupt(_))));
    let next = store.accept_message(send(agent(1), agent(2), "1", at(0)));
    assert_eq!(next.await.unwrap().sequence.0, last + 1);
    assert_eq!(store.counters().reopened, 0);
    let copy = home.crashed();
    let crashed = copy.open();
    let next = crashed.accept_message(send(agent(1), agent(2), "1", at(0)));
    assert_eq!(next.await.unwrap().sequence.0, last + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_fails_at_once_is_opened_again() {
    let (_home, store) = ready().await;
    let failing = store.write::<u64, StoreError, _>(Admission::Send { bytes: 100 }, |tables| {
        write(tables)?;
        let error = redb::Error::Corrupted("on purpose".to_owned());
        Err(Failure::from(error).into())
    });
    assert_eq!(failing.await, Err(StoreError::Unavailable));
    wait_until(|| store.counters().reopened == 1).await;
    wait_until(|| store.shared().database().is_ok()).await;
    let next = store.accept_message(send(agent(1), agent(2), "1", at(0)));
    assert_eq!(next.await.unwrap().sequence.0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_with_the_pen_ends_the_store() {
    let (_home, store) = ready().await;
    let panicking = tokio::spawn({
        let store = store.clone();
        async move {
            let never =
                |_: &mut Tables<'_>| -> Result<u64, Stop<StoreError>> { panic!("on purpose") };
            let _ = submit(&store, 100, never);
        }
    });
    panicking.await.unwrap_err();
    let fatal = store.failed().await;
    assert!(fatal.to_string().contains("panicked"), "{fatal}");
    let late = store.accept_message(send(agent(1), agent(2), "1", at(0)));
    assert!(late.await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_come_and_go_lose_nothing() {
    let (home, store) = ready().await;
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut places = Vec::new();
                for _ in 0..100 {
                    let sending = store.accept_message(send(agent(1), agent(2), "1", at(0)));
                    places.push(sending.await.unwrap().sequence.0);
                }
                assert!(places.is_sorted());
                places
            })
        })
        .collect();
    let mut places = vec![1];
    for sender in senders {
        places.extend(sender.await.unwrap());
    }
    places.sort_unstable();
    assert_eq!(places, (1..=801).collect::<Vec<_>>());
    assert_eq!(store.counters().waiting, 0);
    let copy = home.crashed();
    let crashed = copy.open();
    let found: Vec<_> = waiting(&crashed, agent(2), at(0)).await;
    let found: Vec<_> = found.iter().map(|stored| stored.sequence.0).collect();
    assert_eq!(found, places);
}
