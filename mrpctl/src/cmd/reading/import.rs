//! `mrpctl import`: messages out of a file, into the inbox.

use crate::cli::reading::Import as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::output::progress::{Progress, Unit};
use mrpd_api::body::archive::ImportSummary;

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let file = input::open(&flags.file).await?;
    let client = context.daemon().await?;
    let progress = Progress::new(&context.output, "import", Unit::Bytes, file.length);
    let summary = client.import(file.pieces(progress)).await?;
    context.output.object(
        &summary,
        || text(&summary),
        Some(&summary.imported.to_string()),
    )?;
    refused(context, &summary)
}

fn text(summary: &ImportSummary) -> String {
    let ImportSummary {
        imported,
        present,
        refused,
        ..
    } = summary;
    format!("{imported} imported, {present} were here already, {refused} refused")
}

/// Each refused line by its number, as far as the daemon names them.
fn refused(context: &Context, summary: &ImportSummary) -> Result<(), Failure> {
    for line in &summary.refused_lines {
        let failure = Failure::new(Reason::BadData, line.reason.clone());
        let number = usize::try_from(line.line).unwrap_or(usize::MAX);
        context.output.failure(&failure.at_line(number));
    }
    let unnamed = summary
        .refused
        .saturating_sub(summary.refused_lines.len() as u64);
    if unnamed > 0 {
        let text = format!("{unnamed} more lines were refused");
        context.output.warning(&text);
    }
    match summary.refused {
        0 => Ok(()),
        _ => Err(Failure::Status(Reason::BadData.exit())),
    }
}
