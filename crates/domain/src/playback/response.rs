//! The response with an object (RFC 9110, 13 and 14): status, headers and bytes, computed from the conditions of the
//! request and from the size and ETag of the object.

use std::ops::Range;

use super::conditional::{RangeOutcome, not_modified, range_of};

/// The largest playlist that the edge reads, bytes: a day of segments of two seconds has 43,200 entries of about 200
/// bytes.
pub const MAX_PLAYLIST_BYTES: u64 = 16 << 20;

/// The largest wrapped content key that the edge reads, bytes.
pub const MAX_WRAPPED_KEY_BYTES: u64 = 4 << 10;

/// The conditions of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conditions {
    /// The method is HEAD.
    pub is_head: bool,
    /// `Range` of a GET: the method gives the header its meaning (RFC 9110, 14.2).
    range: Option<String>,
    /// `If-Range`.
    if_range: Option<String>,
    /// `If-None-Match`.
    if_none_match: Option<String>,
}

/// A response with an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectResponse {
    /// 304: the client has this version.
    NotModified,
    /// 200 or 206.
    Content(Content),
    /// 416, with this `Content-Range`.
    Unsatisfiable(String),
}

/// The part of an object to send; for a HEAD request, only its headers are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// 200 or 206.
    pub status: u16,
    /// `Content-Range` of a 206.
    pub content_range: Option<String>,
    /// `Content-Length`.
    pub length: u64,
    /// The bytes to read; `None`: all of them.
    pub range: Option<Range<u64>>,
}

impl Conditions {
    /// Reads the headers of a GET or HEAD; `header` gives the value of a header by its name in lower case.
    pub fn read(is_head: bool, header: impl Fn(&str) -> Option<String>) -> Self {
        let range = if is_head { None } else { header("range") };
        let if_range = range.as_ref().and_then(|_| header("if-range"));
        Self {
            is_head,
            range,
            if_range,
            if_none_match: header("if-none-match"),
        }
    }

    /// Whether the size of the object is needed before its body is read.
    pub fn need_size(&self) -> bool {
        self.is_head || self.range.is_some()
    }

    /// Whether the client has the version with this ETag.
    pub fn not_modified(&self, etag: &str) -> bool {
        not_modified(self.if_none_match.as_deref(), etag)
    }

    /// The response with an object of `size` bytes. `etag`: quoted, as in the header `ETag`.
    pub fn respond(&self, size: u64, etag: &str) -> ObjectResponse {
        if self.not_modified(etag) {
            return ObjectResponse::NotModified;
        }
        // A range of a version that the client no longer has is of no use to it (RFC 9110, 13.1.5).
        let is_same = self.if_range.as_ref().is_none_or(|it| it == etag);
        match range_of(self.range.as_deref().filter(|_| is_same), size) {
            RangeOutcome::Whole => ObjectResponse::Content(Content {
                status: 200,
                content_range: None,
                length: size,
                range: None,
            }),
            RangeOutcome::Part(part) => {
                let last = part.end.saturating_sub(1);
                ObjectResponse::Content(Content {
                    status: 206,
                    content_range: Some(format!("bytes {}-{last}/{size}", part.start)),
                    length: part.end.saturating_sub(part.start),
                    range: Some(part),
                })
            }
            RangeOutcome::Unsatisfiable => ObjectResponse::Unsatisfiable(format!("bytes */{size}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"a\"";

    fn respond(is_head: bool, headers: &[(&str, &str)]) -> ObjectResponse {
        let find = |name: &str| {
            headers
                .iter()
                .find(|it| it.0 == name)
                .map(|it| it.1.to_owned())
        };
        Conditions::read(is_head, find).respond(10, TAG)
    }

    fn whole() -> ObjectResponse {
        ObjectResponse::Content(Content {
            status: 200,
            content_range: None,
            length: 10,
            range: None,
        })
    }

    fn part(range: Range<u64>, content_range: &str) -> ObjectResponse {
        let content_range = Some(content_range.to_owned());
        ObjectResponse::Content(Content {
            status: 206,
            content_range,
            length: range.end - range.start,
            range: Some(range),
        })
    }

    #[test]
    fn conditions_and_ranges_are_combined() {
        let cases = [
            (false, vec![], whole()),
            (true, vec![], whole()),
            (true, vec![("range", "bytes=0-3")], whole()),
            (
                false,
                vec![("range", "bytes=2-3")],
                part(2..4, "bytes 2-3/10"),
            ),
            (
                false,
                vec![("range", "bytes=2-3"), ("if-range", TAG)],
                part(2..4, "bytes 2-3/10"),
            ),
            (
                false,
                vec![("range", "bytes=2-3"), ("if-range", "\"b\"")],
                whole(),
            ),
            (false, vec![("if-range", "\"b\"")], whole()),
            (
                false,
                vec![("range", "bytes=10-")],
                ObjectResponse::Unsatisfiable("bytes */10".to_owned()),
            ),
            (true, vec![("range", "bytes=10-")], whole()),
            (
                false,
                vec![("if-none-match", TAG), ("range", "bytes=10-")],
                ObjectResponse::NotModified,
            ),
            (
                true,
                vec![("if-none-match", "W/\"a\"")],
                ObjectResponse::NotModified,
            ),
        ];
        for (is_head, headers, expected) in cases {
            assert_eq!(
                respond(is_head, &headers),
                expected,
                "{is_head} {headers:?}"
            );
        }
    }

    #[test]
    fn the_size_is_needed_for_ranges_and_heads() {
        let conditions = |is_head, name: &'static str| {
            Conditions::read(is_head, move |it| {
                (it == name).then(|| "bytes=0-3".to_owned())
            })
        };
        assert!(conditions(false, "range").need_size() && conditions(true, "").need_size());
        assert!(!conditions(false, "if-none-match").need_size());
    }
}
