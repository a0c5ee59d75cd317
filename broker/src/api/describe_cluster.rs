//! DescribeCluster (key 60), versions 0 to 2: the brokers, the controller, the cluster's id (KIP-700).
//!
//! Version 1 asks for brokers or controllers (KIP-919); controllers are not listed by a broker's listener, and Kafka
//! answers MISMATCHED_ENDPOINT_TYPE there, too. Version 2 may include fenced brokers.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{DescribeClusterRequest, DescribeClusterResponse, describe_cluster::DescribeClusterBroker},
};

use super::{context::RequestContext, operations};
use crate::{
    core::{Core, Message},
    runtime::world::World,
};

/// `EndpointType.BROKER`.
const BROKER_ENDPOINTS: i8 = 1;

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    if request.endpoint_type != BROKER_ENDPOINTS {
        return DescribeClusterResponse {
            error_code: if request.endpoint_type == 2 {
                ErrorCode::MISMATCHED_ENDPOINT_TYPE
            } else {
                ErrorCode::UNSUPPORTED_ENDPOINT_TYPE
            },
            error_message: Some("The request was sent to an endpoint of the wrong type.".to_owned()),
            ..Default::default()
        };
    }
    let endpoint = core.advertised();
    DescribeClusterResponse {
        endpoint_type: BROKER_ENDPOINTS,
        cluster_id: core.cluster_id(),
        controller_id: core.broker_id(),
        brokers: vec![DescribeClusterBroker {
            broker_id: core.broker_id(),
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            ..Default::default()
        }],
        cluster_authorized_operations: operations::if_asked(
            request.include_cluster_authorized_operations,
            operations::OF_CLUSTER,
        ),
        ..Default::default()
    }
}
