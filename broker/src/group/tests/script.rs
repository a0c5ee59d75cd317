//! The small language of the stories. A block is lines of commands, `----`, and what came of them up to an empty line.
//!
//! ```text
//! join NAME group=g [member=] [instance=] [client=c] [version=9] [session=10000] [rebalance=60000] [type=consumer] [protocols=range:x,rr:y] (range:@t+u is subscribed to t and u)
//! sync NAME group=g generation=1 member=m [instance=] [type=] [protocol=] [assign=m1:x,m2:y]
//! heartbeat NAME group=g generation=1 member=m [instance=]
//! leave NAME group=g members=m1,m2,@instance
//! commit NAME group=g [generation=-1] [member=] [instance=] [version=9] [retention=-1] offsets=t-0:5,t-1:7(metadata)
//! fetch NAME group=g [stable=yes] [offsets=t-0,t-1]      list NAME [states=] [types=]
//! describe NAME groups=a,b [version=6]                   delete NAME groups=a,b      delete-offsets NAME group=g offsets=t-0
//! hold            appends are no longer settled at once          settle [ERROR]   the oldest append
//! flow            … settled at once again (the default)          tick MS          lets time go by
//! restart | unload | load | topic-deleted t                      config group_size_max=2 … (begins anew)
//! ```

use bytes::Bytes;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        consumer_protocol::{ConsumerProtocolSubscription, to_versioned},
        heartbeat::HeartbeatRequest,
        join_group::{JoinGroupRequest, JoinGroupRequestProtocol},
        leave_group::{LeaveGroupRequest, MemberIdentity},
        list_groups::ListGroupsRequest,
        offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete::{OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        sync_group::{SyncGroupRequest, SyncGroupRequestAssignment},
    },
};

use super::{
    super::{Coordinator, Effect, Event, GroupConfig, Request},
    Host, render,
};

struct Script {
    host: Host,
    names: Vec<String>,
    flow: bool,
    output: Vec<String>,
}

/// Runs a story and returns it with what really came of each block.
pub fn run(story: &str) -> String {
    let mut script = Script {
        host: Host::new(GroupConfig::default()),
        names: Vec::new(),
        flow: true,
        output: Vec::new(),
    };
    let mut result = String::new();
    let mut lines = story.lines();
    while let Some(line) = lines.next() {
        result += line;
        result.push('\n');
        if line == "----" {
            for line in script.output.drain(..) {
                result += &line;
                result.push('\n');
            }
            if lines.by_ref().any(str::is_empty) {
                result.push('\n');
            }
        } else if !line.is_empty() && !line.starts_with("//") {
            script.command(&render::lengthen_ids(line));
        }
    }
    result
}

/// The `key=value` words of a command.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn find(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    fn text(&self, key: &str) -> String {
        self.find(key).unwrap_or_default().to_string()
    }

    fn number<T: std::str::FromStr>(&self, key: &str, default: T) -> T {
        self.find(key).map_or(default, |text| {
            text.parse().ok().unwrap_or_else(|| panic!("{key}={text}: no number"))
        })
    }

    fn list(&self, key: &str) -> Vec<&'a str> {
        self.find(key)
            .into_iter()
            .flat_map(|text| text.split(','))
            .filter(|it| !it.is_empty())
            .collect()
    }
}

fn pair(text: &str) -> (&str, &str) {
    text.split_once(':').unwrap_or((text, ""))
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// `@t+u` is what a consumer says that subscribes to `t` and `u`.
fn subscription(text: &str) -> Bytes {
    let Some(topics) = text.strip_prefix('@') else {
        return bytes(text);
    };
    let subscription = ConsumerProtocolSubscription {
        topics: topics.split('+').map(str::to_string).collect(),
        ..Default::default()
    };
    to_versioned(&subscription, 0)
}

/// `t-0` → (`t`, 0)
fn partition(text: &str) -> (String, i32) {
    let (topic, index) = text.rsplit_once('-').expect("topic-partition");
    (topic.to_string(), index.parse().expect("a partition"))
}

impl Script {
    fn command(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let verb = words.next().expect("not empty");
        let words: Vec<&str> = words.collect();
        let first = words.first().copied().unwrap_or_default();
        match verb {
            "hold" => self.flow = false,
            "flow" => self.flow = true,
            "settle" => {
                let result = if first.is_empty() { Ok(()) } else { Err(error(first)) };
                let effects = self.host.settle(result);
                self.show(effects);
            }
            "tick" => self.tick(first.parse().expect("milliseconds")),
            "restart" => {
                let effects = self.host.restart();
                self.show(effects);
            }
            "load" => {
                self.host.coordinator = Coordinator::new(self.host.config, self.host.now);
                let effects = self.host.step(Event::Load(self.host.log.clone()));
                self.show(effects);
            }
            "unload" => self.event(Event::Unload),
            "topic-deleted" => self.event(Event::TopicsDeleted(vec![first.to_string()])),
            "config" => self.host = Host::new(config(&Words(words))),
            _ => {
                let request = Words(words);
                let client = request.find("client").unwrap_or("c");
                let (version, request) = parse_request(verb, &request);
                self.names.push(first.to_string());
                let effects = self.host.request(self.names.len() as u64 - 1, version, client, request);
                self.show(effects);
            }
        }
    }

    fn event(&mut self, event: Event) {
        let effects = self.host.step(event);
        self.show(effects);
    }

    fn tick(&mut self, ms: u64) {
        let mut left_ms = ms;
        loop {
            let (passed_ms, effects) = self.host.tick_within(left_ms);
            left_ms -= passed_ms;
            if !effects.is_empty() && ms > left_ms {
                self.output.push(format!("(after {} ms)", ms - left_ms));
            }
            self.show(effects);
            let due = self
                .host
                .coordinator
                .next_deadline()
                .is_some_and(|deadline| deadline <= self.host.now.instant);
            if left_ms == 0 && !due {
                return;
            }
        }
    }

    fn show(&mut self, effects: Vec<Effect>) {
        for effect in &effects {
            self.output
                .extend(render::effect(effect, |token| self.names[token as usize].clone()));
        }
        while self.flow && !self.host.in_flight.is_empty() {
            let effects = self.host.settle(Ok(()));
            self.show(effects);
        }
    }
}

fn error(name: &str) -> ErrorCode {
    (0..200)
        .map(ErrorCode)
        .find(|code| code.to_string() == name)
        .unwrap_or_else(|| panic!("no error {name}"))
}

fn config(words: &Words<'_>) -> GroupConfig {
    let default = GroupConfig::default();
    GroupConfig {
        initial_rebalance_delay_ms: words.number("initial_rebalance_delay_ms", default.initial_rebalance_delay_ms),
        commit_timeout_ms: words.number("commit_timeout_ms", default.commit_timeout_ms),
        group_size_max: words.number("group_size_max", default.group_size_max),
        offset_metadata_max: words.number("offset_metadata_max", default.offset_metadata_max),
        offsets_retention_ms: words.number("offsets_retention_ms", default.offsets_retention_ms),
        ..default
    }
}

fn parse_request(verb: &str, words: &Words<'_>) -> (i16, Request) {
    let group_id = words.text("group");
    let generation_id = words.number("generation", -1);
    let member_id = words.text("member");
    let group_instance_id = words.find("instance").map(str::to_string);
    match verb {
        "join" => {
            let protocols = words.find("protocols").unwrap_or("range:s");
            let request = JoinGroupRequest {
                group_id,
                session_timeout_ms: words.number("session", 10_000),
                rebalance_timeout_ms: words.number("rebalance", 60_000),
                member_id,
                group_instance_id,
                protocol_type: words.find("type").unwrap_or("consumer").to_string(),
                protocols: protocols
                    .split(',')
                    .filter(|it| !it.is_empty())
                    .map(pair)
                    .map(|(name, metadata)| JoinGroupRequestProtocol {
                        name: name.to_string(),
                        metadata: subscription(metadata),
                    })
                    .collect(),
                ..Default::default()
            };
            (words.number("version", 9), Request::JoinGroup(request))
        }
        "sync" => {
            let request = SyncGroupRequest {
                group_id,
                generation_id,
                member_id,
                group_instance_id,
                protocol_type: words.find("type").map(str::to_string),
                protocol_name: words.find("protocol").map(str::to_string),
                assignments: words
                    .list("assign")
                    .into_iter()
                    .map(pair)
                    .map(|(member_id, assignment)| SyncGroupRequestAssignment {
                        member_id: member_id.to_string(),
                        assignment: bytes(assignment),
                    })
                    .collect(),
            };
            (5, Request::SyncGroup(request))
        }
        "heartbeat" => {
            let request = HeartbeatRequest {
                group_id,
                generation_id,
                member_id,
                group_instance_id,
            };
            (4, Request::Heartbeat(request))
        }
        "leave" => {
            let identity = |text: &str| match text.strip_prefix('@') {
                Some(instance) => MemberIdentity {
                    group_instance_id: Some(instance.to_string()),
                    ..Default::default()
                },
                None => MemberIdentity {
                    member_id: text.to_string(),
                    group_instance_id: None,
                    ..Default::default()
                },
            };
            let members = words.list("members").into_iter().map(identity).collect();
            (
                5,
                Request::LeaveGroup(LeaveGroupRequest {
                    group_id,
                    members,
                    ..Default::default()
                }),
            )
        }
        "commit" => {
            let topics = words.list("offsets").into_iter().map(|text| {
                let (name, value) = pair(text);
                let (name, partition_index) = partition(name);
                let (offset, metadata) = value.trim_end_matches(')').split_once('(').unwrap_or((value, ""));
                OffsetCommitRequestTopic {
                    name,
                    partitions: vec![OffsetCommitRequestPartition {
                        partition_index,
                        committed_offset: offset.parse().expect("an offset"),
                        committed_metadata: Some(metadata.to_string()),
                        ..Default::default()
                    }],
                    ..Default::default()
                }
            });
            let request = OffsetCommitRequest {
                group_id,
                generation_id_or_member_epoch: generation_id,
                member_id,
                group_instance_id,
                retention_time_ms: words.number("retention", -1),
                topics: topics.collect(),
            };
            (words.number("version", 9), Request::OffsetCommit(request))
        }
        "fetch" => {
            let topics = words.find("offsets").map(|_| {
                let offsets = words.list("offsets").into_iter().map(partition);
                offsets
                    .map(|(name, index)| OffsetFetchRequestTopics {
                        name,
                        partition_indexes: vec![index],
                        ..Default::default()
                    })
                    .collect()
            });
            let group = OffsetFetchRequestGroup {
                group_id,
                topics,
                ..Default::default()
            };
            (
                9,
                Request::OffsetFetch {
                    group,
                    require_stable: words.find("stable").is_some(),
                },
            )
        }
        "list" => {
            let strings = |key| words.list(key).into_iter().map(str::to_string).collect();
            let request = ListGroupsRequest {
                states_filter: strings("states"),
                types_filter: strings("types"),
            };
            (5, Request::ListGroups(request))
        }
        "describe" => {
            let groups = words.list("groups").into_iter().map(str::to_string).collect();
            (words.number("version", 6), Request::DescribeGroups(groups))
        }
        "delete" => {
            let groups = words.list("groups").into_iter().map(str::to_string).collect();
            (2, Request::DeleteGroups(groups))
        }
        "delete-offsets" => {
            let offsets = words.list("offsets").into_iter().map(partition);
            let topics = offsets.map(|(name, partition_index)| OffsetDeleteRequestTopic {
                name,
                partitions: vec![OffsetDeleteRequestPartition { partition_index }],
            });
            let topics = topics.collect();
            (0, Request::OffsetDelete(OffsetDeleteRequest { group_id, topics }))
        }
        _ => panic!("no command {verb}"),
    }
}
