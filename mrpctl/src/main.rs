use std::process::ExitCode;

fn main() -> ExitCode {
    mrpctl::run()
}
