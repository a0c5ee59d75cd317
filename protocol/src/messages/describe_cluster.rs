//! DescribeCluster (60): cluster id, controller and brokers (KIP-700).
//!
//! v1 asks for brokers or controllers (KIP-919), v2 may include fenced brokers (KIP-1073). Flexible from the start.

use crate::error_code::ErrorCode;
use crate::message::message;

message! {
    /// Who is in the cluster?
    DescribeClusterRequest = DESCRIBE_CLUSTER, 0-2, flexible 0+ {
        include_cluster_authorized_operations: bool, 0+;
        /// 1 brokers, 2 controllers.
        endpoint_type:                         i8,   1+, default 1;
        include_fenced_brokers:                bool, 2+;
    }

    /// The cluster's id, controller and brokers.
    DescribeClusterResponse = DESCRIBE_CLUSTER, 0-2, flexible 0+ {
        throttle_time_ms:              i32,                        0+;
        error_code:                    ErrorCode,                  0+;
        error_message:                 Option<String>,             0+, nullable 0+, default None;
        endpoint_type:                 i8,                         1+, default 1;
        cluster_id:                    String,                     0+;
        controller_id:                 i32,                        0+, default -1;
        brokers:                       Vec<DescribeClusterBroker>, 0+;
        cluster_authorized_operations: i32,                        0+, default i32::MIN;
    }

    DescribeClusterBroker {
        broker_id: i32,            0+;
        host:      String,         0+;
        port:      i32,            0+;
        rack:      Option<String>, 0+, nullable 0+, default None;
        is_fenced: bool,           2+;
    }
}
