//! Grants at the master playlist.

mod forms;
mod odd_tokens;

use crate::grant::{Geo, Grant, Limits};
use crate::playback::Refusal;

use super::Case;
use super::world::{
    generation, grant, master_with, other_video, revoked_video, sign, sign_eddsa, sign_es256,
    token, video,
};
use forms::forms;
use odd_tokens::{odd_tokens, other_algorithms};

const HEADER: &str = r#"{"alg":"HS256","kid":"g2"}"#;

pub(super) fn cases(now: u64) -> Vec<Case> {
    [
        ways(now),
        contents(now),
        forms(now),
        other_algorithms(now),
        odd_tokens(now),
        limits(now),
        heights(now),
    ]
    .concat()
}

/// The ways to send a grant.
fn ways(now: u64) -> Vec<Case> {
    let good = token(&grant(now));
    let bare = format!("/v/{}/master.m3u8", video());
    let variant = format!("/{}/1080p/1080p.m3u8\n", generation());
    let played = |name: &str, target: String| {
        Case::good(name, target)
            .answers("content-type", "application/vnd.apple.mpegurl")
            .answers("cache-control", "private, no-cache")
            .holds("\n/s/")
            .holds(&variant)
            .holds("URI=\"/s/")
            .lacks(&format!("\n{}", generation()))
            .lacks(&format!("\"{}", generation()))
    };
    let bearer = format!("Bearer {good}");
    vec![
        played("grant in the query", master_with(&good)),
        played(
            "grant in the query among others",
            format!("{bare}?a=b&grant={good}&grant_=x"),
        ),
        played("grant as bearer", bare.clone()).header("authorization", bearer.clone()),
        played("grant as bearer, other spelling", bare.clone())
            .header("authorization", format!("bearer  {good}")),
        played("grant in the cookie", bare.clone())
            .header("cookie", format!("a=b; edgereel_grant={good}; c=d")),
        played("an explicit grant before the cookie", master_with(&good))
            .header("cookie", "edgereel_grant=stale"),
        Case::refused("no grant", bare.clone(), Refusal::GrantMissing)
            .answers("www-authenticate", "Bearer"),
        Case::refused(
            "empty grant",
            format!("{bare}?grant="),
            Refusal::GrantMissing,
        ),
        Case::refused(
            "grant without a value",
            format!("{bare}?grant"),
            Refusal::GrantMissing,
        ),
        Case::refused(
            "grant under another name",
            format!("{bare}?Grant={good}"),
            Refusal::GrantMissing,
        ),
        Case::refused(
            "grant under an encoded name",
            format!("{bare}?%67rant={good}"),
            Refusal::GrantMissing,
        ),
        Case::refused("basic authorisation", bare.clone(), Refusal::GrantMissing)
            .header("authorization", "Basic YTpi"),
        Case::refused(
            "authorisation without a token",
            bare.clone(),
            Refusal::GrantMalformed,
        )
        .header("authorization", "Bearer"),
        Case::refused(
            "grant twice in the query",
            format!("{bare}?grant={good}&grant={good}"),
            Refusal::GrantTwice,
        ),
        Case::refused(
            "grant in query and header",
            master_with(&good),
            Refusal::GrantTwice,
        )
        .header("authorization", bearer.clone()),
        Case::refused(
            "two bearers in one header",
            bare.clone(),
            Refusal::GrantTwice,
        )
        .header("authorization", format!("{bearer}, {bearer}")),
        Case::refused("two cookies", bare, Refusal::GrantTwice).header(
            "cookie",
            format!("edgereel_grant={good}; edgereel_grant={good}"),
        ),
    ]
}

/// The contents of a grant.
fn contents(now: u64) -> Vec<Case> {
    let with = |change: fn(&mut Grant, u64)| {
        let mut changed = grant(now);
        change(&mut changed, now);
        master_with(&token(&changed))
    };
    let other = Grant {
        video: other_video(),
        ..grant(now)
    };
    vec![
        Case::refused(
            "expired",
            with(|it, now| it.expires = now - 3600),
            Refusal::GrantExpired,
        ),
        Case::refused(
            "expired long ago",
            with(|it, _| it.expires = 0),
            Refusal::GrantExpired,
        ),
        Case::good(
            "expired within the skew",
            with(|it, now| it.expires = now - 20),
        ),
        Case::refused(
            "not valid yet",
            with(|it, now| it.not_before = Some(now + 3600)),
            Refusal::GrantNotYetValid,
        ),
        Case::good(
            "valid from a moment within the skew",
            with(|it, now| it.not_before = Some(now + 20)),
        ),
        Case::refused(
            "for another video",
            master_with(&token(&other)),
            Refusal::GrantVideo,
        ),
        Case::refused(
            "for a video that is not stored",
            format!("/v/{}/master.m3u8?grant={}", other_video(), token(&other)),
            Refusal::NotFound,
        ),
        Case::good(
            "without viewer and session",
            with(|it, _| (it.viewer, it.id) = (None, None)),
        ),
        Case::refused(
            "of a revoked viewer",
            with(|it, _| it.viewer = Some("mallory".to_owned())),
            Refusal::Revoked,
        ),
        Case::refused(
            "of a revoked session",
            with(|it, _| it.id = Some("session-0".to_owned())),
            Refusal::Revoked,
        ),
        Case::refused(
            "for a revoked video",
            format!(
                "/v/{}/master.m3u8?grant={}",
                revoked_video(),
                token(&Grant {
                    video: revoked_video(),
                    ..grant(now)
                })
            ),
            Refusal::Revoked,
        ),
        Case::good("for ever", with(|it, _| it.expires = u64::MAX)),
    ]
}

/// The locations from which a grant may be used.
fn limits(now: u64) -> Vec<Case> {
    let with = |limits: Limits| {
        master_with(&token(&Grant {
            limits,
            ..grant(now)
        }))
    };
    let prefixes = |list: &[&str]| {
        let ip = list.iter().filter_map(|it| it.parse().ok()).collect();
        with(Limits {
            ip,
            ..Limits::default()
        })
    };
    let country = |list: &[&str]| {
        list.iter()
            .filter_map(|it| it.parse().ok())
            .collect::<Vec<_>>()
    };
    let allow = || {
        with(Limits {
            geo: Some(Geo::Allow(country(&["DE", "AT"]))),
            ..Limits::default()
        })
    };
    let deny = || {
        with(Limits {
            geo: Some(Geo::Deny(country(&["US"]))),
            ..Limits::default()
        })
    };
    let origin = || {
        with(Limits {
            origins: "https://a.example".parse().into_iter().collect(),
            ..Limits::default()
        })
    };
    let (v4, v6) = (["192.0.2.0/24"], ["2001:db8::/32", "192.0.2.9"]);
    vec![
        Case::good("address in the prefix", prefixes(&v4)).from("192.0.2.77"),
        Case::refused(
            "address outside of the prefix",
            prefixes(&v4),
            Refusal::Address,
        )
        .from("192.0.3.1"),
        Case::good("v6 address in the prefix", prefixes(&v6)).from("2001:db8:1::1"),
        Case::refused(
            "v6 address outside of the prefix",
            prefixes(&v6),
            Refusal::Address,
        )
        .from("2001:db9::1"),
        Case::good("one of several addresses", prefixes(&v6)).from("192.0.2.9"),
        Case::refused(
            "v6 address for a v4 prefix",
            prefixes(&v4),
            Refusal::Address,
        )
        .from("2001:db8::1"),
        Case::good("allowed country", allow()).country("AT"),
        Case::refused("country not allowed", allow(), Refusal::Country).country("US"),
        Case::refused(
            "unknown country, list of allowed",
            allow(),
            Refusal::Country,
        ),
        Case::good("country not denied", deny()).country("DE"),
        Case::refused("denied country", deny(), Refusal::Country).country("US"),
        Case::refused("unknown country, list of denied", deny(), Refusal::Country),
        Case::refused("no country, list of denied", deny(), Refusal::Country).country("XX"),
        Case::refused("Tor, list of denied", deny(), Refusal::Country).country("T1"),
        Case::good("allowed page", origin())
            .header("origin", "https://a.example")
            .answers("access-control-allow-origin", "https://a.example"),
        Case::good("allowed page by its referer", origin())
            .header("referer", "https://a.example/watch?v=1"),
        Case::refused("page not allowed", origin(), Refusal::Origin)
            .header("origin", "https://evil.example"),
        Case::refused("page with a similar name", origin(), Refusal::Origin)
            .header("origin", "https://a.example.evil.example"),
        Case::refused("page without a name", origin(), Refusal::Origin).header("origin", "null"),
        Case::refused("no page at all", origin(), Refusal::Origin),
        Case::refused(
            "a wrong origin with a right referer",
            origin(),
            Refusal::Origin,
        )
        .header("origin", "https://evil.example")
        .header("referer", "https://a.example/"),
    ]
}

/// The effect of `max_height`.
fn heights(now: u64) -> Vec<Case> {
    let with = |max_height| {
        let limits = Limits {
            max_height: Some(max_height),
            ..Limits::default()
        };
        master_with(&token(&Grant {
            limits,
            ..grant(now)
        }))
    };
    vec![
        Case::good("up to 480 lines", with(480))
            .holds("/480p/480p.m3u8")
            .holds("/iframes/iframes.m3u8")
            .holds("/audio-96k/audio-96k.m3u8")
            .lacks("1080p")
            .lacks("source"),
        Case::good("up to 1080 lines", with(1080))
            .holds("/1080p/1080p.m3u8")
            .lacks("source"),
        Case::good("up to 4320 lines", with(4320)).holds("/source/source.m3u8"),
        Case::refused("up to 479 lines", with(479), Refusal::MaxHeight),
        Case::refused("up to 0 lines", with(0), Refusal::MaxHeight),
    ]
}
