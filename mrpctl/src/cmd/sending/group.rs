//! Whom the recipients of a command line mean, where there are several or groups are among them.

use super::letter;
use super::recipient::is_group;
use crate::context::Context;
use crate::exit::Failure;
use mrp_proto::key::PublicKey;
use mrpd_api::body::Send;
use mrpd_api::body::sending::{Recipient, RecipientQuery, Recipients};
use mrpd_api::card::Card;
use mrpd_api::client::{Client, ClientError};

/// Somebody who gets a message.
#[derive(Debug)]
pub(in crate::cmd) struct Addressee {
    /// As the daemon is told: the key, so that one message is the same by whatever name it goes; but a card that says how they are
    /// reached as it was written, and so is what means nobody.
    pub(in crate::cmd) to: String,
    /// Who that is. Nothing where the daemon knows nobody of the name: it says so of the message.
    key: Option<PublicKey>,
}

impl Addressee {
    /// The key under which they get once what has this one for all, by whatever name they are called.
    pub(in crate::cmd) fn key_of(&self, id: &str) -> String {
        match self.key {
            Some(key) => letter::key_for(id, &key.to_string()),
            None => letter::key_for(id, &self.to),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self.key, other.key) {
            (Some(one), Some(other)) => one == other,
            _ => self.to == other.to,
        }
    }
}

/// Everybody, each once, however often and by however many names they are meant.
pub(in crate::cmd) async fn expand(
    context: &Context,
    client: &Client,
    template: &Send,
    recipients: &[String],
) -> Result<Vec<Addressee>, Failure> {
    let mut everybody: Vec<Addressee> = Vec::with_capacity(recipients.len());
    for to in recipients {
        let meant = if is_group(to) {
            let members = members(context, client, template, to).await?;
            members.iter().map(member).collect()
        } else {
            vec![single(context, client, template, to).await?]
        };
        for one in meant {
            if !everybody.iter().any(|other| other.is_same(&one)) {
                everybody.push(one);
            }
        }
    }
    Ok(everybody)
}

/// Who is meant by a text. Names in a group that nobody has are told.
pub(in crate::cmd) async fn members(
    context: &Context,
    client: &Client,
    template: &Send,
    to: &str,
) -> Result<Vec<Recipient>, Failure> {
    let meant = meant(context, client, template, to).await??;
    for name in &meant.missing {
        let warning = format!("{to} names {name}, who is no contact and gets nothing");
        context.output.warning(&warning);
    }
    Ok(meant.recipients)
}

fn member(member: &Recipient) -> Addressee {
    Addressee {
        to: member.key.to_string(),
        key: Some(member.key),
    }
}

/// What keeps a message from one of several does not keep it from the others: it is told where that one has its turn.
async fn single(
    context: &Context,
    client: &Client,
    template: &Send,
    to: &str,
) -> Result<Addressee, Failure> {
    let key = match meant(context, client, template, to).await? {
        Ok(meant) => meant.recipients.first().map(|one| one.key),
        Err(ClientError::Refused { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let has_relay = to
        .trim()
        .parse::<Card>()
        .is_ok_and(|card| card.relay.is_some());
    let to = match key.filter(|_| !has_relay) {
        Some(key) => key.to_string(),
        None => to.to_owned(),
    };
    Ok(Addressee { to, key })
}

/// Asks the daemon, and once more where that was restarted meanwhile.
async fn meant(
    context: &Context,
    client: &Client,
    template: &Send,
    to: &str,
) -> Result<Result<Recipients, ClientError>, Failure> {
    let query = RecipientQuery {
        agent: template.agent.clone(),
        relay: template.relay.clone(),
        sealing: Some(template.sealing),
        ..RecipientQuery::default()
    };
    match client.recipients(to, &query).await {
        Err(ClientError::Connection { .. }) => {
            let client = context.daemon().await?;
            Ok(client.recipients(to, &query).await)
        }
        answered => Ok(answered),
    }
}
