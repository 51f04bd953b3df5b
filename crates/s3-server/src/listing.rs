//! Lists objects by prefix, in byte order of their keys, with common prefixes.

use rusqlite::{Connection, params};
use s3s::{S3Error, S3Result};

use super::objects::{require_bucket, unsigned};

/// What to list.
pub(super) struct Query {
    pub(super) bucket: String,
    pub(super) prefix: String,
    /// Keys that contain it after the prefix are grouped.
    pub(super) delimiter: Option<String>,
    /// Continue after this position.
    pub(super) after: Option<After>,
    /// Maximum number of objects and common prefixes together.
    pub(super) max: usize,
}

/// The position at which a listing continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum After {
    Key(String),
    /// After all keys with this prefix.
    CommonPrefix(String),
}

impl After {
    /// An opaque token that is valid in XML and URLs whatever the key contains.
    pub(super) fn token(&self) -> String {
        match self {
            Self::Key(key) => format!("k{}", base16ct::lower::encode_string(key.as_bytes())),
            Self::CommonPrefix(prefix) => {
                format!("p{}", base16ct::lower::encode_string(prefix.as_bytes()))
            }
        }
    }

    pub(super) fn parse(token: &str) -> Option<Self> {
        let (kind, hex) = (token.get(..1)?, token.get(1..)?);
        let bytes: Option<Vec<u8>> = (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok())
            .collect();
        let text = String::from_utf8(bytes?).ok()?;
        match kind {
            "k" => Some(Self::Key(text)),
            "p" => Some(Self::CommonPrefix(text)),
            _ => None,
        }
    }
}

/// An object in a listing.
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified_ms: u64,
}

/// A page.
#[derive(Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Listed>,
    pub(super) common_prefixes: Vec<String>,
    /// The position of the next page; `None` on the last one.
    pub(super) next: Option<After>,
}

/// Lists a page. Keys under a common prefix are skipped instead of read.
pub(super) fn list(connection: &Connection, query: &Query) -> S3Result<Page> {
    require_bucket(connection, &query.bucket)?;
    if query.max == 0 {
        return Ok(Page::default());
    }
    run(connection, query).map_err(S3Error::internal_error)
}

fn run(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let mut page = Page::default();
    let mut last = None;
    let mut from = start(query);
    let end = successor(query.prefix.as_bytes());
    let mut select = connection.prepare_cached(
        "SELECT key, size, etag, modified_ms FROM object
         WHERE bucket = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key",
    )?;
    'scan: while let Some(begin) = from.take() {
        let mut rows = select.query(params![query.bucket, begin, end])?;
        while let Some(row) = rows.next()? {
            if page.objects.len() + page.common_prefixes.len() == query.max {
                page.next = last;
                break 'scan;
            }
            let key: Vec<u8> = row.get(0)?;
            let key = String::from_utf8_lossy(&key).into_owned();
            if let Some(common) = common_prefix(&key, query) {
                from = successor(common.as_bytes());
                last = Some(After::CommonPrefix(common.clone()));
                page.common_prefixes.push(common);
                continue 'scan;
            }
            last = Some(After::Key(key.clone()));
            page.objects.push(Listed {
                key,
                size: unsigned(row, 1)?,
                etag: row.get(2)?,
                modified_ms: unsigned(row, 3)?,
            });
        }
    }
    Ok(page)
}

/// The smallest key that may be listed; `None` if there is none.
fn start(query: &Query) -> Option<Vec<u8>> {
    let after = match &query.after {
        None => Some(Vec::new()),
        // No key sorts between a key and the same key with a zero byte appended.
        Some(After::Key(key)) => Some([key.as_bytes(), &[0]].concat()),
        Some(After::CommonPrefix(prefix)) => successor(prefix.as_bytes()),
    }?;
    Some(after.max(query.prefix.clone().into_bytes()))
}

fn common_prefix(key: &str, query: &Query) -> Option<String> {
    let delimiter = query.delimiter.as_deref().filter(|it| !it.is_empty())?;
    let rest = &key[query.prefix.len()..];
    let end = query.prefix.len() + rest.find(delimiter)? + delimiter.len();
    Some(key[..end].to_owned())
}

/// The smallest byte string greater than all with `prefix`; `None` if there is none.
pub(super) fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let end = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix[..=end].to_vec();
    next[end] += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors() {
        assert_eq!(successor(b"a/"), Some(b"a0".to_vec()));
        assert_eq!(successor(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(successor(b"\xff"), None);
        assert_eq!(successor(b""), None);
    }

    #[test]
    fn tokens_round_trip_and_invalid_ones_are_none() {
        for after in [
            After::Key("a/\u{1}é".to_owned()),
            After::CommonPrefix("x/".to_owned()),
        ] {
            assert_eq!(After::parse(&after.token()), Some(after));
        }
        for rubbish in ["", "k6", "kzz", "x61", "é", "kff"] {
            assert_eq!(After::parse(rubbish), None, "{rubbish}");
        }
    }
}
