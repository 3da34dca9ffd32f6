//! Flags of `mrpctl contact`.

use super::Several;
use crate::cli::sending::EncryptWord;
use crate::cli::value;
use clap::{Args, Subcommand, ValueEnum};
use mrpd_api::message::Trust;

/// Names for keys: show, add, rename, remove
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl contact add alice Xk3m9...            a name for a key
  mrpctl contact add 'mrp:Xk3m9...?name=alice' a card, which brings its name
  mrpctl contact ls
  mrpctl contact export > contacts.jsonl")]
pub(crate) enum Contact {
    /// Show all contacts
    Ls,
    /// Show one contact; exit status 1 where there is none
    Show {
        /// Name or key
        #[arg(value_name = "WHO", allow_hyphen_values = true, value_parser = value::given)]
        who: String,
    },
    Add(ContactAdd),
    /// Give a contact another name
    #[command(override_usage = "mrpctl contact rename [OPTIONS] WHO NEW")]
    Rename {
        /// The name it has, or its key
        #[arg(value_name = "WHO", allow_hyphen_values = true, value_parser = value::given)]
        who: String,
        // Asked for by the command: what stands there alone may be a mistyped option, which is told first.
        /// The name it is to have
        #[arg(value_name = "NEW", value_parser = value::given)]
        new: Option<String>,
    },
    /// Remove contacts; exit status 1 where there is no such one
    Rm {
        #[command(flatten)]
        who: Several,
    },
    /// Add contacts from a file: what export writes, or the published clients' contacts.json
    Import {
        /// The file; - or nothing for standard input
        #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
        file: String,
    },
    /// Write all contacts, one JSON object a line
    Export,
}

/// Add a contact, or change the note, sealing or trust of one
#[derive(Debug, Args)]
#[command(
    override_usage = "mrpctl contact add [OPTIONS] NAME KEY\n       mrpctl contact add [OPTIONS] CARD",
    after_help = "\
EXAMPLES
  mrpctl contact add alice Xk3m9... --note \"from the meeting\"
  mrpctl contact add 'mrp:Xk3m9...?name=alice&relay=https%3A%2F%2Frelay.example.net'
  mrpctl contact add - < card.txt
  mrpctl contact add bob 'mrp:Xk3m9...?name=robert'      a card under a name of your own"
)]
pub(crate) struct ContactAdd {
    /// The name; or a card that has one; or - to read a card
    #[arg(value_name = "NAME", value_parser = value::given)]
    pub(crate) name: String,
    /// 43-character key, ed25519: key or mrp: card
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) key: Option<String>,
    /// A note for yourself
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// Whether messages to it are sealed
    #[arg(long, value_name = "WHEN")]
    pub(crate) encrypt: Option<EncryptWord>,
    /// How far you trust it
    #[arg(long, value_name = "LEVEL")]
    pub(crate) trust: Option<TrustWord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrustWord {
    /// As a stranger
    Unknown,
    /// As a contact
    Known,
    /// Fully
    Trusted,
}

impl From<TrustWord> for Trust {
    fn from(word: TrustWord) -> Self {
        match word {
            TrustWord::Unknown => Self::Unknown,
            TrustWord::Known => Self::Known,
            TrustWord::Trusted => Self::Trusted,
        }
    }
}
