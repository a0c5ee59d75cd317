fn main() -> std::process::ExitCode {
    corelane_broker::cli::run()
}
