//! Flags of `mrpctl blob`.

use crate::cli::people::AtRelay;
use crate::cli::value;
use clap::{Args, Subcommand};

/// Files that lie with a relay
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl blob put report.pdf          prints its id, blob_...
  mrpctl blob get blob_9f86d0... -O report.pdf
  mrpctl blob ls
  mrpctl blob rm blob_9f86d0...

A blob lies there in clear: whoever runs the relay can read it. mrpctl send -f FILE seals the file instead.")]
pub(crate) enum Blob {
    #[command(visible_alias = "upload")]
    Put(BlobPut),
    #[command(visible_alias = "download")]
    Get(BlobGet),
    /// Show what is known of one
    Info {
        /// Its id, blob_... or file_...
        #[arg(value_name = "ID", value_parser = value::given)]
        id: String,
        #[command(flatten)]
        at: AtRelay,
    },
    /// Show what was uploaded from here, and the files that wait for their messages
    Ls,
    /// Give them up
    #[command(visible_alias = "delete")]
    Rm {
        /// Their ids
        #[arg(value_name = "ID", required = true, value_parser = value::given)]
        ids: Vec<String>,
        #[command(flatten)]
        at: AtRelay,
    },
}

/// Upload a file in clear; prints its id
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl blob put report.pdf
  tar c site | mrpctl blob put - --filename site.tar")]
pub(crate) struct BlobPut {
    /// The file; - is standard input
    #[arg(value_name = "FILE", value_parser = value::given)]
    pub(crate) file: String,
    /// A name for people (default: the file's own)
    #[arg(long, value_name = "NAME", value_parser = value::given)]
    pub(crate) filename: Option<String>,
    /// Media type (default: application/octet-stream)
    #[arg(long = "type", value_name = "MIME", value_parser = value::given)]
    pub(crate) content_type: Option<String>,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}

/// Fetch one, to standard output or into a file
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl blob get blob_9f86d0... -O report.pdf
  mrpctl blob get blob_9f86d0... | tar t")]
pub(crate) struct BlobGet {
    /// Its id, blob_... or file_...
    #[arg(value_name = "ID", value_parser = value::given)]
    pub(crate) id: String,
    /// Into this file, which is replaced when all of it is there; - is standard output
    #[arg(short = 'O', long, value_name = "FILE", default_value = "-", hide_default_value = true, value_parser = value::given)]
    pub(crate) out: String,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}
