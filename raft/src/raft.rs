//! One group's state on one node, and the one door to it.

use std::{collections::VecDeque, time::Duration};

use crate::{
    Config, HardState, Input, LogView, Message, Outgoing, Output, Payload, Position, Recovered, Refused, Snapshot,
    Term, Terms, VoterId, Voters, Votes, leadership::Leadership, random::Random, snapshot::Incoming, voters::VotersLog,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Follower {
        leader: Option<VoterId>,
    },
    /// Asks whether an election could be won, without disturbing anybody (pre-vote).
    PreCandidate {
        votes: Votes,
    },
    /// `vote_persist`: the own vote counts once this persist is durable.
    Candidate {
        votes: Votes,
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
    pub(crate) voters: VotersLog,
    /// Who else gets the log while this node leads.
    pub(crate) learners: Voters,
    /// Where this node starts from.
    pub(crate) snapshot: Option<Snapshot>,
    /// What a leader sends of a newer one.
    pub(crate) incoming: Option<Incoming>,
    pub(crate) role: Role,
    pub(crate) commit: u64,
    /// Everything before this is what the leader of this term has. At least the commit.
    pub(crate) agreed_end: u64,
    /// Entries before this are durable here.
    pub(crate) durable_end: u64,
    /// (number, end of the log then) of what is being persisted, oldest first.
    pub(crate) persisting: VecDeque<(u64, u64)>,
    pub(crate) next_persist: u64,
    pub(crate) election_at: Duration,
    /// When a leader of the current term was last heard here.
    pub(crate) leader_heard_at: Option<Duration>,
    /// Until then this node would rather not lead.
    pub(crate) resigned_until: Duration,
    /// Means something only while this node leads.
    pub(crate) lead: Leadership,
    pub(crate) output: Output,
}

impl Raft {
    /// `now` is monotonic time since any fixed moment; `seed` makes the election jitter.
    pub fn new(config: Config, recovered: Recovered, now: Duration, seed: u64) -> Raft {
        assert!(config.election_timeout_min <= config.election_timeout_max);
        assert!(config.heartbeat_interval < config.election_timeout_min);
        let Recovered {
            mut hard_state,
            snapshot,
            terms,
            voters: entries,
        } = recovered;
        let covered = snapshot.as_ref().map_or(Position::default(), |snapshot| snapshot.id);
        assert!(
            terms.start().end <= covered.end && covered.end <= terms.end(),
            "the log {:?}..{} does not go on from the snapshot {covered:?}",
            terms.start(),
            terms.end()
        );
        // The log may be ahead of the hard state only through damage; the larger term is the safe one.
        let term = terms.last().term.max(covered.term);
        if term > hard_state.term && config.rules.term_covers_log_and_snapshot {
            hard_state = HardState { term, vote: None };
        }
        let at_start = snapshot.as_ref().map_or(&config.voters, |snapshot| &snapshot.voters);
        let mut voters = VotersLog::new(at_start.clone());
        for (index, changed) in entries.into_iter().filter(|(index, _)| *index >= covered.end) {
            voters.push(index + 1, changed);
        }
        let mut raft = Raft {
            random: Random::new(seed),
            now,
            hard_state,
            durable_end: terms.end(),
            terms,
            voters,
            learners: Voters::default(),
            snapshot,
            incoming: None,
            role: Role::Follower { leader: None },
            commit: covered.end,
            agreed_end: covered.end,
            persisting: VecDeque::new(),
            next_persist: 1,
            election_at: now,
            leader_heard_at: None,
            resigned_until: Duration::ZERO,
            lead: Leadership::default(),
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
        let mut output = Output::default();
        self.step_into(now, input, log, &mut output);
        output
    }

    /// As [`Raft::step`], into an output whose memory is used again.
    pub fn step_into(&mut self, now: Duration, input: Input, log: &impl LogView, output: &mut Output) {
        assert!(now >= self.now, "time went back");
        self.now = now;
        let (term_before, commit_before) = (self.hard_state.term, self.commit);
        let standing_before = self.standing();
        match input {
            Input::Tick => self.on_tick(log),
            Input::Received { from, message } => self.on_message(from, message, log),
            Input::Propose(bytes) => self.on_propose(bytes, log),
            Input::Persisted(number) => {
                self.on_persisted(number);
                self.count_own_vote(number, log);
                self.advance_commit(log);
            }
            Input::Learners(learners) => self.on_learners(learners, log),
            Input::ChangeVoters(change) => self.on_change_voters(change, log),
            Input::Read(number) => self.on_read(number),
            Input::Transfer(to) => self.on_transfer(to, log),
            Input::Resign => self.on_resign(log),
            Input::SnapshotTaken { snapshot, log_start } => self.on_snapshot_taken(snapshot, log_start),
        }
        assert!(self.hard_state.term >= term_before && self.commit >= commit_before);
        assert!(self.commit <= self.terms.end() || !self.config.rules.never_truncate_committed);
        self.number_persist();
        self.output.commit = self.commit;
        self.output.role_changed = self.standing() != standing_before;
        // The caller's becomes the next step's.
        output.clear();
        std::mem::swap(&mut self.output, output);
    }

    /// When the next [`Input::Tick`] is due; None while only events can change anything.
    pub fn next_wake(&self) -> Option<Duration> {
        match self.role {
            Role::Leader { .. } => self.leader_wake(),
            // The own vote is on its way to the disk, and that is all that is missing.
            Role::Candidate { .. } if self.is_sole_voter() => None,
            _ if !self.may_campaign() => None,
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

    pub fn hard_state(&self) -> HardState {
        self.hard_state
    }

    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// The whole log, durable or not.
    pub fn last(&self) -> Position {
        self.terms.last()
    }

    /// Where the log begins; entries before are in the snapshot.
    pub fn log_start(&self) -> Position {
        self.terms.start()
    }

    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    pub fn durable_end(&self) -> u64 {
        self.durable_end
    }

    /// In force on this node, perhaps before they are committed.
    pub fn voters(&self) -> &Voters {
        if self.config.rules.voters_in_force_when_appended {
            self.voters.latest()
        } else {
            self.voters.at(self.commit)
        }
    }

    fn standing(&self) -> (Term, Option<VoterId>, bool) {
        (self.hard_state.term, self.leader(), self.is_ready_leader())
    }

    fn on_tick(&mut self, log: &impl LogView) {
        match self.role {
            Role::Leader { .. } => self.on_leader_tick(log),
            _ if self.may_campaign() && self.now >= self.election_at => self.start_pre_vote(log),
            _ => {}
        }
    }

    /// Whoever asks is answered, also strangers: a node whose log is behind does not know the newest voters, and must
    /// take part all the same (Raft thesis §4.1). Answers count only from those that were asked.
    fn on_message(&mut self, from: VoterId, message: Message, log: &impl LogView) {
        if from == self.config.me {
            return;
        }
        match message {
            Message::PreVote { term, last } => self.on_pre_vote(from, term, last),
            Message::PreVoteReply { term, granted } => self.on_pre_vote_reply(from, term, granted, log),
            Message::Vote { term, last, transfer } => self.on_vote(from, term, last, transfer),
            Message::VoteReply { term, granted } => self.on_vote_reply(from, term, granted, log),
            Message::Append {
                term,
                session,
                prev,
                entries,
                commit,
            } => self.on_append(from, term, session, prev, entries, commit),
            Message::AppendReply { term, session, outcome } => self.on_append_reply(from, term, session, outcome, log),
            Message::Heartbeat {
                term,
                session,
                commit,
                round,
            } => self.on_heartbeat(from, term, session, commit, round),
            Message::HeartbeatReply {
                term,
                session,
                round,
                matched,
                willing,
            } => self.on_heartbeat_reply(from, term, session, round, matched, willing, log),
            Message::Snapshot {
                term,
                session,
                snapshot,
                offset,
                chunk,
                last,
            } => self.on_snapshot(from, term, session, snapshot, offset, chunk, last),
            Message::SnapshotReply {
                term,
                session,
                id,
                offset,
            } => self.on_snapshot_reply(from, term, session, id, offset, log),
            Message::TimeoutNow { term } => self.on_timeout_now(from, term, log),
        }
    }

    fn on_propose(&mut self, bytes: bytes::Bytes, log: &impl LogView) {
        if !self.is_leader() {
            self.output.refused = Some(Refused::NotLeader);
        } else if self.lead.transfer.is_some() {
            self.output.refused = Some(Refused::Transferring);
        } else {
            let index = self.append_own(Payload::Proposal(bytes));
            self.output.proposed = Some(index);
            self.replicate_to_all(log);
        }
    }

    /// Whose words these are: the sender's, who is its disk as well as its node.
    pub(crate) fn counted_as(&self, from: VoterId) -> VoterId {
        if self.config.rules.voter_is_node_and_disk {
            return from;
        }
        let same_node = self.voters().iter().find(|voter| voter.node == from.node);
        same_node.unwrap_or(from)
    }

    pub(crate) fn is_voter(&self) -> bool {
        self.voters().contains(self.config.me)
    }

    pub(crate) fn is_sole_voter(&self) -> bool {
        self.voters().len() == 1 && self.is_voter()
    }

    pub(crate) fn send_now(&mut self, to: VoterId, message: Message) {
        self.output.send_now.push(Outgoing { to, message });
    }

    pub(crate) fn send_after_persist(&mut self, to: VoterId, message: Message) {
        self.output.send_after_persist.push(Outgoing { to, message });
    }

    /// A higher term, or a leader of this one: whatever this node was, it follows now.
    pub(crate) fn become_follower(&mut self, term: Term, leader: Option<VoterId>) {
        if term > self.hard_state.term {
            self.set_hard_state(HardState { term, vote: None });
            self.leader_heard_at = None;
            self.agreed_end = self.commit;
            if self.config.rules.snapshot_of_one_leader {
                self.incoming = None;
            }
        }
        if self.is_leader() {
            self.agreed_end = self.commit;
            self.end_leadership();
            // A leader's own election timer rests; it must not fire at once.
            self.reset_election_timer();
        }
        self.role = Role::Follower { leader };
    }
}
