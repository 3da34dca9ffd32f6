//! Flags of `mrpctl key`.

use crate::cli::value;
use clap::Subcommand;
use std::path::PathBuf;

/// Private keys as files, and signatures of data
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl key ls
  mrpctl key new ci                              a file of its own below ~/.mrp/keys
  mrpctl key use ci                              act as it where no other identity is named
  mrpctl key import agent.pem robot              32 raw bytes, their hexadecimal or base64url text, or a PEM of OpenSSL
  mrpctl key export ci | age -p > ci.age         a copy under a passphrase; back: age -d ci.age | mrpctl key import - ci
  mrpctl key sign < release.tar > release.sig
  mrpctl key verify alice \"$(cat release.sig)\" < release.tar

A key file holds the 32 bytes of the seed and nothing else, as the published clients write it, readable for its owner alone.")]
pub(crate) enum Key {
    /// Make a key, in a file that must not exist
    New {
        /// Its name (default: that of --agent, else the default identity)
        #[arg(value_name = "NAME", value_parser = value::name)]
        name: Option<String>,
    },
    /// Show the key files and who uses them
    Ls,
    /// Act as this identity where no other is named; one that is not configured yet is configured
    Use {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Show the public half of a key
    Show {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Take a key over from a file; - is standard input
    Import {
        /// 32 raw bytes, their hexadecimal or base64url text, or a PEM of OpenSSL
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The name it is to have (default: that of the file)
        #[arg(value_name = "NAME", value_parser = value::name)]
        name: Option<String>,
    },
    /// Write the private key out: whoever has it is you
    Export {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
        /// Into a new file, raw, for its owner alone (default: base64url to standard output, unless that is a terminal)
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Remove a key file for ever; asks at a terminal, and needs --yes elsewhere
    Rm {
        /// Its name
        #[arg(value_name = "NAME", value_parser = value::given)]
        name: String,
    },
    /// Sign standard input: a detached signature, of its SHA-256 and a word that no message begins with
    Sign,
    /// Check a signature of standard input; exit status 65 where it is none
    Verify {
        /// Contact, key or card that is to have signed
        #[arg(value_name = "KEY", allow_hyphen_values = true, value_parser = value::given)]
        who: String,
        /// The 86 characters that key sign has written
        #[arg(value_name = "SIG", allow_hyphen_values = true, value_parser = value::given)]
        signature: String,
    },
}
