//! Detects claims that look like misspelt limits: `maxHeight`, `ips`, `origin`.
//!
//! A grant may contain other claims, which are ignored. But a misspelt limit would have no effect,
//! so it is rejected.

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The claims that are limits.
const LIMITS: [&str; 6] = [
    "max_height",
    "check_segments",
    "origins",
    "geo",
    "ip",
    "nbf",
];
/// Common other names of the limits, in lower case without separators.
const OTHER_NAMES: [&str; 9] = [
    "height",
    "ips",
    "ipaddress",
    "ipaddresses",
    "country",
    "countries",
    "origin",
    "notbefore",
    "alloworigins",
];
/// Names from this length on are recognised with up to a quarter of their letters wrong.
const LONG: usize = 7;

/// A JSON object without misspelt limits.
pub(super) struct Spelt;

impl<'de> Deserialize<'de> for Spelt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Maps only: serde would also accept an array of the values in order.
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Spelt;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut claims: A) -> Result<Spelt, A::Error> {
        while let Some((name, IgnoredAny)) = claims.next_entry::<String, IgnoredAny>()? {
            if is_misspelt(&name) {
                return Err(A::Error::custom("a misspelt limit"));
            }
        }
        Ok(Spelt)
    }
}

fn is_misspelt(name: &str) -> bool {
    let plain = |it: &str| -> Vec<u8> {
        it.bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|it| it.to_ascii_lowercase())
            .collect()
    };
    let found = plain(name);
    let is_near = |limit: &str| {
        let limit = plain(limit);
        found == limit || (limit.len() >= LONG && distance(&found, &limit) <= limit.len() / 4)
    };
    !LIMITS.contains(&name)
        && (OTHER_NAMES.iter().any(|it| found == it.as_bytes())
            || LIMITS.iter().any(|it| is_near(it)))
}

/// The Levenshtein distance: letters to add, remove or change.
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.iter().enumerate() {
        let mut before = place;
        let mut left = place + 1;
        for (cell, found) in row.iter_mut().skip(1).zip(other) {
            let changed = before + usize::from(letter != found);
            before = *cell;
            left = changed.min(before + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = place + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_limit_is_one_or_is_misspelt() {
        for name in [
            "maxHeight",
            "max-height",
            "max_heigth",
            "maxheight",
            "Max_Height",
            "max_hight",
            "height",
            "IP",
            "ips",
            "ip_address",
            "Geo",
            "country",
            "origin",
            "Origins",
            "orgins",
            "check_segment",
            "checkSegments",
            "notBefore",
            "NBF",
        ] {
            assert!(is_misspelt(name), "{name}");
        }
        for name in [
            "max_height",
            "ip",
            "geo",
            "origins",
            "check_segments",
            "nbf",
            "exp",
            "iat",
            "iss",
            "aud",
            "vid",
            "sub",
            "jti",
            "user_id",
            "email",
            "name",
            "tenant",
            "plan",
            "region",
            "https://example.com/height",
            "session",
            "original",
            "device",
            "scope",
        ] {
            assert!(!is_misspelt(name), "{name}");
        }
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (one, other, expected) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("same", "same", 0),
            ("ab", "ba", 2),
        ] {
            assert_eq!(
                distance(one.as_bytes(), other.as_bytes()),
                expected,
                "{one} {other}"
            );
        }
    }
}
