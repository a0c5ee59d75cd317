//! What the cores of one node say to each other: one table of calls, each with its answer.
//!
//! A call is one message to the core that owns the data, is carried out there against that core's memory alone, and
//! comes back as one reply. Bytes travel by reference. A call to the own core takes the same door, without the ring.

use std::{net::IpAddr, sync::Arc};

use corelane_storage::{Identity, JournalEnd};

use crate::{
    group::{self, GroupCall},
    metadata::{
        Answer, Wish, WishError,
        shard::{ShardAnswer, ShardWish},
    },
    net::quota::Verdict,
    partition::{
        DeleteRecordsAnswer, DeleteRecordsCall, EpochEndAnswer, EpochEndCall, FetchAnswer, FetchCall,
        ListOffsetsAnswer, ListOffsetsCall, LogSizesAnswer, LogSizesCall, ProduceAnswer, ProduceCall, ProducersAnswer,
        ProducersCall,
    },
    quota::{ChargeAnswer, ChargeCall},
    raft_driver::{Change, Status},
};

/// One direction of one call.
pub enum Message {
    Request { id: u64, request: Request },
    Reply { id: u64, reply: Reply },
}

/// A request that knows its answer.
pub trait Call {
    type Answer;
    fn into_request(self) -> Request;
    /// The answer in `reply`; anything else would be a mix-up of calls, and a broken invariant.
    fn from_reply(reply: Reply) -> Self::Answer;
}

macro_rules! calls {
    ($( $(#[$doc:meta])* $name:ident($payload:ty) -> $answer:ty; )*) => {
        /// Every question that one core may ask another.
        pub enum Request { $( $(#[$doc])* $name($payload), )* }

        /// The answer to the request of the same name.
        pub enum Reply { $( $name($answer), )* }

        $( impl Call for $payload {
            type Answer = $answer;

            fn into_request(self) -> Request {
                Request::$name(self)
            }

            fn from_reply(reply: Reply) -> $answer {
                match reply {
                    Reply::$name(answer) => answer,
                    _ => unreachable!("the reply of another call than {}", stringify!($name)),
                }
            }
        } )*
    };
}

calls! {
    /// Open the store of this core; the data directory is formatted and locked.
    Open(OpenCall) -> Result<Recovered, String>;
    /// Recover and run the raft groups of this core.
    RunGroups(RunGroupsCall) -> Result<(), String>;
    /// Make these changes true: open, close, lead. Answered once done.
    Publish(PublishCall) -> ();
    /// Accept leadership that is granted in this broker epoch. The image holds all that root ever committed before.
    Registered(RegisteredCall) -> ();
    /// Wait until the shards of this core granted all that root, as this core knows it, wants granted.
    Settle(SettleCall) -> Result<(), WishError>;
    /// Start accepting clients.
    Listen(ListenCall) -> Result<(), String>;
    /// Take no more requests; answered when those under way are done, or took too long.
    Drain(DrainCall) -> ();
    /// Close the store.
    Stop(StopCall) -> ();
    /// End as you are: the node did not come up.
    Abandon(AbandonCall) -> ();
    /// May this connection be served? Only the controller's core is asked; answered once there is room.
    Admit(AdmitCall) -> Verdict;
    /// A connection that was served is closed.
    Closed(ClosedCall) -> ();
    /// Change metadata; only the controller's core is asked.
    Wish(WishCall) -> Result<Answer, WishError>;
    /// Change leadership; the core that runs the shard's group is asked.
    ShardWish(ShardWishCall) -> Result<ShardAnswer, WishError>;
    /// How far is the metadata log? Only the controller's core is asked.
    Quorum(QuorumCall) -> Option<Status>;
    Produce(ProduceCall) -> ProduceAnswer;
    Fetch(FetchCall) -> FetchAnswer;
    /// Answer a waiting fetch now with what there is.
    CancelFetch(CancelFetchCall) -> ();
    ListOffsets(ListOffsetsCall) -> ListOffsetsAnswer;
    EpochEnd(EpochEndCall) -> EpochEndAnswer;
    /// Raise log starts; answered once that is durable.
    DeleteRecords(DeleteRecordsCall) -> DeleteRecordsAnswer;
    LogSizes(LogSizesCall) -> LogSizesAnswer;
    Producers(ProducersCall) -> ProducersAnswer;
    /// Charge an account of that core, for something that is limited.
    Charge(ChargeCall) -> ChargeAnswer;
    /// Ask the coordinator of a partition of `__consumer_offsets`.
    Group(GroupCall) -> group::Response;
}

pub struct OpenCall(pub Identity);
pub struct RunGroupsCall;
pub struct PublishCall(pub Arc<[Change]>);
/// What the journal and segments of one core hold of topics.
#[derive(Clone, Copy, Debug)]
pub struct Recovered {
    pub logs: usize,
    pub records: i64,
    pub journal_end: JournalEnd,
}

/// The broker epoch of this process's own registration.
pub struct RegisteredCall(pub u64);
pub struct SettleCall;
pub struct ListenCall;
pub struct DrainCall;
pub struct StopCall;
pub struct AbandonCall;
/// From where it comes.
pub struct AdmitCall(pub IpAddr);
pub struct ClosedCall(pub IpAddr);
pub struct WishCall(pub Wish);
pub struct ShardWishCall {
    pub shard: u16,
    pub wish: ShardWish,
}
pub struct QuorumCall;
/// The waiter id that the fetch carried.
pub struct CancelFetchCall(pub u64);
