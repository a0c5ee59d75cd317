//! The door to the shard groups of a core for everybody else on it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use futures_util::future::try_join_all;

use super::{
    asking::{Asking, asking},
    controller::SharedRules,
    groups::GroupSet,
    shard::{Answer, Asked, Shard},
};
use crate::metadata::{
    RootImage, WishError,
    controller::{Timing, not_controller},
    placement,
    shard::{Concerned, ShardAnswer, ShardWish},
};

/// Cheap to clone; clones are the same groups.
#[derive(Clone)]
pub struct Shards {
    by_number: Rc<BTreeMap<u16, Asking<Asked, Answer>>>,
    /// What the machines decide on: root as this core knows it.
    root: Rc<RefCell<Arc<RootImage>>>,
}

impl Shards {
    /// Adds the groups of these shards to those of this core. `me` is this node.
    pub fn join(
        set: &mut GroupSet,
        shards: impl IntoIterator<Item = u16>,
        me: i32,
        timing: &Timing,
        config_rules: &SharedRules,
    ) -> Shards {
        let root: Rc<RefCell<Arc<RootImage>>> = Rc::default();
        let mut by_number = BTreeMap::new();
        for number in shards {
            let (asking, askers) = asking();
            let machine = Shard::new(me, number, timing, root.clone(), askers, config_rules.clone());
            let bell = set.add(placement::shard_group(number), Box::new(machine));
            by_number.insert(number, asking(bell));
        }
        let by_number = Rc::new(by_number);
        Shards { by_number, root }
    }

    /// Root is so now, on this core. Shards whose partitions that may concern look at them.
    pub fn on_root(&self, root: &Arc<RootImage>) {
        let before = self.root.replace(root.clone());
        let concerned = Concerned::by(&before, root);
        let own = self.by_number.iter();
        own.filter(|(number, _)| concerned.contains(**number))
            .for_each(|(_, shard)| shard.look());
    }

    /// Answered when the change, if any, is committed and every core has it. NOT_CONTROLLER where another node leads
    /// the shard's group, and for a shard of another core.
    pub async fn wish(&self, shard: u16, wish: ShardWish) -> Result<ShardAnswer, WishError> {
        let shard = self.by_number.get(&shard).ok_or_else(not_controller)?;
        match shard.wish(Asked::Wish(wish)).await? {
            Answer::Wish(answer) => Ok(answer),
            Answer::Settled => unreachable!("the answer of another question"),
        }
    }

    /// Ends when all partitions are as root, as it is now on this core, wants them, and every core knows.
    /// NOT_CONTROLLER if another node leads one of the groups.
    pub async fn settled(&self) -> Result<(), WishError> {
        let settled = self.by_number.values().map(|shard| shard.wish(Asked::Settled));
        try_join_all(settled).await.map(drop)
    }
}
