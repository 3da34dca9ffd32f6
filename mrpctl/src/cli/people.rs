//! Flags of the commands about other people.

mod contact;

pub(crate) use contact::{Contact, ContactAdd};

use super::value;
use clap::{Args, Subcommand, ValueEnum};
use mrp_proto::acl::InboxPolicy;
use std::time::Duration;

/// Who else is there, and who may write.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(subcommand)]
    Contact(Contact),
    Card(Card),
    #[command(visible_alias = "discover")]
    Find(Find),
    Caps(Caps),
    Lookup(Lookup),
    Allow(Allow),
    Block(Block),
    Unblock(Unblock),
    #[command(subcommand)]
    Acl(Acl),
    Policy(Policy),
    #[command(subcommand)]
    Pending(Pending),
}

/// Which relay is meant, where the local identity has several.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AtRelay {
    /// The relay that is meant (default: the first one; what is changed is changed at all of them)
    #[arg(long, value_name = "NAME")]
    pub(crate) relay: Option<String>,
}

/// Show my address as one line of text, to hand on
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl card
  mrpctl card | ssh server mrpctl contact add -
  mrpctl card --qr                    for a camera
  mrpctl card --name \"Ann's laptop\"")]
pub(crate) struct Card {
    /// The name to suggest (default: the local identity's)
    #[arg(long, value_name = "NAME", value_parser = value::given)]
    pub(crate) name: Option<String>,
    /// Draw it as a QR code above the line
    #[arg(long)]
    pub(crate) qr: bool,
}

/// Find public agents at a relay, the most recently active ones first
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl find text:translate --active 1h
  mrpctl find --query 'weather europe' --limit 5
  mrpctl find translate -o jsonl | jq -r .public_key | head -1

What agents say of themselves proves nothing: a name in quotation marks is one that its owner chose.")]
pub(crate) struct Find {
    /// Only those that have a capability with each of these tags
    #[arg(value_name = "TAG", value_parser = value::given)]
    pub(crate) tags: Vec<String>,
    /// Words that all occur in names, descriptions and tags
    #[arg(long, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    /// A part of the name that they give themselves
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: Option<String>,
    /// Only those that were active within this time, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) active: Option<Duration>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}

/// Show what agents can do: all tags at a relay, or the capabilities of one agent
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl caps                         tags, the most used ones first
  mrpctl caps translator              what a contact can do
  mrpctl caps Xk3m9... -o json | jq '.[].input_schema'")]
pub(crate) struct Caps {
    /// Contact, key or card
    #[arg(value_name = "WHO", allow_hyphen_values = true, value_parser = value::given)]
    pub(crate) who: Option<String>,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}

/// Show an agent's profile, as a relay has it
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl lookup alice
  mrpctl lookup Xk3m9... -o json | jq .metadata

Exit status 1 where the relay knows no such agent, or does not show it.")]
pub(crate) struct Lookup {
    /// Contact, key or card
    #[arg(value_name = "WHO", allow_hyphen_values = true, value_parser = value::given)]
    pub(crate) who: String,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}

/// Names and keys, one at least. A key may begin with a hyphen, so the first is taken whatever it looks like; of the others, those
/// that begin so stand behind `--`, for flags may follow the first.
#[derive(Debug, Args)]
pub(crate) struct Several {
    /// Contact, key or card
    #[arg(value_name = "WHO", allow_hyphen_values = true, value_parser = value::given)]
    who: String,
    /// More of them; those that begin with - stand behind --
    #[arg(value_name = "MORE", value_parser = value::given)]
    more: Vec<String>,
}

impl Several {
    pub(crate) fn all(self) -> Vec<String> {
        std::iter::once(self.who).chain(self.more).collect()
    }
}

/// Whom a change of the access list is about.
#[derive(Debug, Args)]
pub(crate) struct Whom {
    #[command(flatten)]
    pub(crate) who: Several,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}

/// Let somebody write, also under the policy allowlist
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl allow alice
  mrpctl allow Xk3m9... --relay home")]
pub(crate) struct Allow {
    #[command(flatten)]
    pub(crate) whom: Whom,
}

/// Take no more messages from somebody
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl block Xk3m9...
  mrpctl acl ls --block")]
pub(crate) struct Block {
    #[command(flatten)]
    pub(crate) whom: Whom,
}

/// Take somebody off the access list, whether allowed or blocked
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl unblock alice")]
pub(crate) struct Unblock {
    #[command(flatten)]
    pub(crate) whom: Whom,
}

/// The access list: who may write, and who may not
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl acl ls
  mrpctl acl ls --block -o jsonl | jq -r .key")]
pub(crate) enum Acl {
    /// Show it
    Ls(AclLs),
}

#[derive(Debug, Args)]
pub(crate) struct AclLs {
    /// Only those who are allowed
    #[arg(long, conflicts_with = "block")]
    pub(crate) allow: bool,
    /// Only those who are blocked
    #[arg(long)]
    pub(crate) block: bool,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}

/// Show or say whose messages the inbox takes
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl policy                       what holds
  mrpctl policy allowlist             only those of mrpctl allow
  mrpctl policy blocklist             everybody but those of mrpctl block; the default

It holds at once, at all relays. Where the configuration has inbox_policy for the local identity, mrpd.toml says the new
one from then on: what it says goes before what drop-ins say.")]
pub(crate) struct Policy {
    /// open, allowlist, blocklist or closed
    #[arg(value_name = "POLICY")]
    pub(crate) policy: Option<PolicyWord>,
    #[command(flatten)]
    pub(crate) at: AtRelay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyWord {
    /// Everybody
    Open,
    /// Only those who are allowed
    Allowlist,
    /// Everybody but those who are blocked
    Blocklist,
    /// Nobody
    Closed,
}

impl From<PolicyWord> for InboxPolicy {
    fn from(word: PolicyWord) -> Self {
        match word {
            PolicyWord::Open => Self::Open,
            PolicyWord::Allowlist => Self::Allowlist,
            PolicyWord::Blocklist => Self::Blocklist,
            PolicyWord::Closed => Self::Closed,
        }
    }
}

/// Messages from unknown senders, where [inbox] hold_unknown_senders is on
#[derive(Debug, Subcommand)]
#[command(after_help = "\
EXAMPLES
  mrpctl pending ls
  mrpctl pending accept Xk3m9... --name alice     a contact from now on
  mrpctl pending reject msg_1772611200_a1b2c3d4e5f6")]
pub(crate) enum Pending {
    /// Show what is held
    Ls,
    /// Let senders in, by their keys (or the first 8 characters) or ids of messages: what is held becomes visible
    Accept {
        #[command(flatten)]
        who: Several,
        /// Make the sender a contact of this name
        #[arg(long, value_name = "NAME", value_parser = value::given)]
        name: Option<String>,
    },
    /// Drop what is held, of senders or by ids of messages; later messages are held as before
    Reject {
        #[command(flatten)]
        who: Several,
    },
}
