//! `mrpctl whoami`.

use crate::cmd::own_agent;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::pairs;
use mrpd_api::body::{Agent, Relay};

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let agent = own_agent(context, &client).await?;
    let relays = client.relays().await?;
    let key = agent.key.to_string();
    context
        .output
        .object(&agent, || text(&agent, &relays), Some(&key))
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
        agent     laptop
        key       iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
        short     iojj3XQJ
        card      mrp:x
        relays    home http://127.0.0.1:8080
                  away
        key from  /k
        ");
    }
}
