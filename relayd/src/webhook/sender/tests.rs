use super::*;
use std::future::Future;
use std::pin::Pin;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// No more than this passes before a test says that something never comes.
const PATIENCE: Duration = Duration::from_secs(20);

type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Posts to a receiver that treats its one connection as it likes, once it has read the request.
async fn post_to(
    serve: impl FnOnce(TcpStream) -> Served + Send + 'static,
) -> (Result<Reply, Fault>, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            request.push(stream.read_u8().await.unwrap());
        }
        serve(stream).await;
    });
    let serving = AbortOnDropHandle::new(serving);
    let target = Target::parse(&format!("http://{address}/hook")).unwrap();
    let sender = Sender::new(Duration::from_secs(5));
    let stream = sender.connect(address, 1).await.unwrap();
    let request = Request::post(target.path())
        .header(header::HOST, target.authority())
        .body(Full::new(Bytes::from_static(b"{}")))
        .unwrap();
    let posting = sender.post(stream, &target, request);
    let reply = tokio::time::timeout(PATIENCE, posting).await;
    (reply.expect("it is over in time"), serving)
}

/// Writes for as long as anyone takes it; says how much that was, with what sockets buffer.
async fn write_for_ever(stream: &mut TcpStream, chunk: &[u8]) -> usize {
    let mut written = 0;
    while let Ok(count) = stream.write(chunk).await {
        written += count;
    }
    written
}

/// How it ends when a receiver writes `start` and then `chunk` for ever, and how much of that it gets rid of.
async fn flood(start: String, chunk: Vec<u8>) -> (Result<Reply, Fault>, usize) {
    let (sender, written) = tokio::sync::oneshot::channel();
    let (reply, _serving) = post_to(move |mut stream| {
        Box::pin(async move {
            stream.write_all(start.as_bytes()).await.unwrap();
            let _ = sender.send(write_for_ever(&mut stream, &chunk).await);
        })
    })
    .await;
    let written = tokio::time::timeout(PATIENCE, written).await;
    (reply, written.expect("the connection is closed").unwrap())
}

#[tokio::test]
async fn a_status_is_all_that_matters() {
    for (head, status) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n",
            201,
        ),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n",
            302,
        ),
        // Shorter and longer than it says, and not what it says.
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx", 200),
        ("HTTP/1.1 500 No\r\ncontent-length: 1\r\n\r\nxxxxxxxx", 500),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\nfffffffffff\r\n",
            200,
        ),
    ] {
        let reply = post_to(move |mut stream| {
            Box::pin(async move {
                stream.write_all(head.as_bytes()).await.unwrap();
            })
        });
        assert_eq!(reply.await.0.unwrap().status, status, "{head}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_bad_reply() {
    for nonsense in [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200\r\ncontent-length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
        "HTTP/9.9 200 OK\r\n\r\n",
    ] {
        let reply = post_to(move |mut stream| {
            Box::pin(async move {
                stream.write_all(nonsense.as_bytes()).await.unwrap();
            })
        });
        assert_eq!(reply.await.0, Err(Fault::BadReply), "{nonsense}");
    }
}

/// More than sockets buffer, and much less than a receiver could write.
const BUFFERED: usize = 32 << 20;

#[tokio::test]
async fn a_head_without_end_is_cut() {
    for (start, chunk) in [
        ("HTTP/1.1 200 OK\r\n", b"x: y\r\n".repeat(100)),
        ("HTTP/1.1 200 OK\r\nx: ", vec![b'y'; 1000]),
        ("HTTP/1.1 200 ", vec![b'y'; 1000]),
    ] {
        let (reply, written) = flood(start.to_owned(), chunk).await;
        assert_eq!(reply, Err(Fault::BadReply), "{start:?}");
        assert!(written < BUFFERED, "{written}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_not_read() {
    for length in ["content-length: 1073741824", "connection: close"] {
        let start = format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n");
        let (reply, written) = flood(start, vec![b'x'; 1 << 16]).await;
        assert_eq!(reply.unwrap().status, 200);
        assert!(written < BUFFERED, "{written}");
    }
}

#[tokio::test]
async fn an_address_that_refuses_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let sender = Sender::new(Duration::from_secs(5));
    let refused = sender.connect(address, 1).await;
    assert_eq!(refused.unwrap_err(), Fault::Unreachable);
}

#[test]
fn a_receiver_says_in_two_ways_when_to_come_again() {
    let asked = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers)
    };
    assert_eq!(asked("120"), Some(Duration::from_secs(120)));
    assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    let soon = asked("Fri, 31 Dec 2100 23:59:59 GMT").unwrap();
    assert!(soon > Duration::from_secs(3_600));
    for nonsense in ["", "-1", "soon", "1.5", "99999999999999999999999"] {
        assert_eq!(asked(nonsense), None, "{nonsense}");
    }
}
