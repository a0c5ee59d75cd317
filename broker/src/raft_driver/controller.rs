//! The door to the root group for everybody else on core 0.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use corelane_raft::VoterId;
use corelane_storage::Identity;
use futures_channel::{
    mpsc::{UnboundedSender, unbounded},
    oneshot,
};

use super::{
    groups::{Bell, GroupSet, Groups},
    journal::{Journal, LogError},
    publication::Publish,
    root::{Asked, Root, Shared, not_controller},
};
use crate::{
    metadata::{
        Answer, ConfigRules, Image, Wish, WishError,
        decide::{ChangeBroker, FormatCluster, Registration},
        placement,
    },
    runtime::world::World,
};

/// Partitions that one entry re-grants at most, and what a grant takes, roughly and rather too much.
const RECONCILE_CHANGES_MAX: usize = 1000;
const GRANT_BYTES: usize = 512;

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

/// Cheap to clone; clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    shared: Rc<Shared>,
    wishes: UnboundedSender<Asked>,
    bell: Bell,
    groups: Groups,
}

impl Controller {
    /// Recovers the log, becomes leader and applies it all; formats a new cluster. The journal's commit task must run.
    /// Images are published from the first applied entry on.
    pub async fn start<W: World, J: Journal>(
        world: &W,
        journal: J,
        identity: &Identity,
        options: Options,
    ) -> Result<Controller, StartError> {
        let shared = Rc::new(Shared {
            image: RefCell::default(),
            config_rules: RefCell::new(options.config_rules),
            proposal_bytes_max: journal.proposal_bytes_max(),
        });
        let me = VoterId {
            node: identity.broker_id,
            storage_id: identity.disk_uuid.as_u128(),
        };
        let (wishes, queue) = unbounded();
        let random = world.clone();
        let root = Root::new(me.node, shared.clone(), queue, move || random.random());
        let mut set = GroupSet::default();
        let bell = set.add(placement::ROOT_GROUP, Box::new(root));
        let groups = set.run(world, journal, me, options.publish).await?;
        let controller = Controller {
            shared,
            wishes,
            bell,
            groups,
        };
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
        let sent = self.wishes.unbounded_send(Asked { wish, reply }).is_ok() && self.bell.ring();
        if !sent {
            return Err(not_controller());
        }
        answer.await.unwrap_or_else(|_| Err(not_controller()))
    }

    /// The newest image; the same that was published last.
    pub fn image(&self) -> Arc<Image> {
        self.shared.image.borrow().clone()
    }

    /// The groups of this core; the root group is one of them.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// After the broker's own configuration changed: defaults of topics come from it.
    pub fn set_config_rules(&self, config_rules: Rc<dyn ConfigRules>) {
        self.shared.config_rules.replace(config_rules);
    }
}
