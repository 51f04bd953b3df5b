//! Objects in the index: find, store under a condition, remove. All functions run inside a
//! transaction.

use std::ops::Range;
use std::time::Duration;

use http::StatusCode;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use s3s::dto::ETagCondition;
use s3s::{S3Error, S3Result, s3_error};

use super::events::{Cause, EventRules};
use super::headers::StoredHeaders;

/// An object's row in the index.
#[derive(Debug, Clone)]
pub(super) struct StoredObject {
    pub(super) id: i64,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified_ms: u64,
    pub(super) headers: StoredHeaders,
}

/// A file that is part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Offset of the piece in the object, bytes.
    pub(super) start: u64,
    pub(super) size: u64,
    pub(super) blob: String,
}

/// An object to store.
pub(super) struct NewObject {
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) headers: StoredHeaders,
    pub(super) pieces: Vec<Piece>,
}

/// Bucket and key of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) bucket: String,
    pub(super) key: String,
}

/// The rules of a server for changes of objects.
pub(super) struct Rules {
    pub(super) events: EventRules,
    /// Minimum interval between two writes of one name.
    pub(super) write_interval: Duration,
}

impl Rules {
    /// Rejects a write that comes too soon after the one at `modified_ms`.
    ///
    /// R2 accepts one write per second and name. The code is the one that its S3 API returns, with
    /// the status 429, which only `ServiceUnavailable` of this rule has.
    fn check_interval(&self, modified_ms: u64, now_ms: u64) -> S3Result<()> {
        // The clock of the system may have been set back.
        if u128::from(now_ms.abs_diff(modified_ms)) >= self.write_interval.as_millis() {
            return Ok(());
        }
        let mut refusal = s3_error!(
            ServiceUnavailable,
            "Reduce your concurrent request rate for the same object."
        );
        refusal.set_status_code(StatusCode::TOO_MANY_REQUESTS);
        Err(refusal)
    }
}

/// The condition of a write (`If-Match`, `If-None-Match`).
#[derive(Default)]
pub(super) struct Condition {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl Condition {
    fn check(&self, present: Option<&StoredObject>) -> S3Result<()> {
        let hit =
            |condition: &ETagCondition| present.is_some_and(|it| matches(condition, &it.etag));
        if self.if_match.as_ref().is_some_and(|it| !hit(it))
            || self.if_none_match.as_ref().is_some_and(hit)
        {
            return Err(s3_error!(PreconditionFailed));
        }
        Ok(())
    }
}

/// Whether an object with this ETag fulfils the condition.
pub(super) fn matches(condition: &ETagCondition, etag: &str) -> bool {
    condition.is_any() || condition.as_etag().is_some_and(|it| it.value() == etag)
}

/// Fails if the bucket does not exist.
pub(super) fn require_bucket(connection: &Connection, bucket: &str) -> S3Result<()> {
    connection
        .prepare_cached("SELECT 1 FROM bucket WHERE name = ?1")
        .and_then(|mut it| it.exists([bucket]))
        .map_err(S3Error::internal_error)?
        .then_some(())
        .ok_or_else(|| s3_error!(NoSuchBucket))
}

/// Finds an object.
///
/// # Errors
/// `NoSuchBucket`, `NoSuchKey`.
pub(super) fn find(connection: &Connection, at: &Address) -> S3Result<StoredObject> {
    require_bucket(connection, &at.bucket)?;
    look_up(connection, at)
        .map_err(S3Error::internal_error)?
        .ok_or_else(|| s3_error!(NoSuchKey))
}

fn look_up(connection: &Connection, at: &Address) -> rusqlite::Result<Option<StoredObject>> {
    connection
        .prepare_cached("SELECT id, size, etag, modified_ms, headers FROM object WHERE bucket = ?1 AND key = ?2")?
        .query_row(params![at.bucket, at.key.as_bytes()], |row| {
            Ok(StoredObject {
                id: row.get(0)?,
                size: unsigned(row, 1)?,
                etag: row.get(2)?,
                modified_ms: unsigned(row, 3)?,
                headers: json(row, 4)?,
            })
        })
        .optional()
}

/// The files that hold a range of an object, in order.
pub(super) fn pieces(
    connection: &Connection,
    object: i64,
    range: &Range<u64>,
) -> S3Result<Vec<Piece>> {
    let run = || {
        connection
            .prepare_cached(
                "SELECT start, size, blob FROM piece
                 WHERE object = ?1 AND start < ?3 AND start + size > ?2 ORDER BY start",
            )?
            .query_map(
                params![object, signed(range.start), signed(range.end)],
                |row| {
                    Ok(Piece {
                        start: unsigned(row, 0)?,
                        size: unsigned(row, 1)?,
                        blob: row.get(2)?,
                    })
                },
            )?
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(S3Error::internal_error)
}

/// Stores an object in place of the previous one, with its event. Returns the files that are no
/// longer needed.
///
/// # Errors
/// `NoSuchBucket`, `PreconditionFailed`, `ServiceUnavailable` for a name that was written a moment
/// ago: checked inside the transaction, so concurrent writers cannot both win.
pub(super) fn store(
    connection: &Connection,
    rules: &Rules,
    at: &Address,
    new: &NewObject,
    condition: &Condition,
    cause: &Cause,
) -> S3Result<Vec<String>> {
    require_bucket(connection, &at.bucket)?;
    let old = look_up(connection, at).map_err(S3Error::internal_error)?;
    condition.check(old.as_ref())?;
    let now_ms = super::now_ms();
    if let Some(old) = &old {
        rules.check_interval(old.modified_ms, now_ms)?;
    }
    let run = || {
        let superseded = match &old {
            Some(old) => remove_row(connection, old.id)?,
            None => Vec::new(),
        };
        connection
            .prepare_cached(
                "INSERT INTO object (bucket, key, size, etag, modified_ms, headers) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                at.bucket,
                at.key.as_bytes(),
                signed(new.size),
                new.etag,
                signed(now_ms),
                to_json(&new.headers)?
            ])?;
        let id = connection.last_insert_rowid();
        let mut insert = connection.prepare_cached(
            "INSERT INTO piece (object, start, size, blob) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for piece in new.pieces.iter().filter(|it| it.size > 0) {
            insert.execute(params![
                id,
                signed(piece.start),
                signed(piece.size),
                piece.blob
            ])?;
        }
        // Only now, because a copy onto itself keeps using its files.
        let mut garbage = unreferenced(connection, superseded)?;
        // An empty file holds no content: no piece refers to it.
        garbage.extend(
            new.pieces
                .iter()
                .filter(|it| it.size == 0)
                .map(|it| it.blob.clone()),
        );
        super::events::created(
            connection,
            &rules.events,
            at,
            cause,
            (new.size, &new.etag, now_ms),
        )?;
        Ok(garbage)
    };
    run().map_err(|error: rusqlite::Error| S3Error::internal_error(error))
}

/// Removes an object with its event, and returns the files that are no longer needed. A missing
/// object counts as removed and causes no event.
///
/// # Errors
/// `NoSuchBucket`.
pub(super) fn remove(
    connection: &Connection,
    rules: &Rules,
    at: &Address,
) -> S3Result<Vec<String>> {
    require_bucket(connection, &at.bucket)?;
    let run = || {
        let Some(old) = look_up(connection, at)? else {
            return Ok(Vec::new());
        };
        let blobs = remove_row(connection, old.id)?;
        let garbage = unreferenced(connection, blobs)?;
        super::events::deleted(connection, &rules.events, at, super::now_ms())?;
        Ok(garbage)
    };
    run().map_err(|error: rusqlite::Error| S3Error::internal_error(error))
}

/// Removes a row with its pieces, and returns their files.
fn remove_row(connection: &Connection, id: i64) -> rusqlite::Result<Vec<String>> {
    let blobs = connection
        .prepare_cached("SELECT blob FROM piece WHERE object = ?1")?
        .query_map([id], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    connection
        .prepare_cached("DELETE FROM object WHERE id = ?1")?
        .execute([id])?;
    Ok(blobs)
}

/// Filters the names that nothing refers to any more: copies share files.
fn unreferenced(connection: &Connection, blobs: Vec<String>) -> rusqlite::Result<Vec<String>> {
    let mut referenced = connection.prepare_cached("SELECT 1 FROM piece WHERE blob = ?1")?;
    let mut dead = Vec::new();
    for blob in blobs {
        if !referenced.exists([&blob])? {
            dead.push(blob);
        }
    }
    Ok(dead)
}

pub(super) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

pub(super) fn to_json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// `SQLite` has signed integers only; sizes and times stay far below 2^63.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}
