//! `GET /v1/messages/{id}/attachments/{n}`.

use super::blobs::{relaying, streamed};
use super::openapi::codes;
use super::{Api, ApiError};
use crate::attachments::{DemandError, FetchError};
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use mrpd_api::error::Code;
use mrpd_api::filename::plain_name;
use mrpd_api::message::Direction;
use tokio_util::io::ReaderStream;

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

#[utoipa::path(
    get,
    path = "/v1/messages/{id}/attachments/{place}",
    operation_id = "read_attachment",
    tag = "Files",
    summary = "The bytes of an attachment",
    description = "It is fetched, checked and saved first if it is not here.",
    params(
        ("id" = String, Path, description = "The message's id"),
        ("place" = u32, Path, description = "Which attachment, from 0"),
    ),
    responses((status = 200, description = "The bytes", body = inline(Vec<u8>), content_type = "application/octet-stream")),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound, Code::BlobNotFound, Code::BlobInUse, Code::UnknownAgent, Code::RelayUnreachable, Code::RateLimited, Code::NotPermitted, Code::Refused])))),
)]
/// The bytes of an attachment, numbered from 0. It is fetched, checked and saved first if it is not here.
pub(super) async fn one(
    State(api): State<Api>,
    path: Result<Path<(String, u32)>, PathRejection>,
) -> Result<Response, ApiError> {
    let Path((id, place)) = path?;
    let mut found = api.context.store.by_id(id.clone()).await?;
    found.sort_by_key(|(seq, message)| (message.dir == Direction::Out, *seq));
    let Some((seq, message)) = found.into_iter().next() else {
        let message = format!("there is no message {id:?} here");
        return Err(ApiError::new(Code::MessageNotFound, message));
    };
    // It is brought to its end even if the client does not wait for that.
    let downloads = api.context.downloads.clone();
    let fetching = async move { downloads.demand(seq, message, place).await };
    let fetched = api.context.tasks.spawn(fetching).await;
    let ending = |_| ApiError::new(Code::ShuttingDown, "the daemon is going away");
    let (file, attachment) = fetched.map_err(ending)??;
    let size = file.metadata().await.ok().map(|file| file.len());
    let name = plain_name(attachment.filename.as_deref(), place);
    let body = Body::from_stream(ReaderStream::with_capacity(file, PIECE));
    Ok(streamed(body, size, Some(&name)))
}

impl From<DemandError> for ApiError {
    fn from(error: DemandError) -> Self {
        let message = error.to_string();
        match error {
            DemandError::NoSuch { .. } => Self::new(Code::BlobNotFound, message),
            DemandError::NoWay { .. } => Self::new(Code::UnknownAgent, message),
            DemandError::Fetch(FetchError::Relay(error)) => relaying(error),
            DemandError::Fetch(FetchError::Disk(_)) => Self::new(Code::StorageFailed, message),
            DemandError::Fetch(FetchError::Taken(_)) => Self::new(Code::BlobInUse, message)
                .with_hint("move it away, or change [attachments] conflict in mrpd.toml"),
            DemandError::Fetch(_) => Self::new(Code::Refused, message),
            DemandError::Store(error) => error.into(),
        }
    }
}
