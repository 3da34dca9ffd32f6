//! Flags of the commands about oneself: identity, profile, capabilities, keys.

mod key;

pub(crate) use key::{Key, KeyDecrypt, KeyEncrypt};

use super::value;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// How I am known.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Whoami(Whoami),
    #[command(subcommand)]
    Profile(Profile),
    #[command(subcommand)]
    Cap(Cap),
    #[command(subcommand)]
    Key(Key),
}

/// Show the local identity: name, key, fingerprint, card and relays
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl whoami
  mrpctl whoami --qr              the card for a camera
  mrpctl whoami -o raw            only the key
  mrpctl whoami -a ci -o json")]
pub(crate) struct Whoami {
    /// Draw the card as a QR code
    #[arg(long)]
    pub(crate) qr: bool,
}

/// How the local identity shows itself at its relays
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl profile show
  mrpctl profile set --name 'Build server' --visibility public
  mrpctl profile set --meta role=ci --no-meta owner

What is set is written into mrpd.toml, and the daemon tells all relays: what was changed at a relay alone would be undone.")]
pub(crate) enum Profile {
    /// Show it as each relay has it
    Show,
    Set(ProfileSet),
}

/// Change it, in mrpd.toml and thereby at all relays
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct ProfileSet {
    /// The name that others see
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Whether mrpctl find finds it
    #[arg(long, value_name = "WHO")]
    pub(crate) visibility: Option<VisibilityWord>,
    /// A pair that others see
    #[arg(long, value_name = "K=V", value_parser = value::pair)]
    pub(crate) meta: Vec<(String, String)>,
    /// Take a pair away
    #[arg(long, value_name = "K", value_parser = value::given)]
    pub(crate) no_meta: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VisibilityWord {
    /// Listed for everybody
    Public,
    /// Known to those who know the key
    Private,
}

impl VisibilityWord {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// What the local identity says that it can do
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl cap add text:translate --desc 'Translates text' --tag translate --schema in.json
  mrpctl cap ls
  mrpctl cap rm text:translate

What is added is written into mrpd.toml as [[capability]], and the daemon tells all relays. It answers no requests by itself:
mrpctl serve, a hook or exec in that entry does.")]
pub(crate) enum Cap {
    /// Show what is configured, and whether the daemon answers it
    Ls,
    Add(CapAdd),
    /// Take capabilities away
    Rm {
        /// Their names
        #[arg(value_name = "NAME", required = true, value_parser = value::given)]
        names: Vec<String>,
    },
}

/// Add a capability, or change one
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl cap add text:translate --desc 'Translates text' --tag translate --tag language
  mrpctl cap add disk-usage --desc 'Free space' --schema params.schema.json --cap-version 2")]
pub(crate) struct CapAdd {
    /// Its name, and the action of requests for it: 3 to 64 letters, digits, _ : . or -
    #[arg(value_name = "NAME", value_parser = value::given)]
    pub(crate) name: String,
    /// What it is, for people
    #[arg(long, value_name = "TEXT")]
    pub(crate) desc: Option<String>,
    /// What mrpctl find finds it by
    #[arg(long = "tag", value_name = "TAG", value_parser = value::given)]
    pub(crate) tags: Vec<String>,
    /// A file with the JSON Schema of its parameters
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// Its version, any text
    #[arg(long, value_name = "VERSION", value_parser = value::given)]
    pub(crate) cap_version: Option<String>,
}
