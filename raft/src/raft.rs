//! One group's state on one node, and the one door to it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    AppendOutcome, Config, Entry, HardState, Input, LogView, Message, Outgoing, Output, Payload, Position, Recovered,
    Term, Terms, VoterId, random::Random, replication::Progress,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Follower {
        leader: Option<VoterId>,
    },
    /// Asks whether an election could be won, without disturbing anybody (pre-vote).
    PreCandidate {
        votes: BTreeSet<VoterId>,
    },
    /// `vote_persist`: the own vote counts once this persist is durable.
    Candidate {
        votes: BTreeSet<VoterId>,
        vote_persist: u64,
    },
    /// `start`: index of this leader's LeaderStart. Only with it committed does the leader know all that is committed.
    Leader {
        start: u64,
    },
}

/// Consensus of one group on one node. See the crate's page for what the driver owes.
#[derive(Clone, Debug)]
pub struct Raft {
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) now: Duration,
    pub(crate) hard_state: HardState,
    pub(crate) terms: Terms,
    pub(crate) role: Role,
    pub(crate) commit: u64,
    /// Entries before this are durable here.
    pub(crate) durable_end: u64,
    /// (number, end of the log then) of what is being persisted, oldest first.
    pub(crate) persisting: VecDeque<(u64, u64)>,
    pub(crate) next_persist: u64,
    pub(crate) election_at: Duration,
    /// When a leader of the current term was last heard here.
    pub(crate) leader_heard_at: Option<Duration>,
    /// The leader's view of every other voter; empty in other roles.
    pub(crate) progress: BTreeMap<VoterId, Progress>,
    pub(crate) heartbeat_at: Duration,
    pub(crate) quorum_check_at: Duration,
    pub(crate) output: Output,
}

impl Raft {
    /// `now` is monotonic time since any fixed moment; `seed` makes the election jitter.
    pub fn new(config: Config, recovered: Recovered, now: Duration, seed: u64) -> Raft {
        assert!(config.election_timeout_min <= config.election_timeout_max);
        assert!(config.heartbeat_interval < config.election_timeout_min);
        // The log may be ahead of the hard state only through damage; the larger term is the safe one (redpanda 65068aa37b).
        let mut hard_state = recovered.hard_state;
        if recovered.terms.last().term > hard_state.term {
            hard_state = HardState {
                term: recovered.terms.last().term,
                vote: None,
            };
        }
        let mut raft = Raft {
            random: Random::new(seed),
            now,
            hard_state,
            durable_end: recovered.terms.end(),
            terms: recovered.terms,
            role: Role::Follower { leader: None },
            commit: 0,
            persisting: VecDeque::new(),
            next_persist: 1,
            election_at: now,
            leader_heard_at: None,
            progress: BTreeMap::new(),
            heartbeat_at: now,
            quorum_check_at: now,
            output: Output::default(),
            config,
        };
        if !raft.is_sole_voter() {
            raft.reset_election_timer();
        }
        raft
    }

    /// Takes one event and gives its effects. `now` never goes back.
    pub fn step(&mut self, now: Duration, input: Input, log: &impl LogView) -> Output {
        assert!(now >= self.now, "time went back");
        self.now = now;
        let (term_before, commit_before) = (self.hard_state.term, self.commit);
        match input {
            Input::Tick => self.on_tick(log),
            Input::Received { from, message } => self.on_message(from, message, log),
            Input::Propose(bytes) => self.on_propose(bytes, log),
            Input::Persisted(number) => self.on_persisted(number, log),
        }
        assert!(self.hard_state.term >= term_before && self.commit >= commit_before);
        assert!(self.commit <= self.terms.end());
        self.take_output()
    }

    /// When the next [`Input::Tick`] is due; None while only events can change anything.
    pub fn next_wake(&self) -> Option<Duration> {
        match self.role {
            Role::Leader { .. } if self.is_sole_voter() => None,
            Role::Leader { .. } => Some(self.heartbeat_at.min(self.quorum_check_at)),
            // The own vote is on its way to the disk, and that is all that is missing.
            Role::Candidate { .. } if self.is_sole_voter() => None,
            _ if !self.is_voter() => None,
            _ => Some(self.election_at),
        }
    }

    pub fn role(&self) -> &Role {
        &self.role
    }

    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// Leader whose LeaderStart is committed: everything that ever was committed is below [`Raft::commit`].
    pub fn is_ready_leader(&self) -> bool {
        matches!(self.role, Role::Leader { start } if self.commit > start)
    }

    /// The leader as far as this node knows.
    pub fn leader(&self) -> Option<VoterId> {
        match self.role {
            Role::Leader { .. } => Some(self.config.me),
            Role::Follower { leader } => leader,
            _ => None,
        }
    }

    pub fn term(&self) -> Term {
        self.hard_state.term
    }

    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// The whole log, durable or not.
    pub fn last(&self) -> Position {
        self.terms.last()
    }

    pub fn durable_end(&self) -> u64 {
        self.durable_end
    }

    fn on_tick(&mut self, log: &impl LogView) {
        match self.role {
            Role::Leader { .. } => {
                if self.now >= self.quorum_check_at && !self.is_sole_voter() {
                    self.check_quorum();
                }
                if self.is_leader() && self.now >= self.heartbeat_at {
                    self.send_heartbeats(log);
                }
            }
            _ if self.is_voter() && self.now >= self.election_at => self.start_pre_vote(log),
            _ => {}
        }
    }

    fn on_message(&mut self, from: VoterId, message: Message, log: &impl LogView) {
        // Only voters speak: an id that is unknown is a node that left, or one whose disk was wiped.
        if !self.config.voters.contains(&from) || from == self.config.me {
            return;
        }
        match message {
            Message::PreVote { term, last } => self.on_pre_vote(from, term, last),
            Message::PreVoteReply { term, granted } => self.on_pre_vote_reply(from, term, granted, log),
            Message::Vote { term, last } => self.on_vote(from, term, last),
            Message::VoteReply { term, granted } => self.on_vote_reply(from, term, granted, log),
            Message::Append {
                term,
                prev,
                entries,
                commit,
            } => {
                self.on_append(from, term, prev, entries, commit);
            }
            Message::AppendReply { term, outcome } => self.on_append_reply(from, term, outcome, log),
        }
    }

    fn on_propose(&mut self, bytes: bytes::Bytes, log: &impl LogView) {
        if !self.is_leader() {
            return;
        }
        let index = self.append_own(Payload::Proposal(bytes));
        self.output.proposed = Some(index);
        self.send_appends(log);
    }

    fn on_persisted(&mut self, number: u64, log: &impl LogView) {
        while let Some(&(first, end)) = self.persisting.front() {
            if first > number {
                break;
            }
            self.persisting.pop_front();
            self.durable_end = self.durable_end.max(end);
        }
        self.count_own_vote(number, log);
        self.advance_commit(log);
    }

    pub(crate) fn is_voter(&self) -> bool {
        self.config.voters.contains(&self.config.me)
    }

    pub(crate) fn is_sole_voter(&self) -> bool {
        self.is_voter() && self.config.voters.len() == 1
    }

    pub(crate) fn majority(&self) -> usize {
        self.config.voters.len() / 2 + 1
    }

    pub(crate) fn peers(&self) -> Vec<VoterId> {
        let me = self.config.me;
        self.config
            .voters
            .iter()
            .copied()
            .filter(|voter| *voter != me)
            .collect()
    }

    pub(crate) fn send_now(&mut self, to: VoterId, message: Message) {
        self.output.send_now.push(Outgoing { to, message });
    }

    pub(crate) fn send_after_persist(&mut self, to: VoterId, message: Message) {
        self.output.send_after_persist.push(Outgoing { to, message });
    }

    pub(crate) fn set_hard_state(&mut self, hard_state: HardState) {
        assert!(hard_state.term >= self.hard_state.term);
        self.hard_state = hard_state;
        self.output.persist.hard_state = Some(hard_state);
    }

    /// Adds entries to the log and to this step's persist.
    pub(crate) fn append_entries(&mut self, entries: Vec<Entry>) {
        if self.output.persist.append.is_empty() {
            self.output.persist.append_at = self.terms.end();
        }
        for entry in &entries {
            self.terms.push(entry.term);
        }
        self.output.persist.append.extend(entries);
    }

    pub(crate) fn append_own(&mut self, payload: Payload) -> u64 {
        let index = self.terms.end();
        let term = self.hard_state.term;
        self.append_entries(vec![Entry { term, payload }]);
        index
    }

    pub(crate) fn truncate(&mut self, end: u64) {
        assert!(
            end >= self.commit,
            "a committed entry would be removed: truncate to {end}, commit {}",
            self.commit
        );
        assert!(
            self.output.persist.append.is_empty(),
            "one step either truncates first or not at all"
        );
        self.terms.truncate(end);
        self.durable_end = self.durable_end.min(end);
        for (_, persisting_end) in &mut self.persisting {
            *persisting_end = (*persisting_end).min(end);
        }
        self.output.persist.truncate_to = Some(end);
    }

    /// The number that this step's persist gets.
    pub(crate) fn this_persist(&self) -> u64 {
        self.next_persist
    }

    fn take_output(&mut self) -> Output {
        let mut output = std::mem::take(&mut self.output);
        if !output.persist.is_empty() {
            output.persist.number = self.next_persist;
            self.persisting.push_back((self.next_persist, self.terms.end()));
            self.next_persist += 1;
        }
        output.commit = self.commit;
        output
    }

    /// A higher term, or a leader of this one: whatever this node was, it follows now.
    pub(crate) fn become_follower(&mut self, term: Term, leader: Option<VoterId>) {
        if term > self.hard_state.term {
            self.set_hard_state(HardState { term, vote: None });
            self.leader_heard_at = None;
        }
        if self.is_leader() {
            // A leader's own election timer rests; it must not fire at once.
            self.reset_election_timer();
        }
        self.role = Role::Follower { leader };
        self.progress.clear();
    }

    pub(crate) fn stale_reply(&mut self, to: VoterId) {
        let term = self.hard_state.term;
        self.send_after_persist(
            to,
            Message::AppendReply {
                term,
                outcome: AppendOutcome::Stale,
            },
        );
    }
}
