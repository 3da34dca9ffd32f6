//! `mrpctl mark`.

use super::{id, settle};
use crate::cli::reading::{MarkWord, Marking};
use crate::context::Context;
use crate::exit::Failure;
use mrpd_api::body::inbox::{Mark, MarkedAs};

pub(super) async fn run(context: &Context, flags: &Marking) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let mark = Mark {
        ids: id::resolve_all(&client, &flags.ids).await?,
        state: flags.word.into(),
    };
    settle::told(context, &client.mark(&mark).await?)
}

impl From<MarkWord> for MarkedAs {
    fn from(word: MarkWord) -> Self {
        match word {
            MarkWord::Read => Self::Read,
            MarkWord::Unread => Self::Unread,
            MarkWord::Archive => Self::Archived,
        }
    }
}
