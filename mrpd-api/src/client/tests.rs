//! Against a socket that answers with prepared bytes, so that wrong answers can be given too.

use super::*;
use crate::body::Stage;
use crate::body::blobs::BlobQuery;
use crate::error::Code;
use crate::message::Kind;
use crate::paths::SocketSource;
use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

const MESSAGE: &str = r#"{"v":1,"seq":7,"id":"msg_1_a","dir":"in","agent":"laptop","relay":"home","from":{"key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","name":"ann","short":"iojj3XQJ","trust":"known"},"to":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","kind":"text","type":"application/json","text":"hi","body":{"text":"hi"},"thread":null,"reply_to":null,"attachments":[],"metadata":{},"encrypted":true,"verified":true,"state":"new","attempt":0,"created_at":"2026-11-21T09:00:00.123Z","received_at":"2026-11-21T09:00:00.410Z","expires_at":"2026-11-28T09:00:00.123Z","later":1}"#;

/// A socket that answers each request with the next of the prepared answers, and tells what it was asked.
struct Prepared {
    _folder: TempDir,
    candidate: SocketCandidate,
    requests: JoinHandle<Vec<String>>,
}

impl Prepared {
    fn answering(answers: Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let requests = tokio::spawn(async move {
            let mut requests = Vec::new();
            while requests.len() < answers.len() {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                if request.is_empty() {
                    continue;
                }
                stream
                    .write_all(answers[requests.len()].as_bytes())
                    .await
                    .unwrap();
                requests.push(request);
            }
            requests
        });
        let candidate = SocketCandidate {
            path,
            source: SocketSource::Option,
        };
        Self {
            _folder: folder,
            candidate,
            requests,
        }
    }

    async fn client(&self) -> Client {
        Client::find(std::slice::from_ref(&self.candidate))
            .await
            .unwrap()
    }
}

async fn read_request(stream: &mut tokio::net::UnixStream) -> String {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut chunk).await.unwrap() {
            0 => return String::new(),
            length => request.extend_from_slice(&chunk[..length]),
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn good(body: &str) -> String {
    answer("200 OK", "mrpd-api: 1\r\nmrpd-version: 0.1.0\r\n", body)
}

fn chunked(chunks: &[&str]) -> String {
    let mut text =
        "HTTP/1.1 200 OK\r\nmrpd-api: 1\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_owned();
    for chunk in chunks {
        text.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    text + "0\r\n\r\n"
}

#[tokio::test]
async fn a_send_carries_its_key_and_its_body() {
    let answer = r#"{"id":"out_1","message_id":"msg_1","stage":"accepted","to":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","encrypted":true}"#;
    let prepared = Prepared::answering(vec![good(answer)]);
    let send = Send {
        to: "ann".into(),
        wait: Some(Stage::Accepted),
        ..Send::default()
    };
    let sent = prepared.client().await.send(&send, "key-1").await.unwrap();
    assert_eq!((sent.id.as_str(), sent.stage), ("out_1", Stage::Accepted));
    let request = prepared.requests.await.unwrap().remove(0);
    assert!(
        request.starts_with("POST /v1/send HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\nhost: mrpd\r\n"), "{request}");
    assert!(
        request.contains("\r\nidempotency-key: key-1\r\n"),
        "{request}"
    );
    assert!(
        request.ends_with(r#"{"to":"ann","sealing":"default","wait":"accepted"}"#),
        "{request}"
    );
}

#[tokio::test]
async fn names_and_filters_are_escaped() {
    let prepared = Prepared::answering(vec![good(""), chunked(&[])]);
    let client = prepared.client().await;
    client.remove_contact("a/b c").await.unwrap();
    let query = MessageQuery {
        after: Some(3),
        from: Some("Ann & Bob".into()),
        kind: Some(Kind::Text),
        follow: Some(1),
        ..MessageQuery::default()
    };
    let mut stream = client.messages(&query).await.unwrap();
    assert!(stream.next().await.is_none());
    let requests = prepared.requests.await.unwrap();
    assert!(
        requests[0].starts_with("DELETE /v1/contacts/a%2Fb%20c HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    let target = requests[1].split(' ').nth(1).unwrap();
    let mut pairs: Vec<&str> = target
        .strip_prefix("/v1/messages?")
        .unwrap()
        .split('&')
        .collect();
    pairs.sort_unstable();
    assert_eq!(
        pairs,
        ["after=3", "follow=1", "from=Ann%20%26%20Bob", "kind=text"]
    );
}

#[tokio::test]
async fn messages_are_cut_out_of_chunks() {
    let (head, tail) = MESSAGE.split_at(100);
    let second = MESSAGE.replace("\"seq\":7", "\"seq\":8");
    let prepared = Prepared::answering(vec![chunked(&["\n", head, tail, "\n\n", &second])]);
    let stream = prepared
        .client()
        .await
        .messages(&MessageQuery::default())
        .await
        .unwrap();
    let lines: Vec<MessageLine> = stream.map(Result::unwrap).collect().await;
    assert_eq!(
        lines
            .iter()
            .map(|line| line.message.seq)
            .collect::<Vec<_>>(),
        [7, 8]
    );
    assert_eq!(lines[0].raw, MESSAGE, "fields of later versions stay");
}

#[tokio::test]
async fn messages_can_be_passed_on_without_being_read() {
    // A message of a later version, in which only the place is as it was.
    let later = r#"{"v":2, "seq":8,"from":[]}"#;
    let prepared = Prepared::answering(vec![chunked(&[MESSAGE, "\n", later, "\n{}\n"])]);
    let client = prepared.client().await;
    let stream = client.messages(&MessageQuery::default()).await.unwrap();
    let lines: Vec<_> = stream.raw().collect().await;
    let read: Vec<_> = lines[..2]
        .iter()
        .map(|line| line.as_ref().unwrap())
        .map(|line| (line.seq, line.raw.as_str()))
        .collect();
    assert_eq!(read, [(7, MESSAGE), (8, later)]);
    assert_eq!(lines[0].as_ref().unwrap().message().unwrap().id, "msg_1_a");
    assert_eq!(lines[1].as_ref().unwrap().message().unwrap_err().exit(), 76);
    assert_eq!(lines[2].as_ref().unwrap_err().exit(), 76);
    assert_eq!(lines.len(), 3);
}

#[tokio::test]
async fn a_stream_that_breaks_or_talks_nonsense_says_so_and_ends() {
    let broken = format!("{}5\r\nab", chunked(&[]).strip_suffix("0\r\n\r\n").unwrap());
    let prepared = Prepared::answering(vec![chunked(&["{}\n", MESSAGE]), broken]);
    let client = prepared.client().await;
    let query = MessageQuery::default();
    let mut stream = client.messages(&query).await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Nonsense { .. }), "{error}");
    assert!(stream.next().await.is_none());
    let mut stream = client.messages(&query).await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Connection { .. }), "{error}");
}

#[tokio::test]
async fn a_refusal_keeps_the_daemons_words() {
    let body = r#"{"error":{"code":"unknown_recipient","message":"no contact bob","exit":67,"retryable":false,"hint":"mrpctl contact add bob KEY","request_id":null}}"#;
    let newer = body
        .replace("unknown_recipient", "from_the_future")
        .replace("67", "99");
    let headers = "mrpd-api: 1\r\n";
    let prepared = Prepared::answering(vec![
        answer("404 Not Found", headers, body),
        answer("400 Bad Request", headers, &newer),
    ]);
    let client = prepared.client().await;
    let error = client.status().await.unwrap_err();
    assert_eq!((error.code(), error.exit()), (Code::UnknownRecipient, 67));
    assert_eq!(
        error.detail().hint.as_deref(),
        Some("mrpctl contact add bob KEY")
    );
    let error = client.status().await.unwrap_err();
    assert_eq!(error.exit(), 99);
    assert_eq!(error.detail().code, "from_the_future");
}

#[tokio::test]
async fn another_version_and_no_version_are_told_apart_from_nonsense() {
    let prepared = Prepared::answering(vec![
        answer("200 OK", "mrpd-api: 2\r\nmrpd-version: 9.0.0\r\n", "{}"),
        answer("200 OK", "", "{}"),
        good("[]"),
        answer("500 Oops", "mrpd-api: 1\r\n", "<html>"),
        "SSH-2.0-hello\r\n\r\n".to_owned(),
    ]);
    let client = prepared.client().await;
    let error = client.status().await.unwrap_err();
    assert_eq!(error.exit(), 76);
    assert!(
        error
            .to_string()
            .starts_with("mrpd 9.0.0 speaks version 2 "),
        "{error}"
    );
    let error = client.status().await.unwrap_err();
    assert!(
        matches!(error, ClientError::Version { spoken: None, .. }),
        "{error}"
    );
    for _ in 0..2 {
        let error = client.status().await.unwrap_err();
        assert!(matches!(error, ClientError::Nonsense { .. }), "{error}");
    }
    let error = client.status().await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { .. }), "{error}");
}

#[tokio::test]
async fn every_place_that_was_tried_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let stale = folder.path().join("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    let candidates = [
        folder.path().join("missing"),
        stale,
        folder.path().join("x".repeat(200)),
    ]
    .map(|path| SocketCandidate {
        path,
        source: SocketSource::StateDir,
    });
    let error = Client::find(&candidates).await.unwrap_err();
    assert_eq!((error.code(), error.exit()), (Code::DaemonUnreachable, 69));
    let ClientError::Unreachable { tried } = error else {
        panic!("{error}");
    };
    let told: Vec<String> = tried
        .iter()
        .map(|attempt| attempt.failure.to_string())
        .collect();
    assert_eq!(told[..2], ["no such file", "nobody listens there"]);
    assert!(told[2].starts_with("the path has "), "{}", told[2]);
}

#[tokio::test]
async fn a_named_path_that_cannot_be_a_socket_is_a_matter_of_configuration() {
    let candidate = SocketCandidate {
        path: format!("/{}", "x".repeat(200)).into(),
        source: SocketSource::Environment,
    };
    let error = Client::find(&[candidate]).await.unwrap_err();
    assert_eq!(error.exit(), 78);
    assert!(
        error
            .to_string()
            .ends_with("cannot be a socket: the path has 201 bytes, at most 107 fit"),
        "{error}"
    );
}

#[tokio::test]
async fn a_later_place_is_used_where_an_earlier_one_is_empty() {
    let prepared = Prepared::answering(vec![good("[]")]);
    let missing = SocketCandidate {
        path: prepared.candidate.path.with_extension("missing"),
        source: SocketSource::RuntimeDir,
    };
    let client = Client::find(&[missing, prepared.candidate.clone()])
        .await
        .unwrap();
    assert_eq!(client.socket(), prepared.candidate.path);
    assert_eq!(client.agents().await.unwrap(), []);
}

/// Answers each connection once, and tells how many there were.
fn answering_each(path: &std::path::Path) -> JoinHandle<usize> {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        for connections in 1.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            if !read_request(&mut stream).await.is_empty() {
                stream.write_all(good("[]").as_bytes()).await.unwrap();
                return connections;
            }
        }
        unreachable!()
    })
}

#[tokio::test]
async fn what_found_the_daemon_is_asked_over_unless_it_has_rested() {
    for (rest, expected) in [(Duration::ZERO, 1), (2 * super::find::FRESH, 2)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let answering = answering_each(&path);
        let candidate = SocketCandidate {
            path,
            source: SocketSource::Option,
        };
        let client = Client::find(&[candidate]).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(rest).await;
        tokio::time::resume();
        assert_eq!(client.agents().await.unwrap(), []);
        assert_eq!(answering.await.unwrap(), expected, "{rest:?}");
    }
}

#[test]
fn a_socket_that_may_not_be_used_is_a_matter_of_permission() {
    for failure in [
        AttemptFailure::Foreign { uid: 7 },
        AttemptFailure::Io(std::io::ErrorKind::PermissionDenied.into()),
    ] {
        let candidate = SocketCandidate {
            path: "/s".into(),
            source: SocketSource::System,
        };
        let error = ClientError::Unreachable {
            tried: vec![Attempt { candidate, failure }],
        };
        assert_eq!((error.code(), error.exit()), (Code::NotPermitted, 77));
        assert!(error.hint().unwrap().contains("allow_uids"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_never_answers_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let _listener = UnixListener::bind(&path).unwrap();
    let candidate = SocketCandidate {
        path,
        source: SocketSource::Option,
    };
    let client = Client::find(&[candidate]).await.unwrap();
    let error = client.status().await.unwrap_err();
    assert_eq!(error.exit(), 124);
    assert_eq!(error.to_string(), "mrpd did not answer within 30 s");
}

#[tokio::test]
async fn files_go_piece_by_piece_and_come_with_their_length() {
    let blob = r#"{"id":"file_1","size":5}"#;
    let prepared = Prepared::answering(vec![good(blob), good("bytes"), good("[]")]);
    let client = prepared.client().await;
    let query = BlobQuery {
        filename: Some("a b.txt".into()),
        ..BlobQuery::default()
    };
    let pieces = ["by", "tes"].map(|piece| Ok(Bytes::from(piece)));
    let put = client
        .put_file(&query, futures_util::stream::iter(pieces))
        .await
        .unwrap();
    assert_eq!((put.id.as_str(), put.size), ("file_1", Some(5)));
    let mut download = client.blob("file_1", &BlobQuery::default()).await.unwrap();
    assert_eq!(download.length, Some(5));
    assert_eq!(download.next().await.unwrap().unwrap(), "bytes");
    assert!(download.next().await.unwrap().is_none());
    let answer = client
        .request(Method::GET, "/v1/hooks", &[], None, ANSWER_TIMEOUT)
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    drop(answer);
    let requests = prepared.requests.await.unwrap();
    assert!(
        requests[0].starts_with("PUT /v1/blobs?filename=a%20b.txt HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(requests[0].ends_with("by\r\n3\r\ntes\r\n0\r\n\r\n"));
    assert!(requests[2].starts_with("GET /v1/hooks HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_file_that_breaks_off_is_not_taken_for_a_whole_one() {
    let prepared = Prepared::answering(vec![good("{}")]);
    let client = prepared.client().await;
    let broken = [
        Ok(Bytes::from("by")),
        Err(std::io::Error::other("the disk is on fire")),
    ];
    let error = client
        .put_file(&BlobQuery::default(), futures_util::stream::iter(broken))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("on fire"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_an_answer_to_whoever_asks_plainly() {
    let refusal = answer(
        "404 Not Found",
        "mrpd-api: 1\r\ncontent-type: application/json\r\n",
        "{}",
    );
    let prepared = Prepared::answering(vec![refusal]);
    let client = prepared.client().await;
    let headers = [("x-test".to_owned(), "1".to_owned())];
    let body = Some(Bytes::from("[]"));
    let mut answer = client
        .request(Method::POST, "/v1/x?y=1", &headers, body, ANSWER_TIMEOUT)
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.content_type.as_deref()),
        (404, Some("application/json"))
    );
    assert_eq!(answer.body.next().await.unwrap().unwrap(), "{}");
    let requests = prepared.requests.await.unwrap();
    assert!(
        requests[0].contains("\r\nx-test: 1\r\n") && requests[0].ends_with("\r\n\r\n[]"),
        "{}",
        requests[0]
    );
}
