//! One request and its answer, bounded.

use super::error::ClientError;
use super::find::Connector;
use super::{ANSWER_TIMEOUT, query_text};
use crate::error::ErrorBody;
use crate::{percent, route};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HttpClient;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Largest answer that is read whole.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// What goes along with a request: bytes that are here, or that come piece by piece.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, io::Error>;

pub(super) struct Call<'a> {
    http: &'a HttpClient<Connector, RequestBody>,
    socket: &'a Path,
    method: Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<RequestBody>,
    timeout: Duration,
    /// A name or an id in the path is empty: the path would mean something else.
    is_unnamed: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        http: &'a HttpClient<Connector, RequestBody>,
        socket: &'a Path,
        method: Method,
        route: &str,
    ) -> Self {
        Call {
            http,
            socket,
            method,
            target: route.to_owned(),
            headers: Vec::new(),
            body: None,
            timeout: ANSWER_TIMEOUT,
            is_unnamed: false,
        }
    }

    /// A path segment more.
    pub(super) fn below(mut self, segment: &str) -> Self {
        self.is_unnamed |= segment.is_empty();
        self.target.push('/');
        self.target.push_str(&percent::encode(segment));
        self
    }

    pub(super) fn query(mut self, query: &impl Serialize) -> Result<Self, ClientError> {
        let text = query_text(query)?;
        if !text.is_empty() {
            self.target.push('?');
            self.target.push_str(&text);
        }
        Ok(self)
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn body(self, body: &impl Serialize) -> Result<Self, ClientError> {
        let bytes = serde_json::to_vec(body).map_err(ClientError::unwritable)?;
        Ok(self
            .header(CONTENT_TYPE.as_str(), "application/json")
            .bytes_as_body(bytes.into()))
    }

    pub(super) fn bytes_as_body(self, bytes: Bytes) -> Self {
        self.streamed_body(
            Full::new(bytes)
                .map_err(|never| match never {})
                .boxed_unsync(),
        )
    }

    /// What is sent comes piece by piece; its media type is said by a header or by the query.
    pub(super) fn streamed_body(mut self, body: RequestBody) -> Self {
        self.body = Some(body);
        self
    }

    pub(super) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    pub(super) async fn json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| ClientError::Nonsense {
            what: error.to_string(),
        })
    }

    pub(super) async fn done(self) -> Result<(), ClientError> {
        self.bytes().await.map(drop)
    }

    pub(super) async fn bytes(self) -> Result<Bytes, ClientError> {
        let after = self.timeout;
        let answer = async {
            let answer = self.send().await?;
            read_whole(said_yes(answer).await?.into_body()).await
        };
        in_time(after, answer).await
    }

    /// The head is bounded in time, what follows is not: a stream may rest for days.
    pub(super) async fn accepted(self) -> Result<Response<Incoming>, ClientError> {
        let after = self.timeout;
        in_time(after, async { said_yes(self.send().await?).await }).await
    }

    /// Lines of JSON, as they come.
    pub(super) async fn ndjson(self) -> Result<Incoming, ClientError> {
        let call = self.header(ACCEPT.as_str(), route::NDJSON);
        Ok(call.accepted().await?.into_body())
    }

    /// The answer as it is, whatever it says; its head is bounded in time.
    pub(super) async fn answer(self) -> Result<Response<Incoming>, ClientError> {
        let after = self.timeout;
        in_time(after, async {
            let answer = self.send().await?;
            check_version(answer.headers())?;
            Ok(answer)
        })
        .await
    }

    async fn send(self) -> Result<Response<Incoming>, ClientError> {
        if self.is_unnamed {
            return Err(ClientError::Unnamed);
        }
        let uri = hyperlocal::Uri::new(self.socket, &self.target);
        let mut request = Request::builder()
            .method(self.method)
            .uri(uri)
            .header(HOST, "mrpd");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = self.body.unwrap_or_else(nothing);
        let request = request.body(body).map_err(ClientError::broken)?;
        self.http
            .request(request)
            .await
            .map_err(ClientError::broken)
    }
}

fn nothing() -> RequestBody {
    Full::default()
        .map_err(|never| match never {})
        .boxed_unsync()
}

async fn in_time<T>(
    after: Duration,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::time::timeout(after, work)
        .await
        .unwrap_or(Err(ClientError::TimedOut { after }))
}

/// An answer that says yes.
async fn said_yes(answer: Response<Incoming>) -> Result<Response<Incoming>, ClientError> {
    check_version(answer.headers())?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let bytes = read_whole(answer.into_body()).await?;
    let ErrorBody { error } =
        serde_json::from_slice(&bytes).map_err(|_| ClientError::Nonsense {
            what: format!("status {} without an error object", status.as_u16()),
        })?;
    Err(ClientError::Refused {
        status: status.as_u16(),
        detail: Box::new(error),
    })
}

fn check_version(headers: &HeaderMap) -> Result<(), ClientError> {
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let spoken = text(route::API_HEADER);
    if spoken.as_deref() == Some(route::API_VERSION) {
        return Ok(());
    }
    Err(ClientError::Version {
        spoken,
        daemon: text(route::VERSION_HEADER),
    })
}

async fn read_whole(body: Incoming) -> Result<Bytes, ClientError> {
    let read = Limited::new(body, MAX_ANSWER).collect().await;
    read.map(|whole| whole.to_bytes()).map_err(|error| {
        if error.is::<LengthLimitError>() {
            ClientError::Nonsense {
                what: format!("an answer of more than {MAX_ANSWER} bytes"),
            }
        } else {
            ClientError::Connection {
                source: std::io::Error::other(error),
            }
        }
    })
}
