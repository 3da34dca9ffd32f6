use super::*;
use futures_util::stream;
use std::convert::Infallible;

struct Fixture {
    _dir: tempfile::TempDir,
    store: Store,
    uploads: Uploads,
}

async fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("mrpd.redb")).unwrap();
    let uploads = Uploads::open(dir.path().join("outgoing"), store.clone());
    Fixture {
        uploads: uploads.await.unwrap(),
        store,
        _dir: dir,
    }
}

fn pieces(pieces: &'static [&'static [u8]]) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(pieces.iter().map(|piece| Ok(Bytes::from_static(piece))))
}

fn limits(limit: u64, limit_of_all: u64) -> Description {
    Description {
        limit,
        limit_of_all,
        ..Description::default()
    }
}

async fn read(body: impl Stream<Item = io::Result<Bytes>>) -> io::Result<Vec<u8>> {
    let pieces: Vec<Bytes> = body.try_collect().await?;
    Ok(pieces.concat())
}

fn on_disk(uploads: &Uploads) -> usize {
    std::fs::read_dir(&*uploads.dir).unwrap().count()
}

#[tokio::test]
async fn a_file_lies_sealed_and_comes_back_as_it_was() {
    let Fixture { uploads, .. } = &fixture().await;
    let content: &[&[u8]] = &[b"a secret ", b"", b"in pieces"];
    let file = uploads
        .receive(limits(100, 100), pieces(content))
        .await
        .unwrap();
    assert_eq!(file.size, 18);
    let plain = read(uploads.plain(&file).await.unwrap()).await.unwrap();
    assert_eq!(plain, b"a secret in pieces");
    assert_eq!(
        base64url::encode(&Sha256::digest(&plain)),
        file.plain_digest
    );
    let sealed = read(uploads.sealed(&file).await.unwrap()).await.unwrap();
    assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
    assert_eq!(
        base64url::encode(&Sha256::digest(&sealed)),
        file.sealed_digest
    );
    let path = uploads.dir.join(&file.id);
    let mut damaged = sealed;
    damaged[20] ^= 1;
    std::fs::write(path, damaged).unwrap();
    assert!(read(uploads.plain(&file).await.unwrap()).await.is_err());
}

#[tokio::test]
async fn what_is_refused_or_cut_short_leaves_nothing() {
    let Fixture { uploads, store, .. } = &fixture().await;
    let refused = uploads
        .receive(limits(4, 100), pieces(&[b"123", b"45"]))
        .await;
    assert!(matches!(refused, Err(ReceiveError::TooLarge { limit: 4 })));
    let broken = stream::iter([Ok(Bytes::from_static(b"12")), Err("gone")]);
    let refused = uploads.receive(limits(9, 100), broken).await;
    assert!(matches!(refused, Err(ReceiveError::Broken(_))));
    let stuck = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"12"))]);
    let stuck = uploads.receive(limits(9, 100), stuck.chain(stream::pending()));
    assert!(
        tokio::time::timeout(Duration::from_millis(50), stuck)
            .await
            .is_err()
    );
    uploads
        .receive(limits(9, 6), pieces(&[b"1234"]))
        .await
        .unwrap();
    let refused = uploads.receive(limits(9, 6), pieces(&[b"123"])).await;
    assert!(matches!(
        refused,
        Err(ReceiveError::Full {
            waiting: 4,
            limit: 6
        })
    ));
    assert_eq!(
        (on_disk(uploads), store.files().await.unwrap().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn what_no_message_takes_goes_and_what_is_on_no_record_goes_at_the_start() {
    let Fixture { uploads, store, .. } = &fixture().await;
    let file = uploads
        .receive(limits(9, 9), pieces(&[b"1"]))
        .await
        .unwrap();
    let now = file.used_at;
    let left = uploads.sweep(now).await.unwrap();
    assert_eq!((left, on_disk(uploads)), (Some(GRACE), 1));
    std::fs::write(uploads.dir.join("file_cut_short"), b"1").unwrap();
    let again = Uploads::open(uploads.dir.to_path_buf(), store.clone())
        .await
        .unwrap();
    assert_eq!(on_disk(&again), 1);
    assert_eq!(again.sweep(now.after(GRACE)).await.unwrap(), None);
    assert_eq!(
        (on_disk(&again), store.files().await.unwrap().len()),
        (0, 0)
    );
}
