//! The route of a request, and the grant that it carries.

use crate::ids::{Generation, VideoId};
use crate::object_key::RenditionName;

use super::{GRANT_COOKIE, Refusal, Request};

/// A valid path, judged by its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Master {
        video: VideoId,
    },
    Stream {
        pass: &'a str,
        path: &'a str,
    },
    Key {
        pass: &'a str,
        generation: Generation,
        key: RenditionName,
    },
    Revocations,
}

/// Maximum length of a path, bytes.
const MAX_PATH: usize = 8192 + 1024;

impl<'a> Route<'a> {
    pub(super) fn parse(path: &'a str) -> Result<Self, Refusal> {
        // Valid paths need no escapes, so a path with one, or with an ambiguous form, is rejected.
        let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'/' | b'.' | b'_' | b'-');
        let rest = path.strip_prefix('/').ok_or(Refusal::Path)?;
        if path.len() > MAX_PATH || !path.bytes().all(plain) {
            return Err(Refusal::Path);
        }
        if rest.split('/').any(|it| matches!(it, "" | "." | "..")) {
            return Err(if rest.is_empty() {
                Refusal::NotFound
            } else {
                Refusal::Path
            });
        }
        if rest == "revocations" {
            return Ok(Self::Revocations);
        }
        let (kind, rest) = rest.split_once('/').ok_or(Refusal::NotFound)?;
        let (first, rest) = rest.split_once('/').ok_or(Refusal::NotFound)?;
        match kind {
            "v" if rest == "master.m3u8" => {
                let video = first.parse().map_err(|_| Refusal::NotFound)?;
                Ok(Self::Master { video })
            }
            "s" => Ok(Self::Stream {
                pass: first,
                path: rest,
            }),
            "k" => {
                let (generation, file) = rest.split_once('/').ok_or(Refusal::NotFound)?;
                let name = file.strip_suffix(".key").ok_or(Refusal::NotFound)?;
                let generation = generation.parse().map_err(|_| Refusal::NotFound)?;
                let key = name.parse().map_err(|_| Refusal::NotFound)?;
                Ok(Self::Key {
                    pass: first,
                    generation,
                    key,
                })
            }
            _ => Err(Refusal::NotFound),
        }
    }
}

/// The grant of a request: from the query or from `Authorization`, but not from both, or else from the cookie, which
/// browsers send automatically.
pub(super) fn grant_of<'a>(request: &Request<'a>) -> Result<&'a str, Refusal> {
    match (in_query(request)?, in_header(request)?) {
        (Some(_), Some(_)) => Err(Refusal::GrantTwice),
        (Some(grant), None) | (None, Some(grant)) => present(grant),
        (None, None) => present(in_cookie(request)?.unwrap_or_default()),
    }
}

/// The grants of a renewal request.
pub(super) struct Renewing<'a> {
    /// The new grant.
    pub(super) fresh: &'a str,
    /// The grant whose session is renewed; `None`: the new one has the same session.
    pub(super) running: Option<&'a str>,
}

impl<'a> Renewing<'a> {
    /// The player's URL, with its grant in the query, names the session; `Authorization` carries the fresh grant.
    /// A single grant, wherever it is, names its own session.
    pub(super) fn of(request: &Request<'a>) -> Result<Self, Refusal> {
        match (in_header(request)?, in_query(request)?) {
            (Some(fresh), Some(running)) => Ok(Self {
                fresh: present(fresh)?,
                running: Some(present(running)?),
            }),
            (Some(fresh), None) | (None, Some(fresh)) => Ok(Self {
                fresh: present(fresh)?,
                running: None,
            }),
            (None, None) => Ok(Self {
                fresh: present(in_cookie(request)?.unwrap_or_default())?,
                running: None,
            }),
        }
    }
}

fn present(grant: &str) -> Result<&str, Refusal> {
    if grant.is_empty() {
        Err(Refusal::GrantMissing)
    } else {
        Ok(grant)
    }
}

fn in_query<'a>(request: &Request<'a>) -> Result<Option<&'a str>, Refusal> {
    let parameters = request.query.unwrap_or_default().split('&');
    one(parameters.filter_map(|it| match it.split_once('=') {
        Some(("grant", value)) => Some(value),
        None if it == "grant" => Some(""),
        _ => None,
    }))
}

fn in_header<'a>(request: &Request<'a>) -> Result<Option<&'a str>, Refusal> {
    request.authorization.map(bearer).transpose()
}

fn in_cookie<'a>(request: &Request<'a>) -> Result<Option<&'a str>, Refusal> {
    one(request
        .cookie
        .unwrap_or_default()
        .split(';')
        .filter_map(|it| {
            let (name, value) = it.trim().split_once('=')?;
            (name == GRANT_COOKIE).then_some(value)
        }))
}

/// The token of an `Authorization` header (RFC 6750, 2.1). Other schemes do not carry a grant.
fn bearer(value: &str) -> Result<&str, Refusal> {
    let (scheme, token) = value
        .trim()
        .split_once(' ')
        .ok_or(Refusal::GrantMalformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::GrantMissing);
    }
    // Two headers are joined by a comma.
    if token.contains(',') {
        Err(Refusal::GrantTwice)
    } else {
        Ok(token.trim())
    }
}

fn one<'a>(mut found: impl Iterator<Item = &'a str>) -> Result<Option<&'a str>, Refusal> {
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(Refusal::GrantTwice),
        (first, _) => Ok(first),
    }
}
