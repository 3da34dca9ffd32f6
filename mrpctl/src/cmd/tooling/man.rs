//! `mrpctl man`: manual pages, from the command line's own definition.

use crate::cli::tooling::Man as Flags;
use crate::cli::{manual_page, manual_pages};
use crate::context::Context;
use crate::exit::{Failure, Reason};

pub(crate) fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let Some(directory) = &flags.directory else {
        return context.output.bytes(manual_page());
    };
    let failed = |error: &std::io::Error| {
        let doing = format!("write to {}", directory.display());
        Failure::io(Reason::CannotCreate, &doing, error)
    };
    std::fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    for (name, page) in manual_pages() {
        std::fs::write(directory.join(name), page).map_err(|error| failed(&error))?;
    }
    Ok(())
}
