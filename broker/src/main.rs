//! The binary: its allocator, and the command line.

/// Frames and requests of many sizes come and go thousands of times a second: the C library's allocator gives their pages back
/// to the system and faults them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    corelane_broker::cli::run()
}
