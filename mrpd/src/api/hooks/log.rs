//! `GET /v1/hooks/log`.

use crate::api::{Api, ApiError};
use crate::store::{HookLogEntry, StoreError};
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use mrpd_api::body::hooks::{HookLogLine, HookLogQuery};
use mrpd_api::route;
use tokio::sync::watch;

#[utoipa::path(
    get,
    path = "/v1/hooks/log",
    operation_id = "read_hook_log",
    tag = "Hooks",
    summary = "What hooks have done, and what they passed over, as lines of JSON",
    description = "The newest 10,000 entries are kept. A stream that follows ends with the daemon.",
    params(HookLogQuery),
    responses((status = 200, description = "An entry a line", content((HookLogLine = "application/x-ndjson")))),
)]
pub(in crate::api) async fn log(
    State(api): State<Api>,
    query: Result<Query<HookLogQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query?;
    let reader = Reader {
        changes: api.context.hooks.changes(),
        after: query.after.unwrap_or(0),
        hook: query.hook,
        follow: query.follow.is_some_and(|follow| follow != 0),
        api,
    };
    let mut response = Response::new(Body::from_stream(stream::unfold(reader, Reader::step)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(route::NDJSON),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// One reader and where it stands.
struct Reader {
    api: Api,
    changes: watch::Receiver<crate::hooks::Overview>,
    after: u64,
    hook: Option<String>,
    follow: bool,
}

impl Reader {
    async fn step(mut self) -> Option<(Result<Bytes, StoreError>, Self)> {
        loop {
            self.changes.borrow_and_update();
            let store = &self.api.context.store;
            let page = match store.hook_log(self.after, self.hook.clone()).await {
                Ok(page) => page,
                Err(error) => return Some((Err(error), self)),
            };
            self.after = page.reached;
            if !page.entries.is_empty() {
                let mut text = Vec::new();
                for (number, entry) in page.entries {
                    let line = serde_json::to_vec(&line(number, entry));
                    text.extend(line.expect("an entry has text keys and no fallible parts"));
                    text.push(b'\n');
                }
                return Some((Ok(text.into()), self));
            }
            if !page.end {
                continue;
            }
            if !self.follow {
                return None;
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                () = self.api.context.stop.cancelled() => return None,
            }
        }
    }
}

fn line(n: u64, entry: HookLogEntry) -> HookLogLine {
    HookLogLine {
        n,
        at: entry.at,
        hook: entry.hook,
        seqs: entry.seqs,
        message_id: entry.message_id,
        attempt: entry.attempt,
        outcome: entry.outcome,
        why: entry.why,
        took_ms: entry.took_ms,
        stdout: entry.stdout,
        stderr: entry.stderr,
    }
}
