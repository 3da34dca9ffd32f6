//! `mrpctl prune`.

use super::millis;
use crate::cli::reading::Prune as Flags;
use crate::context::Context;
use crate::exit::Failure;
use mrpd_api::body::inbox::Prune;

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let prune = Prune {
        older_ms: millis(flags.older),
        keep_unread: flags.keep_unread,
    };
    let removed = client.prune(&prune).await?;
    let count = removed.removed.to_string();
    let text = || match removed.removed {
        1 => "1 message removed".to_owned(),
        _ => format!("{count} messages removed"),
    };
    context.output.object(&removed, text, Some(&count))
}
