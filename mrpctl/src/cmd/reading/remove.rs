//! `mrpctl rm`: every message is tried.

use super::{each, id};
use crate::cli::reading::Remove;
use crate::context::Context;
use crate::exit::Failure;

pub(super) async fn run(context: &Context, flags: &Remove) -> Result<(), Failure> {
    let client = context.daemon().await?;
    each(context, &flags.ids, async |given| {
        let id = id::resolve(&client, given).await?;
        client.remove_message(&id).await?;
        Ok(())
    })
    .await
}
