//! The door to the metadata group for everybody else on core 0.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use corelane_protocol::error_code::ErrorCode;
use corelane_raft::VoterId;
use corelane_storage::Identity;
use futures_channel::{mpsc::UnboundedSender, oneshot};

use super::{
    driver::{Asked, Driver, Event},
    entry_log::{EntryLog, LogError},
};
use crate::{
    metadata::{
        Answer, ConfigRules, Image, Wish, WishError,
        decide::{ChangeBroker, FormatCluster, Registration},
    },
    runtime::world::World,
};

/// Partitions that one entry re-grants at most, and what a grant takes, roughly and rather too much.
const RECONCILE_CHANGES_MAX: usize = 1000;
const GRANT_BYTES: usize = 512;

/// Hands a new image to all cores: sends it before it returns, in the order of the calls, and the future ends when every
/// core has it.
pub type Publish = Box<dyn Fn(Arc<Image>) -> Pin<Box<dyn Future<Output = ()>>>>;

pub struct Options {
    /// For a cluster that is new.
    pub shards: u16,
    /// (name, level), for a cluster that is new.
    pub features: Vec<(String, i16)>,
    pub config_rules: Rc<dyn ConfigRules>,
    pub publish: Publish,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Log(#[from] LogError),
    /// The data directory is of one cluster, the metadata in it of another.
    #[error("metadata refused the start: {0}")]
    Refused(#[from] WishError),
}

/// What DescribeQuorum shows of the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub term: u32,
    /// Node id.
    pub leader: Option<i32>,
    /// Index after the last committed entry.
    pub high_watermark: u64,
    pub log_end: u64,
    pub durable_end: u64,
}

/// Cheap to clone; clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    pub(super) shared: Rc<Shared>,
    events: UnboundedSender<Event>,
}

/// What the driver leaves for others to look at.
pub(super) struct Shared {
    pub image: RefCell<Arc<Image>>,
    pub status: Cell<Status>,
    pub config_rules: RefCell<Rc<dyn ConfigRules>>,
    pub proposal_bytes_max: usize,
}

impl Controller {
    /// Recovers the log, becomes leader and applies it all; formats a new cluster. The journal's commit task must run.
    /// Images are published from the first applied entry on.
    pub async fn start<W: World, L: EntryLog>(
        world: &W,
        log: L,
        identity: &Identity,
        options: Options,
    ) -> Result<Controller, StartError> {
        let recovered = log.recover().await?;
        let shared = Rc::new(Shared {
            image: RefCell::default(),
            status: Cell::default(),
            config_rules: RefCell::new(options.config_rules),
            proposal_bytes_max: log.proposal_bytes_max(),
        });
        let me = VoterId {
            node: identity.broker_id,
            storage_id: identity.disk_uuid.as_u128(),
        };
        let voters = BTreeSet::from([me]);
        let (driver, events) = Driver::new(world, log, recovered, me, voters, shared.clone(), options.publish);
        world.spawn("metadata group", driver.run());
        let controller = Controller { shared, events };
        let format = FormatCluster {
            cluster_id: identity.cluster_id,
            shards: options.shards,
            features: options.features,
        };
        controller.wish(Wish::Format(format)).await?;
        Ok(controller)
    }

    /// Registers this process, fenced. The cores must know the epoch (it makes them accept leadership) before
    /// [`Controller::unfence`].
    pub async fn register(&self, registration: Registration) -> Result<u64, WishError> {
        match self.wish(Wish::RegisterBroker(registration)).await? {
            Answer::Registered { broker_epoch } => Ok(broker_epoch),
            other => unreachable!("a registration is answered with {other:?}"),
        }
    }

    /// Opens this process to leadership and grants it all that is its own, in leader epochs never used before. The
    /// broker must be able to serve: its logs are recovered.
    pub async fn unfence(&self, node: i32, broker_epoch: u64) -> Result<(), WishError> {
        let unfence = ChangeBroker {
            node,
            broker_epoch,
            fenced: Some(false),
            in_controlled_shutdown: None,
        };
        self.wish(Wish::ChangeBroker(unfence)).await?;
        let reconcile = Wish::Reconcile {
            changes_max: (self.shared.proposal_bytes_max / GRANT_BYTES).clamp(1, RECONCILE_CHANGES_MAX),
        };
        while let Answer::Reconciled { more: true, .. } = self.wish(reconcile.clone()).await? {}
        Ok(())
    }

    /// Answered when the change, if any, is committed and every core has it. NOT_CONTROLLER where another node leads.
    pub async fn wish(&self, wish: Wish) -> Result<Answer, WishError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.events.unbounded_send(Event::Asked(Asked { wish, reply }));
        match sent {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(not_controller())),
            Err(_) => Err(not_controller()),
        }
    }

    /// The newest image; the same that was published last.
    pub fn image(&self) -> Arc<Image> {
        self.shared.image.borrow().clone()
    }

    pub fn status(&self) -> Status {
        self.shared.status.get()
    }

    /// After the broker's own configuration changed: defaults of topics come from it.
    pub fn set_config_rules(&self, config_rules: Rc<dyn ConfigRules>) {
        self.shared.config_rules.replace(config_rules);
    }

    /// Ends the group's tasks; wishes under way and later ones are answered NOT_CONTROLLER.
    pub fn stop(&self) {
        self.events.close_channel();
    }
}

pub(super) fn not_controller() -> WishError {
    WishError::new(
        ErrorCode::NOT_CONTROLLER,
        "This is not the correct controller for this cluster.",
    )
}
