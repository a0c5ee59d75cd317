//! The words of who may do what, and how much: ACLs, credentials, quotas, tokens.

use super::parse::{number, words};
use crate::metadata::{
    decide::{AclFilter, AlterQuotas, AlterScram, ChangeToken, NewToken, QuotaChange, TokenChange},
    records::{Acl, ScramRecord},
};

fn word(text: &str, key: &str) -> Option<String> {
    words(text).get(key).map(|word| (*word).to_string())
}

/// `type=2 name=orders pattern=3 principal=User:alice host=* operation=3 permission=3`, with these defaults.
pub fn acl(text: &str) -> Acl {
    Acl {
        resource_type: number(text, "type", 2),
        resource_name: word(text, "name").unwrap_or_default(),
        pattern_type: number(text, "pattern", 3),
        principal: word(text, "principal").unwrap_or("User:alice".into()),
        host: word(text, "host").unwrap_or("*".into()),
        operation: number(text, "operation", 3),
        permission: number(text, "permission", 3),
    }
}

/// The same words; what is not said matches everything.
pub fn acl_filter(text: &str) -> AclFilter {
    AclFilter {
        resource_type: number(text, "type", 1),
        resource_name: word(text, "name"),
        pattern_type: number(text, "pattern", 1),
        principal: word(text, "principal"),
        host: word(text, "host"),
        operation: number(text, "operation", 1),
        permission: number(text, "permission", 1),
    }
}

/// `set user=alice mechanism=1 iterations=4096 ; remove user=bob mechanism=2`
pub fn scram(text: &str) -> AlterScram {
    let mut wish = AlterScram {
        removals: Vec::new(),
        upserts: Vec::new(),
    };
    for item in text.split(" ; ") {
        let (user, mechanism) = (word(item, "user").unwrap_or_default(), number(item, "mechanism", 1));
        if item.starts_with("remove") {
            wish.removals.push((user, mechanism));
            continue;
        }
        wish.upserts.push(ScramRecord {
            user,
            mechanism,
            salt: vec![1],
            stored_key: vec![2],
            server_key: vec![3],
            iterations: number(item, "iterations", 4096),
        });
    }
    wish
}

/// `user:alice/client-id: producer_byte_rate=5 ; ip:10.0.0.1 connection_creation_rate=none`
pub fn quotas(text: &str, validate_only: bool) -> AlterQuotas {
    let mut changes = Vec::new();
    for item in text.split(" ; ") {
        let (entity, keys) = item.split_once(' ').unwrap_or((item, ""));
        let part = |part: &str| {
            let (kind, name) = part.split_once(':').unwrap_or((part, "''"));
            let name = match name {
                "" => None,
                "''" => Some(String::new()),
                name => Some(name.to_string()),
            };
            (kind.to_string(), name)
        };
        let parts = entity.split('/').filter(|part| *part != "nobody");
        let entity: Vec<_> = parts.map(part).collect();
        for word in keys.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap();
            changes.push(QuotaChange {
                entity: entity.clone(),
                key: key.into(),
                value: value.parse().ok(),
            });
        }
    }
    AlterQuotas { changes, validate_only }
}

/// `t1 owner=User:a renewers=User:b,User:c now=5 lifetime=7`; a token lives 100, and 10 without being renewed.
pub fn new_token(text: &str) -> NewToken {
    let renewers = word(text, "renewers").unwrap_or_default();
    NewToken {
        token_id: text.split_whitespace().next().unwrap().into(),
        owner: word(text, "owner").unwrap_or("User:a".into()),
        requester: word(text, "requester").unwrap_or("User:a".into()),
        renewers: renewers
            .split(',')
            .filter(|one| !one.is_empty())
            .map(str::to_string)
            .collect(),
        now_ms: number(text, "now", 0),
        lifetime_ms: number(text, "lifetime", -1),
        lifetime_ms_max: 100,
        expiry_ms: 10,
    }
}

/// `t1 by=User:a now=5 renew=20` or `expire=20`
pub fn token_change(text: &str) -> ChangeToken {
    ChangeToken {
        token_id: text.split_whitespace().next().unwrap().into(),
        principal: word(text, "by").unwrap_or("User:a".into()),
        now_ms: number(text, "now", 0),
        change: match word(text, "renew") {
            Some(period) => TokenChange::Renew {
                period_ms: period.parse().unwrap(),
            },
            None => TokenChange::Expire {
                after_ms: number(text, "expire", -1),
            },
        },
    }
}
