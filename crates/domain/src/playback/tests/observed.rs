//! Which requests say something about viewing.

use super::*;
use crate::cmcd::Cmcd;
use crate::viewing::{Kind, Observation};

/// The observation of a request that is served, or else of its refusal.
fn observed(method: &str, target: &str, headers: &[(&str, &str)]) -> Option<Observation> {
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |it| (it.0, Some(it.1)));
    let request = Request {
        method,
        path,
        query,
        client: Some(&FixedLocation {
            ip: None,
            country: None,
        }),
        ..Request::default()
    };
    let header = |name: &str| {
        let found = headers.iter().find(|it| it.0 == name);
        found.map(|it| it.1.to_owned())
    };
    match decide(&request, NOW, &keyring(), &config()) {
        EdgeAction::Refuse(refusal, _) => observe_refusal(refusal, &request, &keyring()),
        action => action.observe(&request, header),
    }
}

#[test]
fn playlists_keys_segments_and_reports_are_observed() {
    let pass = world::signed(&world::pass(NOW));
    let key_pass = world::signed(&world::key_pass(NOW, "1080p"));
    let generation = world::generation();
    let root = format!("/s/{pass}/{generation}");
    let master = format!(
        "/v/{}/master.m3u8?grant={}",
        world::video(),
        world::token(&world::grant(NOW))
    );
    let segment = format!("{root}/1080p/1080p_00001.ts");
    for (target, expected) in [
        (master.clone(), Some(Kind::Master)),
        (
            format!("/k/{key_pass}/{generation}/1080p.key"),
            Some(Kind::Key),
        ),
        (segment.clone(), Some(Kind::Segment)),
        (format!("{root}/1080p/1080p.m3u8"), None),
        (format!("{root}/poster.jpg"), None),
    ] {
        let found = observed("GET", &target, &[]);
        assert_eq!(found.map(|it| it.kind), expected, "{target}");
        assert!(found.is_none_or(|it| it.video == world::video() && it.session.is_some()));
        assert_eq!(observed("HEAD", &target, &[]), None, "{target}");
        assert_eq!(observed("OPTIONS", &target, &[]), None, "{target}");
    }
    let sessions = [&master, &segment].map(|it| observed("GET", it, &[]).unwrap().session);
    assert_eq!(sessions[0], sessions[1], "one session");
    let report = format!("/s/{pass}/cmcd?CMCD=edgereel-played%3D60000");
    let report = observed("POST", &report, &[]).unwrap();
    assert_eq!((report.kind, report.watched_ms()), (Kind::Report, 60_000));
    let data = [
        ("cmcd-session", "sid=\"a\""),
        ("cmcd-object", "br=800,d=6000,ot=v"),
    ];
    let measured = observed("GET", &segment, &data).unwrap();
    assert_eq!(
        (measured.watched_ms(), measured.measured.bitrate_kbps),
        (6_000, Some(800))
    );
}

#[test]
fn refusals_are_observed_where_the_video_is_known() {
    // Too long ago for a renewal, so no look-up decides.
    let expired = Pass {
        expires: NOW - RENEWABLE_SECONDS - 60,
        ..world::pass(NOW)
    };
    let path = format!("{}/1080p/1080p.m3u8", world::generation());
    let session = Some(expired.session);
    for (target, expected) in [
        (
            format!("/v/{}/master.m3u8", world::other_video()),
            Some((world::other_video(), None, Refusal::GrantMissing)),
        ),
        (
            format!("/s/{}/{path}", world::signed(&expired)),
            Some((world::video(), session, Refusal::PassExpired)),
        ),
        // The data of a refused request does not count.
        (
            format!(
                "/s/{}/cmcd?CMCD=edgereel-played%3D60000",
                world::signed(&expired)
            ),
            Some((world::video(), session, Refusal::Method)),
        ),
        (format!("/s/{}/{path}", "A".repeat(80)), None),
        ("/revocations".to_owned(), None),
        ("/".to_owned(), None),
    ] {
        let expected = expected.map(|(video, session, refusal)| Observation {
            video,
            session,
            kind: Kind::Refused(refusal),
            measured: Cmcd::default(),
        });
        assert_eq!(observed("GET", &target, &[]), expected, "{target}");
    }
}
