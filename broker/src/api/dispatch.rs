//! From a frame to an answer, once for all APIs: header, version check, decode, handler, encode.
//!
//! A body that cannot be decoded, an API or version that is not ours: the connection is closed with a log line that says
//! why, as Kafka does — except ApiVersions, whose unknown versions are answered in version 0 (KIP-511).

use std::net::SocketAddr;

use bytes::Bytes;
use corelane_protocol::{
    api_key::ApiKey, error_code::ErrorCode, header::RequestHeader, message::Message as WireMessage, wire::Reader,
};

use super::{
    alter_configs, api_versions,
    context::{Outcome, RequestContext, respond},
    create_partitions, create_topics, delete_groups, delete_topics, describe_cluster, describe_configs,
    describe_groups, fetch, find_coordinator, heartbeat, incremental_alter_configs, init_producer_id, join_group,
    leave_group, list_groups, list_offsets, metadata, offset_commit, offset_fetch, offset_for_leader_epoch, produce,
    sync_group, table,
};
use crate::{
    core::{Core, Message},
    runtime::world::World,
};

/// May this request begin before earlier ones of its connection are answered?
pub fn may_overlap(frame: &[u8]) -> bool {
    frame.starts_with(&ApiKey::PRODUCE.0.to_be_bytes())
}

/// Carries one request out.
pub async fn dispatch<W: World<Message = Message>>(core: Core<W>, peer: SocketAddr, frame: Bytes) -> Outcome {
    let _under_way = core.request_begins();
    let mut reader = Reader::new(&frame);
    let header = match RequestHeader::decode(&mut reader) {
        Ok(header) => header,
        Err(error) => return Outcome::Close(format!("a request header cannot be decoded: {error}")),
    };
    let body = frame.slice(frame.len() - reader.remaining()..);
    let context = RequestContext {
        api_key: header.api_key,
        api_version: header.api_version,
        correlation_id: header.correlation_id,
        client_id: header.client_id,
        peer,
    };
    let Some(api) = table::find(context.api_key) else {
        return Outcome::Close(format!("{} is not an API of this broker", context.api_key));
    };
    if !api.versions.contains(&context.api_version) {
        if context.api_key == ApiKey::API_VERSIONS {
            let context = RequestContext {
                api_version: 0,
                ..context
            };
            return respond(&context, &api_versions::supported(ErrorCode::UNSUPPORTED_VERSION));
        }
        return Outcome::Close(format!(
            "{} version {} is not supported; versions {} to {} are",
            context.api_key,
            context.api_version,
            api.versions.start(),
            api.versions.end()
        ));
    }
    match context.api_key {
        ApiKey::PRODUCE => produce::handle(core, context, body).await,
        ApiKey::FETCH => fetch::handle(core, context, body).await,
        ApiKey::LIST_OFFSETS => plain(core, context, body, list_offsets::handle).await,
        ApiKey::METADATA => plain(core, context, body, metadata::handle).await,
        ApiKey::API_VERSIONS => plain(core, context, body, api_versions::handle).await,
        ApiKey::CREATE_TOPICS => plain(core, context, body, create_topics::handle).await,
        ApiKey::DELETE_TOPICS => plain(core, context, body, delete_topics::handle).await,
        ApiKey::INIT_PRODUCER_ID => plain(core, context, body, init_producer_id::handle).await,
        ApiKey::OFFSET_FOR_LEADER_EPOCH => plain(core, context, body, offset_for_leader_epoch::handle).await,
        ApiKey::DESCRIBE_CONFIGS => plain(core, context, body, describe_configs::handle).await,
        ApiKey::ALTER_CONFIGS => plain(core, context, body, alter_configs::handle).await,
        ApiKey::CREATE_PARTITIONS => plain(core, context, body, create_partitions::handle).await,
        ApiKey::INCREMENTAL_ALTER_CONFIGS => plain(core, context, body, incremental_alter_configs::handle).await,
        ApiKey::DESCRIBE_CLUSTER => plain(core, context, body, describe_cluster::handle).await,
        ApiKey::FIND_COORDINATOR => plain(core, context, body, find_coordinator::handle).await,
        ApiKey::JOIN_GROUP => plain(core, context, body, join_group::handle).await,
        ApiKey::HEARTBEAT => plain(core, context, body, heartbeat::handle).await,
        ApiKey::LEAVE_GROUP => plain(core, context, body, leave_group::handle).await,
        ApiKey::SYNC_GROUP => plain(core, context, body, sync_group::handle).await,
        ApiKey::DESCRIBE_GROUPS => plain(core, context, body, describe_groups::handle).await,
        ApiKey::LIST_GROUPS => plain(core, context, body, list_groups::handle).await,
        ApiKey::OFFSET_COMMIT => plain(core, context, body, offset_commit::handle).await,
        ApiKey::OFFSET_FETCH => plain(core, context, body, offset_fetch::handle).await,
        ApiKey::DELETE_GROUPS => plain(core, context, body, delete_groups::handle).await,
        _ => unreachable!("{} is in the table without a handler", context.api_key),
    }
}

/// The usual way: the whole body is decoded, and one message is the answer.
async fn plain<W, Request, Response, Handling>(
    core: Core<W>,
    context: RequestContext,
    body: Bytes,
    handle: impl FnOnce(Core<W>, RequestContext, Request) -> Handling,
) -> Outcome
where
    W: World<Message = Message>,
    Request: WireMessage,
    Response: WireMessage,
    Handling: Future<Output = Response>,
{
    let mut reader = Reader::new(&body);
    match Request::decode(&mut reader, context.api_version) {
        Ok(request) => {
            let response = handle(core, context.clone(), request).await;
            respond(&context, &response)
        }
        Err(error) => context.malformed(&error),
    }
}
