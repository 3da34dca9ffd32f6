//! Uploading, reading and deleting blobs (protocol A5).

mod conditions;
mod ranges;
mod upload;

use super::admission::{Signed, admit};
use super::error::ApiError;
use super::openapi::{BlobPath, Bytes, codes};
use super::segment::segment;
use crate::app::App;
use crate::auth::Class;
use crate::blobs::ObjectsError;
use crate::metrics::Limit;
use crate::store::{BlobError, BlobHash, BlobQuotaExceeded, ReadableBlob};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use conditions::Verdict;
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use mrp_proto::code::Code;
use mrp_proto::id::BlobId;
use mrp_proto::key::PublicKey;
use mrp_proto::relay_api::{BLOB_HASH_HEADER, STORAGE_LIMIT_HEADER, STORAGE_USED_HEADER};
use ranges::Asked;
use serde_json::json;
use std::sync::Arc;

pub(super) use upload::{__path_upload, upload};

/// `GET` and `HEAD /v1/blobs/{id}`
#[utoipa::path(
    method(get, head),
    path = "/v1/blobs/{id}",
    operation_id = "download_blob",
    tag = "Blobs",
    summary = "The bytes of a blob that one owns or was sent",
    params(
        BlobPath,
        ("Range" = Option<String>, Header, description = "RFC 9110 section 14.2; one range of bytes"),
        ("If-Range" = Option<String>, Header, description = "RFC 9110 section 13.1.5"),
        ("If-Match" = Option<String>, Header, description = "RFC 9110 section 13.1.1"),
        ("If-None-Match" = Option<String>, Header, description = "RFC 9110 section 13.1.2"),
    ),
    responses(
        (status = 200, description = "All of it, with the Content-Type of the upload", content_type = "*/*", body = inline(Bytes), headers(("ETag" = String), ("X-M2M-Blob-Hash" = String, description = "SHA-256 of the whole blob, hexadecimal"), ("Accept-Ranges" = String))), 
        (status = 206, description = "The range", content_type = "*/*", body = inline(Bytes), headers(("Content-Range" = String), ("ETag" = String), ("X-M2M-Blob-Hash" = String, description = "SHA-256 of the whole blob, hexadecimal"), ("Accept-Ranges" = String))), 
        (status = 304, description = "The copy that `If-None-Match` names is current", headers(("ETag" = String), ("X-M2M-Blob-Hash" = String, description = "SHA-256 of the whole blob, hexadecimal"), ("Accept-Ranges" = String)))),
    extensions(("x-error-codes" = json!(codes(&[Code::BlobNotFound, Code::PreconditionFailed, Code::RangeNotSatisfiable])))),
)]
pub(super) async fn download(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let outcome = read(&app, &signed).await;
    Ok(with_storage(&app, signed.caller.key, outcome).await)
}

/// `DELETE /v1/blobs/{id}`
#[utoipa::path(
    delete,
    path = "/v1/blobs/{id}",
    operation_id = "delete_blob",
    tag = "Blobs",
    summary = "Gives up a blob",
    params(BlobPath),
    responses((status = 204, description = "It is not the caller's any more; the bytes go when nobody has them", headers(("X-M2M-Storage-Used" = u64, description = "Bytes that the caller's blobs take"),
            ("X-M2M-Storage-Limit" = u64, description = "Bytes that they may take")))),
    extensions(("x-error-codes" = json!(codes(&[Code::BlobNotFound, Code::BlobReferenced])))),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, ApiError> {
    let signed = admit(&app, request, Class::Other).await?;
    let caller = signed.caller.key;
    let outcome = give_up(&app, signed).await;
    Ok(with_storage(&app, caller, outcome).await)
}

async fn read(app: &App, signed: &Signed) -> Result<Response, ApiError> {
    let hash = path_hash(signed)?;
    let caller = signed.caller.key;
    let found = app.store.blob(hash, caller, app.now()).await?;
    let blob = found.ok_or_else(unknown)?;
    let (method, headers) = (&signed.parts.method, &signed.parts.headers);
    let id = BlobId::of_digest(&hash);
    let tag = format!("\"{}\"", id.hex());
    let mut response = match conditions::judge(headers, &tag) {
        Verdict::Failed => ApiError::new(
            Code::PreconditionFailed,
            "the blob is not the one that If-Match names",
        )
        .into_response(),
        Verdict::Unchanged => StatusCode::NOT_MODIFIED.into_response(),
        // A range is defined for GET alone (RFC 9110 section 14.2).
        Verdict::Go if method == Method::HEAD => {
            with_length(Response::new(Body::empty()), blob.size)
        }
        Verdict::Go => {
            send(
                app,
                caller,
                &hash,
                &blob,
                &ranges::asked(headers, &tag, blob.size),
            )
            .await?
        }
    };
    let is_refusal = response.status().is_client_error();
    describe(response.headers_mut(), &id, &tag);
    if !is_refusal && response.status() != StatusCode::NOT_MODIFIED {
        let content_type = HeaderValue::from_str(&blob.content_type);
        let content_type = content_type.map_err(ApiError::internal)?;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    Ok(response)
}

/// The bytes that were asked for.
async fn send(
    app: &App,
    caller: PublicKey,
    hash: &BlobHash,
    blob: &ReadableBlob,
    asked: &Asked,
) -> Result<Response, ApiError> {
    let size = blob.size;
    let (range, status, content_range) = match asked {
        Asked::All => (0..size, StatusCode::OK, None),
        Asked::Part(range) => {
            let shown = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            (range.clone(), StatusCode::PARTIAL_CONTENT, Some(shown))
        }
        Asked::Nothing => {
            let refusal = ApiError::new(
                Code::RangeNotSatisfiable,
                format!("the range begins behind the blob's end; it has {size} bytes"),
            );
            let response = refusal
                .with_details(json!({ "size": size }))
                .into_response();
            return Ok(with_content_range(response, &format!("bytes */{size}")));
        }
    };
    let length = range.end - range.start;
    let parts = match app.blobs.read(hash, range).await {
        Ok(parts) => parts,
        // It may have ended since its record was read.
        Err(ObjectsError::NotFound)
            if app.store.blob(*hash, caller, app.now()).await?.is_none() =>
        {
            return Err(unknown());
        }
        Err(ObjectsError::NotFound) => {
            return Err(ApiError::internal("the bytes of a blob are missing"));
        }
        Err(error) => return Err(error.into()),
    };
    let given = app.metrics.blobs.downloaded.clone();
    let parts = parts.inspect_ok(move |part| {
        given.inc_by(part.len() as u64);
    });
    let mut response = Response::new(Body::from_stream(parts));
    *response.status_mut() = status;
    if let Some(content_range) = content_range {
        response = with_content_range(response, &content_range);
    }
    Ok(with_length(response, length))
}

async fn give_up(app: &App, signed: Signed) -> Result<Response, ApiError> {
    let hash = path_hash(&signed)?;
    let caller = signed.caller;
    app.store
        .delete_blob(hash, caller.key, caller.claim, app.now())
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What every answer about a blob says; the bytes are never to be shown as what they claim to be (protocol A5.3).
fn describe(headers: &mut HeaderMap, id: &BlobId, tag: &str) {
    let fixed = HeaderValue::from_static;
    headers.insert(header::ACCEPT_RANGES, fixed("bytes"));
    headers.insert(header::CONTENT_DISPOSITION, fixed("attachment"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    // Whoever asks must be asked who they are.
    headers.insert(header::CACHE_CONTROL, fixed("private, no-cache"));
    let names = [
        (header::ETAG, tag),
        (HeaderName::from_static(BLOB_HASH_HEADER), id.hex()),
    ];
    for (name, value) in names {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}

/// Adds what the caller's blobs take to any answer.
async fn with_storage(
    app: &App,
    caller: PublicKey,
    outcome: Result<Response, ApiError>,
) -> Response {
    let mut response = outcome.unwrap_or_else(ApiError::into_response);
    // An answer that has come so far does not fail for this.
    if let Ok(usage) = app.store.blob_usage(caller).await {
        let used = HeaderName::from_static(STORAGE_USED_HEADER);
        response.headers_mut().insert(used, usage.bytes.into());
    }
    let limit = app.config.limits.blob_bytes_per_agent;
    if limit != 0 {
        let name = HeaderName::from_static(STORAGE_LIMIT_HEADER);
        response.headers_mut().insert(name, limit.into());
    }
    response
}

fn with_length(mut response: Response, length: u64) -> Response {
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length.into());
    response
}

fn with_content_range(mut response: Response, range: &str) -> Response {
    if let Ok(range) = HeaderValue::from_str(range) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

/// What is no id of ours names no blob.
fn path_hash(signed: &Signed) -> Result<BlobHash, ApiError> {
    let id: Option<BlobId> = segment(&signed.parts, 2).and_then(|text| text.parse().ok());
    id.and_then(|id| id.digest()).ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::new(
        Code::BlobNotFound,
        "there is no blob with this id that this agent owns or was sent",
    )
}

impl From<BlobQuotaExceeded> for ApiError {
    fn from(exceeded: BlobQuotaExceeded) -> Self {
        Self::new(Code::InsufficientStorage, exceeded.to_string())
            .with_details(json!({ "limit": exceeded.limit, "actual": exceeded.actual }))
            .with_limit(Limit::Blobs)
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Replay => Self::replay(),
            BlobError::Quota(exceeded) => exceeded.into(),
            BlobError::NotFound => unknown(),
            BlobError::Referenced => Self::new(
                Code::BlobReferenced,
                "a message of this agent still attaches the blob; it can be deleted when that expires",
            ),
            BlobError::Store(error) => error.into(),
        }
    }
}

impl From<ObjectsError> for ApiError {
    fn from(error: ObjectsError) -> Self {
        if let ObjectsError::Full = error {
            return Self::disk_full();
        }
        tracing::error!(%error, "the blob store failed");
        Self::unavailable("the relay cannot reach its blob store now; try again later")
            .with_retry_after(5)
    }
}

impl ApiError {
    fn disk_full() -> Self {
        Self::new(
            Code::InsufficientStorage,
            "the relay's disk is nearly full; it takes no uploads until its operator has made room",
        )
        .with_limit(Limit::Disk)
    }
}
