//! Bytes that come from the daemon, as a file: it gets its name when all of them are on the disk.

use crate::exit::Failure;
use crate::output::progress::Progress;
use mrpd_api::client::Download;
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// What a file for the user may be, before the user's umask.
pub(crate) const USUAL: u32 = 0o666;
/// What a file may be that is the user's alone.
pub(crate) const PRIVATE: u32 = 0o600;

/// All of the bytes, in `folder` under a name that is nobody's; the file goes if it is not given another.
pub(crate) async fn receive(
    mut download: Download,
    folder: &Path,
    mode: u32,
    mut progress: Progress,
    cannot: impl Fn(&io::Error) -> Failure,
) -> Result<NamedTempFile, Failure> {
    if let Some(length) = download.length {
        progress.expect(length);
    }
    let mut file = tempfile::Builder::new()
        .prefix(".mrp-")
        .suffix(".part")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(|error| cannot(&error))?;
    while let Some(piece) = download.next().await? {
        file.write_all(&piece).map_err(|error| cannot(&error))?;
        progress.add(piece.len() as u64);
    }
    file.as_file().sync_all().map_err(|error| cannot(&error))?;
    progress.finish();
    Ok(file)
}
