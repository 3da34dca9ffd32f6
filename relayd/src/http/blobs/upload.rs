//! Taking an upload in: to a file while it is hashed, then the signature, then into place, then on record (protocol A5.2).

use super::super::admission::Arriving;
use super::super::body::{self, Pace};
use super::super::error::ApiError;
use super::super::openapi::{Bytes as AnyBytes, codes};
use super::with_storage;
use crate::app::App;
use crate::auth::{Caller, Class};
use crate::blobs::{Busy, Slot, SpoolError, Spooled};
use crate::metrics::Limit;
use crate::store::{BlobUpload, OwnedBlob};
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::TryFutureExt as _;
use http::{HeaderMap, StatusCode, header};
use mrp_proto::code::Code;
use mrp_proto::id::BlobId;
use mrp_proto::message::{MAX_REFERENCE, Violation};
use mrp_proto::relay_api::BlobInfo;
use mrp_proto::sign::BodyHash;
use serde_json::json;
use std::sync::Arc;
use tracing::Instrument as _;

/// Bytes that are gathered before they are written.
const GATHER: usize = 256 << 10;
/// What bytes are called that their owner calls nothing.
const UNNAMED: &str = "application/octet-stream";

/// `POST /v1/blobs`
#[utoipa::path(
    post,
    path = "/v1/blobs",
    operation_id = "upload_blob",
    tag = "Blobs",
    summary = "Uploads a file",
    request_body(content = inline(AnyBytes), content_type = "application/octet-stream", description = "The bytes; their Content-Type is kept"),
    responses((
        status = 201, description = "The blob is on disk; the same bytes have the same name", body = BlobInfo,
        headers(("X-M2M-Storage-Used" = u64, description = "Bytes that the caller's blobs take"),
            ("X-M2M-Storage-Limit" = u64, description = "Bytes that they may take"))
    )),
    extensions(("x-error-codes" = json!(codes(&[Code::ValidationFailed])))),
)]
pub(in crate::http) async fn upload(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    app.disk.uploads()?;
    let received = receive(&app, request).await?;
    let caller = received.caller.key;
    // It is brought to its end even if the client does not wait for that.
    let keeping = Arc::clone(&app);
    let kept = tokio::spawn(async move { received.keep(&keeping).await }.in_current_span());
    let outcome = kept.await.unwrap_or_else(|_| {
        Err(ApiError::unavailable(
            "the relay is ending; try again later",
        ))
    });
    let outcome = outcome.map(|info| (StatusCode::CREATED, Json(info)).into_response());
    Ok(with_storage(&app, caller, outcome).await)
}

/// An upload that is there whole and whose signature is good.
struct Received {
    caller: Caller,
    content_type: String,
    spooled: Spooled,
    /// Held until everything is done.
    _slot: Slot,
}

async fn receive(app: &App, request: Request) -> Result<Received, ApiError> {
    let limit = match app.config.limits.blob {
        0 => u64::MAX,
        limit => limit,
    };
    let (arriving, body) = Arriving::of(app, request, limit)?;
    let content_type = content_type(arriving.headers())?;
    let mut slot = app.blobs.uploads().begin(arriving.client())?;
    let spooled = spool(app, body, limit).await?;
    let hash = BodyHash::from_digest(spooled.hash);
    let caller = arriving.admit(app, hash, Class::Other).await?;
    slot.assign(caller.key)?;
    Ok(Received {
        caller,
        content_type,
        spooled,
        _slot: slot,
    })
}

/// Writes a body to a spool file, and hashes it; it is gone if anything goes wrong. While some of it is written, more is gathered.
async fn spool(app: &App, body: Body, limit: u64) -> Result<Spooled, ApiError> {
    let mut incoming = Incoming {
        body: Some(body),
        pace: Pace::of_upload(&app.config.timeouts),
        limit,
    };
    let mut spooling = app.blobs.spool().await?;
    let mut gathered = incoming.gather().await?;
    while !gathered.is_empty() {
        let writing = spooling.write(gathered).map_err(ApiError::from);
        (spooling, gathered) = tokio::try_join!(writing, incoming.gather())?;
    }
    Ok(spooling.finish().await?)
}

/// What comes of an upload.
struct Incoming {
    /// None when it has come to its end.
    body: Option<Body>,
    pace: Pace,
    limit: u64,
}

impl Incoming {
    /// The next parts, as much as is written at a time; none at the end.
    async fn gather(&mut self) -> Result<Vec<Bytes>, ApiError> {
        let (mut gathered, mut size) = (Vec::new(), 0);
        while size < GATHER
            && let Some(body) = &mut self.body
        {
            let Some(data) = body::next_part(body, &mut self.pace).await? else {
                self.body = None;
                break;
            };
            if self.pace.received() > self.limit {
                return Err(body::too_large(self.limit, None));
            }
            size += data.len();
            gathered.push(data);
        }
        Ok(gathered)
    }
}

impl Received {
    /// Puts the bytes into place and makes the caller an owner of them. The answer means that both are on disk.
    async fn keep(self, app: &App) -> Result<BlobInfo, ApiError> {
        let Self {
            caller,
            content_type,
            spooled,
            _slot,
        } = self;
        let (hash, size) = (spooled.hash, spooled.size);
        let upload = BlobUpload {
            owner: caller.key,
            hash,
            size,
            content_type,
            claim: caller.claim,
            quotas: app.config.limits.quotas().blobs,
            now: app.now(),
        };
        let placing = app.blobs.keep(&hash).await;
        app.store.announce_blob(upload.clone()).await?;
        app.blobs.place(spooled, &placing).await?;
        let owned = app.store.add_blob(upload).await?;
        drop(placing);
        app.metrics.blobs.uploaded.inc_by(size);
        let OwnedBlob {
            size,
            content_type,
            created,
            expires,
        } = owned;
        let blob_id = BlobId::of_digest(&hash);
        Ok(BlobInfo {
            hash: blob_id.hex().to_owned(),
            blob_id,
            size,
            content_type,
            created_at: created,
            expires_at: expires,
        })
    }
}

/// What the owner calls the bytes.
fn content_type(headers: &HeaderMap) -> Result<String, Violation> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Ok(UNNAMED.to_owned());
    };
    let rule = format!("must have at most {MAX_REFERENCE} visible ASCII characters");
    match given.to_str().map(str::trim) {
        Ok("") => Ok(UNNAMED.to_owned()),
        Ok(text) if text.len() <= MAX_REFERENCE => Ok(text.to_owned()),
        Ok(text) => Err(Violation::new(
            "Content-Type",
            rule,
            MAX_REFERENCE,
            text.len(),
        )),
        Err(_) => Err(Violation::new(
            "Content-Type",
            rule,
            MAX_REFERENCE,
            "other characters",
        )),
    }
}

impl From<Busy> for ApiError {
    fn from(busy: Busy) -> Self {
        Self::unavailable(busy.to_string())
            .with_retry_after(5)
            .with_details(json!({ "limit": busy.limit }))
            .with_limit(Limit::Uploads)
    }
}

impl From<SpoolError> for ApiError {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Full => Self::disk_full(),
            SpoolError::Io(error) => {
                tracing::error!(%error, "an upload cannot be written");
                Self::unavailable("the relay cannot write to its disk now; try again later")
                    .with_retry_after(5)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::Peer;
    use crate::config::Config;
    use crate::http::exchange::answer;
    use crate::http::router;
    use futures_util::stream;
    use http::Method;
    use mrp_proto::key::SecretKey;
    use mrp_proto::relay_api::{PUBLIC_KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, path};
    use mrp_proto::sign::request_bytes;
    use mrp_proto::time::Timestamp;
    use std::convert::Infallible;
    use std::time::Duration;

    fn signed(seed: u8, method: Method, target: &str, time: Timestamp, body: &str) -> Request {
        let (key, time) = (SecretKey::from_seed(&[seed; 32]), time.to_string());
        let hash = BodyHash::of(body.as_bytes());
        let signature = key.sign(&request_bytes(method.as_str(), target, &time, hash));
        Request::builder()
            .method(method)
            .uri(target)
            .header(PUBLIC_KEY_HEADER, key.public().to_string())
            .header(TIMESTAMP_HEADER, time)
            .header(SIGNATURE_HEADER, signature.to_string())
            .body(Body::from(body.to_owned()))
            .unwrap()
    }

    #[tokio::test]
    async fn an_upload_takes_effect_though_claims_of_its_time_are_forgotten_meanwhile_and_only_once()
     {
        let app = Arc::new(App::in_memory(Config::default()).unwrap());
        let router = router(Arc::clone(&app));
        let peer = Peer::Remote([192, 0, 2, 1].into());
        let status = async |request| answer(&app, &router, peer, None, request).await.status();
        let begun = app.now();
        let key = SecretKey::from_seed(&[2; 32]).public();
        let target = format!("/v1/agents/{key}");
        let other = signed(
            2,
            Method::PATCH,
            &target,
            begun.after(Duration::from_secs(1)),
            "{}",
        );
        assert_eq!(status(other).await, StatusCode::OK);
        let upload = || signed(1, Method::POST, path::BLOBS, begun, "slowly");
        let sweeping = Arc::clone(&app);
        let parts = stream::unfold(0, move |sent| {
            let app = Arc::clone(&sweeping);
            async move {
                if sent == 1 {
                    let later = begun.after(Duration::from_secs(15 * 60));
                    assert_eq!(app.store.sweep(later, 100).await.unwrap().claims, 1);
                }
                let part = Ok::<_, Infallible>(Bytes::from(["slow", "ly"][sent.min(1)]));
                (sent < 2).then_some((part, sent + 1))
            }
        });
        let slow = upload().map(|_| Body::from_stream(parts));
        assert_eq!(status(slow).await, StatusCode::CREATED);
        assert_eq!(status(upload()).await, StatusCode::CONFLICT);
    }
}
