//! `mrpctl prune`.

use super::millis;
use crate::cli::reading::Prune as Flags;
use crate::cli::value;
use crate::context::Context;
use crate::exit::Failure;
use crate::input;
use mrpd_api::body::inbox::Prune;

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    if !flags.keep_unread {
        let before = value::now().before(flags.older);
        let question = format!(
            "Remove all messages that came before {before} for good, unread ones too? [y/N] "
        );
        if !input::confirmed(context, &question).await? {
            return Ok(());
        }
    }
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
