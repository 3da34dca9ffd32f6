//! `mrpctl relay`.

use crate::cli::relays::Relay as Flags;
use crate::context::Context;
use crate::exit::Failure;

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    match flags {
        Flags::Ls => list(context).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let relays = context.daemon().await?.relays().await?;
    context.output.list(&relays, &["name", "url"], |relay| {
        vec![relay.name.clone(), relay.url.clone()]
    })
}
