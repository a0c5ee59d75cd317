//! Heartbeats of many groups travel together, and change nothing by it.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{cluster::disk::Disk, config, ms, voter};
use crate::{GroupId, Heartbeats, Input, Message, Outgoing, Output, Raft, Recovered};

const GROUPS: GroupId = 40;

/// Three nodes with all groups each; disks are instant.
struct Process {
    node: i32,
    groups: Vec<(Raft, Disk)>,
    heartbeats: Heartbeats<i32>,
    others: Vec<(GroupId, Outgoing)>,
}

impl Process {
    fn new(node: i32) -> Process {
        let group = |group: GroupId| {
            let mut config = config(node, 3);
            config.priority = Some(group);
            let seed = u64::from(group) * 3 + node as u64;
            (Raft::new(config, Recovered::default(), ms(0), seed), Disk::default())
        };
        Process {
            node,
            groups: (0..GROUPS).map(group).collect(),
            heartbeats: Heartbeats::default(),
            others: Vec::new(),
        }
    }

    fn step(&mut self, now: u64, group: GroupId, input: Input) {
        let (raft, disk) = &mut self.groups[group as usize];
        let mut output = Output::default();
        raft.step_into(ms(now), input, disk, &mut output);
        disk.write(&output.persist);
        for outgoing in [&mut output.send_now, &mut output.send_after_persist] {
            self.heartbeats.gather(group, outgoing, |to| to.node);
            self.others.extend(outgoing.drain(..).map(|sent| (group, sent)));
        }
        if !output.persist.is_empty() {
            self.step(now, group, Input::Persisted(output.persist.number));
        }
    }

    fn tick(&mut self, now: u64) {
        for group in 0..GROUPS {
            if self.groups[group as usize]
                .0
                .next_wake()
                .is_some_and(|wake| wake <= ms(now))
            {
                self.step(now, group, Input::Tick);
            }
        }
    }
}

/// Goal: 40 idle groups on three nodes keep their leaders, spread by priority, and a second costs each pair of nodes two
/// batches and their answers for each heartbeat, not 40.
#[test]
fn idle_groups_share_their_heartbeats() {
    let mut processes: Vec<Process> = (0..3).map(Process::new).collect();
    let mut batches: BTreeMap<u64, u64> = BTreeMap::new();
    let mut singles: BTreeMap<u64, u64> = BTreeMap::new();
    for now in (0..30_000).step_by(10) {
        for process in &mut processes {
            process.tick(now);
        }
        loop {
            let mut arrived: Vec<(i32, i32, GroupId, Message)> = Vec::new();
            for process in &mut processes {
                let from = process.node;
                process.heartbeats.flush(|to, batch| {
                    *batches.entry(now / 1000).or_default() += 1;
                    arrived.extend(batch.into_iter().map(|(group, message)| (from, *to, group, message)));
                });
                for (group, sent) in process.others.drain(..) {
                    *singles.entry(now / 1000).or_default() += 1;
                    arrived.push((from, sent.to.node, group, sent.message));
                }
            }
            if arrived.is_empty() {
                break;
            }
            for (from, to, group, message) in arrived {
                let input = Input::Received {
                    from: voter(from),
                    message,
                };
                processes[to as usize].step(now, group, input);
            }
        }
    }
    for group in 0..GROUPS {
        let leaders = processes
            .iter()
            .map(|process| process.groups[group as usize].0.leader());
        let leaders: Vec<_> = leaders.map(|leader| leader.expect("a leader").node).collect();
        assert_eq!(
            leaders,
            [group as i32 % 3; 3],
            "group {group}: the preferred voter leads"
        );
        for process in &processes {
            assert!(process.groups[group as usize].0.commit() > 0);
        }
    }
    // Three nodes, two peers each, ten times a second, and the answers. Leaders are where they should be by then.
    let later: Vec<u64> = batches.range(15..).map(|(_, count)| *count).collect();
    assert_eq!(later, [3 * 2 * 10 * 2; 15]);
    let others: Vec<_> = singles.range(15..).collect();
    assert!(
        others.is_empty(),
        "idle groups say nothing else, and elect nobody: {others:?}"
    );
}

#[test]
fn only_heartbeats_are_taken_and_nothing_is_sent_twice() {
    let mut heartbeats = Heartbeats::default();
    let beat = |to: i32, term| Outgoing {
        to: voter(to),
        message: Message::Heartbeat {
            term,
            session: 1,
            commit: 0,
            round: 0,
        },
    };
    let snapshot = Outgoing {
        to: voter(1),
        message: Message::Snapshot {
            term: 1,
            session: 1,
            snapshot: crate::Snapshot {
                id: crate::Position::default(),
                voters: crate::Voters::default(),
            },
            offset: 0,
            chunk: Bytes::new(),
            last: true,
        },
    };
    let mut outgoing = vec![beat(1, 1), snapshot.clone(), beat(2, 1), beat(1, 2)];
    heartbeats.gather(7, &mut outgoing, |to| to.node);
    assert_eq!(outgoing, [snapshot]);
    let mut sent = Vec::new();
    heartbeats.flush(|to, batch| {
        sent.push((
            *to,
            batch
                .iter()
                .map(|(group, part)| (*group, part.term()))
                .collect::<Vec<_>>(),
        ))
    });
    assert_eq!(sent, [(1, vec![(7, 1), (7, 2)]), (2, vec![(7, 1)])]);
    heartbeats.flush(|_, _| panic!("everything was sent"));
}
