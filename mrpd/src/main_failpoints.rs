//! The program `mrpd` with named points at which it can be killed from outside: for crash tests alone, never installed.

use std::process::ExitCode;

fn main() -> ExitCode {
    let _scenario = fail::FailScenario::setup();
    mrpd::cli::main()
}
