//! `relayd backup` and `relayd restore`.

use super::{
    CANNOT_CREATE, CONFIG, DATA, Failure, INPUT_OUTPUT, SOFTWARE, Sources, UNAVAILABLE, block_on,
    print,
};
use crate::backup::{self, BackupError, BlobsPart, Manifest};
use crate::process;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct BackupFlags {
    /// Directory for the backup; must be new or empty
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    sources: Sources,
}

#[derive(Debug, Args)]
pub(super) struct RestoreFlags {
    /// Directory of the backup
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    sources: Sources,
}

/// Whose trouble it is.
pub(super) fn status(error: &BackupError) -> u8 {
    match error {
        BackupError::NotEmpty(_) => CANNOT_CREATE,
        BackupError::NoData(_) => CONFIG,
        BackupError::Io { .. } => INPUT_OUTPUT,
        BackupError::Damaged { .. } | BackupError::Newer { .. } => DATA,
        BackupError::Busy(_)
        | BackupError::DataDir(_)
        | BackupError::Open(_)
        | BackupError::Store(_)
        | BackupError::Call(_)
        | BackupError::Refused(_) => UNAVAILABLE,
        BackupError::Load(_) => SOFTWARE,
    }
}

/// Takes a backup, of a relay that runs or of one that does not.
pub(super) fn back_up(flags: &BackupFlags) -> Result<(), Failure> {
    let config = flags.sources.load()?;
    process::harden();
    let manifest = block_on(async { Ok(backup::take(&config, &flags.directory).await?) })?;
    let what = contents(&manifest);
    print(format!(
        "backed up {what} to {}\n",
        flags.directory.display()
    ))
}

/// Brings a backup back.
pub(super) fn restore(flags: &RestoreFlags) -> Result<(), Failure> {
    let config = flags.sources.load()?;
    process::harden();
    let manifest = backup::restore(&flags.directory, &config.data_dir)?;
    let what = contents(&manifest);
    let data_dir = config.data_dir.display();
    print(format!(
        "restored {what} of {} to {data_dir}\n",
        manifest.taken_at
    ))
}

fn contents(manifest: &Manifest) -> String {
    let messages = manifest.rows_of("messages");
    let agents = manifest.rows_of("agents");
    let blobs = match &manifest.blobs {
        BlobsPart::Local(copied) => format!("{} blobs", copied.count),
        BlobsPart::S3 { bucket, .. } => format!("no blobs (they are in the bucket {bucket})"),
    };
    format!("{agents} agents, {messages} messages and {blobs}")
}
