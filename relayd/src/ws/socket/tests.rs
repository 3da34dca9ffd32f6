use super::*;
use futures_util::task::noop_waker_ref;
use mrp_proto::frame::MAX_AUTH_FRAME;
use tokio::io::{DuplexStream, duplex};

type Client = WebSocketStream<DuplexStream>;

/// A socket and a client over a pipe that holds `room` bytes.
async fn pair(room: usize) -> (Socket<DuplexStream>, Client) {
    let (ours, theirs) = duplex(room);
    let client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    let mut socket = Socket::new(ours);
    socket.admit_large();
    (socket, client)
}

async fn receive(socket: &mut Socket<DuplexStream>) -> Received {
    poll_fn(|context| socket.poll_read(context)).await
}

/// Writes without waiting; the bytes that have left.
fn write(socket: &mut Socket<DuplexStream>) -> Option<usize> {
    match socket.poll_write(&mut Context::from_waker(noop_waker_ref())) {
        Poll::Ready(written) => Some(written.unwrap()),
        Poll::Pending => None,
    }
}

#[tokio::test]
async fn frames_come_and_go() {
    let (mut socket, mut client) = pair(1 << 16).await;
    for message in [
        Message::text("hello"),
        Message::binary("x"),
        Message::Ping(Bytes::new()),
        Message::Pong(Bytes::new()),
    ] {
        client.send(message).await.unwrap();
    }
    assert!(matches!(receive(&mut socket).await, Received::Text(text) if text.as_str() == "hello"));
    assert!(matches!(receive(&mut socket).await, Received::Binary));
    assert!(matches!(receive(&mut socket).await, Received::Ping));
    assert!(matches!(receive(&mut socket).await, Received::Pong));
    socket.send("answer".to_owned());
    socket.ping();
    assert_eq!(write(&mut socket), Some(6));
    assert_eq!(write(&mut socket), None);
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Pong(Bytes::new()),
        "the library answers pings"
    );
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::text("answer")
    );
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Ping(Bytes::new())
    );
}

#[tokio::test]
async fn progress_is_told_while_a_frame_is_on_its_way() {
    let (mut socket, mut client) = pair(1000).await;
    socket.send("x".repeat(2500));
    socket.send("y".repeat(10));
    let first = write(&mut socket).unwrap();
    assert!((900..=1000).contains(&first), "{first} bytes");
    assert_eq!(write(&mut socket), None, "the pipe is full");
    let mut told = first;
    let reading = async { (client.next().await, client.next().await) };
    let writing = async {
        while told < 2510 {
            told += poll_fn(|context| socket.poll_write(context)).await.unwrap();
        }
    };
    let ((first, second), ()) = tokio::join!(reading, writing);
    assert_eq!(first.unwrap().unwrap().len(), 2500);
    assert_eq!(second.unwrap().unwrap().len(), 10);
    assert_eq!(told, 2510);
}

#[tokio::test]
async fn what_is_read_does_not_wait_for_what_is_written() {
    let (mut socket, mut client) = pair(1000).await;
    socket.send("x".repeat(5000));
    while write(&mut socket).is_some() {}
    client.send(Message::text("ack")).await.unwrap();
    assert!(matches!(receive(&mut socket).await, Received::Text(_)));
}

#[tokio::test]
async fn a_frame_at_the_limit_comes_and_one_beyond_does_not() {
    let (mut socket, mut client) = pair(1 << 16).await;
    let sending = async {
        client
            .send(Message::text("x".repeat(MAX_FRAME)))
            .await
            .unwrap();
        // What is too large is not read to its end, so writing it may fail.
        let _ = timeout(
            Duration::from_secs(5),
            client.send(Message::text("x".repeat(MAX_FRAME + 1))),
        )
        .await;
    };
    let receiving = async {
        assert!(
            matches!(receive(&mut socket).await, Received::Text(text) if text.len() == MAX_FRAME)
        );
        assert!(
            matches!(receive(&mut socket).await, Received::Oversized { bytes } if bytes == MAX_FRAME + 1)
        );
        socket
            .close(
                CloseCode::TooBig,
                "too large".to_owned(),
                Duration::from_secs(1),
            )
            .await;
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn bytes_that_are_no_frames_are_told_from_a_lost_connection() {
    // An unmasked text frame; a continuation of nothing; a reserved bit; a masked text that is not UTF-8.
    let wrong: [&[u8]; 4] = [
        &[0x81, 1, b'x'],
        &[0x80, 0x80, 0, 0, 0, 0],
        &[0xc1, 0x80, 0, 0, 0, 0],
        &[0x81, 0x81, 0, 0, 0, 0, 0xff],
    ];
    for bytes in wrong {
        let (ours, mut theirs) = duplex(100);
        theirs.write_all(bytes).await.unwrap();
        let received = receive(&mut Socket::new(ours)).await;
        assert!(
            matches!(received, Received::Malformed { .. }),
            "{bytes:?}: {received:?}"
        );
    }
    let (ours, theirs) = duplex(100);
    drop(theirs);
    assert!(matches!(
        receive(&mut Socket::new(ours)).await,
        Received::Closed
    ));
}

#[tokio::test]
async fn a_frame_of_nobody_is_small_or_not_read() {
    for bytes in [MAX_AUTH_FRAME, MAX_AUTH_FRAME + 1] {
        let (ours, theirs) = duplex(1 << 16);
        let mut client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        client.send(Message::text("x".repeat(bytes))).await.unwrap();
        let received = receive(&mut Socket::new(ours)).await;
        let is_as_expected = match &received {
            Received::Text(text) => bytes == MAX_AUTH_FRAME && text.len() == bytes,
            Received::Oversized { bytes: told } => bytes > MAX_AUTH_FRAME && *told == bytes,
            _ => false,
        };
        assert!(is_as_expected, "{received:?}");
    }
}

#[tokio::test]
async fn the_memory_of_a_burst_is_given_back_and_nothing_is_lost() {
    let (mut socket, mut client) = pair(1 << 20).await;
    client
        .send(Message::text("x".repeat(100_000)))
        .await
        .unwrap();
    // The beginning of a second frame comes along with the first.
    client
        .get_mut()
        .write_all(&[0x81, 0x83, 0, 0])
        .await
        .unwrap();
    assert!(matches!(receive(&mut socket).await, Received::Text(text) if text.len() == 100_000));
    let mut context = Context::from_waker(noop_waker_ref());
    assert!(socket.poll_read(&mut context).is_pending());
    socket.shed();
    assert!(
        socket.is_swollen(),
        "with half a frame in it nothing can be given back"
    );
    client
        .get_mut()
        .write_all(&[0, 0, b'a', b'b', b'c'])
        .await
        .unwrap();
    assert!(matches!(receive(&mut socket).await, Received::Text(text) if text.as_str() == "abc"));
    socket.shed();
    assert!(!socket.is_swollen());
    let frames = &socket.stream.get_ref().frames;
    assert_eq!(frames.whole(), Some(0), "a new library has read nothing");
    client.send(Message::text("after")).await.unwrap();
    assert!(matches!(receive(&mut socket).await, Received::Text(text) if text.as_str() == "after"));
    socket.send("still here".to_owned());
    assert_eq!(write(&mut socket), Some(10));
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::text("still here")
    );
}

/// Masked frames that make one text message of `number` fragments, all but the first empty.
fn fragmented(text: &str, number: usize) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    let mut bytes = vec![0x01, 0x80 | 126, length[0], length[1], 0, 0, 0, 0];
    bytes.extend_from_slice(text.as_bytes());
    for _ in 2..number {
        bytes.extend([0, 0x80, 0, 0, 0, 0]);
    }
    bytes.extend([0x80, 0x80, 0, 0, 0, 0]);
    bytes
}

#[tokio::test]
async fn the_memory_of_a_message_in_fragments_is_given_back_too() {
    let (mut socket, mut client) = pair(1 << 20).await;
    let bytes = fragmented(&"x".repeat(2 * SWOLLEN), 1024);
    client.get_mut().write_all(&bytes).await.unwrap();
    assert!(
        matches!(receive(&mut socket).await, Received::Text(text) if text.len() == 2 * SWOLLEN)
    );
    assert!(socket.is_swollen());
    socket.shed();
    assert!(!socket.is_swollen());
}

#[tokio::test]
async fn what_is_whole_but_was_not_taken_is_not_given_back() {
    let (mut socket, mut client) = pair(1 << 20).await;
    let bytes = fragmented(&"x".repeat(2 * SWOLLEN), 2);
    client.get_mut().write_all(&bytes).await.unwrap();
    let bytes = fragmented("next", 2);
    client.get_mut().write_all(&bytes).await.unwrap();
    assert!(matches!(receive(&mut socket).await, Received::Text(_)));
    socket.shed();
    assert!(socket.is_swollen());
    assert!(matches!(receive(&mut socket).await, Received::Text(text) if text.as_str() == "next"));
}

#[tokio::test]
async fn closing_writes_what_waits_first() {
    let (mut socket, mut client) = pair(100).await;
    socket.send("x".repeat(1000));
    let closing = socket.close(
        CloseCode::GoingAway,
        "over".to_owned(),
        Duration::from_secs(5),
    );
    let reading = async {
        assert_eq!(client.next().await.unwrap().unwrap().len(), 1000);
        let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else {
            panic!("no close frame");
        };
        assert_eq!(
            (u16::from(frame.code), frame.reason.as_str()),
            (1001, "over")
        );
        while client.next().await.is_some() {}
        drop(client);
    };
    tokio::join!(closing, reading);
}

#[tokio::test]
async fn what_still_comes_while_closing_is_taken() {
    let (socket, mut client) = pair(1000).await;
    let closing = socket.close(
        CloseCode::TooBig,
        "too large".to_owned(),
        Duration::from_secs(5),
    );
    let writing = async {
        client.get_mut().write_all(&[0; 10_000]).await.unwrap();
        let close = client.next().await.unwrap().unwrap();
        assert!(matches!(close, Message::Close(Some(_))), "{close:?}");
        drop(client);
    };
    tokio::join!(closing, writing);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let (mut socket, _client) = pair(100).await;
    socket.send("x".repeat(1000));
    let started = tokio::time::Instant::now();
    socket
        .close(
            CloseCode::GoingAway,
            "over".to_owned(),
            Duration::from_secs(5),
        )
        .await;
    assert!(started.elapsed() <= Duration::from_secs(6));
}

#[tokio::test]
async fn what_is_read_ahead_comes_in_order_and_is_not_kept() {
    let (mut socket, mut client) = pair(1 << 20).await;
    let lengths = [
        // With its head it is read in whole pieces, so that the library has nothing of what follows.
        40 * READ_BUFFER - 8,
        1,
        READ_BUFFER - 8,
        READ_BUFFER,
        5_000,
        READ_AHEAD - 8,
        READ_AHEAD,
        3 * READ_AHEAD + 7,
        20_000,
        3,
    ];
    for length in lengths {
        client
            .send(Message::text("x".repeat(length)))
            .await
            .unwrap();
    }
    let mut was_ahead = false;
    for length in lengths {
        let received = receive(&mut socket).await;
        assert!(
            matches!(&received, Received::Text(text) if text.len() == length),
            "{length}: {received:?}"
        );
        was_ahead |= socket.stream.get_ref().is_ahead();
        // Nothing is lost by it.
        socket.shed();
    }
    assert!(was_ahead);
    socket.shed();
    assert!(!socket.stream.get_ref().is_ahead() && !socket.is_swollen());
    let nothing = socket.poll_read(&mut Context::from_waker(noop_waker_ref()));
    assert!(nothing.is_pending());
    client.send(Message::text("more")).await.unwrap();
    let received = receive(&mut socket).await;
    assert!(matches!(received, Received::Text(text) if text.as_str() == "more"));
}
