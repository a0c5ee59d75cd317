//! Incremental fetch sessions (KIP-227): the broker remembers what a consumer reads, so that a request names only
//! changes and an answer only news. Pure: time is handed in.
//!
//! A session lives on the core of the connection that made it. A client that comes back on a connection of another
//! core is told FETCH_SESSION_ID_NOT_FOUND, and starts a new session, as Kafka's clients do after any reconnect.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    ops::Bound,
    rc::Rc,
    time::Duration,
};

use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use crate::{
    limits::{FETCH_SESSION_PARTITIONS_MAX, FETCH_SESSIONS_BYTES_MAX},
    runtime::world::Instant,
};

/// Epoch of a request that wants no session, or ends its one.
pub const FINAL_EPOCH: i32 = -1;
/// Epoch of a full request that wants a new session.
pub const INITIAL_EPOCH: i32 = 0;
/// The id that stands for no session.
pub const NO_SESSION: i32 = 0;

/// A session that was used within this time is not given up for a new one (Kafka's `MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS`).
const EVICTION_AGE: Duration = Duration::from_secs(120);

/// A topic as the request named it: up to version 12 by name, later by id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TopicKey {
    Name(Rc<str>),
    Id(Uuid),
}

/// What a consumer wants of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub topic: TopicKey,
    pub partition: i32,
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    pub last_fetched_epoch: i32,
    pub partition_max_bytes: i32,
}

/// What of a request concerns its session.
pub struct SessionRequest {
    pub session_id: i32,
    pub session_epoch: i32,
    pub wanted: Vec<Wanted>,
    pub forgotten: Vec<(TopicKey, i32)>,
}

/// What the broker was last heard to say of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub high_watermark: i64,
    pub log_start_offset: i64,
}

/// How one request is answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Context {
    /// All partitions of the request, all answered; no session.
    Sessionless(Vec<Wanted>),
    /// All partitions of the request, all answered, remembered under a new id.
    New { session_id: i32, wanted: Vec<Wanted> },
    /// All partitions of the session; only news are answered.
    Incremental { session_id: i32, wanted: Vec<Wanted> },
}

impl Context {
    pub fn session_id(&self) -> i32 {
        match self {
            Context::Sessionless(_) => NO_SESSION,
            Context::New { session_id, .. } | Context::Incremental { session_id, .. } => *session_id,
        }
    }

    pub fn wanted(&self) -> &[Wanted] {
        match self {
            Context::Sessionless(wanted) | Context::New { wanted, .. } | Context::Incremental { wanted, .. } => wanted,
        }
    }
}

struct Remembered {
    wanted: Wanted,
    told: Option<Told>,
}

struct Session {
    /// Epoch that the next request must carry.
    next_epoch: i32,
    last_used: Instant,
    /// In the order in which partitions are served: one that gave data goes to the end.
    by_turn: BTreeMap<u64, Remembered>,
    turns: HashMap<(TopicKey, i32), u64, Xxh3DefaultBuilder>,
    next_turn: u64,
    bytes: usize,
}

/// What a partition of a session costs, roughly: it is known by name twice and has its entries in two maps.
fn session_bytes(topic: &TopicKey) -> usize {
    const ENTRY_BYTES: usize = 256;
    match topic {
        TopicKey::Name(name) => ENTRY_BYTES + name.len(),
        TopicKey::Id(_) => ENTRY_BYTES,
    }
}

/// A partition that is named twice is wanted once: where it was named first, as it was named last (Kafka keeps a request's
/// partitions in a `LinkedHashMap`).
fn distinct(wanted: Vec<Wanted>) -> Vec<Wanted> {
    if wanted.len() < 2 {
        return wanted;
    }
    let mut places: HashMap<(TopicKey, i32), usize, Xxh3DefaultBuilder> = HashMap::default();
    let mut distinct: Vec<Wanted> = Vec::with_capacity(wanted.len());
    for partition in wanted {
        match places.entry((partition.topic.clone(), partition.partition)) {
            Entry::Occupied(place) => distinct[*place.get()] = partition,
            Entry::Vacant(place) => {
                place.insert(distinct.len());
                distinct.push(partition);
            }
        }
    }
    distinct
}

impl Session {
    fn upsert(&mut self, wanted: Wanted) -> Result<(), ErrorCode> {
        let key = (wanted.topic.clone(), wanted.partition);
        if let Some(turn) = self.turns.get(&key) {
            self.by_turn.get_mut(turn).expect("turns and partitions agree").wanted = wanted;
            return Ok(());
        }
        if self.turns.len() >= FETCH_SESSION_PARTITIONS_MAX {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        self.bytes += session_bytes(&key.0);
        self.append(key, Remembered { wanted, told: None });
        Ok(())
    }

    fn append(&mut self, key: (TopicKey, i32), remembered: Remembered) {
        let turn = self.next_turn;
        self.next_turn += 1;
        self.turns.insert(key, turn);
        self.by_turn.insert(turn, remembered);
    }

    fn forget(&mut self, key: &(TopicKey, i32)) -> Option<Remembered> {
        let turn = self.turns.remove(key)?;
        self.by_turn.remove(&turn)
    }
}

/// The sessions of one core.
pub struct FetchSessions {
    slots: usize,
    sessions: BTreeMap<i32, Session>,
    /// Of all sessions together.
    bytes: usize,
    /// Ids of this core are `first_id + n * step`, so that no two cores give the same.
    next_id: i32,
    first_id: i32,
    step: i32,
}

impl FetchSessions {
    /// Room for the core's share of `slots` sessions of the whole node.
    pub fn new(slots: usize, core: usize, cores: usize) -> FetchSessions {
        let (first_id, step) = (core as i32 + 1, cores as i32);
        FetchSessions {
            slots: slots.div_ceil(cores),
            sessions: BTreeMap::new(),
            bytes: 0,
            next_id: first_id,
            first_id,
            step,
        }
    }

    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Takes a request and says what to read.
    ///
    /// # Errors
    /// `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH`, `FETCH_SESSION_TOPIC_ID_ERROR` (names and ids mixed
    /// in one session), `INVALID_REQUEST` for more partitions than a session may have.
    pub fn begin(&mut self, now: Instant, mut request: SessionRequest) -> Result<Context, ErrorCode> {
        request.wanted = distinct(request.wanted);
        match request.session_epoch {
            FINAL_EPOCH => {
                self.remove(request.session_id);
                Ok(Context::Sessionless(request.wanted))
            }
            INITIAL_EPOCH => {
                self.remove(request.session_id);
                self.create(now, request.wanted)
            }
            epoch => self.advance(now, epoch, request),
        }
    }

    fn create(&mut self, now: Instant, wanted: Vec<Wanted>) -> Result<Context, ErrorCode> {
        let bytes = wanted.iter().map(|partition| session_bytes(&partition.topic)).sum();
        if !self.make_room(now, bytes) {
            return Ok(Context::Sessionless(wanted));
        }
        let mut session = Session {
            next_epoch: 1,
            last_used: now,
            by_turn: BTreeMap::new(),
            turns: HashMap::default(),
            next_turn: 0,
            bytes: 0,
        };
        for partition in &wanted {
            session.upsert(partition.clone())?;
        }
        let session_id = self.free_id();
        self.bytes += session.bytes;
        self.sessions.insert(session_id, session);
        Ok(Context::New { session_id, wanted })
    }

    fn advance(&mut self, now: Instant, epoch: i32, request: SessionRequest) -> Result<Context, ErrorCode> {
        let session = self
            .sessions
            .get_mut(&request.session_id)
            .ok_or(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)?;
        if epoch != session.next_epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        if let (Some(new), Some((_, old))) = (request.wanted.first(), session.by_turn.first_key_value())
            && matches!(new.topic, TopicKey::Id(_)) != matches!(old.wanted.topic, TopicKey::Id(_))
        {
            return Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        let bytes_before = session.bytes;
        for key in &request.forgotten {
            if session.forget(key).is_some() {
                session.bytes -= session_bytes(&key.0);
            }
        }
        let mut upserts = request.wanted.into_iter().map(|partition| session.upsert(partition));
        let upserted = upserts.try_for_each(|upserted| upserted);
        self.bytes = self.bytes - bytes_before + session.bytes;
        upserted?;
        if self.bytes > FETCH_SESSIONS_BYTES_MAX {
            // The client starts anew, and is served without a session if there is no room for one.
            self.remove(request.session_id);
            return Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
        }
        let session = self.sessions.get_mut(&request.session_id).expect("it was just there");
        session.next_epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        session.last_used = now;
        let wanted = session
            .by_turn
            .values()
            .map(|remembered| remembered.wanted.clone())
            .collect();
        Ok(Context::Incremental {
            session_id: request.session_id,
            wanted,
        })
    }

    /// Is this news for the session's client? Remembers that it was told, and puts a partition that gave data at the end.
    /// `error` is told each time, and forgets what was told before.
    pub fn should_tell(
        &mut self,
        session_id: i32,
        key: &(TopicKey, i32),
        told: Told,
        bytes: usize,
        error: bool,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return true;
        };
        let Some(turn) = session.turns.get(key).copied() else {
            return true;
        };
        let remembered = session.by_turn.get_mut(&turn).expect("turns and partitions agree");
        let news = error || bytes > 0 || remembered.told != Some(told);
        remembered.told = (!error).then_some(told);
        if bytes > 0 {
            let remembered = session.forget(key).expect("it was just there");
            session.append(key.clone(), remembered);
        }
        news
    }

    fn remove(&mut self, session_id: i32) {
        if let Some(session) = self.sessions.remove(&session_id) {
            self.bytes -= session.bytes;
        }
    }

    /// Room for one more session of so many bytes: gives up those that were idle longest, if they were idle for long enough.
    fn make_room(&mut self, now: Instant, bytes: usize) -> bool {
        while self.sessions.len() >= self.slots || self.bytes + bytes > FETCH_SESSIONS_BYTES_MAX {
            if !self.give_up_oldest(now) {
                return false;
            }
        }
        true
    }

    fn give_up_oldest(&mut self, now: Instant) -> bool {
        let oldest = self
            .sessions
            .iter()
            .min_by_key(|(_, session)| session.last_used)
            .map(|(id, s)| (*id, s.last_used));
        match oldest {
            Some((id, last_used)) if now.since(last_used) > EVICTION_AGE => {
                self.remove(id);
                true
            }
            _ => false,
        }
    }

    fn free_id(&mut self) -> i32 {
        loop {
            let id = self.next_id;
            self.next_id = id.checked_add(self.step).unwrap_or(self.first_id);
            if self
                .sessions
                .range((Bound::Included(id), Bound::Included(id)))
                .next()
                .is_none()
            {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests;
