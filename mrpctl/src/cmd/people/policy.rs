//! `mrpctl policy`: whose messages the inbox takes.

use super::access::missed;
use super::profile;
use super::way;
use crate::cli::people::Policy as Flags;
use crate::cmd::own::OwnConfig;
use crate::cmd::own_agent;
use crate::cmd::tooling::config::{Origins, in_force};
use crate::context::Context;
use crate::exit::Failure;
use mrp_proto::acl::InboxPolicy;
use mrpd_api::client::Client;

/// The key of the configuration that has it.
const KEY: &str = "inbox_policy";

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let way = way(context, flags.at);
    let Some(word) = flags.policy else {
        let policy = client.policy(&way).await?;
        let word = profile::policy(policy.policy);
        return context
            .output
            .object(&policy, || format!("{word}\n"), Some(word));
    };
    let policy = InboxPolicy::from(word);
    let applied = client.put_policy(policy, &way).await?;
    if way.relay.is_none() {
        configure(context, &client, policy).await?;
    }
    missed(context, &applied).map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

/// What is configured, in whichever file, is put again one day, and would undo it.
async fn configure(context: &Context, client: &Client, policy: InboxPolicy) -> Result<(), Failure> {
    let agent = own_agent(context, client).await?.name;
    let values = in_force(context, Origins::Hidden).await?;
    if !values.contains_key(&format!("agent.{agent}.{KEY}")) {
        return Ok(());
    }
    let mut own = OwnConfig::of(context, agent).await?;
    own.set(KEY, profile::policy(policy))?;
    own.put_in_force(context).await
}
