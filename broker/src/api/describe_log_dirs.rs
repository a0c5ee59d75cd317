//! DescribeLogDirs (key 35), versions 1 to 5: how much of the data directory each partition takes (KIP-113).
//!
//! Version 2 is flexible, 3 brought a top-level error, 4 size and room of the volume, 5 whether new partitions are kept off a
//! directory, which is never so here. There is one directory. What was asked for and is not in it is left out, as in Kafka;
//! so are the logs of metadata. A log's journalled records count with it, wherever they are at the moment.

use std::collections::{BTreeMap, BTreeSet};

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        DescribeLogDirsRequest, DescribeLogDirsResponse,
        describe_log_dirs::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
    },
};
use corelane_storage::disk::Disk;
use futures_util::future::join_all;

use super::{context::RequestContext, pace::Pace};
use crate::{
    core::{ByOwner, Core, Message},
    partition::{LogSizesCall, PartitionKey},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let disk = core.world.disk();
    let log_dir = disk.location();
    let result = match disk.space().await {
        Ok(space) => DescribeLogDirsResult {
            log_dir,
            topics: topics(&core, request).await,
            total_bytes: i64::try_from(space.total_bytes).unwrap_or(i64::MAX),
            usable_bytes: i64::try_from(space.free_bytes).unwrap_or(i64::MAX),
            ..Default::default()
        },
        Err(error) => {
            tracing::warn!(log_dir, %error, "the volume of the data directory cannot be looked at");
            DescribeLogDirsResult {
                error_code: ErrorCode::KAFKA_STORAGE_ERROR,
                log_dir,
                ..Default::default()
            }
        }
    };
    DescribeLogDirsResponse {
        results: vec![result],
        ..Default::default()
    }
}

/// What is asked for and here, each partition once.
async fn topics<W: World<Message = Message>>(
    core: &Core<W>,
    request: DescribeLogDirsRequest,
) -> Vec<DescribeLogDirsTopic> {
    let mut pace = Pace::new(&core.world);
    let image = core.image();
    let mut calls = ByOwner::default();
    match request.topics {
        None => {
            for topic in image.topics_by_name() {
                for partition in 0..topic.partition_count() {
                    let topic_id = topic.topic_id;
                    let key = PartitionKey { topic_id, partition };
                    calls.push(core.owner(&key), (topic.name.clone(), partition), key);
                    pace.step().await;
                }
            }
        }
        Some(asked) => {
            let mut seen = BTreeSet::new();
            for asked in asked {
                let Some(topic) = image.topic_named(&asked.topic) else {
                    pace.step().await;
                    continue;
                };
                for partition in asked.partitions {
                    pace.step().await;
                    let found = PartitionKey::find(&image, &asked.topic, partition);
                    if let Some(key) = found.filter(|key| seen.insert(*key)) {
                        calls.push(core.owner(&key), (topic.name.clone(), partition), key);
                    }
                }
            }
        }
    }
    let (places, asked): (Vec<_>, Vec<_>) = calls
        .into_calls()
        .map(|(owner, places, keys)| (places, core.call(owner, LogSizesCall(keys))))
        .unzip();
    let mut found: BTreeMap<_, Vec<DescribeLogDirsPartition>> = BTreeMap::new();
    for (places, answer) in places.into_iter().zip(join_all(asked).await) {
        for ((topic, partition_index), size) in places.into_iter().zip(answer.0) {
            pace.step().await;
            let Some((bytes, offset_lag)) = size else { continue };
            found.entry(topic).or_default().push(DescribeLogDirsPartition {
                partition_index,
                partition_size: i64::try_from(bytes).unwrap_or(i64::MAX),
                offset_lag,
                is_future_key: false,
            });
        }
    }
    let topic = |(name, mut partitions): (std::sync::Arc<str>, Vec<DescribeLogDirsPartition>)| {
        partitions.sort_unstable_by_key(|partition| partition.partition_index);
        DescribeLogDirsTopic {
            name: name.to_string(),
            partitions,
        }
    };
    found.into_iter().map(topic).collect()
}
