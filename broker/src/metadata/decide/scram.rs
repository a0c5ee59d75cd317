//! AlterUserScramCredentials: `ScramControlManager`. A user whose changes are refused keeps what there was.

use std::collections::{BTreeMap, BTreeSet};

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::RootImage,
        records::{Record, RemoveScram, ScramRecord},
    },
    AlterScram, Answer, Decision, RECORDS_PER_WISH_MAX, WishError, excessively_large,
};

const MECHANISMS: [i8; 2] = [1, 2];
const ITERATIONS_MIN: i32 = 4096;
const ITERATIONS_MAX: i32 = 16_384;

pub fn decide(image: &RootImage, wish: &AlterScram) -> Decision {
    let repeated = repeated_users(wish);
    let removals = wish
        .removals
        .iter()
        .map(|(user, mechanism)| (user.as_str(), check_removal(image, user, *mechanism)));
    let upserts = wish.upserts.iter().map(|new| (new.user.as_str(), check_upsert(new)));
    let mut by_user: BTreeMap<&str, Result<Vec<Record>, WishError>> = BTreeMap::new();
    for (user, checked) in removals.chain(upserts) {
        let made = by_user.entry(user).or_insert_with(|| Ok(Vec::new()));
        match (checked, &mut *made) {
            (Ok(record), Ok(records)) => records.push(record),
            (Err(error), Ok(_)) => *made = Err(error),
            (_, Err(_)) => {}
        }
        if repeated.contains(user) {
            *made = Err(WishError::new(
                ErrorCode::DUPLICATE_RESOURCE,
                "A user credential cannot be altered twice in the same request",
            ));
        }
    }
    let (mut records, mut answers) = (Vec::new(), Vec::new());
    for (user, made) in by_user {
        answers.push((user.to_string(), made.map(|made| records.extend(made))));
    }
    if records.len() > RECORDS_PER_WISH_MAX {
        return Err(excessively_large());
    }
    Ok((records, Answer::ScramAltered(answers)))
}

/// Users of whom one mechanism is named twice.
fn repeated_users(wish: &AlterScram) -> BTreeSet<&str> {
    let removed = wish
        .removals
        .iter()
        .map(|(user, mechanism)| (user.as_str(), *mechanism));
    let upserted = wish.upserts.iter().map(|new| (new.user.as_str(), new.mechanism));
    let mut seen = BTreeSet::new();
    let all = removed.chain(upserted);
    all.filter(|item| !seen.insert(*item)).map(|(user, _)| user).collect()
}

fn check_removal(image: &RootImage, user: &str, mechanism: i8) -> Result<Record, WishError> {
    check_name(user, mechanism)?;
    if image.scram(user, mechanism).is_none() {
        return Err(WishError::new(
            ErrorCode::RESOURCE_NOT_FOUND,
            "Attempt to delete a user credential that does not exist",
        ));
    }
    let user = user.to_string();
    Ok(Record::from(RemoveScram { user, mechanism }))
}

fn check_upsert(new: &ScramRecord) -> Result<Record, WishError> {
    check_name(&new.user, new.mechanism)?;
    let what = match new.iterations {
        ..ITERATIONS_MIN => "Too few iterations",
        iterations if iterations > ITERATIONS_MAX => "Too many iterations",
        _ => return Ok(Record::from(new.clone())),
    };
    Err(WishError::new(ErrorCode::UNACCEPTABLE_CREDENTIAL, what))
}

fn check_name(user: &str, mechanism: i8) -> Result<(), WishError> {
    if user.is_empty() {
        return Err(WishError::new(
            ErrorCode::UNACCEPTABLE_CREDENTIAL,
            "Username must not be empty",
        ));
    }
    if !MECHANISMS.contains(&mechanism) {
        return Err(WishError::new(
            ErrorCode::UNSUPPORTED_SASL_MECHANISM,
            "Unknown SCRAM mechanism",
        ));
    }
    Ok(())
}
