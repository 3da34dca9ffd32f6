//! The program `relayd`.

fn main() -> std::process::ExitCode {
    relayd::main()
}
