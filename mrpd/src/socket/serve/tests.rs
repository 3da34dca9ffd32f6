use super::*;
use axum::routing::get;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Server {
    dir: tempfile::TempDir,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    fn start(own: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "hello" }));
        let permitted = Permitted {
            own,
            others: Vec::new(),
        };
        let task = tokio::spawn(serve(listener, router, permitted, stop.clone()));
        Self { dir, stop, task }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("s")
    }
}

async fn ask(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read)
        .await
        .unwrap()
        .unwrap();
    answer
}

#[tokio::test]
async fn own_programs_are_answered_and_the_end_is_orderly() {
    let server = Server::start(nix::unistd::geteuid().as_raw());
    let answer = ask(&server.path()).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"),
        "{answer}"
    );
    let idle = UnixStream::connect(server.path()).await.unwrap();
    server.stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), server.task)
        .await
        .unwrap()
        .unwrap();
    drop(idle);
}

#[test]
fn only_the_user_root_and_those_named_may_connect() {
    let permitted = Permitted {
        own: 1000,
        others: vec![1001],
    };
    let allowed: Vec<u32> = [0, 999, 1000, 1001, 1002]
        .into_iter()
        .filter(|uid| permitted.contains(*uid))
        .collect();
    assert_eq!(allowed, [0, 1000, 1001]);
}

#[tokio::test]
async fn too_many_clients_are_told_so_and_the_others_stay() {
    let server = Server::start(nix::unistd::geteuid().as_raw());
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(UnixStream::connect(server.path()).await.unwrap());
    }
    let answer = ask(&server.path()).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.contains("\"try_again\"") && answer.contains("mrpd-api: 1"),
        "{answer}"
    );
    drop(clients);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !ask(&server.path()).await.starts_with("HTTP/1.1 200") {
        assert!(
            tokio::time::Instant::now() < deadline,
            "places are not given back"
        );
        tokio::task::yield_now().await;
    }
}
