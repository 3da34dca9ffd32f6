//! `GET /v1/export`, `POST /v1/import`, `POST /v1/backup`: what is kept, out into files and in again.

use super::error::parse;
use super::messages;
use super::openapi::codes;
use super::{Api, ApiError, BODY_LIMIT, BODY_PATIENCE};
use crate::store::{BackupError, Existing, Imported, MessageRecord, Standing, StoreError};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures_util::StreamExt as _;
use mrpd_api::body::MessageQuery;
use mrpd_api::body::archive::{BackedUp, Backup, ImportSummary, RefusedLine};
use mrpd_api::error::Code;
use mrpd_api::filename::is_folder_name;
use mrpd_api::message::{self, Message};
use std::path::PathBuf;

/// Messages that are taken in together.
const BATCH: usize = 200;
/// Bytes of their lines, about.
const BATCH_BYTES: usize = 1 << 20;
/// Refused lines that are named, at most.
const NAMED: usize = 1000;

#[utoipa::path(
    get,
    path = "/v1/export",
    operation_id = "export",
    tag = "Archive",
    summary = "All messages, both ways, as lines of JSON",
    description = "The same lines as `/v1/messages` with `all=1`, with the same filters, for a file that `/v1/import` takes. It ends \
        with the newest message there is; `follow` is not for it.",
    params(MessageQuery),
    responses((status = 200, description = "A message a line", body = Message, content_type = "application/x-ndjson")),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownRecipient, Code::AmbiguousRecipient, Code::UnknownAgent, Code::NoAgent])))),
)]
pub(super) async fn export(
    state: State<Api>,
    raw: RawQuery,
    query: Result<Query<MessageQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let query = query.map(|Query(mut query)| {
        if query.dir.is_none() {
            query.all = query.all.or(Some(1));
        }
        Query(query)
    });
    if matches!(&query, Ok(Query(query)) if query.follow == Some(1)) {
        let message = "follow: an export ends with the newest message; follow /v1/messages";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    messages::list(state, raw, query, HeaderMap::new()).await
}

#[utoipa::path(
    post,
    path = "/v1/import",
    operation_id = "import",
    tag = "Archive",
    summary = "Takes in lines of an export",
    description = "Each line is a message as `/v1/export` gives it, of at most 4 MiB; empty lines are passed over. A message that is \
        there already, by id, direction and keys, stays as it is, so that the same file can be imported again. New ones come behind \
        all others, under new `seq`s; no hook runs for them. What was read, archived or done stays so, and what was claimed is new. A line that is refused keeps none of the others out.",
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, description = "What became of the lines", body = ImportSummary)),
)]
pub(super) async fn import(
    State(api): State<Api>,
    body: Body,
) -> Result<Json<ImportSummary>, ApiError> {
    let mut import = Import {
        api,
        batch: Vec::new(),
        batch_bytes: 0,
        line: 0,
        summary: ImportSummary::default(),
    };
    let mut pieces = body.into_data_stream();
    let mut rest = Vec::new();
    loop {
        let piece = tokio::time::timeout(BODY_PATIENCE, pieces.next());
        let piece = piece
            .await
            .map_err(|_| import.broken_off("no more of the body came for 30 s"))?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|error| import.broken_off(&error.to_string()))?;
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            // Of a line that is too long no more is kept than shows that it is.
            let room = (BODY_LIMIT + 1).saturating_sub(rest.len());
            rest.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                import.take(&rest).await?;
                rest.clear();
            }
        }
    }
    if !rest.is_empty() {
        import.take(&rest).await?;
    }
    import.store().await?;
    Ok(Json(import.summary))
}

#[utoipa::path(
    post,
    path = "/v1/backup",
    operation_id = "back_up",
    tag = "Archive",
    summary = "Copies the store into a file while it is in use",
    description = "Messages, outbox, cursors and what is remembered about others, in one consistent state, for `mrpd restore`. The \
        file is for its user alone, and has its name once it is whole. Configuration, keys and contacts are files of their own, to be \
        copied beside it.",
    request_body = Backup,
    responses((status = 200, description = "The copy is on the disk", body = BackedUp)),
    extensions(("x-error-codes" = json!(codes(&[Code::CannotCreate])))),
)]
pub(super) async fn back_up(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<BackedUp>, ApiError> {
    let Backup { path, overwrite } = parse(&body?)?;
    let existing = if overwrite {
        Existing::Replaced
    } else {
        Existing::Kept
    };
    let target = PathBuf::from(&path);
    let bytes = api.context.store.back_up(target, existing).await?;
    Ok(Json(BackedUp { path, bytes }))
}

/// An import in the making.
struct Import {
    api: Api,
    batch: Vec<MessageRecord>,
    batch_bytes: usize,
    line: u64,
    summary: ImportSummary,
}

impl Import {
    async fn take(&mut self, line: &[u8]) -> Result<(), StoreError> {
        self.line += 1;
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        match record(line) {
            Ok(record) => {
                self.batch.push(record);
                self.batch_bytes += line.len();
            }
            Err(reason) => self.refuse(reason),
        }
        if self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES {
            self.store().await?;
        }
        Ok(())
    }

    async fn store(&mut self) -> Result<(), StoreError> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        for imported in self.api.context.store.import(batch).await? {
            match imported {
                Imported::New(_) => self.summary.imported += 1,
                Imported::Present(_) => self.summary.present += 1,
            }
        }
        Ok(())
    }

    fn refuse(&mut self, reason: String) {
        self.summary.refused += 1;
        if self.summary.refused_lines.len() < NAMED {
            let line = self.line;
            self.summary
                .refused_lines
                .push(RefusedLine { line, reason });
        }
    }

    fn broken_off(&self, cause: &str) -> ApiError {
        let message = format!("the body broke off behind line {}: {cause}", self.line);
        ApiError::new(Code::InvalidRequest, message)
            .with_hint("import the same file again; what was taken in is not taken in twice")
    }
}

/// A message as the store keeps it.
fn record(line: &[u8]) -> Result<MessageRecord, String> {
    if line.len() > BODY_LIMIT {
        return Err(format!("the line has more than {BODY_LIMIT} bytes"));
    }
    let message: Message = serde_json::from_slice(line)
        .map_err(|error| format!("the line is no message as an export has them: {error}"))?;
    if message.v != message::VERSION {
        let known = message::VERSION;
        return Err(format!("v: must be {known} (given: {})", message.v));
    }
    for (field, value) in [("id", &message.id), ("agent", &message.agent)] {
        if value.is_empty() {
            return Err(format!("{field}: must not be empty"));
        }
    }
    if !is_folder_name(&message.id) {
        let id = &message.id;
        return Err(format!(
            "id: must neither begin with '.' nor contain '/' (given: {id:?})"
        ));
    }
    let attachments = message.attachments.into_iter().map(|file| file.blob);
    Ok(MessageRecord {
        id: message.id,
        out_id: None,
        dir: message.dir,
        agent: message.agent,
        relay: message.relay,
        from: message.from.key.to_string(),
        to: message.to.to_string(),
        kind: message.kind,
        content_type: message.content_type,
        body: message.body,
        thread: message.thread,
        reply_to: message.reply_to,
        // Where they are on this machine, a file from elsewhere does not decide.
        attachments: attachments.collect(),
        downloads: Vec::new(),
        metadata: message.metadata,
        encrypted: message.encrypted,
        verified: message.verified,
        created_at: message.created_at,
        received_at: message.received_at,
        expires_at: message.expires_at,
        behind: 0,
        imported: true,
        standing: Standing {
            state: message.state,
            attempt: message.attempt,
            until: None,
        },
    })
}

impl From<BackupError> for ApiError {
    fn from(error: BackupError) -> Self {
        let message = error.to_string();
        match error {
            BackupError::Relative { .. } => Self::new(Code::InvalidRequest, message)
                .with_hint("name the file by its whole path"),
            BackupError::Exists { .. } => Self::new(Code::CannotCreate, message)
                .with_hint("choose another name, or set overwrite to true"),
            BackupError::Io { .. } | BackupError::Itself { .. } => {
                Self::new(Code::CannotCreate, message)
            }
            BackupError::Store(error) => error.into(),
        }
    }
}
