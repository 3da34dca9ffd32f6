//! The program `relayd`.

/// What a request allocates is often freed by another thread, where the system's allocator takes a lock.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    relayd::main()
}
