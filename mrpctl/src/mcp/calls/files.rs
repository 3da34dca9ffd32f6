//! Files that go with messages.

use super::value;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::mcp::Desk;
use crate::mcp::arguments::{DownloadBlob, UploadBlob};
use crate::output::progress::{Progress, Unit};
use crate::received;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use mrpd_api::body::blobs::BlobQuery;
use mrpd_api::client::{Bytes, Client, Download};
use serde_json::{Value, json};
use std::io;
use std::path::Path;

/// Bytes that are put into an answer.
const MOST_IN_ANSWER: usize = 256 << 10;

pub(in crate::mcp) async fn upload_blob(desk: &Desk, asked: UploadBlob) -> Result<Value, Failure> {
    let query = BlobQuery {
        filename: Some(asked.filename),
        content_type: asked.content_type,
        agent: desk.agent(),
        ..BlobQuery::default()
    };
    let client = desk.daemon().await?;
    let blob = match (asked.text, asked.base64, asked.path) {
        (Some(text), None, None) => put(&client, &query, text.into_bytes()).await?,
        (None, Some(text), None) => {
            let bytes = STANDARD.decode(text.trim()).map_err(|error| {
                Failure::new(Reason::BadData, format!("base64 cannot be read: {error}"))
            })?;
            put(&client, &query, bytes).await?
        }
        (None, None, Some(path)) => {
            let source = input::open_path(&desk.limits.readable(&path)?).await?;
            let progress = Progress::new(&desk.context.output, &path, Unit::Bytes, source.length);
            client.put_file(&query, source.pieces(progress)).await?
        }
        _ => {
            return Err(Failure::new(
                Reason::BadData,
                "a file is given by exactly one of text, base64 and path",
            ));
        }
    };
    value(&blob)
}

async fn put(
    client: &Client,
    query: &BlobQuery,
    bytes: Vec<u8>,
) -> Result<mrpd_api::body::blobs::Blob, Failure> {
    let whole = stream::iter([Ok(Bytes::from(bytes))]);
    Ok(client.put_file(query, whole).await?)
}

pub(in crate::mcp) async fn download_blob(
    desk: &Desk,
    asked: DownloadBlob,
) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    let download = match (&asked.message_id, &asked.id) {
        (Some(message), None) => {
            client
                .attachment(message, asked.place.unwrap_or_default())
                .await?
        }
        (None, Some(id)) => {
            let query = BlobQuery {
                agent: desk.agent(),
                ..BlobQuery::default()
            };
            client.blob(id, &query).await?
        }
        _ => {
            return Err(Failure::new(
                Reason::BadData,
                "a file is named by exactly one of message_id and id",
            ));
        }
    };
    match asked.save_as {
        Some(path) => save(desk, &desk.limits.writable(&path)?, download).await,
        None => in_answer(download).await,
    }
}

/// Nothing is replaced.
async fn save(desk: &Desk, path: &Path, download: Download) -> Result<Value, Failure> {
    let shown = path.display().to_string();
    let cannot =
        |error: &io::Error| Failure::io(Reason::CannotCreate, &format!("write {shown}"), error);
    let folder = path.parent().unwrap_or(Path::new("/"));
    let progress = Progress::new(&desk.context.output, &shown, Unit::Bytes, None);
    let file = received::receive(download, folder, received::PRIVATE, progress, cannot).await?;
    let placed = file.persist_noclobber(path);
    let file = placed.map_err(|error| cannot(&error.error))?;
    let size = file.metadata().map_err(|error| cannot(&error))?.len();
    Ok(json!({ "saved": shown, "size": size }))
}

async fn in_answer(mut download: Download) -> Result<Value, Failure> {
    let mut bytes = Vec::new();
    while let Some(piece) = download.next().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST_IN_ANSWER {
            return Err(Failure::new(
                Reason::BadData,
                format!(
                    "the file is larger than the {MOST_IN_ANSWER} bytes that fit into an answer"
                ),
            )
            .fix("give save_as, a path below a folder that the server may use"));
        }
    }
    let size = bytes.len();
    Ok(match String::from_utf8(bytes) {
        Ok(text) => json!({ "size": size, "text": text }),
        Err(error) => json!({ "size": size, "base64": STANDARD.encode(error.as_bytes()) }),
    })
}
