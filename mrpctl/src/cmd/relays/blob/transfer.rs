//! Bytes that go up and come down, piece by piece.

use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::client::Download;
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncWriteExt as _};

/// What comes from a file or from standard input.
pub(super) type Source = Box<dyn AsyncRead + Send + Unpin>;

/// A file, or standard input where it is `-`.
pub(super) async fn open(file: &str) -> Result<Source, Failure> {
    if file == "-" {
        return Ok(Box::new(tokio::io::stdin()));
    }
    let unread = |error: io::Error| Failure::io(Reason::NoInput, &format!("read {file}"), &error);
    let opened = File::open(file).await.map_err(unread)?;
    if opened.metadata().await.map_err(unread)?.is_dir() {
        return Err(
            Failure::new(Reason::NoInput, format!("{file} is a folder")).fix(format!(
                "tar c {file} | mrpctl blob put - --filename {file}.tar"
            )),
        );
    }
    Ok(Box::new(opened))
}

pub(super) async fn to_output(context: &Context, mut download: Download) -> Result<(), Failure> {
    while let Some(piece) = download.next().await? {
        context.output.stream(piece.to_vec()).await?;
    }
    Ok(())
}

/// The file has its name only when all of it is there; until then what had that name stays.
pub(super) async fn into_file(download: Download, path: &Path) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = Part(path.with_file_name(name));
    write(download, &part.0, path).await?;
    std::fs::rename(&part.0, path).map_err(|error| unwritten(path, &error))
}

async fn write(mut download: Download, part: &Path, path: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| unwritten(path, &error);
    let mut file = File::create_new(part).await.map_err(failed)?;
    while let Some(piece) = download.next().await? {
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.sync_all().await.map_err(failed)
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::io(
        Reason::CannotCreate,
        &format!("write {}", path.display()),
        error,
    )
}

/// A file that is not whole, and goes with whoever writes it.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // Where it has got its name there is nothing left to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}
