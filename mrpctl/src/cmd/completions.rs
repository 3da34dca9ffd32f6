//! `mrpctl completions`.

use crate::cli::{Completions, completion_script};
use crate::context::Context;
use crate::exit::Failure;

pub(crate) fn run(context: &Context, flags: &Completions) -> Result<(), Failure> {
    context.output.bytes(completion_script(flags))
}
