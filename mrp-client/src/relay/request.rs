//! One request: built, signed over exactly what is sent, sent once, and its answer read within bounds.

use super::{Inner, SendRate};
use crate::USER_AGENT;
use crate::binding::NOT_BOUND;
use crate::error::{Error, Refusal, cut, root_cause};
use crate::tls;
use crate::url::RelayUrl;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use mrp_proto::bound::{
    self, CONTENT_DIGEST_HEADER, Nonce, SIGNATURE_HEADER, SIGNATURE_INPUT_HEADER,
};
use mrp_proto::code::Code;
use mrp_proto::json;
use mrp_proto::relay_api::{
    self, Health, IDEMPOTENCY_KEY_HEADER, PUBLIC_KEY_HEADER, TIMESTAMP_HEADER, path,
};
use mrp_proto::sign::{BodyHash, request_bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::PoisonError;
use std::time::Duration;

/// Bytes of an answer, at most: a page of messages is the largest.
const MAX_ANSWER: usize = 16 << 20;
/// Bytes of a refusal, at most: one that is longer was not written by a relay, and its status says enough.
const MAX_REFUSAL: usize = 64 << 10;
/// Characters of another place that an error repeats, at most.
const MAX_PLACE: usize = 200;
/// How long resolving, connecting and the TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take, from connecting to the last byte of the answer, beside what the relay was asked to wait.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a bound signature is good for, beside what the relay allows for clocks that differ.
const SIGNATURE_LIFETIME: Duration = Duration::from_secs(60);
/// How long an unused connection is kept: less than the minute after which relays close it, so that none is used as it closes.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// The HTTP client for one relay.
pub(super) fn http_client(url: &RelayUrl) -> Result<reqwest::Client, Error> {
    let tls = tls::client_config(url).map_err(|error| Error::Setup {
        what: error.to_string(),
    })?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .build()
        .map_err(|error| Error::Setup {
            what: format!("the HTTP client cannot be set up: {}", root_cause(&error)),
        })
}

/// A request before it is signed.
#[derive(Debug)]
pub(super) struct Request {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Payload,
    signing: Signing,
    patience: Duration,
}

/// What a request carries.
#[derive(Debug)]
enum Payload {
    /// Bytes that are there; none at all where it is empty.
    Whole(Bytes),
    /// Bytes that come as they are sent, and are known by their hash.
    Streamed { hash: BodyHash, body: reqwest::Body },
}

impl Payload {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn hash(&self) -> BodyHash {
        match self {
            Self::Whole(bytes) => BodyHash::of(bytes),
            Self::Streamed { hash, .. } => *hash,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signing {
    Signed,
    Unsigned,
}

/// How a request is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// As every relay takes it (protocol A1).
    Published,
    /// For this relay alone (protocol A11).
    Bound,
}

impl Request {
    /// Of a method on a target: path and query, percent-encoded, as it goes on the request line.
    pub(super) fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            body: Payload::Whole(Bytes::new()),
            signing: Signing::Signed,
            patience: Duration::ZERO,
        }
    }

    /// Leaves the signature out.
    pub(super) fn unsigned(mut self) -> Self {
        self.signing = Signing::Unsigned;
        self
    }

    /// Gives it a JSON body.
    pub(super) fn json<T: Serialize>(mut self, body: &T) -> Result<Self, Error> {
        let text = serde_json::to_vec(body).map_err(|error| Error::Setup {
            what: format!("the request cannot be written as JSON: {error}"),
        })?;
        self.body = Payload::Whole(text.into());
        self.headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("application/json"),
        );
        Ok(self)
    }

    /// Gives it a body of that length and hash, which is sent as it comes.
    pub(super) fn streamed(mut self, body: reqwest::Body, length: u64, hash: BodyHash) -> Self {
        self.headers.insert(header::CONTENT_LENGTH, length.into());
        if length > 0 {
            self.body = Payload::Streamed { hash, body };
        }
        self
    }

    /// Adds a header whose value is known to be visible ASCII.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = value.parse() {
            self.headers.insert(name, value);
        }
        self
    }

    fn is_send(&self) -> bool {
        self.method == Method::POST && self.target == path::MESSAGES
    }

    /// Sets a header of a signature.
    fn set(&mut self, name: &'static str, value: &str) {
        let value = value
            .parse()
            .expect("keys, times, digests and signatures are visible ASCII");
        self.headers.insert(name, value);
    }

    /// Lets the relay take that much longer.
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl Inner {
    /// Makes a request whose answer is JSON.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let body = self.exchange(request).await?;
        let text =
            std::str::from_utf8(&body).map_err(|_| nonsense("its body is not UTF-8".to_owned()))?;
        json::from_object(text).map_err(|error| {
            let what = json::describe(&error);
            nonsense(format!("its body is not what was asked for: {what}"))
        })
    }

    /// Makes a request whose answer is JSON of any kind.
    pub(super) async fn read_any<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let body = self.exchange(request).await?;
        serde_json::from_slice(&body).map_err(|error| {
            let what = json::describe(&error);
            nonsense(format!("its body is not what was asked for: {what}"))
        })
    }

    /// Makes a request whose answer says nothing but yes.
    pub(super) async fn perform(&self, request: Request) -> Result<(), Error> {
        let body = self.exchange(request).await?;
        if body.is_empty() {
            return Ok(());
        }
        Err(nonsense(
            "it has a body where there is nothing to say".to_owned(),
        ))
    }

    /// Asks how the relay is.
    pub(super) async fn health(&self) -> Result<Health, Error> {
        self.read(Request::new(Method::GET, path::HEALTH).unsigned())
            .await
    }

    async fn exchange(&self, request: Request) -> Result<Bytes, Error> {
        let mut answer = self.begin(request).await?;
        self.read_bounded(&mut answer, MAX_ANSWER)
            .await?
            .ok_or_else(|| {
                nonsense(format!(
                    "it has more than {MAX_ANSWER} bytes; ask for fewer messages at a time"
                ))
            })
    }

    /// Makes a request, and gives the head of an answer that says yes.
    pub(super) async fn begin(&self, request: Request) -> Result<reqwest::Response, Error> {
        let is_send = request.is_send();
        let request = match request.signing {
            Signing::Unsigned => self.prepared(request, None)?,
            Signing::Signed => {
                // Boxed, because asking is a request, too.
                let level = self.binding.resolve(|| Box::pin(self.health())).await;
                if self.binding.is_required() && !level.requests {
                    self.demand_binding().await?;
                }
                let level = level.or(self.binding.level());
                let scheme = if level.requests {
                    Scheme::Bound
                } else {
                    Scheme::Published
                };
                self.prepared(request, Some(scheme))?
            }
        };
        let mut answer = self
            .http
            .execute(request)
            .await
            .map_err(|error| self.transport_error(error))?;
        if is_send {
            self.note_send_rate(answer.headers());
        }
        if answer.status().is_success() {
            return Ok(answer);
        }
        let body = self.read_bounded(&mut answer, MAX_REFUSAL).await?;
        let error = judge(answer.status(), answer.headers(), &body.unwrap_or_default());
        if error.code() == Some(Code::BoundAuthRequired) {
            self.binding.doubt();
        }
        Err(error)
    }

    /// Asks a relay that is not known to take bound signatures, where nothing else may be signed for it.
    async fn demand_binding(&self) -> Result<(), Error> {
        let health = Box::pin(self.health()).await?;
        self.binding.note(&health);
        if self.binding.level().requests {
            return Ok(());
        }
        Err(nonsense(NOT_BOUND.to_owned()))
    }

    fn note_send_rate(&self, headers: &HeaderMap) {
        let mut rate = self
            .send_rate
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *rate = SendRate::from_headers(headers);
    }

    /// Turns a request into the bytes that go out. The signature covers the target as reqwest will write it.
    fn prepared(
        &self,
        mut request: Request,
        scheme: Option<Scheme>,
    ) -> Result<reqwest::Request, Error> {
        let url = self.url.at(&request.target).ok_or_else(|| Error::Setup {
            what: format!(
                "{:?} cannot be asked for: URLs give . and .. as a path segment another meaning",
                request.target
            ),
        })?;
        match scheme {
            None => {}
            Some(Scheme::Published) => self.sign(&mut request),
            Some(Scheme::Bound) => self.sign_bound(&mut request)?,
        }
        let Request {
            method,
            headers,
            body,
            patience,
            ..
        } = request;
        let mut built = reqwest::Request::new(method, url);
        *built.headers_mut() = headers;
        *built.timeout_mut() = Some(REQUEST_TIMEOUT + patience);
        match body {
            Payload::Whole(bytes) if bytes.is_empty() => {}
            Payload::Whole(bytes) => *built.body_mut() = Some(bytes.into()),
            Payload::Streamed { body, .. } => *built.body_mut() = Some(body),
        }
        Ok(built)
    }

    fn sign(&self, request: &mut Request) {
        let timestamp = self.clock.stamp().to_string();
        let hash = request.body.hash();
        let canonical = request_bytes(request.method.as_str(), &request.target, &timestamp, hash);
        let signature = self.key.sign(&canonical);
        for (name, value) in [
            (PUBLIC_KEY_HEADER, self.public_key.to_string()),
            (TIMESTAMP_HEADER, timestamp),
            (relay_api::SIGNATURE_HEADER, signature.to_string()),
        ] {
            request.set(name, &value);
        }
    }

    fn sign_bound(&self, request: &mut Request) -> Result<(), Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| Error::Setup {
            what: format!("this machine has no randomness: {error}"),
        })?;
        if !request.body.is_empty() {
            let digest = bound::content_digest(request.body.hash());
            request.set(CONTENT_DIGEST_HEADER, &digest);
        }
        let header = |name: &str| request.headers.get(name).map(header::HeaderValue::as_bytes);
        let covered = bound::Request {
            content_digest: header(CONTENT_DIGEST_HEADER),
            content_type: header(header::CONTENT_TYPE.as_str()),
            idempotency_key: header(IDEMPOTENCY_KEY_HEADER),
            range: header(header::RANGE.as_str()),
            ..bound::Request::new(request.method.as_str(), &request.target)
        };
        let signed = bound::sign(
            &self.key,
            &covered,
            self.url.authority(),
            &Nonce::from_random(random),
            self.clock.stamp(),
            SIGNATURE_LIFETIME,
        );
        request.set(SIGNATURE_INPUT_HEADER, &signed.signature_input);
        request.set(SIGNATURE_HEADER, &signed.signature);
        Ok(())
    }

    /// The whole body, or `None` if it is longer than `most`.
    async fn read_bounded(
        &self,
        answer: &mut reqwest::Response,
        most: usize,
    ) -> Result<Option<Bytes>, Error> {
        let announced = answer.content_length().unwrap_or(0);
        if announced > most as u64 {
            return Ok(None);
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.transport_error(error))?
        {
            if body.len() + chunk.len() > most {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body.into()))
    }

    pub(super) fn transport_error(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        if error.is_timeout() {
            return Error::TimedOut;
        }
        let cause = root_cause(&error);
        if error.is_builder() {
            return Error::Setup { what: cause };
        }
        Error::Unreachable {
            origin: self.url.to_string(),
            cause,
            connected: !error.is_connect(),
        }
    }
}

pub(super) fn nonsense(what: String) -> Error {
    Error::Nonsense { what }
}

/// Tells a no from what no relay says.
fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    if status.is_client_error() || status.is_server_error() {
        return Error::Refused(Refusal::from_answer(status.as_u16(), headers, body));
    }
    let what = match headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
    {
        Some(place) => {
            let place = cut(place, MAX_PLACE);
            format!("it redirects to {place:?}; if the relay has moved there, use its new URL")
        }
        None => format!("its status is {status}"),
    };
    nonsense(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::Relay;
    use mrp_proto::key::SecretKey;
    use mrp_proto::sign::{TIMESTAMP_TOLERANCE, Unverified};
    use std::sync::Arc;

    fn relay() -> Relay {
        let key = Arc::new(SecretKey::from_seed(&[3; 32]));
        Relay::new("http://127.0.0.1:8080".parse().unwrap(), key).unwrap()
    }

    #[test]
    fn the_signature_covers_what_is_sent() {
        let relay = relay();
        let target = "/v1/messages/threads/conv%2F1%20%C3%BC?limit=5";
        let request = Request::new(Method::POST, target)
            .json(&serde_json::json!({"a": "ü"}))
            .unwrap();
        let sent = relay
            .inner
            .prepared(request, Some(Scheme::Published))
            .unwrap();
        let on_the_line = &sent.url()[url::Position::BeforePath..];
        assert_eq!(on_the_line, target);
        let header = |name: &str| sent.headers()[name].to_str().unwrap().to_owned();
        let timestamp = header(TIMESTAMP_HEADER);
        assert!(
            timestamp.ends_with('Z') && timestamp.len() == 24,
            "{timestamp}"
        );
        let body = sent.body().unwrap().as_bytes().unwrap();
        let canonical = request_bytes("POST", on_the_line, &timestamp, BodyHash::of(body));
        let claim = Unverified::decode(
            &header(PUBLIC_KEY_HEADER),
            &timestamp,
            &header(relay_api::SIGNATURE_HEADER),
            timestamp.parse().unwrap(),
            TIMESTAMP_TOLERANCE,
        )
        .unwrap();
        let verifier = relay.public_key().verifier();
        assert!(claim.clone().verify(&verifier, [&*canonical]).is_ok());
        let path_alone = request_bytes("POST", sent.url().path(), &timestamp, BodyHash::of(body));
        assert!(claim.verify(&verifier, [&*path_alone]).is_err());
    }

    #[test]
    fn a_bound_signature_covers_what_is_sent_for_one_authority() {
        let relay = relay();
        let target = "/v1/messages/threads/conv%2F1%20%C3%BC?limit=5";
        let prepare = || {
            let request = Request::new(Method::POST, target)
                .json(&serde_json::json!({"a": "ü"}))
                .unwrap()
                .header(IDEMPOTENCY_KEY_HEADER, "k");
            let prepared = relay.inner.prepared(request, Some(Scheme::Bound));
            prepared.unwrap()
        };
        let sent = prepare();
        assert!(!sent.headers().contains_key(PUBLIC_KEY_HEADER));
        let header = |name: &str| sent.headers()[name].as_bytes();
        let text = |name: &str| sent.headers()[name].to_str().unwrap();
        let covered = bound::Request {
            content_digest: Some(header(CONTENT_DIGEST_HEADER)),
            content_type: Some(b"application/json"),
            idempotency_key: Some(b"k"),
            ..bound::Request::new("POST", &sent.url()[url::Position::BeforePath..])
        };
        let body = BodyHash::of(sent.body().unwrap().as_bytes().unwrap());
        let now = relay.inner.clock.stamp();
        let claim = bound::Unverified::decode(
            text(SIGNATURE_INPUT_HEADER),
            Some(text(SIGNATURE_HEADER)),
            now,
            TIMESTAMP_TOLERANCE,
        );
        let claim = claim.unwrap().unwrap();
        let verifier = relay.public_key().verifier();
        let verify = |authority| {
            let claim = claim.clone();
            claim.verify(&verifier, &covered, body, [authority])
        };
        let verified = verify("127.0.0.1:8080").unwrap();
        assert!(verify("relay.example").is_err());
        assert!(verified.expires <= now.after(SIGNATURE_LIFETIME));
        let again = prepare();
        assert_ne!(
            again.headers()[SIGNATURE_INPUT_HEADER],
            sent.headers()[SIGNATURE_INPUT_HEADER]
        );
    }

    #[test]
    fn the_same_request_is_never_signed_the_same_way_twice() {
        let relay = relay();
        let mut signatures: Vec<_> = (0..50)
            .map(|_| {
                let sent = relay
                    .inner
                    .prepared(
                        Request::new(Method::GET, "/v1/messages"),
                        Some(Scheme::Published),
                    )
                    .unwrap();
                sent.headers()[relay_api::SIGNATURE_HEADER].clone()
            })
            .collect();
        signatures.sort_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
        signatures.dedup();
        assert_eq!(signatures.len(), 50);
    }

    #[test]
    fn a_target_that_urls_rewrite_is_not_sent() {
        let relay = relay();
        let request = Request::new(Method::GET, "/v1/messages/threads/..");
        let error = relay.inner.prepared(request, None).unwrap_err();
        assert!(matches!(error, Error::Setup { .. }));
    }

    #[test]
    fn health_is_asked_without_a_signature() {
        let relay = relay();
        let sent = relay
            .inner
            .prepared(Request::new(Method::GET, "/v1/health").unsigned(), None)
            .unwrap();
        assert!(sent.headers().is_empty());
        assert!(sent.body().is_none());
    }

    #[test]
    fn refusals_are_told_from_what_is_none_by_status() {
        let mut headers = HeaderMap::new();
        let judged = |status: u16, headers: &HeaderMap| {
            judge(StatusCode::from_u16(status).unwrap(), headers, b"{}")
        };
        assert!(matches!(
            judged(404, &headers),
            Error::Refused(Refusal { status: 404, .. })
        ));
        assert!(matches!(judged(304, &headers), Error::Nonsense { .. }));
        let place = format!("https://login.example/{}", "x".repeat(5000));
        headers.insert(header::LOCATION, place.parse().unwrap());
        let error = judged(302, &headers);
        assert!(error.to_string().contains("https://login.example"));
        assert!(error.to_string().len() < 400);
        assert!(error.is_retryable());
    }
}
