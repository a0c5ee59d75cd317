//! The real controllers: root's, and whichever node leads the shard. What they propose is committed at once.

use std::sync::Arc;

use super::{
    Met,
    cluster::{Cluster, KEY, NOW, SHARD_LEADERS},
};
use crate::metadata::{
    RootImage, Wish,
    controller::{Environment, Input, Output, Standing},
    decide::Answer,
    records::decode,
    shard::{ShardAnswer, ShardWish},
};

impl Cluster {
    pub(super) fn ask_root(&mut self, wish: Wish) {
        self.step_root(Input::Asked { id: 0, wish });
        let index = self.root().applied_end;
        if let Some(value) = self.step_root(Input::Propose { index }).proposal {
            let records = decode(&value).expect("what was encoded");
            let image = RootImage::clone(self.root()).after_entry(index, 1, &records);
            self.roots.push(Arc::new(image.expect("a decision fits")));
            self.step_root(Input::Applied { index, term: 1 });
        }
    }

    pub(super) fn step_root(&mut self, input: Input<Wish>) -> Output<Answer> {
        let root = self.root().clone();
        let mut output = Output::default();
        let mut environment = Environment {
            config_rules: &self.config_rules,
            uuids: &mut || KEY.topic_id,
            may_grow: true,
        };
        let stepped = self
            .root_controller
            .step(NOW, input, &root, &mut environment, &mut output);
        stepped.expect("a decision fits");
        output
    }

    /// Another node leads the shard, and knows of root what it knows.
    pub(super) fn lead_shard(&mut self, leader: usize) {
        self.term += 1;
        let known = self.roots.len() - 1;
        for at in 0..SHARD_LEADERS {
            let mut standing = standing(self.term, leader as i32);
            (standing.is_leader, standing.is_ready) = (at == leader, at == leader);
            self.step_shard(at, Input::Stand(standing));
        }
        self.shard_leader = leader;
        let lag = [8, 80][self.random.below(2)];
        let seen = &mut self.shard_leaders[leader].1;
        *seen = (*seen).max(known.saturating_sub(self.random.below(lag)));
    }

    pub(super) fn ask_shard(&mut self, wish: ShardWish, met: &mut Met) {
        // Whoever asks may take another node for the leader.
        let asked = if self.random.below(10) == 0 {
            self.random.below(SHARD_LEADERS)
        } else {
            self.shard_leader
        };
        let output = self.step_shard(asked, Input::Asked { id: 0, wish });
        met.refused += output.answers.len();
        self.run_shard(met);
    }

    pub(super) fn run_shard(&mut self, met: &mut Met) {
        let leader = self.shard_leader;
        self.step_shard(leader, Input::Tick);
        while self.shard_leaders[leader].0.wants_round() {
            let index = self.shard.applied_end;
            let output = self.step_shard(leader, Input::Propose { index });
            met.refused += refusals(&output);
            let Some(value) = output.proposal else {
                continue;
            };
            let records = decode(&value).expect("what was encoded");
            self.shard = std::mem::take(&mut self.shard)
                .after_entry(index, self.term, &records)
                .expect("a decision fits");
            self.note_state(met);
            let term = self.term;
            let output = self.step_shard(leader, Input::Applied { index, term });
            met.refused += refusals(&output);
        }
    }

    pub(super) fn note_state(&mut self, met: &mut Met) {
        let next = self.shard.get(&KEY).expect("it was changed").clone();
        let held = self.state();
        met.leaderless += usize::from(next.leader.is_none());
        let elected = next
            .leader
            .filter(|leader| held.elr.contains(&leader.node) && held.leader != next.leader);
        met.from_elr += usize::from(elected.is_some());
        met.reassigned += usize::from(held.is_reassigning() && !next.is_reassigning());
        self.states.push(next);
    }

    pub(super) fn step_shard(&mut self, at: usize, input: Input<ShardWish>) -> Output<ShardAnswer> {
        let (controller, seen) = &mut self.shard_leaders[at];
        let mut output = Output::default();
        let root = &self.roots[*seen];
        let stepped = controller.step(NOW, input, root, &self.shard, &self.config_rules, &mut output);
        stepped.expect("a decision fits");
        output
    }
}

pub fn standing(term: u32, leader: i32) -> Standing {
    Standing {
        term,
        leader: Some(leader),
        is_leader: true,
        is_ready: true,
    }
}

fn refusals(output: &Output<ShardAnswer>) -> usize {
    let is_refused = |answer: &ShardAnswer| match answer {
        ShardAnswer::PartitionsAltered(answers) => answers.iter().any(|(_, answer)| answer.is_err()),
        ShardAnswer::LeadersElected(answers) | ShardAnswer::ReassignmentsAltered(answers) => {
            answers.iter().any(|(_, answer)| answer.is_err())
        }
    };
    let answers = output.answers.iter();
    answers
        .filter(|(_, answer)| answer.as_ref().map_or(true, is_refused))
        .count()
}
