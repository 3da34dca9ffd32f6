//! `mrpctl completions`.

use crate::cli::completion::script;
use crate::cli::tooling::Completions;
use crate::context::Context;
use crate::exit::{Failure, Reason};

pub(crate) fn run(context: &Context, flags: &Completions) -> Result<(), Failure> {
    let script = script(flags.shell)
        .map_err(|error| Failure::io(Reason::Internal, "write the script", &error))?;
    context.output.bytes(script)
}
