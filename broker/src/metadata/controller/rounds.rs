//! Rounds: what was asked meanwhile is decided in order, on an overlay over the committed image, and proposed as one entry.

use std::collections::VecDeque;

use bytes::BytesMut;
use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        decide::{self, WishError},
        image::{ApplyError, RootImage, ShardImage},
        records::{self, Record},
        rules::Rules,
    },
    Output, Standing,
};

/// A round takes no further wish beyond this.
const ROUND_BYTES: usize = 1 << 20;

/// What a round is decided on.
pub trait Overlay: Clone {
    fn apply(&mut self, index: u64, record: &Record) -> Result<(), ApplyError>;
}

impl Overlay for RootImage {
    fn apply(&mut self, index: u64, record: &Record) -> Result<(), ApplyError> {
        RootImage::apply(self, index, record)
    }
}

impl Overlay for ShardImage {
    fn apply(&mut self, index: u64, record: &Record) -> Result<(), ApplyError> {
        ShardImage::apply(self, index, record)
    }
}

/// The entry that is being put together.
pub struct Draft<I> {
    pub index: u64,
    committed: I,
    overlay: I,
    value: BytesMut,
    bytes_max: usize,
    has_overlay: bool,
    /// Comes first in the entry, if there is anything else in it.
    preface: Option<Record>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    Yes,
    /// Not in this entry any more; in the next.
    Full,
    /// In none.
    TooLarge,
}

impl<I: Overlay> Draft<I> {
    fn new(index: u64, committed: I, preface: Option<Record>, bytes_max: usize, rules: &Rules) -> Draft<I> {
        Draft {
            index,
            overlay: committed.clone(),
            committed,
            value: BytesMut::new(),
            bytes_max,
            has_overlay: rules.round_has_overlay,
            preface,
        }
    }

    /// What the next decision is made on.
    pub fn image(&self) -> &I {
        if self.has_overlay {
            &self.overlay
        } else {
            &self.committed
        }
    }

    pub fn has_room(&self) -> bool {
        self.value.len() < ROUND_BYTES.min(self.bytes_max)
    }

    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// # Errors
    /// The decision contradicts what it was made on: the process must end.
    pub fn add(&mut self, made: &[Record]) -> Result<Added, ApplyError> {
        if made.is_empty() {
            return Ok(Added::Yes);
        }
        let preface = records::encode(self.preface.as_slice());
        let encoded = records::encode(made);
        let bytes = preface.len() + encoded.len();
        if bytes > self.bytes_max {
            return Ok(Added::TooLarge);
        }
        if self.value.len() + bytes > self.bytes_max {
            return Ok(Added::Full);
        }
        for record in self.preface.iter().chain(made) {
            self.overlay.apply(self.index, record)?;
        }
        self.preface = None;
        self.value.extend_from_slice(&preface);
        self.value.extend_from_slice(&encoded);
        Ok(Added::Yes)
    }
}

type Answers<A> = Vec<(u64, Result<A, WishError>)>;

struct Flight<A> {
    index: u64,
    term: u32,
    answers: Answers<A>,
}

pub struct Rounds<W, A> {
    me: i32,
    bytes_max: usize,
    rules: Rules,
    standing: Standing,
    asked: VecDeque<(u64, W)>,
    flight: Option<Flight<A>>,
}

impl<W, A> Rounds<W, A> {
    pub fn new(me: i32, bytes_max: usize, rules: Rules) -> Rounds<W, A> {
        Rounds {
            me,
            bytes_max,
            rules,
            standing: Standing::default(),
            asked: VecDeque::new(),
            flight: None,
        }
    }

    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// A ready leader without a proposal in flight.
    pub fn is_free(&self) -> bool {
        self.standing.is_ready && self.flight.is_none()
    }

    pub fn has_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Kept while nobody is known to lead; refused where another node does.
    pub fn ask(&mut self, id: u64, wish: W, output: &mut Output<A>) {
        self.asked.push_back((id, wish));
        self.refuse_if_other_leads(output);
    }

    pub fn stand(&mut self, standing: Standing, output: &mut Output<A>) {
        self.standing = standing;
        let is_lost = |flight: &mut Flight<A>| !standing.is_leader || standing.term != flight.term;
        if let Some(flight) = self.flight.take_if(is_lost) {
            let lost = flight.answers.into_iter().map(|(id, _)| (id, Err(not_controller())));
            output.answers.extend(lost);
        }
        self.refuse_if_other_leads(output);
    }

    fn refuse_if_other_leads(&mut self, output: &mut Output<A>) {
        if self.standing.leader.is_some_and(|leader| leader != self.me) {
            let refused = self.asked.drain(..).map(|(id, _)| (id, Err(not_controller())));
            output.answers.extend(refused);
        }
    }

    pub fn applied(&mut self, index: u64, term: u32, output: &mut Output<A>) {
        let is_done = |flight: &mut Flight<A>| flight.index == index && flight.term == term;
        if let Some(flight) = self.flight.take_if(is_done) {
            output.answers.extend(flight.answers);
        }
    }

    /// Puts an entry together, of which `preface` is the beginning if there is anything to say: first `duties`, which nobody asked for, then what was asked.
    ///
    /// # Errors
    /// A decision contradicts what it was made on: the process must end.
    pub fn propose<I: Overlay>(
        &mut self,
        index: u64,
        (committed, preface): (I, Option<Record>),
        duties: impl FnOnce(&mut Draft<I>) -> Result<(), ApplyError>,
        mut decide: impl FnMut(&I, u64, &W) -> Result<(Vec<Record>, A), WishError>,
        output: &mut Output<A>,
    ) -> Result<(), ApplyError> {
        assert!(self.is_free(), "one proposal of a ready leader at a time");
        let mut draft = Draft::new(index, committed, preface, self.bytes_max, &self.rules);
        duties(&mut draft)?;
        let mut answers = Vec::new();
        while draft.has_room() {
            let Some((id, wish)) = self.asked.pop_front() else {
                break;
            };
            let decided = match decide(draft.image(), index, &wish) {
                Ok((made, answer)) => match draft.add(&made)? {
                    Added::Yes => Ok(answer),
                    Added::TooLarge => Err(decide::excessively_large()),
                    Added::Full => {
                        // The next round decides it again.
                        self.asked.push_front((id, wish));
                        break;
                    }
                },
                // It may depend on what this round changes, so it is told with the round's answers.
                Err(error) => Err(error),
            };
            answers.push((id, decided));
        }
        if draft.is_empty() {
            // Nothing changes, and all that was decided on is committed.
            output.answers.extend(answers);
            return Ok(());
        }
        if !self.rules.answer_after_commit {
            output.answers.append(&mut answers);
        }
        self.flight = Some(Flight {
            index,
            term: self.standing.term,
            answers,
        });
        output.proposal = Some(draft.value.freeze());
        Ok(())
    }
}

pub fn not_controller() -> WishError {
    WishError::new(
        ErrorCode::NOT_CONTROLLER,
        "This is not the correct controller for this cluster.",
    )
}
