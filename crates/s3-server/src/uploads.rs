//! Multipart uploads in the index, under R2's rules. All functions run inside a transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use s3s::{S3Error, S3Result, s3_error};

use super::events::Cause;
use super::headers::StoredHeaders;
use super::objects::{
    Address, Condition, NewObject, Piece, Rules, json, require_bucket, signed, store, to_json,
    unsigned,
};

/// Minimum size of a part other than the last, bytes.
pub(super) const MIN_PART: u64 = 5 << 20;
/// Maximum number of parts, and the highest part number.
pub(super) const MAX_PARTS: i32 = 10_000;
/// Uploads that are not completed within 7 days are removed, as on R2.
const EXPIRY_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// A received part.
#[derive(Debug, Clone)]
pub(super) struct StoredPart {
    pub(super) number: i32,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified_ms: u64,
    pub(super) blob: String,
}

/// An upload that is neither completed nor aborted.
#[derive(Debug, Clone)]
pub(super) struct StoredUpload {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) created_ms: u64,
}

/// Creates an upload.
pub(super) fn create(
    connection: &Connection,
    id: &str,
    at: &Address,
    headers: &StoredHeaders,
) -> S3Result<()> {
    require_bucket(connection, &at.bucket)?;
    let run = || {
        connection
            .prepare_cached("INSERT INTO upload (id, bucket, key, created_ms, headers) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![id, at.bucket, at.key.as_bytes(), signed(super::now_ms()), to_json(headers)?])
    };
    run().map_err(S3Error::internal_error)?;
    Ok(())
}

/// Finds an upload of this object.
///
/// # Errors
/// `NoSuchUpload`.
pub(super) fn find(connection: &Connection, id: &str, at: &Address) -> S3Result<StoredHeaders> {
    let run = || {
        connection
            .prepare_cached(
                "SELECT headers FROM upload WHERE id = ?1 AND bucket = ?2 AND key = ?3",
            )?
            .query_row(params![id, at.bucket, at.key.as_bytes()], |row| {
                json(row, 0)
            })
            .optional()
    };
    run()
        .map_err(S3Error::internal_error)?
        .ok_or_else(|| s3_error!(NoSuchUpload))
}

/// Records a part; returns the file of the part that it replaces.
pub(super) fn put_part(
    connection: &Connection,
    id: &str,
    at: &Address,
    part: &StoredPart,
) -> S3Result<Vec<String>> {
    find(connection, id, at)?;
    let run = || {
        let old: Option<String> = connection
            .prepare_cached("SELECT blob FROM part WHERE upload = ?1 AND number = ?2")?
            .query_row(params![id, part.number], |row| row.get(0))
            .optional()?;
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO part (upload, number, size, etag, modified_ms, blob)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                id,
                part.number,
                signed(part.size),
                part.etag,
                signed(part.modified_ms),
                part.blob
            ])?;
        Ok(old.into_iter().collect())
    };
    run().map_err(|error: rusqlite::Error| S3Error::internal_error(error))
}

/// The received parts, by number, after `after`, at most `max`.
pub(super) fn parts(
    connection: &Connection,
    id: &str,
    after: i32,
    max: u32,
) -> S3Result<Vec<StoredPart>> {
    let run = || {
        connection
            .prepare_cached(
                "SELECT number, size, etag, modified_ms, blob FROM part
                 WHERE upload = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
            )?
            .query_map(params![id, after, max], |row| {
                Ok(StoredPart {
                    number: row.get(0)?,
                    size: unsigned(row, 1)?,
                    etag: row.get(2)?,
                    modified_ms: unsigned(row, 3)?,
                    blob: row.get(4)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(S3Error::internal_error)
}

/// A part as listed in the completion request.
pub(super) struct NamedPart {
    pub(super) number: i32,
    pub(super) etag: String,
}

/// Creates an object from the listed parts; copies nothing. Returns its ETag, and the files that
/// are no longer needed.
///
/// # Errors
/// `NoSuchUpload`; `InvalidPartOrder`; `InvalidPart` for a part that is missing or (R2's rule) not
/// as long as the others; `EntityTooSmall`; `PreconditionFailed`. The upload remains then.
pub(super) fn complete(
    connection: &Connection,
    rules: &Rules,
    id: &str,
    at: &Address,
    named: &[NamedPart],
    condition: &Condition,
) -> S3Result<(String, Vec<String>)> {
    let headers = find(connection, id, at)?;
    let mut present: HashMap<i32, StoredPart> = parts(connection, id, 0, MAX_PARTS.unsigned_abs())?
        .into_iter()
        .map(|part| (part.number, part))
        .collect();
    let mut chosen = Vec::with_capacity(named.len());
    let mut previous = 0;
    for NamedPart { number, etag } in named {
        if *number <= previous {
            return Err(s3_error!(InvalidPartOrder));
        }
        previous = *number;
        let part = present.remove(number).filter(|part| part.etag == *etag);
        chosen.push(part.ok_or_else(|| {
            s3_error!(InvalidPart, "part {number} is missing or has another eTag")
        })?);
    }
    check_sizes(&chosen.iter().map(|part| part.size).collect::<Vec<_>>())?;
    let mut start = 0;
    let pieces: Vec<Piece> = chosen
        .iter()
        .map(|part| {
            let piece = Piece {
                start,
                size: part.size,
                blob: part.blob.clone(),
            };
            start += part.size;
            piece
        })
        .collect();
    let etag = super::digest::multipart_etag(chosen.iter().map(|part| part.etag.as_str()));
    let object = NewObject {
        size: start,
        etag: etag.clone(),
        headers,
        pieces,
    };
    let mut garbage = store(connection, rules, at, &object, condition, &Cause::Multipart)?;
    garbage.extend(present.into_values().map(|part| part.blob));
    forget(connection, id)?;
    Ok((etag, garbage))
}

fn check_sizes(sizes: &[u64]) -> S3Result<()> {
    let Some((last, others)) = sizes.split_last() else {
        return Err(s3_error!(MalformedXML));
    };
    if others.iter().any(|size| *size < MIN_PART) {
        return Err(s3_error!(EntityTooSmall));
    }
    if others.iter().any(|size| *size != others[0] || last > size) {
        return Err(s3_error!(
            InvalidPart,
            "All non-trailing parts must have the same length."
        ));
    }
    Ok(())
}

/// Aborts an upload and returns the files of its parts.
pub(super) fn abort(connection: &Connection, id: &str, at: &Address) -> S3Result<Vec<String>> {
    find(connection, id, at)?;
    let blobs = parts(connection, id, 0, MAX_PARTS.unsigned_abs())?
        .into_iter()
        .map(|part| part.blob)
        .collect();
    forget(connection, id)?;
    Ok(blobs)
}

/// Removes expired uploads and returns their files.
pub(super) fn expire(connection: &Connection, now_ms: u64) -> rusqlite::Result<Vec<String>> {
    let oldest = signed(now_ms.saturating_sub(EXPIRY_MS));
    let blobs = connection
        .prepare_cached("SELECT blob FROM part JOIN upload ON upload = id WHERE created_ms < ?1")?
        .query_map([oldest], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    connection
        .prepare_cached("DELETE FROM upload WHERE created_ms < ?1")?
        .execute([oldest])?;
    Ok(blobs)
}

fn forget(connection: &Connection, id: &str) -> S3Result<()> {
    let mut delete = connection
        .prepare_cached("DELETE FROM upload WHERE id = ?1")
        .map_err(S3Error::internal_error)?;
    delete.execute([id]).map_err(S3Error::internal_error)?;
    Ok(())
}

/// Unfinished uploads ordered by key and id, after `(key, id)`, at most `max`.
pub(super) fn list(
    connection: &Connection,
    bucket: &str,
    prefix: &str,
    after: (&str, &str),
    max: u32,
) -> S3Result<Vec<StoredUpload>> {
    require_bucket(connection, bucket)?;
    let run = || {
        let end = super::listing::successor(prefix.as_bytes());
        connection
            .prepare_cached(
                "SELECT id, key, created_ms FROM upload
                 WHERE bucket = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) AND (key, id) > (?4, ?5)
                 ORDER BY key, id LIMIT ?6",
            )?
            .query_map(params![bucket, prefix.as_bytes(), end, after.0.as_bytes(), after.1, max], |row| {
                let key: Vec<u8> = row.get(1)?;
                let key = String::from_utf8_lossy(&key).into_owned();
                Ok(StoredUpload { id: row.get(0)?, key, created_ms: unsigned(row, 2)? })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
    };
    run().map_err(S3Error::internal_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sizes: &[u64], expected: Result<(), &str>) {
        let result = check_sizes(sizes);
        assert_eq!(
            result
                .as_ref()
                .copied()
                .map_err(|error| error.code().as_str()),
            expected
        );
    }

    #[test]
    fn parts_are_equal_but_the_last() {
        check(&[], Err("MalformedXML"));
        check(&[0], Ok(()));
        check(&[1], Ok(()));
        check(&[MIN_PART, 1], Ok(()));
        check(&[MIN_PART, MIN_PART], Ok(()));
        check(&[MIN_PART - 1, 1], Err("EntityTooSmall"));
        check(&[MIN_PART, MIN_PART + 1], Err("InvalidPart"));
        check(&[MIN_PART, MIN_PART + 1, 1], Err("InvalidPart"));
    }

    #[test]
    fn unfinished_uploads_vanish_after_seven_days() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .pragma_update(None, "foreign_keys", true)
            .unwrap();
        crate::schema::migrate(&connection).unwrap();
        connection
            .execute("INSERT INTO bucket VALUES ('media', 0)", [])
            .unwrap();
        let at = Address {
            bucket: "media".to_owned(),
            key: "a".to_owned(),
        };
        create(&connection, "id", &at, &StoredHeaders::default()).unwrap();
        let part = StoredPart {
            number: 1,
            size: 1,
            etag: String::new(),
            modified_ms: 0,
            blob: "file".to_owned(),
        };
        put_part(&connection, "id", &at, &part).unwrap();
        let now_ms = crate::now_ms();
        assert_eq!(
            expire(&connection, now_ms + EXPIRY_MS - 60_000).unwrap(),
            [] as [&str; 0]
        );
        assert_eq!(
            expire(&connection, now_ms + EXPIRY_MS + 60_000).unwrap(),
            ["file"]
        );
        assert_eq!(
            find(&connection, "id", &at).unwrap_err().code().as_str(),
            "NoSuchUpload"
        );
        assert_eq!(parts(&connection, "id", 0, 10).unwrap().len(), 0);
    }
}
