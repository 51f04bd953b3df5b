//! Database rows and their conversion to records. A row that cannot be interpreted is `Corrupt`,
//! never guessed.

use std::str::FromStr;

use domain::webhook::EventType;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;

use crate::database::{Row, time, unsigned};
use crate::webhooks::model::wants;
use crate::webhooks::{
    Delivery, DeliveryStatus, DisabledReason, Endpoint, EndpointSecret, LastAttempt, WebhookError,
};

/// The columns that [`endpoint`] reads, by name: see the rules of [`crate::database`].
macro_rules! endpoint_columns {
    () => {
        "id, owner, url, types, description, secrets, disabled_ms, disabled_reason, failing_since_ms, paused_until_ms, \
         created_ms, updated_ms"
    };
}
pub(super) use endpoint_columns;

/// A row of `webhook_endpoints`.
pub(super) fn endpoint(row: &Row) -> Result<Endpoint, WebhookError> {
    let disabled_ms: Option<i64> = row.try_get("disabled_ms")?;
    let reason: Option<String> = row.try_get("disabled_reason")?;
    let disabled = match (disabled_ms, reason) {
        (Some(at_ms), Some(reason)) => {
            Some((time(at_ms), from_word::<DisabledReason>("reason", &reason)?))
        }
        (None, None) => None,
        _ => return Err(corrupt("an endpoint", "half disabled")),
    };
    let types: Option<String> = row.try_get("types")?;
    let secrets: Vec<EndpointSecret> = from_json("secrets", &row.try_get::<String, _>("secrets")?)?;
    Ok(Endpoint {
        id: parse("webhook id", &row.try_get::<String, _>("id")?)?,
        owner: row.try_get("owner")?,
        url: row.try_get("url")?,
        types: types.map(|it| from_json("types", &it)).transpose()?,
        description: row.try_get("description")?,
        secrets,
        disabled,
        failing_since_ms: row.try_get::<Option<i64>, _>("failing_since_ms")?.map(time),
        paused_until_ms: time(row.try_get("paused_until_ms")?),
        created_ms: time(row.try_get("created_ms")?),
        updated_ms: time(row.try_get("updated_ms")?),
    })
}

/// A row of `webhook_deliveries`, with `event_type`, `event_video` and `event_ms`.
pub(super) fn delivery(row: &Row) -> Result<Delivery, WebhookError> {
    let status: DeliveryStatus = from_word("status", &row.try_get::<String, _>("status")?)?;
    let next_ms = time(row.try_get("next_ms")?);
    let video: Option<String> = row.try_get("event_video")?;
    Ok(Delivery {
        id: parse("delivery id", &row.try_get::<String, _>("id")?)?,
        endpoint: parse("webhook id", &row.try_get::<String, _>("endpoint")?)?,
        event: parse("event id", &row.try_get::<String, _>("event")?)?,
        kind: parse("event type", &row.try_get::<String, _>("event_type")?)?,
        video: video.map(|it| parse("video id", &it)).transpose()?,
        event_ms: time(row.try_get("event_ms")?),
        status,
        attempts: count(row.try_get("attempts")?),
        created_ms: time(row.try_get("created_ms")?),
        next_ms: (status == DeliveryStatus::Pending).then_some(next_ms),
        settled_ms: row.try_get::<Option<i64>, _>("settled_ms")?.map(time),
        last: last_attempt(row)?,
    })
}

fn last_attempt(row: &Row) -> Result<Option<LastAttempt>, WebhookError> {
    let (at, took): (Option<i64>, Option<i64>) = (
        row.try_get("last_attempt_ms")?,
        row.try_get("last_duration_ms")?,
    );
    let (Some(at), Some(took)) = (at, took) else {
        return Ok(None);
    };
    let status: Option<i64> = row.try_get("last_status")?;
    Ok(Some(LastAttempt {
        at_ms: time(at),
        status: status.and_then(|it| u16::try_from(it).ok()),
        error: row.try_get("last_error")?,
        duration_ms: unsigned(took),
    }))
}

/// Whether an endpoint with these types, as stored in its row, subscribes to events of this type.
pub(super) fn wanted(types: Option<&str>, kind: EventType) -> Result<bool, WebhookError> {
    let types: Option<Vec<EventType>> = types.map(|it| from_json("types", it)).transpose()?;
    Ok(wants(types.as_deref(), kind))
}

pub(super) fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(if number < 0 { 0 } else { u32::MAX })
}

pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(
    what: &str,
    text: &str,
) -> Result<T, WebhookError> {
    text.parse()
        .map_err(|it: T::Err| corrupt(what, &it.to_string()))
}

fn from_word<T: DeserializeOwned>(what: &str, word: &str) -> Result<T, WebhookError> {
    serde_json::from_value(serde_json::Value::from(word))
        .map_err(|it| corrupt(what, &it.to_string()))
}

fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, WebhookError> {
    serde_json::from_str(text).map_err(|it| corrupt(what, &it.to_string()))
}

pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("records hold strings, numbers and lists")
}

fn corrupt(what: &str, detail: &str) -> WebhookError {
    WebhookError::Corrupt {
        detail: format!("{what}: {detail}"),
    }
}
