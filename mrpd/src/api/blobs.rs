//! `/v1/blobs`: files for messages, which wait here, and blobs at relays.

use super::name::Name;
use super::openapi::codes;
use super::{Api, ApiError};
use crate::attachments::{BringError, Description, ReceiveError};
use crate::roster::{Link, LocalAgent};
use crate::store::{FileRecord, UploadRecord};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use mrp_client::Download;
use mrp_proto::base64url;
use mrp_proto::code::Code as RelayCode;
use mrp_proto::id::BlobId;
use mrp_proto::message::{MAX_FILENAME, MAX_REFERENCE};
use mrpd_api::body::blobs::{Blob, BlobQuery};
use mrpd_api::error::Code;
use sha2::{Digest as _, Sha256};
use std::io;
use std::sync::Arc;

type Asked = Result<Query<BlobQuery>, QueryRejection>;

/// What bytes are called that nobody called anything.
const UNNAMED: &str = "application/octet-stream";

#[utoipa::path(
    put,
    path = "/v1/blobs",
    operation_id = "put_file",
    tag = "Files",
    summary = "Takes a file in for messages",
    description = "The answer comes when the file is durable. Its id goes into `attachments` of `POST /v1/send`; a file that no message takes is dropped after ten minutes.",
    params(BlobQuery),
    request_body(content = inline(Vec<u8>), content_type = "application/octet-stream", description = "The bytes, as they come"),
    responses((status = 201, description = "The file", body = Blob)),
)]
/// Takes a file in for the messages that will name it.
pub(super) async fn put(
    State(api): State<Api>,
    query: Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let file = receive(&api, &query, request).await?;
    Ok((StatusCode::CREATED, Json(waiting(file))).into_response())
}

#[utoipa::path(
    post,
    path = "/v1/blobs",
    operation_id = "upload_blob",
    tag = "Files",
    summary = "Uploads a blob in clear",
    params(BlobQuery),
    request_body(content = inline(Vec<u8>), content_type = "application/octet-stream", description = "The bytes, as they come"),
    responses((status = 201, description = "The blob, as the relay has it", body = Blob)),
    extensions(("x-error-codes" = json!(codes(&[Code::NoAgent, Code::UnknownAgent, Code::UnknownRelay, Code::RelayUnreachable, Code::BlobNotFound, Code::RateLimited, Code::NotPermitted, Code::Refused])))),
)]
/// Takes a file in and uploads it in clear.
pub(super) async fn post(
    State(api): State<Api>,
    query: Asked,
    request: Request,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let (agent, link) = choose(&api, &query)?;
    let file = receive(&api, &query, request).await?;
    let published = api.context.uploads.publish(&link, &file).await;
    // It went to no message, so nothing needs it any more.
    let _ = api.context.uploads.remove(&file.id).await;
    let info = published.map_err(bringing)?;
    let upload = UploadRecord {
        id: info.blob_id.to_string(),
        agent: agent.config.name.clone(),
        relay: link.relay.name.clone(),
        filename: file.filename,
        content_type: file.content_type,
        size: info.size,
        hash: info.hash,
        created_at: info.created_at,
        expires_at: info.expires_at,
    };
    api.context.store.put_upload(upload.clone()).await?;
    Ok((StatusCode::CREATED, Json(uploaded(upload))).into_response())
}

#[utoipa::path(
    get,
    path = "/v1/blobs",
    operation_id = "list_blobs",
    tag = "Files",
    summary = "Files that wait here, and own uploads",
    responses((status = 200, description = "All of them", body = Vec<Blob>)),
)]
/// What is known here: files that wait, and own uploads.
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<Blob>>, ApiError> {
    let store = &api.context.store;
    let waiting = store.files().await?.into_iter().map(waiting);
    let uploaded = store.uploads().await?.into_iter().map(uploaded);
    Ok(Json(waiting.chain(uploaded).collect()))
}

#[utoipa::path(
    get,
    path = "/v1/blobs/{id}/info",
    operation_id = "show_blob",
    tag = "Files",
    summary = "What is known of a file or a blob",
    params(("id" = String, Path, description = "`file_…` or `blob_…`"), BlobQuery),
    responses((status = 200, description = "The file or blob", body = Blob)),
    extensions(("x-error-codes" = json!(codes(&[Code::NoAgent, Code::UnknownAgent, Code::UnknownRelay, Code::RelayUnreachable, Code::BlobNotFound, Code::RateLimited, Code::NotPermitted, Code::Refused])))),
)]
/// What is known of one, asking the relay.
pub(super) async fn info(
    State(api): State<Api>,
    Name(id): Name,
    query: Asked,
) -> Result<Json<Blob>, ApiError> {
    if let Some(file) = api.context.uploads.find(&id).await? {
        return Ok(Json(waiting(file)));
    }
    let Query(query) = query?;
    let blob_id = blob_id(&id)?;
    let (agent, link) = choose(&api, &query)?;
    let head = link.client.blob_head(&blob_id).await.map_err(relaying)?;
    let uploads = api.context.store.uploads().await?;
    let is_this = |upload: &UploadRecord| {
        upload.id == id && upload.agent == agent.config.name && upload.relay == link.relay.name
    };
    let known = uploads.into_iter().find(is_this).map(uploaded);
    let known = known.unwrap_or_default();
    Ok(Json(Blob {
        id,
        relay: Some(link.relay.name.clone()),
        content_type: head.content_type.or(known.content_type.clone()),
        size: head.size.or(known.size),
        hash: head.hash.or(known.hash.clone()),
        ..known
    }))
}

#[utoipa::path(
    get,
    path = "/v1/blobs/{id}",
    operation_id = "read_blob",
    tag = "Files",
    summary = "The bytes of a file or a blob",
    description = "Where the name of a blob stands for its content, other bytes are cut off before their end.",
    params(("id" = String, Path, description = "`file_…` or `blob_…`"), BlobQuery),
    responses((status = 200, description = "The bytes", body = inline(Vec<u8>), content_type = "application/octet-stream")),
    extensions(("x-error-codes" = json!(codes(&[Code::NoAgent, Code::UnknownAgent, Code::UnknownRelay, Code::RelayUnreachable, Code::BlobNotFound, Code::RateLimited, Code::NotPermitted, Code::Refused])))),
)]
/// The bytes.
pub(super) async fn get(
    State(api): State<Api>,
    Name(id): Name,
    query: Asked,
) -> Result<Response, ApiError> {
    if let Some(file) = api.context.uploads.find(&id).await? {
        let body = api.context.uploads.plain(&file).await.map_err(lost)?;
        let name = file.filename.as_deref();
        return Ok(streamed(Body::from_stream(body), Some(file.size), name));
    }
    let Query(query) = query?;
    let blob_id = blob_id(&id)?;
    let (_, link) = choose(&api, &query)?;
    let download = link.client.blob(&blob_id).await.map_err(relaying)?;
    let size = download.head().size;
    Ok(streamed(
        Body::from_stream(checked(download, &blob_id)),
        size,
        None,
    ))
}

#[utoipa::path(
    delete,
    path = "/v1/blobs/{id}",
    operation_id = "remove_blob",
    tag = "Files",
    summary = "Gives a file or a blob up",
    params(("id" = String, Path, description = "`file_…` or `blob_…`"), BlobQuery),
    responses((status = 204, description = "It is gone")),
    extensions(("x-error-codes" = json!(codes(&[Code::NoAgent, Code::UnknownAgent, Code::UnknownRelay, Code::RelayUnreachable, Code::BlobNotFound, Code::RateLimited, Code::NotPermitted, Code::Refused, Code::BlobInUse])))),
)]
/// Gives it up.
pub(super) async fn remove(
    State(api): State<Api>,
    Name(id): Name,
    query: Asked,
) -> Result<StatusCode, ApiError> {
    if api.context.uploads.find(&id).await?.is_some() {
        return match api.context.uploads.remove(&id).await? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(ApiError::new(
                Code::BlobInUse,
                format!("a message in the outbox needs {id:?}"),
            )),
        };
    }
    let Query(query) = query?;
    let blob_id = blob_id(&id)?;
    let (agent, link) = choose(&api, &query)?;
    let removed = link.client.delete_blob(&blob_id).await;
    let gone = match &removed {
        Ok(()) => true,
        Err(error) => error.code() == Some(RelayCode::BlobNotFound),
    };
    if gone {
        let (agent, relay) = (agent.config.name.clone(), link.relay.name.clone());
        api.context.store.forget_upload(id, agent, relay).await?;
    }
    removed.map_err(relaying)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts bytes into an answer that nobody renders.
pub(super) fn streamed(body: Body, size: Option<u64>, name: Option<&str>) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(UNNAMED));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if let Some(size) = size {
        headers.insert(header::CONTENT_LENGTH, size.into());
    }
    let disposition = match name {
        Some(name) => {
            let name = mrp_proto::relay_api::path::encode_segment(name);
            format!("attachment; filename*=UTF-8''{name}")
        }
        None => "attachment".to_owned(),
    };
    if let Ok(disposition) = disposition.parse() {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

async fn receive(api: &Api, query: &BlobQuery, request: Request) -> Result<FileRecord, ApiError> {
    let settings = &api.context.config().attachments;
    let description = Description {
        filename: check("filename", query.filename.clone(), MAX_FILENAME)?,
        content_type: check("type", query.content_type.clone(), MAX_REFERENCE)?,
        limit: settings.max_outgoing,
        limit_of_all: settings.outgoing_bytes,
    };
    let limit = settings.max_outgoing;
    if announced(request.headers()).is_some_and(|size| size > limit) {
        return Err(receiving(ReceiveError::TooLarge { limit }));
    }
    let body = request.into_body().into_data_stream();
    api.context
        .uploads
        .receive(description, body)
        .await
        .map_err(receiving)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn check(field: &str, text: Option<String>, most: usize) -> Result<Option<String>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let length = text.chars().count();
    let wrong = match field {
        "filename" => {
            let forbidden = |letter: char| matches!(letter, '/' | '\\') || letter.is_control();
            text.chars().any(forbidden) || text == "." || text == ".."
        }
        _ => !text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' '),
    };
    if wrong || !(1..=most).contains(&length) {
        let message = format!(
            "{field}: {text:?} is not allowed; expected 1 to {most} characters, {}",
            match field {
                "filename" => "a name and not a path",
                _ => "a media type such as text/plain",
            }
        );
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    Ok(Some(text))
}

fn choose(api: &Api, query: &BlobQuery) -> Result<(Arc<LocalAgent>, Link), ApiError> {
    let roster = api.context.roster();
    Ok(api
        .context
        .outbox
        .way(&roster, query.agent.as_deref(), query.relay.as_deref())?)
}

fn blob_id(id: &str) -> Result<BlobId, ApiError> {
    if id.starts_with("file_") {
        return Err(ApiError::new(
            Code::BlobNotFound,
            format!("there is no file {id:?} here"),
        ));
    }
    id.parse().map_err(|error: mrp_proto::id::IdError| {
        ApiError::new(Code::InvalidRequest, format!("{id:?}: {error}"))
    })
}

/// The bytes, and an error at their end if they are not those that the id stands for.
fn checked(
    download: Download,
    id: &BlobId,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let expected = id.digest();
    let state = Some((download, Sha256::new()));
    let pieces = futures_util::stream::try_unfold(state, move |state| async move {
        let Some((mut download, mut hash)) = state else {
            return Ok(None);
        };
        let piece = download.chunk().await.map_err(io::Error::other)?;
        let Some(piece) = piece else {
            let digest: [u8; 32] = hash.finalize().into();
            if expected.is_some_and(|expected| expected != digest) {
                return Err(io::Error::other(
                    "the relay gave other bytes than were asked for",
                ));
            }
            return Ok(None);
        };
        hash.update(&piece);
        Ok(Some((piece, Some((download, hash)))))
    });
    withheld(pieces.boxed())
}

/// Holds each piece back until the next one is there: what is cut at its end is seen to be cut.
fn withheld(
    mut pieces: futures_util::stream::BoxStream<'static, io::Result<Bytes>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let mut held: Option<Bytes> = None;
    futures_util::stream::poll_fn(move |context| {
        use std::task::Poll;
        loop {
            match pieces.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(piece))) => {
                    if let Some(before) = held.replace(piece) {
                        return Poll::Ready(Some(Ok(before)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    held = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => return Poll::Ready(held.take().map(Ok)),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
}

fn waiting(file: FileRecord) -> Blob {
    let hex = |digest: [u8; 32]| BlobId::of_digest(&digest).to_string();
    let hash = base64url::decode_array(&file.plain_digest).ok().map(hex);
    Blob {
        id: file.id,
        filename: file.filename,
        content_type: file.content_type,
        size: Some(file.size),
        hash: hash.map(|name| name.trim_start_matches("blob_").to_owned()),
        created_at: Some(file.created_at),
        ..Blob::default()
    }
}

fn uploaded(upload: UploadRecord) -> Blob {
    Blob {
        id: upload.id,
        agent: Some(upload.agent),
        relay: Some(upload.relay),
        filename: upload.filename,
        content_type: upload.content_type,
        size: Some(upload.size),
        hash: Some(upload.hash),
        created_at: Some(upload.created_at),
        expires_at: Some(upload.expires_at),
    }
}

fn receiving(error: ReceiveError) -> ApiError {
    let message = error.to_string();
    match error {
        ReceiveError::TooLarge { .. } => ApiError::new(Code::TooLarge, message).with_hint(
            "relays take 100 MiB; [attachments] max_outgoing in mrpd.toml is the limit here",
        ),
        ReceiveError::Full { .. } => ApiError::new(Code::TryAgain, message)
            .with_hint("see mrpctl outbox for what waits, or raise [attachments] outgoing_bytes"),
        ReceiveError::Busy => ApiError::new(Code::TryAgain, message),
        ReceiveError::Broken(_) => ApiError::new(Code::InvalidRequest, message),
        ReceiveError::Disk(_) => ApiError::new(Code::StorageFailed, message),
        ReceiveError::Random(_) => ApiError::new(Code::Internal, message),
        ReceiveError::Store(error) => error.into(),
    }
}

pub(super) fn relaying(error: mrp_client::Error) -> ApiError {
    let code = match error.code() {
        Some(RelayCode::BlobNotFound) => Code::BlobNotFound,
        Some(RelayCode::BlobReferenced) => Code::BlobInUse,
        Some(RelayCode::PayloadTooLarge) => Code::TooLarge,
        Some(RelayCode::RateLimitExceeded) => Code::RateLimited,
        Some(RelayCode::Forbidden | RelayCode::AgentSuspended) => Code::NotPermitted,
        Some(_) if error.is_retryable() => Code::TryAgain,
        Some(_) => Code::Refused,
        None => Code::RelayUnreachable,
    };
    ApiError::new(code, error.to_string())
}

fn bringing(error: BringError) -> ApiError {
    match error {
        BringError::Relay(error) => relaying(error),
        BringError::Store(error) => error.into(),
        other => ApiError::new(Code::Internal, other.to_string()),
    }
}

fn lost(error: io::Error) -> ApiError {
    ApiError::new(
        Code::StorageFailed,
        format!("the file cannot be read: {error}"),
    )
}
