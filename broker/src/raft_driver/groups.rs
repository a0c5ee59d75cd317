//! The groups of one core: how they are started, and what others see of them.

use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use corelane_raft::{Config, Entry, GroupId, Raft, Recovered, Terms, VoterId, Voters};
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::future::try_join_all;

use super::{
    driver::{Driver, Event, now},
    group::{Group, Status},
    journal::{GroupLog, Journal, LogError, RecoveredLog, RecoveredSnapshot},
    machine::Machine,
    publication::Publish,
    snapshots::{Schedule, SnapshotTiming},
};
use crate::{metadata::placement, runtime::world::World};

/// Groups that are about to run.
pub struct GroupSet {
    members: Vec<(GroupId, Box<dyn Machine>)>,
    snapshots: SnapshotTiming,
    channel: (UnboundedSender<Event>, UnboundedReceiver<Event>),
}

/// Tells the driver that a machine has wishes.
#[derive(Clone)]
pub struct Bell {
    slot: usize,
    events: UnboundedSender<Event>,
}

impl Bell {
    /// False: the group does not run any more.
    pub fn ring(&self) -> bool {
        self.events.unbounded_send(Event::Wished(self.slot)).is_ok()
    }
}

impl GroupSet {
    pub fn new(snapshots: SnapshotTiming) -> GroupSet {
        GroupSet {
            members: Vec::new(),
            snapshots,
            channel: unbounded(),
        }
    }

    pub fn add(&mut self, group: GroupId, machine: Box<dyn Machine>) -> Bell {
        self.members.push((group, machine));
        Bell {
            slot: self.members.len() - 1,
            events: self.channel.0.clone(),
        }
    }

    /// Recovers all logs and runs the groups. The journal's commit task must run. Changes are published from the first
    /// applied entry on.
    pub async fn run<W: World, J: Journal>(
        self,
        world: &W,
        journal: J,
        me: VoterId,
        publish: Publish,
    ) -> Result<Groups, LogError> {
        let ids: Vec<GroupId> = self.members.iter().map(|(group, _)| *group).collect();
        let logs = journal.logs(&ids);
        let recovered = try_join_all(logs.iter().map(GroupLog::recover)).await?;
        let voters = Voters::from_iter([me]);
        let mut groups = Vec::with_capacity(ids.len());
        let mut statuses = BTreeMap::new();
        for (slot, (((id, mut machine), log), recovered)) in
            self.members.into_iter().zip(logs).zip(recovered).enumerate()
        {
            let schedule = Schedule::new(self.snapshots, recovered.entries.len());
            let (start, unapplied) = restore(recovered, &mut *machine)?;
            let config = Config {
                priority: placement::shard_of_group(id).map(u32::from),
                ..Config::new(me, voters.clone())
            };
            let raft = Raft::new(config, start, now(world), world.random());
            let status: Rc<Cell<Status>> = Rc::default();
            statuses.insert(id, status.clone());
            groups.push(Group::new(slot, (raft, log), unapplied, machine, status, schedule));
        }
        let events = self.channel.0.clone();
        let driver = Driver::new(world, journal, groups, publish, self.channel);
        world.spawn("groups", driver.run());
        Ok(Groups { statuses, events })
    }
}

/// The machine gets the snapshot's state, raft learns of the rest, and the entries behind the state are still to be applied.
fn restore(recovered: RecoveredLog, machine: &mut dyn Machine) -> Result<(Recovered, VecDeque<Entry>), LogError> {
    let mut start = Recovered {
        hard_state: recovered.hard_state,
        ..Recovered::default()
    };
    if let Some(held) = &recovered.snapshot {
        start.terms = Terms::starting_at(held.log_start);
    }
    recovered.entries.iter().for_each(|entry| start.push(entry));
    let mut entries = VecDeque::from(recovered.entries);
    if let Some(RecoveredSnapshot {
        snapshot,
        log_start,
        state,
    }) = recovered.snapshot
    {
        machine.restore(state).map_err(LogError)?;
        if machine.applied_end() != snapshot.id.end || start.terms.end() < snapshot.id.end {
            return Err(LogError(format!(
                "the snapshot of {:?} holds {} entries, the log ends at {}",
                snapshot.id,
                machine.applied_end(),
                start.terms.end()
            )));
        }
        entries.drain(..(snapshot.id.end - log_start.end) as usize);
        start.snapshot = Some(snapshot);
    }
    Ok((start, entries))
}

/// The groups of one core while they run. Cheap to clone.
#[derive(Clone)]
pub struct Groups {
    statuses: BTreeMap<GroupId, Rc<Cell<Status>>>,
    events: UnboundedSender<Event>,
}

impl Groups {
    /// None: it is not on this core.
    pub fn status(&self, group: GroupId) -> Option<Status> {
        self.statuses.get(&group).map(|status| status.get())
    }

    /// Ends the groups' tasks; wishes under way and later ones are answered NOT_CONTROLLER.
    pub fn stop(&self) {
        self.events.close_channel();
    }
}
