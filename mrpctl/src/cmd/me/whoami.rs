//! `mrpctl whoami`.

use crate::cli::me::Whoami as Flags;
use crate::cmd::own_agent;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::{pairs, qr};
use mrpd_api::body::{Agent, Relay};
use serde::Serialize;

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    agent: &'a Agent,
    fingerprint: String,
}

pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let agent = own_agent(context, &client).await?;
    if flags.qr && context.output.draws() {
        let drawn = qr::draw(&agent.card)?;
        return context.output.text(&format!("{drawn}{}\n", agent.card));
    }
    let relays = client.relays().await?;
    let key = agent.key.to_string();
    let shown = Shown {
        fingerprint: agent.key.fingerprint(),
        agent: &agent,
    };
    context
        .output
        .object(&shown, || text(&agent, &relays), Some(&key))
}

fn text(agent: &Agent, relays: &[Relay]) -> String {
    let of_agent = agent.relays.iter().map(|name| {
        let url = relays
            .iter()
            .find(|relay| relay.name == *name)
            .map_or("", |relay| relay.url.as_str());
        format!("{name} {url}")
    });
    pairs(&[
        ("agent", agent.name.clone()),
        ("key", agent.key.to_string()),
        ("short", agent.short.clone()),
        ("fingerprint", agent.key.fingerprint()),
        ("card", agent.card.clone()),
        ("relays", of_agent.collect::<Vec<_>>().join("\n")),
        ("key from", agent.key_source.clone()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_on_a_line_of_its_own() {
        let agent: Agent = serde_json::from_str(
            r#"{"name":"laptop","key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","short":"iojj3XQJ","card":"mrp:x","default":true,"relays":["home","away"],"key_source":"/k"}"#,
        )
        .unwrap();
        let relays = [Relay {
            name: "home".into(),
            url: "http://127.0.0.1:8080".into(),
        }];
        insta::assert_snapshot!(text(&agent, &relays), @r"
        agent        laptop
        key          iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
        short        iojj3XQJ
        fingerprint  3475 0f98 bd59 fcfc 946d a45a aabe 933b
        card         mrp:x
        relays       home http://127.0.0.1:8080
                     away
        key from     /k
        ");
    }
}
