//! `mrpctl open`: the attachments of a message, saved where the user wants them.

use super::attachments::{Folder, Saved};
use super::id;
use crate::cli::reading::Open as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::Shape;
use mrpd_api::message::Message;
use serde::Serialize;

/// An attachment, and where it is now.
#[derive(Debug, Serialize)]
struct Opened {
    /// Which attachment of the message, from 0.
    place: usize,
    path: String,
    /// The name that its sender gave it.
    filename: Option<String>,
    size: Option<u64>,
    /// Whether it was saved, or left out because the name is taken.
    saved: bool,
}

/// Every attachment is tried; the first failure decides how it ends.
pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let message = id::message(&client, &flags.id).await?.message;
    if message.attachments.is_empty() {
        let text = format!("the message {} has no attachments", flags.id);
        return Err(Failure::new(Reason::NothingFound, text));
    }
    let mut folder = Folder::open(context, &flags.out, flags.conflict)?;
    let mut opened = Vec::new();
    let mut first_exit = None;
    for place in 0..message.attachments.len() {
        match folder.save(&client, &message, place).await {
            Ok(saved) => opened.push(told(context, &message, place, &saved)),
            Err(failure) => {
                context.output.failure(&failure);
                first_exit.get_or_insert(failure.exit());
            }
        }
    }
    write(context, &opened)?;
    first_exit.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

fn told(context: &Context, message: &Message, place: usize, saved: &Saved) -> Opened {
    let (path, is_saved) = match saved {
        Saved::At(path) => (path, true),
        Saved::Taken(path) => {
            let text = format!(
                "{} is there already: --conflict says what to do",
                path.display()
            );
            context.output.warning(&text);
            (path, false)
        }
    };
    let blob = &message.attachments[place].blob;
    Opened {
        place,
        path: path.to_string_lossy().into_owned(),
        filename: blob.filename.clone(),
        size: blob.size,
        saved: is_saved,
    }
}

/// Paths are for other programs as much as for people: bare, one a line.
fn write(context: &Context, opened: &[Opened]) -> Result<(), Failure> {
    let output = &context.output;
    match output.shape() {
        Shape::Text | Shape::Raw if !output.has_fields() => {
            let saved = opened.iter().filter(|file| file.saved);
            let lines: String = saved.map(|file| format!("{}\n", file.path)).collect();
            output.bytes(lines)
        }
        _ => output.list(opened, &["path", "size"], |file| {
            let size = file.size.map(|size| size.to_string());
            vec![file.path.clone(), size.unwrap_or_default()]
        }),
    }
}
