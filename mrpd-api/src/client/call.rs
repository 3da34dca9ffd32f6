//! One request and its answer, bounded.

use super::error::ClientError;
use super::{ANSWER_TIMEOUT, query_text};
use crate::body::MessageQuery;
use crate::error::ErrorBody;
use crate::{percent, route};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as HttpClient;
use hyperlocal::UnixConnector;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::Duration;

/// Largest answer that is read whole.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

pub(super) struct Call<'a> {
    http: &'a HttpClient<UnixConnector, Full<Bytes>>,
    socket: &'a Path,
    method: Method,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Bytes>,
    timeout: Duration,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        http: &'a HttpClient<UnixConnector, Full<Bytes>>,
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
        }
    }

    /// A path segment more.
    pub(super) fn below(mut self, segment: &str) -> Self {
        self.target.push('/');
        self.target.push_str(&percent::encode(segment));
        self
    }

    pub(super) fn query(mut self, query: &MessageQuery) -> Result<Self, ClientError> {
        let text = query_text(query)?;
        if !text.is_empty() {
            self.target.push('?');
            self.target.push_str(&text);
        }
        Ok(self)
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn body(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        let bytes = serde_json::to_vec(body).map_err(ClientError::unwritable)?;
        self.body = Some(bytes.into());
        Ok(self)
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
            read_whole(accepted(answer).await?).await
        };
        in_time(after, answer).await
    }

    /// The head is bounded in time, what follows is not: a stream may rest for days.
    pub(super) async fn stream(self) -> Result<Incoming, ClientError> {
        let after = self.timeout;
        in_time(after, async { accepted(self.send().await?).await }).await
    }

    async fn send(self) -> Result<Response<Incoming>, ClientError> {
        let uri = hyperlocal::Uri::new(self.socket, &self.target);
        let mut request = Request::builder()
            .method(self.method)
            .uri(uri)
            .header(HOST, "mrpd");
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = request
            .body(Full::new(self.body.unwrap_or_default()))
            .map_err(ClientError::broken)?;
        self.http
            .request(request)
            .await
            .map_err(ClientError::broken)
    }
}

async fn in_time<T>(
    after: Duration,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::time::timeout(after, work)
        .await
        .unwrap_or(Err(ClientError::TimedOut { after }))
}

/// The body of an answer that says yes.
async fn accepted(answer: Response<Incoming>) -> Result<Incoming, ClientError> {
    check_version(answer.headers())?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer.into_body());
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
