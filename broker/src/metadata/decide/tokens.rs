//! Delegation tokens: `DelegationTokenControlManager`. Who asks, and at what time, comes with the wish: nothing in here
//! has a clock.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::RootImage,
        records::{Record, RemoveToken, TokenRecord},
    },
    Answer, ChangeToken, Decision, NewToken, TokenChange, WishError,
};

const USER_PREFIX: &str = "User:";

pub fn create(image: &RootImage, wish: &NewToken) -> Decision {
    let is_user = |principal: &String| principal.starts_with(USER_PREFIX);
    if !is_user(&wish.owner) || !wish.renewers.iter().all(is_user) {
        return Err(WishError::new(
            ErrorCode::INVALID_PRINCIPAL_TYPE,
            "Supplied principalType is not supported.",
        ));
    }
    if image.token(&wish.token_id).is_some() {
        return Err(WishError::new(
            ErrorCode::INVALID_REQUEST,
            format!("Token {} exists", wish.token_id),
        ));
    }
    let lifetime = match wish.lifetime_ms {
        0.. => wish.lifetime_ms.min(wish.lifetime_ms_max),
        _ => wish.lifetime_ms_max,
    };
    let max_ms = wish.now_ms.saturating_add(lifetime);
    let token = TokenRecord {
        token_id: wish.token_id.clone(),
        owner: wish.owner.clone(),
        requester: wish.requester.clone(),
        renewers: wish.renewers.clone(),
        issue_ms: wish.now_ms,
        expiry_ms: wish.now_ms.saturating_add(wish.expiry_ms).min(max_ms),
        max_ms,
    };
    Ok((vec![Record::from(token.clone())], Answer::Token(token)))
}

/// The owner or a renewer may renew and expire; nobody brings an expired one back.
pub fn change(image: &RootImage, wish: &ChangeToken) -> Decision {
    let refuse = |code: ErrorCode, message: &str| Err(WishError::new(code, message));
    let Some(held) = image.token(&wish.token_id) else {
        return refuse(
            ErrorCode::DELEGATION_TOKEN_NOT_FOUND,
            "Delegation Token is not found on server.",
        );
    };
    let is_own = held.owner == wish.principal || held.renewers.contains(&wish.principal);
    if !is_own {
        return refuse(
            ErrorCode::DELEGATION_TOKEN_OWNER_MISMATCH,
            "Specified Principal is not valid Owner/Renewer.",
        );
    }
    let mut token = (**held).clone();
    if let TokenChange::Expire { after_ms } = wish.change
        && after_ms < 0
    {
        token.expiry_ms = wish.now_ms;
        let removed = Record::from(RemoveToken {
            token_id: wish.token_id.clone(),
        });
        return Ok((vec![removed], Answer::Token(token)));
    }
    if held.max_ms < wish.now_ms || held.expiry_ms < wish.now_ms {
        return refuse(ErrorCode::DELEGATION_TOKEN_EXPIRED, "Delegation Token is expired.");
    }
    let period = match wish.change {
        TokenChange::Expire { after_ms } => after_ms,
        TokenChange::Renew { period_ms } => period_ms,
    };
    token.expiry_ms = wish.now_ms.saturating_add(period).min(held.max_ms);
    Ok((vec![Record::from(token.clone())], Answer::Token(token)))
}

/// Tokens that are of no use to anybody any more.
pub fn sweep(image: &RootImage, now_ms: i64) -> Decision {
    let is_over = |token: &&TokenRecord| token.max_ms < now_ms || token.expiry_ms < now_ms;
    let tokens = image.tokens.values().map(|token| &**token);
    let records = tokens.filter(is_over).map(|token| {
        Record::from(RemoveToken {
            token_id: token.token_id.clone(),
        })
    });
    Ok((records.collect(), Answer::TokensSwept))
}
