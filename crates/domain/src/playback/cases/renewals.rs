//! Renewed sessions: expired passes and new grants.

use crate::grant::{Fingerprint, Geo, Grant, Limits};
use crate::ids::Generation;
use crate::pass::{Pass, Purpose};
use crate::playback::{RENEWABLE_SECONDS, Refusal};

use super::Case;
use super::world::{
    content_key, grant, key_under, master_with, other_video, own_poster, rendition, renewed,
    revoked_video, sign_eddsa, sign_es256, stored_segment, strictly, token, under, video,
};

const PLAYLIST: &str = "1080p/1080p.m3u8";
const SEGMENT: &str = "1080p/1080p_00001.ts";

pub(super) fn cases(now: u64) -> Vec<Case> {
    [
        after_the_end(now),
        looked_up(now),
        renewing(now),
        refused(now),
    ]
    .concat()
}

fn key_of(pass: &Pass) -> Pass {
    Pass {
        purpose: Purpose::Key,
        renditions: Some(vec![rendition("1080p")]),
        ..pass.clone()
    }
}

/// Requests of a player that continues with its old URLs.
fn after_the_end(now: u64) -> Vec<Case> {
    let all = renewed(now);
    let ended = Pass {
        session: Fingerprint::of("renewed, and ended"),
        ..renewed(now)
    };
    let case = |name: &str, target: String| Case::refused(name, target, Refusal::PassExpired);
    let other = |change: fn(&mut Pass)| {
        let mut pass = renewed(now);
        change(&mut pass);
        pass
    };
    let high = other(|it| it.limits.max_height = Some(1080));
    let elsewhere = other(|it| it.limits.geo = Some(Geo::Deny("US".parse().into_iter().collect())));
    let old = Pass {
        expires: now - RENEWABLE_SECONDS - 60,
        ..renewed(now)
    };
    let low = Pass {
        renditions: Some(vec![rendition("480p")]),
        ..renewed(now)
    };
    vec![
        Case::good("renewed, playlist", under(&all, PLAYLIST))
            .answers("content-type", "application/vnd.apple.mpegurl")
            .holds("#EXT-X-KEY:METHOD=AES-128,URI=\"/k/"),
        Case::good("renewed, segment", under(&all, SEGMENT)).body(stored_segment("1080p", 1)),
        Case::good("renewed, part of a segment", under(&all, SEGMENT))
            .header("range", "bytes=0-3")
            .status(206),
        Case::good("renewed, key", key_under(&key_of(&all), "1080p"))
            .body(content_key("1080p").expose().as_slice()),
        Case::good("renewed, poster", under(&all, "poster.jpg")).body("poster"),
        Case::good("renewed, own poster", own_poster(&all)).body("own poster"),
        case("renewed, but that ended, playlist", under(&ended, PLAYLIST)),
        case("renewed, but that ended, segment", under(&ended, SEGMENT)),
        case(
            "renewed, but that ended, key",
            key_under(&key_of(&ended), "1080p"),
        ),
        case(
            "another viewer of the renewed session",
            under(&other(|it| it.viewer = Fingerprint::of("bob")), SEGMENT),
        ),
        case(
            "no viewer in the renewed session",
            under(&other(|it| it.viewer = Fingerprint::default()), PLAYLIST),
        ),
        case(
            "another video in the renewed session",
            under(
                &Pass {
                    video: other_video(),
                    ..renewed(now)
                },
                SEGMENT,
            ),
        ),
        case("a height that was not renewed", under(&high, PLAYLIST)),
        case("a country that was not renewed", under(&elsewhere, SEGMENT)).country("DE"),
        case("renewed, but too long ago, playlist", under(&old, PLAYLIST)),
        case("renewed, but too long ago, segment", under(&old, SEGMENT)),
        Case::refused(
            "renewed, rendition of another pass",
            under(&low, SEGMENT),
            Refusal::PassRendition,
        ),
        Case::refused(
            "renewed, another encoding",
            under(
                &Pass {
                    generation: Generation::of("x", "p"),
                    ..renewed(now)
                },
                SEGMENT,
            ),
            Refusal::PassGeneration,
        ),
    ]
}

/// A revocation takes precedence over a renewal, and if the grant requires it, also for segments.
fn looked_up(now: u64) -> Vec<Case> {
    let mallory = Pass {
        viewer: Fingerprint::of("mallory"),
        ..renewed(now)
    };
    let running = Pass {
        expires: now + 600,
        ..mallory.clone()
    };
    let good = Pass {
        expires: now + 600,
        ..renewed(now)
    };
    let case = |name: &str, target: String| Case::refused(name, target, Refusal::Revoked);
    vec![
        case("renewed but revoked, playlist", under(&mallory, PLAYLIST)),
        case(
            "renewed but revoked, key",
            key_under(&key_of(&mallory), "1080p"),
        ),
        case(
            "renewed but revoked, checked segment",
            under(&strictly(&mallory), SEGMENT),
        ),
        case(
            "revoked, checked segment",
            under(&strictly(&running), SEGMENT),
        ),
        case(
            "revoked, checked initialisation section",
            under(&strictly(&running), "1080p/1080p_init.mp4"),
        ),
        Case::good(
            "revoked, segment that is not checked",
            under(&running, SEGMENT),
        ),
        Case::good("checked segment", under(&strictly(&good), SEGMENT))
            .body(stored_segment("1080p", 1)),
        Case::good(
            "checked segment, renewed",
            under(&strictly(&renewed(now)), SEGMENT),
        ),
    ]
}

/// The player's grant, long expired.
fn running(now: u64) -> Grant {
    Grant {
        id: Some("session-3".to_owned()),
        expires: now - 7200,
        ..grant(now)
    }
}

fn fresh(now: u64) -> Grant {
    Grant {
        id: Some("fresh".to_owned()),
        ..grant(now)
    }
}

fn post(name: &str, target: String) -> Case {
    Case::good(name, target)
        .method("POST")
        .answers("content-type", "application/json")
        .answers("cache-control", "no-store")
        .holds("{\"expires_in\":6")
}

/// New grants, sent in every way.
fn renewing(now: u64) -> Vec<Case> {
    let address = master_with(&token(&running(now)));
    let bare = format!("/v/{}/master.m3u8", video());
    let bearer = |grant: &Grant| format!("Bearer {}", token(grant));
    let claims = format!(
        r#"{{"aud":"edgereel/playback","exp":{},"vid":"{}","sub":"anna","jti":"signed elsewhere"}}"#,
        now + 600,
        video()
    );
    let limited = |grant: Grant| {
        let origins = "https://a.example".parse().into_iter().collect();
        Grant {
            limits: Limits {
                max_height: Some(1080),
                origins,
                ..Limits::default()
            },
            ..grant
        }
    };
    vec![
        post("renewal, fresh grant as bearer", address.clone())
            .header("authorization", bearer(&fresh(now))),
        post("renewal, a cookie beside it", address.clone())
            .header("authorization", bearer(&fresh(now)))
            .header("cookie", "edgereel_grant=stale"),
        post(
            "renewal of its own session, in the query",
            master_with(&token(&fresh(now))),
        ),
        post("renewal of its own session, as bearer", bare.clone())
            .header("authorization", bearer(&fresh(now))),
        post("renewal of its own session, in the cookie", bare)
            .header("cookie", format!("edgereel_grant={}", token(&fresh(now)))),
        post("renewal, signed with EdDSA", address.clone())
            .header("authorization", format!("Bearer {}", sign_eddsa(&claims))),
        post("renewal, signed with ES256", address.clone())
            .header("authorization", format!("Bearer {}", sign_es256(&claims))),
        post(
            "renewal with the same limits, on its page",
            master_with(&token(&limited(running(now)))),
        )
        .header("authorization", bearer(&limited(fresh(now))))
        .header("origin", "https://a.example")
        .answers("access-control-allow-origin", "https://a.example"),
        Case::good("preflight of a renewal", address)
            .method("OPTIONS")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
            .status(204)
            .answers("access-control-allow-origin", "*")
            .answers("access-control-allow-methods", "GET, HEAD, POST, OPTIONS"),
    ]
}

/// New grants that renew nothing.
fn refused(now: u64) -> Vec<Case> {
    let address = master_with(&token(&running(now)));
    let case = |name: &str, fresh: &Grant, refusal| {
        Case::refused(name, address.clone(), refusal)
            .method("POST")
            .header("authorization", format!("Bearer {}", token(fresh)))
    };
    let of = |name: &str, running: &Grant, refusal| {
        Case::refused(name, master_with(&token(running)), refusal)
            .method("POST")
            .header("authorization", format!("Bearer {}", token(&fresh(now))))
    };
    let limits = |change: fn(&mut Limits)| {
        let mut grant = fresh(now);
        change(&mut grant.limits);
        grant
    };
    let with = |change: fn(&mut Grant)| {
        let mut grant = fresh(now);
        change(&mut grant);
        grant
    };
    let bare = format!("/v/{}/master.m3u8", video());
    vec![
        Case::refused(
            "renewal without a grant",
            bare.clone(),
            Refusal::GrantMissing,
        )
        .method("POST"),
        Case::refused(
            "renewal with an empty grant",
            format!("{bare}?grant="),
            Refusal::GrantMissing,
        )
        .method("POST")
        .header("authorization", format!("Bearer {}", token(&fresh(now)))),
        Case::refused(
            "renewal with two running grants",
            format!("{address}&grant=x"),
            Refusal::GrantTwice,
        )
        .method("POST"),
        Case::refused(
            "renewal by the expired grant",
            address.clone(),
            Refusal::GrantExpired,
        )
        .method("POST"),
        Case::refused(
            "renewal of rubbish",
            master_with("a.b.c"),
            Refusal::GrantMalformed,
        )
        .method("POST")
        .header("authorization", format!("Bearer {}", token(&fresh(now)))),
        case(
            "renewal, fresh grant has expired",
            &with(|it| it.expires -= 3600),
            Refusal::GrantExpired,
        ),
        case(
            "renewal, for another video",
            &with(|it| it.video = other_video()),
            Refusal::GrantVideo,
        ),
        case(
            "renewal, of another viewer",
            &with(|it| it.viewer = Some("bob".to_owned())),
            Refusal::GrantDiffers,
        ),
        case(
            "renewal, without a viewer",
            &with(|it| it.viewer = None),
            Refusal::GrantDiffers,
        ),
        case(
            "renewal, lower",
            &limits(|it| it.max_height = Some(480)),
            Refusal::GrantDiffers,
        ),
        case(
            "renewal, with checked segments",
            &limits(|it| it.check_segments = true),
            Refusal::GrantDiffers,
        ),
        case(
            "renewal, from another network",
            &limits(|it| it.ip = "192.0.2.0/24".parse().into_iter().collect()),
            Refusal::Address,
        ),
        case(
            "renewal, of a revoked viewer",
            &with(|it| it.viewer = Some("mallory".to_owned())),
            Refusal::GrantDiffers,
        ),
        case(
            "renewal, by a revoked session",
            &with(|it| it.id = Some("session-0".to_owned())),
            Refusal::Revoked,
        ),
        of(
            "renewal of the session of another video",
            &Grant {
                video: other_video(),
                ..running(now)
            },
            Refusal::GrantDiffers,
        ),
        of(
            "renewal of a revoked session",
            &Grant {
                id: Some("session-0".to_owned()),
                ..running(now)
            },
            Refusal::Revoked,
        ),
        Case::refused(
            "renewal of a revoked viewer, alone",
            master_with(&token(&with(|it| it.viewer = Some("mallory".to_owned())))),
            Refusal::Revoked,
        )
        .method("POST"),
        Case::refused(
            "renewal for a revoked video",
            format!(
                "/v/{}/master.m3u8?grant={}",
                revoked_video(),
                token(&Grant {
                    video: revoked_video(),
                    ..fresh(now)
                })
            ),
            Refusal::Revoked,
        )
        .method("POST"),
    ]
}
