//! `mrpctl blob`: files that lie with a relay.

use crate::cli::people::AtRelay;
use crate::cli::relays::{Blob as Flags, BlobGet, BlobPut};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::output::message::MessageText;
use crate::output::pairs;
use crate::output::progress::{Progress, Unit};
use crate::received;
use mrpd_api::body::blobs::{Blob, BlobQuery};
use mrpd_api::client::{Client, Download};
use std::io::{self, IsTerminal as _};
use std::path::Path;

const HEADS: [&str; 5] = ["filename", "id", "size", "relay", "until"];

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    match flags {
        Flags::Put(flags) => put(context, &client, flags).await,
        Flags::Get(flags) => get(context, &client, flags).await,
        Flags::Info { id, at } => {
            let blob = client.blob_info(&id, &query(context, at)).await?;
            context.output.object(&blob, || text(&blob), Some(&blob.id))
        }
        Flags::Ls => {
            let (blobs, times) = (client.blobs().await?, MessageText::for_lists());
            context
                .output
                .list(&blobs, &HEADS, |blob| row(blob, &times))
        }
        Flags::Rm { ids, at } => remove(context, &client, &ids, at).await,
    }
}

fn query(context: &Context, at: AtRelay) -> BlobQuery {
    BlobQuery {
        agent: context.global.agent.clone(),
        relay: at.relay,
        ..BlobQuery::default()
    }
}

/// The bare id is printed unless JSON is asked for: it is what a script goes on with.
async fn put(context: &Context, client: &Client, flags: BlobPut) -> Result<(), Failure> {
    let source = input::open(&flags.file).await?;
    let own_name = || {
        let name = Path::new(&flags.file).file_name()?.to_str()?;
        (flags.file != "-").then(|| name.to_owned())
    };
    let progress = Progress::new(&context.output, &flags.file, Unit::Bytes, source.length);
    let query = BlobQuery {
        filename: flags.filename.clone().or_else(own_name),
        content_type: flags.content_type.clone(),
        ..query(context, flags.at.clone())
    };
    let blob = client.upload_blob(&query, source.pieces(progress)).await?;
    if context.output.is_bare() {
        return context.output.bytes(format!("{}\n", blob.id));
    }
    context.output.object(&blob, || text(&blob), Some(&blob.id))
}

async fn get(context: &Context, client: &Client, flags: BlobGet) -> Result<(), Failure> {
    let to_output = flags.out == "-";
    if to_output && std::io::stdout().is_terminal() {
        return Err(
            Failure::new(Reason::Usage, "a file's bytes are not for a terminal")
                .fix(format!("mrpctl blob get {} -O FILE, or a pipe", flags.id)),
        );
    }
    let progress = Progress::new(&context.output, &flags.id, Unit::Bytes, None);
    let download = client.blob(&flags.id, &query(context, flags.at)).await?;
    if to_output {
        return write_out(context, download, progress).await;
    }
    let path = Path::new(&flags.out);
    let cannot = |error: &io::Error| {
        let doing = format!("write {}", path.display());
        Failure::io(Reason::CannotCreate, &doing, error)
    };
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let file = received::receive(download, folder, received::USUAL, progress, cannot).await?;
    let placed = file.persist(path);
    placed.map(drop).map_err(|error| cannot(&error.error))
}

async fn write_out(
    context: &Context,
    mut download: Download,
    mut progress: Progress,
) -> Result<(), Failure> {
    if let Some(length) = download.length {
        progress.expect(length);
    }
    while let Some(piece) = download.next().await? {
        progress.add(piece.len() as u64);
        context.output.stream(piece.to_vec()).await?;
    }
    progress.finish();
    Ok(())
}

/// All of them are tried; the first failure decides how it ends.
async fn remove(
    context: &Context,
    client: &Client,
    ids: &[String],
    at: AtRelay,
) -> Result<(), Failure> {
    let query = query(context, at);
    let mut first = None;
    for id in ids {
        if let Err(error) = client.remove_blob(id, &query).await {
            let failure = Failure::from(error);
            context.output.failure(&failure);
            first.get_or_insert(failure.exit());
        }
    }
    first.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

fn row(blob: &Blob, times: &MessageText) -> Vec<String> {
    vec![
        blob.filename.clone().unwrap_or_default(),
        blob.id.clone(),
        blob.size.map(|size| size.to_string()).unwrap_or_default(),
        blob.relay
            .clone()
            .unwrap_or_else(|| "waits here".to_owned()),
        blob.expires_at
            .map(|time| times.time(time))
            .unwrap_or_default(),
    ]
}

fn text(blob: &Blob) -> String {
    let time = |time: Option<mrp_proto::time::Timestamp>| {
        time.map(|time| time.to_string()).unwrap_or_default()
    };
    pairs(&[
        ("filename", blob.filename.clone().unwrap_or_default()),
        ("id", blob.id.clone()),
        ("type", blob.content_type.clone().unwrap_or_default()),
        (
            "size",
            blob.size.map(|size| size.to_string()).unwrap_or_default(),
        ),
        ("sha256", blob.hash.clone().unwrap_or_default()),
        ("agent", blob.agent.clone().unwrap_or_default()),
        ("relay", blob.relay.clone().unwrap_or_default()),
        ("since", time(blob.created_at)),
        ("until", time(blob.expires_at)),
    ])
}
