//! Effects as lines of text.

use corelane_protocol::{error_code::ErrorCode, messages::offset_delete::OffsetDeleteResponsePartition};

use super::super::{
    Effect, GroupRecord, Response,
    records::{self, LoadedRecord},
};

/// The uuid that the test host makes of random number n, shown as `#n`.
const UUID_PREFIX: &str = "-00000000-0000-4000-8000-";

pub fn shorten_ids(text: &str) -> String {
    let mut short = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(UUID_PREFIX) {
        let (before, after) = rest.split_at(at);
        let (number, tail) = after[UUID_PREFIX.len()..].split_at(12);
        short += &format!("{before}#{}", u64::from_str_radix(number, 16).expect("hex"));
        rest = tail;
    }
    short + rest
}

pub fn lengthen_ids(text: &str) -> String {
    let mut parts = text.split('#');
    let mut long = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, tail) = part.split_at(digits);
        long += &format!(
            "{UUID_PREFIX}{:012x}{tail}",
            number.parse::<u64>().expect("a number after #")
        );
    }
    long
}

pub fn effect(effect: &Effect, name: impl Fn(u64) -> String) -> Vec<String> {
    let lines = match effect {
        Effect::Respond { token, response } => vec![format!("{}: {}", name(token.0), response_line(response))],
        Effect::Append { token, records } => records
            .iter()
            .map(|it| format!("append {}: {}", token.0, record(it)))
            .collect(),
        Effect::Skipped(error) => vec![format!("skipped: {error}")],
    };
    lines.iter().map(|line| shorten_ids(line)).collect()
}

/// Without what cannot be shown.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_shown = |c: &char| !c.is_control() && *c != char::REPLACEMENT_CHARACTER;
    text.chars().filter(is_shown).collect()
}

fn error(code: ErrorCode) -> String {
    if code == ErrorCode::NONE {
        "ok".to_string()
    } else {
        code.to_string()
    }
}

fn instance(id: &Option<String>) -> String {
    id.as_ref().map(|id| format!("({id})")).unwrap_or_default()
}

pub fn response_line(response: &Response) -> String {
    match response {
        Response::JoinGroup(it) if it.error_code != ErrorCode::NONE => {
            format!("{} member={}", error(it.error_code), it.member_id)
        }
        Response::JoinGroup(it) => {
            let members: Vec<String> = it
                .members
                .iter()
                .map(|member| {
                    format!(
                        "{}{}:{}",
                        member.member_id,
                        instance(&member.group_instance_id),
                        text(&member.metadata)
                    )
                })
                .collect();
            format!(
                "ok generation={} protocol={}/{} leader={} member={} members=[{}]{}",
                it.generation_id,
                it.protocol_type.as_deref().unwrap_or("null"),
                it.protocol_name.as_deref().unwrap_or("null"),
                it.leader,
                it.member_id,
                members.join(" "),
                if it.skip_assignment { " skip_assignment" } else { "" },
            )
        }
        Response::SyncGroup(it) if it.error_code != ErrorCode::NONE => error(it.error_code),
        Response::SyncGroup(it) => format!(
            "ok protocol={}/{} assignment={}",
            it.protocol_type.as_deref().unwrap_or("null"),
            it.protocol_name.as_deref().unwrap_or("null"),
            text(&it.assignment)
        ),
        Response::Heartbeat(it) => error(it.error_code),
        Response::LeaveGroup(it) => {
            let members: Vec<String> = it
                .members
                .iter()
                .map(|it| {
                    format!(
                        "{}{}={}",
                        it.member_id,
                        instance(&it.group_instance_id),
                        error(it.error_code)
                    )
                })
                .collect();
            format!("{} [{}]", error(it.error_code), members.join(" "))
        }
        Response::OffsetCommit(it) => {
            let partitions: Vec<String> = it
                .topics
                .iter()
                .flat_map(|topic| {
                    let name = &topic.name;
                    topic
                        .partitions
                        .iter()
                        .map(move |it| format!("{name}-{}={}", it.partition_index, error(it.error_code)))
                })
                .collect();
            partitions.join(" ")
        }
        Response::OffsetFetch(it) => {
            let partitions = it.topics.iter().flat_map(|topic| {
                topic.partitions.iter().map(move |it| {
                    format!(
                        "{}-{}={}{}",
                        topic.name,
                        it.partition_index,
                        it.committed_offset,
                        match it.metadata.as_deref() {
                            Some("") | None => String::new(),
                            Some(metadata) => format!("({metadata})"),
                        }
                    )
                })
            });
            let partitions: Vec<String> = partitions.collect();
            format!("{} [{}]", error(it.error_code), partitions.join(" "))
        }
        Response::ListGroups(it) => {
            let groups: Vec<String> = it
                .groups
                .iter()
                .map(|it| {
                    format!(
                        "{}/{}/{}/{}",
                        it.group_id, it.protocol_type, it.group_state, it.group_type
                    )
                })
                .collect();
            format!("{} [{}]", error(it.error_code), groups.join(" "))
        }
        Response::DescribeGroups(groups) => {
            let groups: Vec<String> = groups
                .iter()
                .map(|it| {
                    let members: Vec<String> = it
                        .members
                        .iter()
                        .map(|member| {
                            format!(
                                "{}{} {}@{} {} -> {}",
                                member.member_id,
                                instance(&member.group_instance_id),
                                member.client_id,
                                member.client_host,
                                text(&member.member_metadata),
                                text(&member.member_assignment)
                            )
                        })
                        .collect();
                    format!(
                        "{} {} {} {}/{} [{}]",
                        it.group_id,
                        error(it.error_code),
                        it.group_state,
                        it.protocol_type,
                        it.protocol_data,
                        members.join("; ")
                    )
                })
                .collect();
            groups.join("; ")
        }
        Response::DeleteGroups(results) => {
            let results: Vec<String> = results
                .iter()
                .map(|it| format!("{}={}", it.group_id, error(it.error_code)))
                .collect();
            results.join(" ")
        }
        Response::OffsetDelete(response) => {
            let offsets = response.topics.iter().flat_map(|topic| {
                let offset = |it: &OffsetDeleteResponsePartition| {
                    format!(" {}-{}={}", topic.name, it.partition_index, error(it.error_code))
                };
                topic.partitions.iter().map(offset)
            });
            error(response.error_code) + &offsets.collect::<String>()
        }
    }
}

fn record(record: &GroupRecord) -> String {
    match records::decode(record) {
        Ok(LoadedRecord::Offset {
            group,
            topic,
            partition,
            value,
        }) => match value {
            Some(value) => {
                let expires = match value.expire_timestamp {
                    -1 => String::new(),
                    ms => format!(" expires={ms}"),
                };
                format!(
                    "offset {group} {topic}-{partition}={} epoch={} metadata='{}' at={}{expires}",
                    value.offset, value.leader_epoch, value.metadata, value.commit_timestamp
                )
            }
            None => format!("offset {group} {topic}-{partition} tombstone"),
        },
        Ok(LoadedRecord::Group {
            group,
            value: Some(value),
        }) => {
            let members: Vec<String> = value
                .members
                .iter()
                .map(|it| {
                    format!(
                        "{}{}:{}->{}",
                        it.member_id,
                        instance(&it.group_instance_id),
                        text(&it.subscription),
                        text(&it.assignment)
                    )
                })
                .collect();
            format!(
                "group {group} generation={} protocol={}/{} leader={} [{}]",
                value.generation,
                value.protocol_type,
                value.protocol.as_deref().unwrap_or("null"),
                value.leader.as_deref().unwrap_or("null"),
                members.join(" ")
            )
        }
        Ok(LoadedRecord::Group { group, value: None }) => format!("group {group} tombstone"),
        Err(error) => format!("unreadable: {error}"),
    }
}
