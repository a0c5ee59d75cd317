//! CreateAcls and DeleteAcls: `AclControlManager`.

use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::{
    super::{
        image::RootImage,
        records::{Acl, AclRecord, Record, RemoveAcl},
    },
    AclFilter, Answer, Context, Decision, RECORDS_PER_WISH_MAX, WishError, excessively_large,
};

/// Kafka's `ResourceType`, `PatternType`, `AclOperation` and `AclPermissionType`.
const UNKNOWN: i8 = 0;
const ANY: i8 = 1;
const PATTERN_MATCH: i8 = 2;
const PATTERN_LITERAL: i8 = 3;
const PATTERN_PREFIXED: i8 = 4;
const RESOURCE_TYPE_MAX: i8 = 7;
const OPERATION_MAX: i8 = 15;
const PERMISSION_MAX: i8 = 3;

/// An ACL that is there already is no failure, and not made twice.
pub fn create(image: &RootImage, wish: &[Acl], context: &mut Context<'_>) -> Decision {
    let (mut records, mut made, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for acl in wish {
        let checked = check(acl);
        let is_known = made.contains(&acl) || image.acls().any(|(_, held)| *held == *acl);
        if checked.is_ok() && !is_known {
            made.push(acl);
            let id = fresh_id(image, context);
            records.push(Record::from(AclRecord { id, acl: acl.clone() }));
        }
        answers.push(checked);
    }
    if records.len() > RECORDS_PER_WISH_MAX {
        return Err(excessively_large());
    }
    Ok((records, Answer::AclsCreated(answers)))
}

/// What several filters match is deleted once, and shown under each.
pub fn delete(image: &RootImage, wish: &[AclFilter]) -> Decision {
    let mut deleted: Vec<Uuid> = Vec::new();
    let mut answers = Vec::new();
    for filter in wish {
        if let Err(error) = check_filter(filter) {
            answers.push(Err(error));
            continue;
        }
        let matching: Vec<(Uuid, Acl)> = image
            .acls()
            .filter(|(_, acl)| filter.matches(acl))
            .map(|(id, acl)| (id, acl.clone()))
            .collect();
        deleted.extend(matching.iter().map(|(id, _)| *id));
        answers.push(Ok(matching.into_iter().map(|(_, acl)| acl).collect()));
    }
    deleted.sort_unstable();
    deleted.dedup();
    if deleted.len() > RECORDS_PER_WISH_MAX {
        return Err(excessively_large());
    }
    let records = deleted.into_iter().map(|id| Record::from(RemoveAcl { id })).collect();
    Ok((records, Answer::AclsDeleted(answers)))
}

fn fresh_id(image: &RootImage, context: &mut Context<'_>) -> Uuid {
    loop {
        let id = (context.uuids)();
        if image.acl(id).is_none() {
            return id;
        }
    }
}

fn check(acl: &Acl) -> Result<(), WishError> {
    let specific = |value: i8, max: i8| value > ANY && value <= max;
    let what = if acl.pattern_type != PATTERN_LITERAL && acl.pattern_type != PATTERN_PREFIXED {
        format!("Invalid patternType {}", acl.pattern_type)
    } else if !specific(acl.resource_type, RESOURCE_TYPE_MAX) {
        format!("Invalid resourceType {}", acl.resource_type)
    } else if !specific(acl.operation, OPERATION_MAX) {
        format!("Invalid operation {}", acl.operation)
    } else if !specific(acl.permission, PERMISSION_MAX) {
        format!("Invalid permissionType {}", acl.permission)
    } else if acl.resource_name.is_empty() {
        "Resource name should not be empty".into()
    } else if !acl.principal.contains(':') {
        format!(
            "Could not parse principal from `{}` (no colon is present separating the principal type from the principal \
             name)",
            acl.principal
        )
    } else {
        return Ok(());
    };
    Err(WishError::new(ErrorCode::INVALID_REQUEST, what))
}

fn check_filter(filter: &AclFilter) -> Result<(), WishError> {
    let what = if filter.resource_type == UNKNOWN || filter.pattern_type == UNKNOWN {
        "Unknown patternFilter."
    } else if filter.operation == UNKNOWN || filter.permission == UNKNOWN {
        "Unknown entryFilter."
    } else {
        return Ok(());
    };
    Err(WishError::new(ErrorCode::INVALID_REQUEST, what))
}

impl AclFilter {
    pub fn matches(&self, acl: &Acl) -> bool {
        let is = |wanted: i8, held: i8| wanted == ANY || wanted == held;
        let named = |wanted: &Option<String>, held: &String| wanted.as_ref().is_none_or(|wanted| wanted == held);
        is(self.resource_type, acl.resource_type)
            && self.matches_pattern(acl)
            && named(&self.principal, &acl.principal)
            && named(&self.host, &acl.host)
            && is(self.operation, acl.operation)
            && is(self.permission, acl.permission)
    }

    /// `ResourcePatternFilter.matches`
    fn matches_pattern(&self, acl: &Acl) -> bool {
        let by_type = matches!(self.pattern_type, ANY | PATTERN_MATCH) || self.pattern_type == acl.pattern_type;
        let Some(name) = &self.resource_name else {
            return by_type;
        };
        if self.pattern_type != PATTERN_MATCH {
            return by_type && *name == acl.resource_name;
        }
        match acl.pattern_type {
            PATTERN_PREFIXED => name.starts_with(&acl.resource_name),
            _ => *name == acl.resource_name || acl.resource_name == "*",
        }
    }
}
