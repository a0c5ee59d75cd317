//! The storage engine alone, as one core of the broker runs it: how long from an append until it is durable.
//!
//! A closed loop: each client appends a batch of one record, waits until it is durable, and appends the next. Before
//! that the same for a bare 4 KiB write with its flush on the core's own ring, which tells what the runtime costs from
//! what the engine costs. `bench/engine.sh` runs it beside the floor of the machine.

use std::{
    cell::RefCell,
    io,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Parser;
use corelane_broker::runtime::{GlommioWorld, Options, start, world::World};
use corelane_protocol::records::Builder;
use corelane_storage::{
    FormatWish, LogConfig, LogId, LogSpec, Store, StoreOptions,
    disk::{BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
    open_data_dir,
};
use futures_util::future::join_all;
use hdrhistogram::Histogram;
use serde_json::json;
use uuid::Uuid;

const SCRATCH: &str = "floor";
const SCRATCH_BYTES: u64 = 64 << 20;
const CHUNK_BYTES: usize = 1 << 20;

#[derive(Clone, Parser)]
struct Arguments {
    /// A data directory of this program; made when it is missing, and left there for the next run
    #[arg(long)]
    dir: PathBuf,
    /// Clients of each closed loop, one loop after the other
    #[arg(long, value_delimiter = ',', default_value = "1,16")]
    clients: Vec<usize>,
    /// Bytes of a record's value
    #[arg(long, default_value_t = 1024)]
    record_bytes: usize,
    /// Logs that the appends go to in turn
    #[arg(long, default_value_t = 1)]
    logs: usize,
    /// Microseconds that the core looks for work before it sleeps, as core.spin.us
    #[arg(long, default_value_t = 0)]
    spin_us: u64,
    /// How long each loop runs
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
}

/// Cores have nothing to say to each other here.
type CoreWorld = GlommioWorld<()>;
type CoreStore = Store<<CoreWorld as World>::Disk>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut options = Options::new(&arguments.dir);
    options.cores = 1;
    options.spin = Duration::from_micros(arguments.spin_us);
    let node = move |world: CoreWorld| {
        let arguments = arguments.clone();
        async move {
            if let Err(error) = measure(&world, &arguments).await {
                world.fail_stop(&error.to_string());
            }
        }
    };
    match start(options, node) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints one JSON object: microseconds of each loop.
async fn measure(world: &CoreWorld, arguments: &Arguments) -> io::Result<()> {
    let time = Duration::from_secs_f64(arguments.seconds);
    let store = open(world).await.map_err(io::Error::other)?;
    // Both loops of the broker's core, so that write-out takes its share here, too.
    let (committing, fails) = (store.clone(), world.clone());
    world.spawn("commit", async move {
        loop {
            if let Err(fault) = committing.commit().await {
                fails.fail_stop(&fault.to_string());
            }
        }
    });
    let (working, fails) = (store.clone(), world.clone());
    world.spawn("background", async move {
        loop {
            match working.background().await {
                Ok(true) => fails.yield_now().await,
                Ok(false) => fails.sleep(Duration::from_millis(100)).await,
                Err(fault) => fails.fail_stop(&fault.to_string()),
            }
        }
    });
    let mut report = json!({ "ring_commit_4k": summary(&bare_writes(world, time).await?) });
    for &clients in &arguments.clients {
        let latencies = appends(world, &store, clients, arguments).await;
        report[format!("append_{clients}")] = summary(&latencies);
    }
    println!("{report}");
    Ok(())
}

async fn open(world: &CoreWorld) -> Result<CoreStore, corelane_storage::OpenError> {
    let wish = FormatWish {
        cluster_id: None,
        new_cluster_id: Uuid::new_v4(),
        disk_uuid: Uuid::new_v4(),
        broker_id: 1,
        cores: 1,
        wall_ms: world.wall_ms(),
    };
    let identity = open_data_dir(&world.disk(), wish).await?;
    let (sleeper, yielder, clock) = (world.clone(), world.clone(), world.clone());
    let options = StoreOptions::new(
        move |duration| Box::pin(sleeper.sleep(duration)),
        move || Box::pin(yielder.yield_now()),
        move || clock.wall_ms(),
    );
    Store::open(world.disk(), &identity, 0, options).await
}

/// 4 KiB and its flush, one at a time, into blocks that were written before, as those of a journal.
async fn bare_writes(world: &CoreWorld, time: Duration) -> io::Result<Histogram<u64>> {
    let disk = world.disk();
    let file = match disk.open(SCRATCH, Open::New, Class::Journal).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.open(SCRATCH, Open::Existing, Class::Journal).await?
        }
        Err(error) => return Err(error),
    };
    let chunk = Bytes::from_owner(aligned_zeroed(CHUNK_BYTES));
    for position in (0..SCRATCH_BYTES).step_by(CHUNK_BYTES) {
        file.write_at(position, chunk.clone(), Sync::Later).await?;
    }
    file.flush().await?;
    let block = chunk.slice(..BLOCK);
    let mut latencies = histogram();
    let (begin, mut position) = (Instant::now(), 0);
    while begin.elapsed() < time {
        let before = Instant::now();
        file.write_at(position, block.clone(), Sync::Data).await?;
        latencies.saturating_record(before.elapsed().as_nanos() as u64);
        position = (position + BLOCK as u64) % SCRATCH_BYTES;
    }
    Ok(latencies)
}

async fn appends(world: &CoreWorld, store: &CoreStore, clients: usize, arguments: &Arguments) -> Histogram<u64> {
    let logs = logs(store, arguments.logs.max(1) as i32);
    let mut batch = Builder::new();
    batch.push(world.wall_ms(), None, Some(&vec![b'x'; arguments.record_bytes]));
    let (batch, latencies) = (batch.build(), RefCell::new(histogram()));
    let (begin, time) = (Instant::now(), Duration::from_secs_f64(arguments.seconds));
    let client = async |number: usize| {
        let mut turn = number;
        while begin.elapsed() < time {
            while !store.has_room() {
                world.sleep(Duration::from_millis(1)).await;
            }
            let before = Instant::now();
            let log = logs[turn % logs.len()];
            let end = store.end_offset(log).expect("created before");
            let ticket = store.append(log, &batch, end, 0, None).expect("a sound log");
            store.wait_durable(ticket).await.expect("a sound journal");
            latencies
                .borrow_mut()
                .saturating_record(before.elapsed().as_nanos() as u64);
            turn += clients;
        }
    };
    join_all((0..clients).map(client)).await;
    latencies.into_inner()
}

/// Those of the run before are used again.
fn logs(store: &CoreStore, count: i32) -> Vec<LogId> {
    let topic_id = Uuid::from_u128(1);
    let log = |partition| {
        let spec = LogSpec {
            topic_id,
            topic: "floor".to_owned(),
            partition,
        };
        let found = store.find(topic_id, partition);
        found.unwrap_or_else(|| store.create(spec, LogConfig::default()))
    };
    (0..count).map(log).collect()
}

/// Nanoseconds, up to a minute, three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds")
}

fn summary(latencies: &Histogram<u64>) -> serde_json::Value {
    let us = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
    json!({ "count": latencies.len(), "p50_us": us(0.5), "p99_us": us(0.99) })
}
