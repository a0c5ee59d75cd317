//! The root group's machine: the cluster's image, and the rounds of wishes that change it.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, sync::Arc};

use bytes::{Bytes, BytesMut};
use corelane_protocol::error_code::ErrorCode;
use corelane_raft::{Entry, Payload};
use futures_channel::{mpsc::UnboundedReceiver, oneshot};
use uuid::Uuid;

use super::{
    machine::{Machine, News, Standing},
    publication::Change,
};
use crate::metadata::{
    Answer, ConfigRules, Context, Image, Rules, Wish, WishError,
    decide::{self, Decision},
    records,
};

const RULES: Rules = Rules::production();

/// A round takes no further wish beyond this.
const ROUND_BYTES: usize = 1 << 20;

type Reply = oneshot::Sender<Result<Answer, WishError>>;
type Answered = (Reply, Result<Answer, WishError>);

pub(super) struct Asked {
    pub wish: Wish,
    pub reply: Reply,
}

/// What the machine shares with its handles.
pub(super) struct Shared {
    pub image: RefCell<Arc<Image>>,
    pub config_rules: RefCell<Rc<dyn ConfigRules>>,
    pub proposal_bytes_max: usize,
}

/// The entry under way and whom it answers.
struct Round {
    index: u64,
    term: u32,
    answers: Vec<Answered>,
}

pub(super) struct Root {
    shared: Rc<Shared>,
    /// Of the world: ids of new topics come from it.
    random: Box<dyn Fn() -> u64>,
    me: i32,
    standing: Standing,
    wishes: UnboundedReceiver<Asked>,
    asked: VecDeque<Asked>,
    round: Option<Round>,
    answers: Vec<Answered>,
    /// Newer than the shared image; nobody has seen it yet.
    next: Option<Image>,
}

impl Root {
    pub fn new(
        me: i32,
        shared: Rc<Shared>,
        wishes: UnboundedReceiver<Asked>,
        random: impl Fn() -> u64 + 'static,
    ) -> Root {
        Root {
            shared,
            random: Box::new(random),
            me,
            standing: Standing::default(),
            wishes,
            asked: VecDeque::new(),
            round: None,
            answers: Vec::new(),
            next: None,
        }
    }

    fn take_image(&mut self) -> Image {
        let shared = || Image::clone(&self.shared.image.borrow());
        self.next.take().unwrap_or_else(shared)
    }

    /// Decides what was asked meanwhile, each wish on what the ones before leave.
    fn decide_round(&mut self, next_index: u64) -> Result<(Bytes, Vec<Answered>), String> {
        let mut overlay = Image::clone(&self.shared.image.borrow());
        assert_eq!(overlay.applied_end, next_index, "one round at a time");
        let bytes_max = self.shared.proposal_bytes_max;
        let (mut value, mut answers) = (BytesMut::new(), Vec::new());
        while value.len() < ROUND_BYTES {
            let Some(asked) = self.asked.pop_front() else {
                break;
            };
            let decided = self.decide_one(&overlay, next_index, &asked.wish);
            let (made, answer) = match decided {
                Ok(decision) => decision,
                Err(error) => {
                    answers.push((asked.reply, Err(error)));
                    continue;
                }
            };
            let encoded = records::encode(&made);
            if encoded.len() > bytes_max {
                answers.push((asked.reply, Err(decide::excessively_large())));
                continue;
            }
            if value.len() + encoded.len() > bytes_max {
                // The next round decides it again.
                self.asked.push_front(asked);
                break;
            }
            for record in &made {
                let applied = overlay.apply(next_index, record);
                applied.map_err(|error| format!("a decision does not fit: {error}"))?;
            }
            value.extend_from_slice(&encoded);
            answers.push((asked.reply, Ok(answer)));
        }
        Ok((value.freeze(), answers))
    }

    fn decide_one(&self, overlay: &Image, next_index: u64, wish: &Wish) -> Decision {
        let config_rules = self.shared.config_rules.borrow().clone();
        let mut uuids = || {
            let (high, low) = ((self.random)(), (self.random)());
            uuid::Builder::from_random_bytes(Uuid::from_u64_pair(high, low).into_bytes()).into_uuid()
        };
        let mut context = Context {
            next_index,
            config_rules: &*config_rules,
            uuids: &mut uuids,
            live_sessions: &[],
            rules: &RULES,
        };
        decide::decide_in_one_log(overlay, wish, &mut context)
    }
}

impl Machine for Root {
    fn applied_end(&self) -> u64 {
        match &self.next {
            Some(image) => image.applied_end,
            None => self.shared.image.borrow().applied_end,
        }
    }

    fn apply(&mut self, index: u64, entry: &Entry) -> Result<(), String> {
        let records = match &entry.payload {
            Payload::LeaderStart | Payload::Voters(_) => Ok(Vec::new()),
            Payload::Proposal(value) => records::decode(value),
        };
        let records = records.map_err(|error| format!("entry {index}: {error}"))?;
        let image = self.take_image().after_entry(index, entry.term, &records);
        self.next = Some(image.map_err(|error| error.to_string())?);
        let (term, is_leader) = (self.standing.term, self.standing.is_leader);
        let done =
            |round: &mut Round| round.index == index && round.term == entry.term && round.term == term && is_leader;
        if let Some(round) = self.round.take_if(done) {
            self.answers.extend(round.answers);
        }
        Ok(())
    }

    fn stand(&mut self, standing: Standing) {
        self.standing = standing;
        // Leadership is gone: nobody knows what becomes of the entry.
        let lost = |round: &mut Round| !standing.is_leader || standing.term != round.term;
        let lost = self.round.take_if(lost).map(|round| round.answers).unwrap_or_default();
        self.answers
            .extend(lost.into_iter().map(|(reply, _)| (reply, Err(not_controller()))));
        let mut image = self.take_image();
        image.controller = standing.leader;
        self.next = Some(image);
    }

    fn has_wishes(&mut self) -> bool {
        while let Ok(asked) = self.wishes.try_recv() {
            self.asked.push_back(asked);
        }
        if self.standing.leader.is_some_and(|leader| leader != self.me) {
            let refused = self.asked.drain(..).map(|asked| (asked.reply, Err(not_controller())));
            self.answers.extend(refused);
        }
        !self.asked.is_empty()
    }

    fn propose(&mut self, index: u64) -> Result<Option<Bytes>, String> {
        let (value, answers) = self.decide_round(index)?;
        if value.is_empty() {
            // Nothing changes, and all that was decided on is committed.
            self.answers.extend(answers);
            return Ok(None);
        }
        self.round = Some(Round {
            index,
            term: self.standing.term,
            answers,
        });
        Ok(Some(value))
    }

    fn news(&mut self, news: &mut News) {
        if let Some(image) = self.next.take() {
            let image = Arc::new(image);
            self.shared.image.replace(image.clone());
            // An image without any entry says nothing that the cores do not know.
            if image.applied_end > 0 {
                news.changes.push(Change::Root(image));
            }
        }
        for (reply, answer) in self.answers.drain(..) {
            // Whoever asked may have gone.
            news.answers.push(Box::new(move || drop(reply.send(answer))));
        }
    }
}

pub(super) fn not_controller() -> WishError {
    WishError::new(
        ErrorCode::NOT_CONTROLLER,
        "This is not the correct controller for this cluster.",
    )
}
