//! Every target of this crate: its name says which decoder the bytes go to.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| corelane_protocol::fuzz::run(env!("CARGO_BIN_NAME"), input));
