//! Blobs: streamed up and down, never whole in memory (protocol A5).

use super::Relay;
use super::request::{Request, nonsense};
use crate::error::Error;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, Method, header};
use mrp_proto::id::BlobId;
use mrp_proto::relay_api::{BLOB_HASH_HEADER, BlobInfo, path};
use mrp_proto::sign::BodyHash;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a transfer may take beside the usual time of a request: as long as relays let an upload go on.
const LONGEST_TRANSFER: Duration = Duration::from_secs(30 * 60);
/// How long a transfer may stand still. A relay may take as long to answer once it has everything.
const STANDSTILL: Duration = Duration::from_secs(60);
/// What bytes are called that nobody called anything.
const UNNAMED: &str = "application/octet-stream";

/// What is uploaded: known by its length and hash, because the signature covers both.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub hash: BodyHash,
    /// Media type, as the relay is to show it; visible ASCII.
    pub content_type: &'a str,
}

/// What a relay says about a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobHead {
    /// Bytes, where the relay says so.
    pub size: Option<u64>,
    /// Media type, as its uploader gave it.
    pub content_type: Option<String>,
    /// SHA-256 of the bytes, hexadecimal, where the relay says so.
    pub hash: Option<String>,
}

/// A blob on its way here.
#[derive(Debug)]
pub struct Download {
    relay: Relay,
    head: BlobHead,
    answer: reqwest::Response,
}

impl Download {
    /// What the relay says about it. Nothing of that is proven.
    pub fn head(&self) -> &BlobHead {
        &self.head
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// An [`Error`] if the connection breaks or stands still.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match tokio::time::timeout(STANDSTILL, self.answer.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| self.relay.inner.transport_error(error)),
            Err(_) => Err(Error::TimedOut),
        }
    }
}

impl Relay {
    /// Uploads a blob. `body` gives exactly the bytes that `upload` describes; an error of it ends the upload. When this returns
    /// `Ok`, the relay has them on disk, and uploading the same again does no harm.
    ///
    /// # Errors
    /// An [`Error`]; among the refusals `payload_too_large` and `insufficient_storage`.
    pub async fn upload_blob<S>(&self, upload: Upload<'_>, body: S) -> Result<BlobInfo, Error>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        let pace = Pace::default();
        let body = body.inspect({
            let pace = pace.clone();
            move |_| pace.moved()
        });
        let request = Request::new(Method::POST, path::BLOBS)
            .header(header::CONTENT_TYPE.as_str(), upload.content_type)
            .streamed(reqwest::Body::wrap_stream(body), upload.size, upload.hash)
            .patience(LONGEST_TRANSFER);
        tokio::select! {
            info = self.inner.read(request) => info,
            () = pace.stood_still() => Err(Error::TimedOut),
        }
    }

    /// Begins to read a blob.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `blob_not_found` also for blobs that this agent may not read.
    pub async fn blob(&self, id: &BlobId) -> Result<Download, Error> {
        let request = Request::new(Method::GET, path::blob(id)).patience(LONGEST_TRANSFER);
        let answer = tokio::time::timeout(STANDSTILL, self.inner.begin(request));
        let answer = answer.await.unwrap_or(Err(Error::TimedOut))?;
        if answer.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(nonsense("the blob is in a content encoding".to_owned()));
        }
        Ok(Download {
            relay: self.clone(),
            head: head(answer.headers()),
            answer,
        })
    }

    /// What the relay says about a blob.
    ///
    /// # Errors
    /// As [`Relay::blob`].
    pub async fn blob_head(&self, id: &BlobId) -> Result<BlobHead, Error> {
        let request = Request::new(Method::HEAD, path::blob(id));
        let answer = self.inner.begin(request).await?;
        Ok(head(answer.headers()))
    }

    /// Gives a blob up that this agent uploaded.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `blob_referenced` while a message of this agent carries it.
    pub async fn delete_blob(&self, id: &BlobId) -> Result<(), Error> {
        let request = Request::new(Method::DELETE, path::blob(id));
        self.inner.perform(request).await
    }
}

fn head(headers: &HeaderMap) -> BlobHead {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    BlobHead {
        size: text(header::CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok()),
        content_type: text(header::CONTENT_TYPE.as_str()).filter(|text| text != UNNAMED),
        hash: text(BLOB_HASH_HEADER),
    }
}

/// When a transfer last moved.
#[derive(Debug, Clone)]
struct Pace(Arc<Mutex<Instant>>);

impl Default for Pace {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Pace {
    fn moved(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    async fn stood_still(&self) {
        loop {
            let end = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + STANDSTILL;
            if end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end).await;
        }
    }
}
