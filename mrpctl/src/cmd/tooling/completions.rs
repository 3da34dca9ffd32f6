//! `mrpctl completions`.

use crate::cli::completion_script;
use crate::cli::tooling::Completions;
use crate::context::Context;
use crate::exit::Failure;

pub(crate) fn run(context: &Context, flags: &Completions) -> Result<(), Failure> {
    context.output.bytes(completion_script(flags))
}
