//! Who else is there, and who may write.

mod access;
mod card;
mod contact;
mod find;
mod pending;
mod policy;
mod profile;

use super::bounded;
use crate::cli::people::{AtRelay, Command};
use crate::context::Context;
use crate::exit::{Failure, is_refused_as};
use crate::similar;
use mrp_proto::acl::EntryType;
use mrp_proto::key::PublicKey;
use mrpd_api::body::Contact;
use mrpd_api::body::relays::Way;
use mrpd_api::client::{Client, ClientError};
use mrpd_api::error::Code;
use serde::Serialize;

pub(super) fn run(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::Contact(flags) => bounded(context, contact::run(context, flags)),
        Command::Card(flags) => bounded(context, card::run(context, flags)),
        Command::Find(flags) => bounded(context, find::run(context, flags)),
        Command::Caps(flags) => bounded(context, profile::capabilities(context, flags)),
        Command::Lookup(flags) => bounded(context, profile::lookup(context, flags)),
        Command::Allow(flags) => {
            let change = access::Change::Put(EntryType::Allow);
            bounded(context, access::change(context, flags.whom, change))
        }
        Command::Block(flags) => {
            let change = access::Change::Put(EntryType::Block);
            bounded(context, access::change(context, flags.whom, change))
        }
        Command::Unblock(flags) => bounded(
            context,
            access::change(context, flags.whom, access::Change::Remove),
        ),
        Command::Acl(flags) => bounded(context, access::run(context, flags)),
        Command::Policy(flags) => bounded(context, policy::run(context, flags)),
        Command::Pending(flags) => bounded(context, pending::run(context, flags)),
    }
}

/// Who asks, and which relay.
pub(super) fn way(context: &Context, at: AtRelay) -> Way {
    Way {
        agent: context.global.agent.clone(),
        relay: at.relay,
    }
}

/// Something that a relay says of an agent, with the name that the contact has here.
#[derive(Serialize)]
struct Named<T> {
    contact: Option<String>,
    #[serde(flatten)]
    said: T,
}

fn name_of(contacts: &[Contact], key: &PublicKey) -> Option<String> {
    let contact = contacts.iter().find(|contact| contact.key == *key)?;
    Some(contact.name.clone())
}

/// A refusal; where nobody of that name is known, with the contact that may be meant.
async fn refusal(client: &Client, who: &str, error: ClientError) -> Failure {
    let unknown = [Code::UnknownRecipient, Code::UnknownContact];
    if !unknown.into_iter().any(|code| is_refused_as(&error, code)) {
        return error.into();
    }
    let contacts = client.contacts().await.unwrap_or_default();
    suggest(error.into(), who, &contacts)
}

fn suggest(failure: Failure, who: &str, contacts: &[Contact]) -> Failure {
    let names = contacts.iter().map(|contact| contact.name.as_str());
    match similar::closest(who, names) {
        Some(name) => failure.fix(format!("did you mean {name}? See mrpctl contact ls")),
        None => failure,
    }
}
