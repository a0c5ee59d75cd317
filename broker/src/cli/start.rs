//! `corelane start`: reads the configuration, looks at the host, and runs the node until it is told to stop.

use std::{
    io::Write,
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use futures_lite::FutureExt;

use super::log;
use crate::{
    config::{
        self,
        listeners::{Bind, ListenerConfig},
    },
    core::{CONTROLLER_CORE, Message},
    http,
    node::{BindAddress, Endpoint, Endpoints, Node, NodeOptions},
    runtime::{
        self, GlommioWorld,
        directory_lock::DirectoryLock,
        host::{HostError, PortClaim},
        world::World,
    },
};

/// Start a broker: on localhost:9092, on every CPU, with its data in ./corelane-data, unless told otherwise.
///
/// It makes the directory if there is none, recovers what is there, says "ready" on standard output when clients are served, and
/// runs until SIGINT (Ctrl-C) or SIGTERM. Log lines go to standard error. Keys are those of Kafka's server.properties, and also
/// read from the environment (CORELANE_LOG_RETENTION_MS for log.retention.ms); `--set` wins over that, that over the file.
///
/// Ends with 0 after an orderly stop, 74 after a storage fault, 78 if the configuration, the directory or the host is at fault.
#[derive(Args, Clone, Debug)]
pub struct Start {
    /// Kafka's server.properties.
    #[arg(long, value_name = "FILE", env = "CORELANE_CONFIG")]
    config: Option<PathBuf>,

    /// Cores to run on; all that this process may use if not given. The same as --set core.count=N.
    #[arg(long, value_name = "N")]
    cores: Option<u16>,

    /// One config; wins over file and environment. May be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Log lines as JSON.
    #[arg(long)]
    json: bool,
}

/// The process ends with this code when the configuration or the host is at fault (EX_CONFIG).
const EXIT_CONFIG: u8 = 78;

impl Start {
    pub fn run(&self) -> ExitCode {
        log::init(self.json);
        let (last, code) = match self.try_run() {
            Ok(()) => (String::new(), ExitCode::SUCCESS),
            Err(reason) => (
                format!("corelane cannot start:\n{reason}\n"),
                ExitCode::from(EXIT_CONFIG),
            ),
        };
        runtime::say_last(&last);
        code
    }

    fn try_run(&self) -> Result<(), String> {
        runtime::allocator::keep_freed_memory();
        let (config, hostname) = self.load()?;
        let endpoints = endpoints(&config, &hostname)?;
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            data = %shown(config.data_dir()),
            "starting"
        );
        // Before a wait for ports: a second broker on one directory finds both taken, and is told which it is.
        DirectoryLock::look(Path::new(config.data_dir())).map_err(|error| error.to_string())?;
        let claims = claim_ports(&endpoints)?;
        let claimed = http::Claimed::take(&resolve("metrics.listeners", &config.metrics_listeners()?)?)?;
        let options = NodeOptions {
            config: Arc::new(config),
            endpoints: Arc::new(endpoints),
        };
        let runtime_options = runtime::Options {
            cores: options.config.node.core_count.max(0) as usize,
            seed: seed(),
            spin: Duration::from_micros(options.config.node.core_spin_us.max(0) as u64),
            ..runtime::Options::new(options.config.data_dir())
        };
        let desk = Arc::new(http::Desk::default());
        runtime::hold_signals();
        claimed
            .serve(desk.clone())
            .map_err(|error| format!("metrics.listeners: {error}"))?;
        let failure = Arc::new(Mutex::new(None));
        let told = failure.clone();
        runtime::start(runtime_options, move |world| {
            run_core(world, options.clone(), desk.clone(), told.clone())
        })
        .map_err(|error| error.to_string())?;
        drop(claims);
        let failure = failure.lock().expect("no core panics while it tells").take();
        failure.map_or(Ok(()), Err)
    }

    fn load(&self) -> Result<(config::Broker, String), String> {
        let file = match &self.config {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
                Some((path.display().to_string(), text))
            }
            None => None,
        };
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map_or_else(|_| "localhost".into(), |name| name.trim().to_owned());
        let mut set = self.set.clone();
        set.extend(self.cores.map(|cores| format!("core.count={cores}")));
        let inputs = config::Inputs {
            file,
            environment: std::env::vars().collect(),
            set,
            hostname: hostname.clone(),
        };
        let loaded = config::Broker::load(&inputs).map_err(|error| error.to_string())?;
        for note in loaded.notes {
            tracing::info!("{note}");
        }
        for warning in loaded.warnings {
            tracing::warn!("{warning}");
        }
        Ok((loaded.broker, hostname))
    }
}

/// Starts one core, says that the node is ready, and stops it when it is told to.
async fn run_core(
    world: GlommioWorld<Message>,
    options: NodeOptions,
    desk: Arc<http::Desk>,
    failure: Arc<Mutex<Option<String>>>,
) {
    let node = Node::new(world.clone(), options.clone(), None);
    if options.config.node.metrics_listeners_text.is_some() {
        world.spawn("metrics", http::answer(node.core().clone(), desk));
    }
    if world.core() != CONTROLLER_CORE {
        world.stopped().await;
        return node.wait_closed().await;
    }
    // Journals are written in full or recovered, which takes its time: nobody who says stop waits for it.
    let told_to_stop = async {
        world.stopped().await;
        None
    };
    match async { Some(node.boot().await) }.or(told_to_stop).await {
        None => {
            tracing::info!("told to stop before it was ready");
            node.abandon().await;
        }
        Some(Err(reason)) => {
            *failure.lock().expect("no core panics while it tells") = Some(reason);
            world.stopper().stop();
            node.abandon().await;
        }
        Some(Ok(())) => {
            say_ready(&world, &options);
            world.stopped().await;
            tracing::info!("stopping");
            node.stop().await;
            tracing::info!("stopped");
        }
    }
}

/// The whole path: where it lies depends on where the process was started.
fn shown(path: &str) -> String {
    let path = Path::new(path);
    std::path::absolute(path)
        .unwrap_or_else(|_| path.to_path_buf())
        .display()
        .to_string()
}

fn say_ready(world: &GlommioWorld<Message>, options: &NodeOptions) {
    let endpoint = &options.endpoints.advertised;
    tracing::info!(
        host = endpoint.host,
        port = endpoint.port,
        cores = world.cores(),
        "ready"
    );
    // For whoever started us and waits: one plain word on stdout.
    let _ = writeln!(std::io::stdout(), "ready");
}

/// How long a port may still belong to a broker that was killed: the kernel takes a ring apart, with the sockets that it holds,
/// some time after the process is gone (a second, where CPUs are short). Whoever starts us at once after a kill need not know.
const PORT_WAIT: Duration = Duration::from_secs(10);

/// Takes each port alone for a moment of its own: cores share it later, so that the kernel would not tell us of others.
fn claim_ports(endpoints: &Endpoints) -> Result<Vec<PortClaim>, String> {
    let mut claims = Vec::new();
    let deadline = Instant::now() + PORT_WAIT;
    let mut is_said = false;
    for bind in &endpoints.binds {
        let claim = loop {
            match PortClaim::take(bind.address) {
                Err(HostError::PortInUse { address }) if Instant::now() < deadline => {
                    if !std::mem::replace(&mut is_said, true) {
                        tracing::warn!(
                            %address,
                            "the port is taken; waiting up to {} s, in case a broker that was just killed still holds it",
                            PORT_WAIT.as_secs()
                        );
                    }
                    thread::sleep(Duration::from_millis(5))
                }
                claim => break claim,
            }
        };
        match claim {
            Ok(claim) => claims.push(claim),
            Err(HostError::Port { .. }) if !bind.required => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(claims)
}

/// Nobody replays a real node; ids only must differ.
fn seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// Resolves what the listeners say. One advertised endpoint for all clients, until listeners have names of their own.
fn endpoints(config: &config::Broker, hostname: &str) -> Result<Endpoints, String> {
    let listeners = config.listeners(hostname)?;
    let first = listeners.first().ok_or("listeners: at least one is needed")?;
    let advertised = Endpoint {
        host: first.advertised_host.clone(),
        port: first.advertised_port,
    };
    let binds = resolve("listeners", &listeners)?;
    Ok(Endpoints { binds, advertised })
}

/// Every address of these listeners.
fn resolve(key: &str, listeners: &[ListenerConfig]) -> Result<Vec<BindAddress>, String> {
    let mut binds = Vec::new();
    for bind in listeners.iter().flat_map(ListenerConfig::binds) {
        match bind {
            Bind::Ip { address, required } => binds.push(BindAddress { address, required }),
            Bind::Name { host, port } => {
                let found: Vec<SocketAddr> = (host.as_str(), port)
                    .to_socket_addrs()
                    .map_err(|error| format!("{key}: {host} cannot be resolved: {error}"))?
                    .collect();
                binds.extend(found.into_iter().map(|address| BindAddress {
                    address,
                    required: true,
                }));
            }
        }
    }
    Ok(binds)
}
