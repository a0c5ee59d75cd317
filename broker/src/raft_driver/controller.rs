//! The door to the root group for everybody else on core 0.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use super::{
    asking::{Asking, asking},
    groups::GroupSet,
    root::Root,
};
use crate::{
    metadata::{
        Answer, ConfigRules, RootImage, Wish, WishError,
        controller::Timing,
        decide::{ChangeBroker, FormatCluster, Registration},
        placement,
    },
    runtime::world::World,
};

/// What decisions go by; all groups of a core share it. Changes when the broker's own configuration does: defaults of
/// topics come from it.
pub type SharedRules = Rc<RefCell<Rc<dyn ConfigRules>>>;

/// Cheap to clone; clones are the same controller.
#[derive(Clone)]
pub struct Controller {
    image: Rc<RefCell<Arc<RootImage>>>,
    asking: Asking<Wish, Answer>,
}

impl Controller {
    /// Adds the root group to those of this core. `me` is this node; `may_grow`: whether its journal takes more than what is
    /// needed.
    pub fn join<W: World>(
        set: &mut GroupSet,
        world: &W,
        me: i32,
        timing: &Timing,
        config_rules: &SharedRules,
        may_grow: impl Fn() -> bool + 'static,
    ) -> Controller {
        let image: Rc<RefCell<Arc<RootImage>>> = Rc::default();
        let (asking, askers) = asking();
        let random = world.clone();
        let random = move || random.random();
        let root = Root::new(
            me,
            timing,
            image.clone(),
            askers,
            config_rules.clone(),
            random,
            may_grow,
        );
        let bell = set.add(placement::ROOT_GROUP, Box::new(root));
        let asking = asking(bell);
        Controller { image, asking }
    }

    /// Makes the first records of a new cluster. Refused if the metadata is of another cluster than the data directory.
    pub async fn format(&self, format: FormatCluster) -> Result<(), WishError> {
        self.wish(Wish::Format(format)).await.map(drop)
    }

    /// Registers this process, fenced. The cores must know the epoch (it makes them accept leadership) before
    /// [`Controller::unfence`].
    pub async fn register(&self, registration: Registration) -> Result<u64, WishError> {
        match self.wish(Wish::RegisterBroker(registration)).await? {
            Answer::Registered { broker_epoch } => Ok(broker_epoch),
            other => unreachable!("a registration is answered with {other:?}"),
        }
    }

    /// Opens this process to leadership, which the shards then grant. The broker must be able to serve: its logs are
    /// recovered.
    pub async fn unfence(&self, node: i32, broker_epoch: u64) -> Result<(), WishError> {
        let unfence = ChangeBroker {
            node,
            broker_epoch,
            fenced: Some(false),
            in_controlled_shutdown: None,
        };
        self.wish(Wish::ChangeBroker(unfence)).await.map(drop)
    }

    /// Answered when the change, if any, is committed and every core has it. NOT_CONTROLLER where another node leads.
    pub async fn wish(&self, wish: Wish) -> Result<Answer, WishError> {
        self.asking.wish(wish).await
    }

    /// The newest image; the same that was published last.
    pub fn image(&self) -> Arc<RootImage> {
        self.image.borrow().clone()
    }
}
