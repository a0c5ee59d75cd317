//! All targets in one binary, since they are built alike: the environment names the decoder that the bytes go to.
//!
//! ```text
//! DECODER=MetadataRequest cargo +nightly fuzz run --sanitizer none decoder fuzz/corpus/MetadataRequest
//! ```
//!
//! Without a name it lists all of them and ends.
#![no_main]

use std::sync::OnceLock;

use corelane_protocol::fuzz as wire;
use corelane_storage::fuzz as files;

type Feed = Box<dyn Fn(&[u8]) + Send + Sync>;

static FEED: OnceLock<Feed> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let feed = std::env::var("DECODER").ok().and_then(|name| feed(&name));
        if FEED.set(feed.unwrap_or_else(|| list())).is_err() {
            unreachable!("initialised once");
        }
    },
    |input: &[u8]| FEED.get().expect("init comes first")(input)
);

fn feed(name: &str) -> Option<Feed> {
    if let Some((_, feed)) = files::TARGETS.iter().find(|(target, _)| *target == name) {
        return Some(Box::new(feed));
    }
    let target = wire::targets().find(|target| *target == name)?;
    Some(Box::new(move |input| wire::run(target, input)))
}

fn list() -> ! {
    let files = files::TARGETS.iter().map(|(name, _)| *name);
    wire::targets().chain(files).for_each(|name| println!("{name}"));
    std::process::exit(0);
}
