//! Files and blobs, the export and the import: bytes that come and go piece by piece, and are never here whole.

use super::call::RequestBody;
use super::stream::MessageStream;
use super::{Client, ClientError};
use crate::body::MessageQuery;
use crate::body::archive::{BackedUp, Backup, ImportSummary};
use crate::body::blobs::{Blob, BlobQuery};
use crate::route;
use futures_util::{Stream, TryStreamExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use std::io;
use std::time::Duration;

pub use bytes::Bytes;

/// An answer to what takes as long as its bytes take: the daemon bounds each wait for more of them itself.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Bytes as they come.
#[derive(Debug)]
pub struct Download {
    /// How many there will be, where that is known.
    pub length: Option<u64>,
    body: Incoming,
}

impl Download {
    pub(super) fn of(answer: Response<Incoming>) -> Self {
        let length = answer.headers().get(CONTENT_LENGTH);
        Self {
            length: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            body: answer.into_body(),
        }
    }

    /// The next piece; nothing behind the last one.
    ///
    /// # Errors
    /// [`ClientError::Connection`] where it breaks in the middle.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(ClientError::broken)?;
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}

impl Client {
    /// `PUT /v1/blobs`: a file for a message; it stays on this machine, sealed, until the message is sent.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn put_file(
        &self,
        query: &BlobQuery,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Blob, ClientError> {
        self.upload(Method::PUT, query, pieces).await
    }

    /// `POST /v1/blobs`: uploads to a relay, in clear.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn upload_blob(
        &self,
        query: &BlobQuery,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Blob, ClientError> {
        self.upload(Method::POST, query, pieces).await
    }

    async fn upload(
        &self,
        method: Method,
        query: &BlobQuery,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Blob, ClientError> {
        self.call(method, route::BLOBS)
            .query(query)?
            .header(CONTENT_TYPE.as_str(), "application/octet-stream")
            .streamed_body(streamed(pieces))
            .timeout(TRANSFER_TIMEOUT)
            .json()
            .await
    }

    /// `GET /v1/blobs`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn blobs(&self) -> Result<Vec<Blob>, ClientError> {
        self.call(Method::GET, route::BLOBS).json().await
    }

    /// `GET /v1/blobs/{id}/info`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `blob_not_found` where there is none.
    pub async fn blob_info(&self, id: &str, query: &BlobQuery) -> Result<Blob, ClientError> {
        self.call(Method::GET, route::BLOBS)
            .below(id)
            .below("info")
            .query(query)?
            .json()
            .await
    }

    /// `GET /v1/blobs/{id}`: its bytes.
    ///
    /// # Errors
    /// As [`Client::blob_info`].
    pub async fn blob(&self, id: &str, query: &BlobQuery) -> Result<Download, ClientError> {
        let call = self.call(Method::GET, route::BLOBS).below(id);
        Ok(Download::of(call.query(query)?.accepted().await?))
    }

    /// `DELETE /v1/blobs/{id}`.
    ///
    /// # Errors
    /// As [`Client::blob_info`]; refused as `blob_in_use` where a message needs it.
    pub async fn remove_blob(&self, id: &str, query: &BlobQuery) -> Result<(), ClientError> {
        self.call(Method::DELETE, route::BLOBS)
            .below(id)
            .query(query)?
            .done()
            .await
    }

    /// `GET /v1/messages/{id}/attachments/{place}`: the bytes of an attachment, opened if it was sealed. The first is 0. The daemon
    /// answers when it has all of them and they are what was sent, which takes as long as it takes to get them from the relay.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn attachment(&self, id: &str, place: usize) -> Result<Download, ClientError> {
        let call = self.call(Method::GET, route::MESSAGES).below(id);
        let call = call.below("attachments").below(&place.to_string());
        let call = call.timeout(TRANSFER_TIMEOUT);
        Ok(Download::of(call.accepted().await?))
    }

    /// `GET /v1/export`: messages both ways.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn export(&self, query: &MessageQuery) -> Result<MessageStream, ClientError> {
        let call = self.call(Method::GET, route::EXPORT).query(query)?;
        Ok(MessageStream::new(call.ndjson().await?))
    }

    /// `POST /v1/import`: such lines.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn import(
        &self,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<ImportSummary, ClientError> {
        self.call(Method::POST, route::IMPORT)
            .header(CONTENT_TYPE.as_str(), route::NDJSON)
            .streamed_body(streamed(pieces))
            .timeout(TRANSFER_TIMEOUT)
            .json()
            .await
    }

    /// `POST /v1/backup`: the daemon writes the file.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `cannot_create` where the file cannot be made.
    pub async fn back_up(&self, backup: &Backup) -> Result<BackedUp, ClientError> {
        self.call(Method::POST, route::BACKUP)
            .body(backup)?
            .timeout(TRANSFER_TIMEOUT)
            .json()
            .await
    }
}

pub(super) fn streamed(
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> RequestBody {
    StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync()
}
