//! Ranges and conditions of requests (RFC 9110, 13 and 14), for `response`.

use std::ops::Range;

/// The part of an object to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RangeOutcome {
    /// The whole object, 200: the request has no range, or one that the edge may ignore (several ranges, another
    /// unit, or a malformed one).
    Whole,
    /// These bytes, end exclusive and never empty, 206.
    Part(Range<u64>),
    /// Unsatisfiable, 416.
    Unsatisfiable,
}

/// Parses the `Range` header for an object of `size` bytes.
pub(super) fn range_of(header: Option<&str>, size: u64) -> RangeOutcome {
    let Some(set) = header
        .map(str::trim)
        .and_then(|it| it.strip_prefix("bytes="))
    else {
        return RangeOutcome::Whole;
    };
    let Some((first, last)) = set.trim().split_once('-') else {
        return RangeOutcome::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        // A number beyond 64 bits is beyond every object.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(first), inclusive) if inclusive.is_some() || last.is_empty() => {
            if inclusive.is_some_and(|last| last < first) {
                return RangeOutcome::Whole;
            }
            let end = inclusive.map_or(size, |last| last.saturating_add(1).min(size));
            if first < end {
                RangeOutcome::Part(first..end)
            } else {
                RangeOutcome::Unsatisfiable
            }
        }
        (None, Some(suffix)) if first.is_empty() => {
            if suffix == 0 || size == 0 {
                return RangeOutcome::Unsatisfiable;
            }
            RangeOutcome::Part(size.saturating_sub(suffix)..size)
        }
        _ => RangeOutcome::Whole,
    }
}

/// Whether the client's copy (`If-None-Match`) is still current. ETags are compared weakly (RFC 9110, 13.1.2).
pub(super) fn not_modified(if_none_match: Option<&str>, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let current = opaque(etag);
    if_none_match
        .is_some_and(|list| list.trim() == "*" || list.split(',').any(|it| opaque(it) == current))
}

/// Whether a client accepts gzip, by its `Accept-Encoding` (RFC 9110, 12.5.3).
pub fn accepts_gzip(accept_encoding: &str) -> bool {
    let taken = |wanted: &[&str]| {
        let mut all = accept_encoding
            .split(',')
            .map(|it| it.split_once(';').unwrap_or((it, "")));
        let (_, weight) = all.find(|(coding, _)| wanted.contains(&coding.trim()))?;
        let refused = |it: &str| it.trim().trim_matches(['0', '.']).is_empty();
        Some(!weight.trim().strip_prefix("q=").is_some_and(refused))
    };
    // The star does not apply to a coding that is named.
    taken(&["gzip", "x-gzip"])
        .or_else(|| taken(&["*"]))
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_of_ten_bytes() {
        for (header, expected) in [
            ("bytes=0-3", RangeOutcome::Part(0..4)),
            ("bytes=4-", RangeOutcome::Part(4..10)),
            ("bytes=4-99", RangeOutcome::Part(4..10)),
            ("bytes=-3", RangeOutcome::Part(7..10)),
            ("bytes=-99", RangeOutcome::Part(0..10)),
            ("bytes=9-9", RangeOutcome::Part(9..10)),
            ("bytes=10-", RangeOutcome::Unsatisfiable),
            ("bytes=10-20", RangeOutcome::Unsatisfiable),
            ("bytes=99999999999999999999-", RangeOutcome::Unsatisfiable),
            ("bytes=-0", RangeOutcome::Unsatisfiable),
            ("bytes=5-2", RangeOutcome::Whole),
            ("bytes=-", RangeOutcome::Whole),
            ("bytes=", RangeOutcome::Whole),
            ("bytes=0-1,3-4", RangeOutcome::Whole),
            ("bytes=1-2,5-", RangeOutcome::Whole),
            ("bytes=20-1,0-", RangeOutcome::Whole),
            ("bytes=5-x-", RangeOutcome::Whole),
            ("bytes=a-b", RangeOutcome::Whole),
            ("bytes=1-x", RangeOutcome::Whole),
            ("bytes=+1-2", RangeOutcome::Whole),
            ("frames=0-1", RangeOutcome::Whole),
        ] {
            assert_eq!(range_of(Some(header), 10), expected, "{header}");
        }
        assert_eq!(range_of(None, 10), RangeOutcome::Whole);
        assert_eq!(range_of(Some("bytes=-1"), 0), RangeOutcome::Unsatisfiable);
    }

    #[test]
    fn tags_are_compared_weakly() {
        assert!(not_modified(Some("\"a\", W/\"b\""), "\"b\""));
        assert!(not_modified(Some("*"), "\"b\""));
        assert!(!not_modified(Some("\"c\""), "\"b\""));
        assert!(!not_modified(None, "\"b\""));
    }

    #[test]
    fn gzip_is_taken_or_refused() {
        for (header, expected) in [
            ("gzip", true),
            ("br, gzip", true),
            ("gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("*;q=0, gzip", true),
            ("gzipped", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_inside(header in "bytes=[0-9]{0,21}-[0-9]{0,21}|\\PC{0,20}", size in any::<u64>()) {
            if let RangeOutcome::Part(range) = range_of(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
