//! Whom the recipients of a command line mean, where groups are among them.

use super::recipient::is_group;
use crate::context::Context;
use crate::exit::Failure;
use mrpd_api::body::Send;
use mrpd_api::body::sending::{Recipient, RecipientQuery};
use mrpd_api::client::Client;

/// Everybody, each once: groups become their members, all else stays as it was written.
pub(in crate::cmd) async fn expand(
    context: &Context,
    client: &Client,
    template: &Send,
    recipients: &[String],
) -> Result<Vec<String>, Failure> {
    let mut everybody: Vec<String> = Vec::with_capacity(recipients.len());
    for to in recipients {
        let meant = if is_group(to) {
            let members = members(context, client, template, to).await?;
            members.iter().map(|one| one.key.to_string()).collect()
        } else {
            vec![to.clone()]
        };
        for one in meant {
            if !everybody.contains(&one) {
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
    let query = RecipientQuery {
        agent: template.agent.clone(),
        relay: template.relay.clone(),
        sealing: Some(template.sealing),
        ..RecipientQuery::default()
    };
    let meant = client.recipients(to, &query).await?;
    for name in &meant.missing {
        let warning = format!("{to} names {name}, who is no contact and gets nothing");
        context.output.warning(&warning);
    }
    Ok(meant.recipients)
}
