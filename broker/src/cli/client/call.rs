//! Which answer belongs to which request, and up to which version this client speaks.
//!
//! Some calls stay below the newest version because later ones name topics by id or carry several groups at once,
//! which a command line has no use for.

use corelane_protocol::message::Message;
use corelane_protocol::messages::*;

/// A request with its answer.
pub trait Call: Message {
    type Answer: Message;
    /// The newest version this client asks in.
    const NEWEST: i16;
}

macro_rules! calls {
    ($($request:ident -> $answer:ident $(, up to $newest:literal)?;)*) => {$(
        impl Call for $request {
            type Answer = $answer;
            const NEWEST: i16 = calls!(@ $request $($newest)?);
        }
    )*};
    (@ $request:ident) => { *<$request as Message>::VERSIONS.end() };
    (@ $request:ident $newest:literal) => { $newest };
}

use fetch::FetchRequestData;
use produce::ProduceRequestData;

calls! {
    ApiVersionsRequest -> ApiVersionsResponse, up to 3;
    CreatePartitionsRequest -> CreatePartitionsResponse;
    CreateTopicsRequest -> CreateTopicsResponse;
    DeleteGroupsRequest -> DeleteGroupsResponse;
    DeleteTopicsRequest -> DeleteTopicsResponse, up to 5;
    DescribeConfigsRequest -> DescribeConfigsResponse;
    DescribeGroupsRequest -> DescribeGroupsResponse;
    FetchRequestData -> FetchResponse, up to 12;
    FindCoordinatorRequest -> FindCoordinatorResponse, up to 3;
    HeartbeatRequest -> HeartbeatResponse;
    IncrementalAlterConfigsRequest -> IncrementalAlterConfigsResponse;
    InitProducerIdRequest -> InitProducerIdResponse;
    JoinGroupRequest -> JoinGroupResponse;
    LeaveGroupRequest -> LeaveGroupResponse;
    ListGroupsRequest -> ListGroupsResponse;
    ListOffsetsRequest -> ListOffsetsResponse;
    MetadataRequest -> MetadataResponse;
    OffsetCommitRequest -> OffsetCommitResponse, up to 9;
    OffsetFetchRequest -> OffsetFetchResponse, up to 7;
    ProduceRequestData -> ProduceResponse, up to 12;
    SyncGroupRequest -> SyncGroupResponse;
}
