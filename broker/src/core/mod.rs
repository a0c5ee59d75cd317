//! One core of a node: its store, its partitions, its view of the metadata, and the one door to all of them.
//!
//! ```text
//!  connection ──call──> [own core] ─────────────┐
//!       └───────call──> ring ──> [owning core] ─┴─> on_request ──> partition / group / controller
//! ```
//!
//! Only tasks of this core touch what is in here. Nothing is borrowed across an `await`.

mod admission;
mod apply;
mod boot;
mod calls;
mod commit;
mod data_directory;
mod mailbox;
pub mod message;
mod observe;
mod reconfigure;
pub mod timers;
mod topics;

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
    ops::Deref,
    rc::Rc,
    sync::Arc,
};

use corelane_storage::{Identity, Store};
use futures_util::lock::Mutex;
use uuid::Uuid;

pub use calls::ReplyTo;
pub use message::Message;
pub use topics::{ByOwner, CONSUMER_OFFSETS};

use crate::{
    config::{self, TopicConfig},
    group::Groups,
    log_limit::LogLimits,
    metadata::Image,
    metrics::CoreMetrics,
    net::{self, quota::Connections},
    node::{Endpoint, Endpoints, NodeOptions, Tuning},
    partition::{Partitions, session::FetchSessions},
    quota,
    raft_driver::{Controller, Groups as RaftGroups, Shards, SharedRules},
    runtime::world::World,
};

/// The core that runs the root group, and with it the controller.
pub const CONTROLLER_CORE: usize = 0;

/// Shared by the tasks of one core; cheap to clone.
pub struct Core<W: World>(Rc<State<W>>);

impl<W: World> Clone for Core<W> {
    fn clone(&self) -> Self {
        Core(self.0.clone())
    }
}

impl<W: World> Deref for Core<W> {
    type Target = State<W>;

    fn deref(&self) -> &State<W> {
        &self.0
    }
}

/// Everything that belongs to one core.
pub struct State<W: World> {
    pub world: W,
    /// As at start; see [`Core::live_config`].
    pub config: Arc<config::Broker>,
    live_config: RefCell<Rc<config::Broker>>,
    pub(crate) partitions: RefCell<Partitions>,
    pub(crate) fetch_sessions: RefCell<FetchSessions>,
    pub(crate) groups: RefCell<Groups>,
    pub(crate) timers: timers::Timers,
    pub(crate) log_limits: LogLimits,
    pub(crate) metrics: CoreMetrics,
    pub(crate) large_frames: net::LargeFrames,
    pub(crate) lanes: net::Lanes<W>,
    /// Who is limited to what; as the image says.
    quotas: RefCell<Rc<quota::Table>>,
    /// What was used on the accounts of this core.
    pub(crate) ledger: RefCell<quota::Ledger>,
    /// Of the controller's core, as `connections`.
    accepts: RefCell<quota::Accepts<(std::net::IpAddr, ReplyTo)>>,
    pub(crate) quota_window: quota::Window,
    /// Of the whole node; counted on the controller's core.
    pub(crate) connections: RefCell<Connections<ReplyTo>>,
    identity: OnceCell<Identity>,
    store: OnceCell<Store<W::Disk>>,
    controller: OnceCell<Controller>,
    shards: OnceCell<Shards>,
    config_rules: OnceCell<SharedRules>,
    raft_groups: OnceCell<RaftGroups>,
    image: RefCell<Arc<Image>>,
    /// Of this process's own registration; images may speak of the one before.
    broker_epoch: Cell<Option<u64>>,
    calls: Rc<calls::Calls>,
    topic_configs: RefCell<BTreeMap<Uuid, Arc<TopicConfig>>>,
    producer_ids: Cell<topics::ProducerIds>,
    next_waiter: Cell<u64>,
    /// Held while a batch is expanded that takes more than one step: one at a time.
    pub(crate) large_batches: Mutex<()>,
    endpoints: Arc<Endpoints>,
    tuning: Option<Tuning>,
    requests: Cell<usize>,
    /// Clients are let in.
    serves: Cell<bool>,
    stopping: Cell<bool>,
    closed: Cell<bool>,
}

impl<W: World<Message = Message>> Core<W> {
    pub fn new(world: W, options: NodeOptions, tuning: Option<Tuning>) -> Core<W> {
        let NodeOptions { config, endpoints } = options;
        let sessions = FetchSessions::new(
            config.connections.max_incremental_fetch_session_cache_slots as usize,
            world.core(),
            world.cores(),
        );
        let connections = Connections::new(net::quota::Limits::of(&config));
        let window = |samples: i32, seconds: i32| quota::Window {
            samples: i64::from(samples),
            sample_ms: i64::from(seconds) * 1000,
        };
        let quota_window = window(config.quotas.quota_window_num, config.quotas.quota_window_size_seconds);
        let mutation_window = window(
            config.quotas.controller_quota_window_num,
            config.quotas.controller_quota_window_size_seconds,
        );
        Core(Rc::new(State {
            quotas: RefCell::default(),
            ledger: RefCell::new(quota::Ledger::new(quota_window, mutation_window)),
            accepts: RefCell::new(quota::Accepts::new(quota_window)),
            quota_window,
            world,
            live_config: RefCell::new(Rc::new((*config).clone())),
            config,
            partitions: RefCell::default(),
            fetch_sessions: RefCell::new(sessions),
            groups: RefCell::default(),
            timers: timers::Timers::default(),
            log_limits: LogLimits::default(),
            metrics: CoreMetrics::default(),
            large_frames: net::LargeFrames::default(),
            connections: RefCell::new(connections),
            identity: OnceCell::new(),
            store: OnceCell::new(),
            controller: OnceCell::new(),
            shards: OnceCell::new(),
            config_rules: OnceCell::new(),
            raft_groups: OnceCell::new(),
            image: RefCell::default(),
            broker_epoch: Cell::new(None),
            calls: Rc::default(),
            lanes: net::Lanes::default(),
            topic_configs: RefCell::default(),
            producer_ids: Cell::default(),
            next_waiter: Cell::new(0),
            large_batches: Mutex::new(()),
            endpoints,
            tuning,
            requests: Cell::new(0),
            serves: Cell::new(false),
            stopping: Cell::new(false),
            closed: Cell::new(false),
        }))
    }

    /// The newest metadata that this core has made true.
    pub fn image(&self) -> Arc<Image> {
        self.image.borrow().clone()
    }

    /// Who is limited to what.
    pub fn quotas(&self) -> Rc<quota::Table> {
        self.quotas.borrow().clone()
    }

    /// This core's journal and logs.
    ///
    /// # Panics
    /// Before the core was opened; nothing that clients send is taken earlier.
    pub fn store(&self) -> &Store<W::Disk> {
        self.store.get().expect("the store is open before clients are let in")
    }

    pub fn identity(&self) -> &Identity {
        self.identity
            .get()
            .expect("the data directory is open before clients are let in")
    }

    pub fn broker_id(&self) -> i32 {
        self.identity().broker_id
    }

    /// Milliseconds of the node's clock, which only goes on.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.world.now().0 / 1_000_000) as i64
    }

    /// Where clients find this broker.
    pub fn advertised(&self) -> &Endpoint {
        &self.endpoints.advertised
    }

    pub fn run_mailbox(&self) {
        self.world.spawn("mailbox", mailbox::run(self.clone()));
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }
}

/// Counts a request as long as it is under way, so that an orderly stop can wait for it.
pub struct UnderWay<W: World>(Core<W>);

impl<W: World<Message = Message>> Core<W> {
    pub fn request_begins(&self) -> UnderWay<W> {
        self.requests.set(self.requests.get() + 1);
        UnderWay(self.clone())
    }

    fn requests_under_way(&self) -> usize {
        self.requests.get()
    }
}

impl<W: World> Drop for UnderWay<W> {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get() - 1);
    }
}
