//! The program `mrpd`: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    mrpd::cli::main()
}
