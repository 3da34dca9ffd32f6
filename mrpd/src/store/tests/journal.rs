//! What was answered is there after a crash, although the file has not heard of it; and what damage to the journal comes to.

use super::*;
use crate::store::open::journal_of;
use std::path::{Path, PathBuf};

/// What a crash would leave now.
struct Crashed {
    dir: tempfile::TempDir,
}

impl Crashed {
    fn of(fixture: &Fixture) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let crashed = Self { dir };
        let store = fixture.dir.path().join("mrpd.redb");
        std::fs::copy(&store, crashed.store()).unwrap();
        std::fs::create_dir(journal_of(&crashed.store())).unwrap();
        for file in files_of(&journal_of(&store)) {
            let copy = journal_of(&crashed.store()).join(file.file_name().unwrap());
            std::fs::copy(&file, copy).unwrap();
        }
        crashed
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("mrpd.redb")
    }

    fn open(&self) -> Store {
        Store::open(&self.store()).unwrap()
    }

    fn lose_journal(&self) {
        std::fs::remove_dir_all(journal_of(&self.store())).unwrap();
    }
}

fn files_of(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn receive_some(store: &Store, names: &[&str]) {
    for name in names {
        accept(store, incoming(name, &[(name, None)])).await;
    }
}

async fn ids(store: &Store) -> Vec<String> {
    let page = store.page(0, |_| true).await.unwrap();
    let ids = page.messages.iter().map(|(_, message)| message.id.clone());
    ids.collect()
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_crash_though_the_file_lacks_it() {
    let fixture = fixture();
    receive_some(&fixture.store, &["a", "b"]).await;
    let (crashed, bereft) = (Crashed::of(&fixture), Crashed::of(&fixture));
    bereft.lose_journal();
    assert_eq!(ids(&bereft.open()).await, Vec::<String>::new());
    let store = crashed.open();
    assert_eq!(*store.newest().borrow(), 2);
    assert_eq!(ids(&store).await, ["a", "b"]);
    receive_some(&store, &["c"]).await;
    store.close().await;
    assert_eq!(ids(&crashed.open()).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn whoever_reads_sees_what_was_answered_before() {
    let fixture = fixture();
    for number in 1..=20 {
        let name = number.to_string();
        receive_some(&fixture.store, &[&name]).await;
        assert_eq!(fixture.store.counts().await.unwrap().received, number);
    }
    // To be seen is not to be in the file for good.
    let crashed = Crashed::of(&fixture);
    assert_eq!(ids(&crashed.open()).await.len(), 20);
}

#[tokio::test]
async fn a_store_that_nobody_writes_to_is_whole_without_its_journal() {
    let fixture = fixture();
    receive_some(&fixture.store, &["a"]).await;
    let is_whole = async || {
        let crashed = Crashed::of(&fixture);
        crashed.lose_journal();
        // What is copied while it is written to may make no sense.
        let store = Store::open(&crashed.store()).ok()?;
        (store.counts().await.ok()?.received == 1).then_some(())
    };
    let until_whole = async {
        while is_whole().await.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, until_whole).await.unwrap();
    receive_some(&fixture.store, &["b"]).await;
    fixture.store.close().await;
    let journal = journal_of(&fixture.dir.path().join("mrpd.redb"));
    assert_eq!(files_of(&journal), Vec::<PathBuf>::new());
    let crashed = Crashed::of(&fixture);
    assert_eq!(ids(&crashed.open()).await, ["a", "b"]);
}

#[tokio::test]
async fn what_is_whole_of_a_damaged_journal_is_taken_over_and_the_rest_set_aside() {
    let fixture = fixture();
    receive_some(&fixture.store, &["first", "damaged", "last"]).await;
    let crashed = Crashed::of(&fixture);
    let [file] = &files_of(&journal_of(&crashed.store()))[..] else {
        panic!("one file");
    };
    let mut bytes = std::fs::read(file).unwrap();
    let mark = b"damaged";
    let place = bytes.windows(mark.len()).position(|window| window == mark);
    bytes[place.unwrap()] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let store = crashed.open();
    assert_eq!(ids(&store).await, ["first"]);
    let told = journals_set_aside(&crashed.store());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("mrpd.redb.journal.corrupt-"), "{told:?}");
    assert_eq!(set_aside_before(&crashed.store()), Vec::<String>::new());
    receive_some(&store, &["and on"]).await;
    store.close().await;
    assert_eq!(ids(&crashed.open()).await, ["first", "and on"]);
}

#[tokio::test]
async fn the_journal_of_another_store_is_set_aside() {
    let fixture = fixture();
    receive_some(&fixture.store, &["a"]).await;
    let crashed = Crashed::of(&fixture);
    std::fs::remove_file(crashed.store()).unwrap();
    let store = crashed.open();
    assert_eq!(ids(&store).await, Vec::<String>::new());
    assert_eq!(journals_set_aside(&crashed.store()).len(), 1);
}

#[tokio::test]
async fn a_failed_operation_takes_nothing_along_that_was_answered_before() {
    let fixture = fixture();
    receive_some(&fixture.store, &["a", "b"]).await;
    let broken = fixture.store.write(|transaction| {
        transaction.count(Counter::Received, 5)?;
        Err::<(), _>(redb::Error::Io(io::Error::other("no space left")))
    });
    assert!(broken.await.is_err());
    let again = async { while fixture.store.probe().await.is_err() {} };
    let patience = Duration::from_secs(20);
    tokio::time::timeout(patience, again).await.unwrap();
    assert_eq!(ids(&fixture.store).await, ["a", "b"]);
    assert_eq!(fixture.store.counts().await.unwrap().received, 2);
}

#[tokio::test]
async fn a_backup_has_what_was_answered_and_no_journal_of_its_own() {
    let fixture = fixture();
    receive_some(&fixture.store, &["a"]).await;
    let copy = fixture.dir.path().join("copy");
    let made = fixture.store.back_up(copy.clone(), Existing::Kept).await;
    made.unwrap();
    // Beside the journal of the store that it was taken of, which is none of its own.
    receive_some(&fixture.store, &["b"]).await;
    let crashed = Crashed::of(&fixture);
    std::fs::copy(&copy, crashed.store()).unwrap();
    assert_eq!(ids(&crashed.open()).await, ["a"]);
    assert_eq!(journals_set_aside(&crashed.store()).len(), 1);
}
