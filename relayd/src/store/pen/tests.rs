use super::super::failure::Stop;
use super::super::fixture::*;
use super::super::queue::Admission;
use super::super::{Store, StoreError};
use super::*;
use tokio::runtime::Handle;

fn write(tables: &mut Tables<'_>) -> Result<u64, Stop<StoreError>> {
    let sequence = tables.next_sequence();
    let row = [1; 100];
    tables.messages.insert(sequence, row.as_slice())?;
    Ok(sequence)
}

/// Hands in an operation when nobody else has been there for long, and the writer does not have the pen. The answer is there then.
async fn submit_alone<T: Send + 'static>(
    store: &Store,
    work: impl Fn(&mut Tables<'_>) -> Result<T, Stop<StoreError>> + Clone + Send + 'static,
) -> Result<T, StoreError> {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        // Where the writer is about to look at something, it may be first.
        if let Ok(mut pen) = store.0.queue.pen.try_lock() {
            pen.crowded = None;
        }
        let thread = std::thread::current().id();
        let work = work.clone();
        let mut answer = store
            .0
            .queue
            .submit(
                store.shared(),
                Admission::Send {
                    bytes: 100,
                    is_alone: true,
                },
                move |tables| {
                    if std::thread::current().id() == thread {
                        work(tables).map(Some)
                    } else {
                        Ok(None)
                    }
                },
            )
            .unwrap();
        let outcome = match answer.try_recv() {
            Ok(outcome) => outcome,
            Err(_) => answer.await.unwrap(),
        };
        if let Some(outcome) = outcome.transpose() {
            return outcome;
        }
        assert!(tokio::time::Instant::now() < patience);
    }
}

async fn write_at_once(store: &Store) -> u64 {
    submit_alone(store, write).await.unwrap()
}

/// Who carries out a send.
async fn hand_of(store: &Store, bytes: usize, is_alone: bool) -> &'static str {
    let admission = Admission::Send { bytes, is_alone };
    let writing = store.write::<_, StoreError, _>(admission, move |tables| {
        write(tables)?;
        let thread = std::thread::current();
        Ok(match thread.name() {
            Some("store-writer") => "writer",
            _ => "sender",
        })
    });
    writing.await.unwrap()
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
    let first = write_at_once(&store).await;
    let second = write_at_once(&store).await;
    assert!(second > first);
    assert_eq!(store.counters().waiting, 0);
    assert_eq!(store.counters().waiting_bytes, 0);
    assert!(!store.shared().visible.is_whole());
    store.ping().await.unwrap();
    assert!(store.shared().visible.is_whole(), "whoever reads sees it");
    let copy = home.crashed();
    let crashed = copy.open();
    let next = crashed.accept_message(send(agent(1), agent(2), "1", at(0)));
    assert_eq!(next.await.unwrap().sequence.0, second + 1, "none is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_take_long_is_for_the_writer() {
    let (_home, store) = ready().await;
    let pen = || store.0.queue.pen.lock().unwrap();
    write_at_once(&store).await;
    assert_eq!(
        hand_of(&store, SHORT + 1, true).await,
        "writer",
        "a long one"
    );
    write_at_once(&store).await;
    let of_many = hand_of(&store, 100, false).await;
    assert_eq!(of_many, "writer", "one of many");
    write_at_once(&store).await;
    pen().took = QUICK;
    assert_eq!(
        hand_of(&store, 100, true).await,
        "writer",
        "the disk is slow"
    );
    write_at_once(&store).await;
    pen().crowded = Some(Instant::now() + Duration::from_secs(60));
    assert_eq!(
        hand_of(&store, 100, true).await,
        "writer",
        "others are there"
    );
    write_at_once(&store).await;
    while pen().journal.as_ref().unwrap().has_room(2 * SHORT) {
        let filling = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            let sequence = tables.next_sequence();
            tables.messages.insert(sequence, [0; SHORT].as_slice())?;
            Ok(())
        });
        filling.await.unwrap();
    }
    assert_eq!(
        hand_of(&store, 100, true).await,
        "writer",
        "another file is due"
    );
}

#[tokio::test]
async fn somebody_else_has_to_be_there_to_serve() {
    let (_home, store) = ready().await;
    store.0.queue.pen.lock().unwrap().crowded = None;
    assert_eq!(hand_of(&store, 100, true).await, "writer");
}

/// What the network brings is looked for by one worker at a time: not by one that waits for the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_stalls_holds_up_one_worker_only() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (_home, store) = ready().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        let byte = peer.read_u8().await.unwrap();
        peer.write_u8(byte).await.unwrap();
    });
    let (release, stalled) = std::sync::mpsc::channel::<()>();
    let stalled = Arc::new(Mutex::new(stalled));
    let (begun, begins) = std::sync::mpsc::channel();
    // Woken by the driver, alone: no other worker looks for more.
    let sending = tokio::spawn({
        let store = store.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            submit_alone(&store, move |_| {
                let _ = begun.send(());
                let _ = stalled.lock().unwrap().recv();
                Ok(())
            })
            .await
        }
    });
    let peer = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        begins.recv().unwrap();
        let mut peer = std::net::TcpStream::connect(address).unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        peer.write_all(&[7]).unwrap();
        let mut byte = [0];
        let read = peer.read_exact(&mut byte);
        drop(release);
        read.map(|()| byte[0])
    });
    // Not on a worker, so that none is woken by it.
    let answered = peer.join().unwrap();
    assert_eq!(answered.unwrap(), 7);
    sending.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_at_once_is_brought_into_the_database_when_nothing_comes() {
    let (home, store) = ready().await;
    let has = async |expected: u64| {
        let alone = home.without_journal();
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
    let half = submit_alone(&store, |tables| -> Result<u64, Stop<StoreError>> {
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
    let failing = submit_alone(&store, |tables| -> Result<u64, Stop<StoreError>> {
        write(tables)?;
        let error = redb::Error::Corrupted("on purpose".to_owned());
        Err(Failure::from(error).into())
    });
    assert_eq!(failing.await, Err(StoreError::Unavailable));
    wait_until(|| store.counters().reopened == 1).await;
    wait_until(|| store.shared().database().is_ok()).await;
    let next = store.accept_message(send(agent(1), agent(2), "1", at(0)));
    next.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_closed_while_a_loss_is_seen_to_ends() {
    let (_home, store) = ready().await;
    let closing = store.clone();
    let (closed, is_closed) = tokio::sync::oneshot::channel();
    let closed = Arc::new(Mutex::new(Some((closed, closing))));
    let runtime = Handle::current();
    let failing = submit_alone(&store, move |_| -> Result<u64, Stop<StoreError>> {
        // The command is in the writer's hand, which waits for the pen, when it is lost.
        if let Some((closed, store)) = closed.lock().unwrap().take() {
            runtime.spawn(async move {
                store.close().await;
                closed.send(())
            });
        }
        let error = redb::Error::Corrupted("on purpose".to_owned());
        Err(Failure::from(error).into())
    });
    assert_eq!(failing.await, Err(StoreError::Unavailable));
    let patience = tokio::time::timeout(Duration::from_secs(20), is_closed);
    patience.await.unwrap().unwrap();
    assert_eq!(store.ping().await, Err(StoreError::Unavailable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_with_the_pen_ends_the_store() {
    let (_home, store) = ready().await;
    let panicking = tokio::spawn({
        let store = store.clone();
        async move {
            submit_alone(&store, |_| -> Result<(), Stop<StoreError>> {
                panic!("on purpose")
            })
            .await
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
