mod edge;
mod observed;
mod surround;

use std::collections::HashMap;

use proptest::prelude::*;

use super::cases::world::{self, config, key_encryption_keys, keyring};
use super::cases::{Case, CaseResponse};
use super::*;
use crate::grant::{Fingerprint, FixedLocation};
use edge::{objects, send};
use hls::parse::{MasterPlaylist, MediaPlaylist};

const NOW: u64 = 1_800_000_000;

#[test]
fn every_case_is_answered_as_it_must_be() {
    let objects = objects();
    let cases = cases::all(NOW);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| case.check(&send(case, &objects)).err())
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    let mut names: Vec<&str> = cases.iter().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len(), "names are unique");
    assert!(cases.len() >= 150, "{}", cases.len());
}

fn get(target: &str) -> Case {
    let mut case = cases::all(NOW).remove(0);
    case.target = target.to_owned();
    case
}

/// The requests of a player: master, variant, key, segment.
#[test]
fn what_the_master_leads_to_plays() {
    let objects = objects();
    let fetch = |target: &str| {
        let response = send(&get(target), &objects);
        assert_eq!(response.status, 200, "{target}");
        response.body
    };
    let limits = crate::grant::Limits {
        max_height: Some(1080),
        ..Default::default()
    };
    let grant = Grant {
        video: world::video(),
        viewer: None,
        id: None,
        expires: NOW + 60,
        not_before: None,
        limits,
    };
    let token = grant.issue(&keyring().grants).unwrap();
    let master = fetch(&format!("/v/{}/master.m3u8?grant={token}", world::video()));
    let master = MasterPlaylist::parse(std::str::from_utf8(&master).unwrap());
    assert_eq!(master.problems, []);
    assert_eq!(master.playlist.variants.len(), 2);
    let renditions = master
        .playlist
        .variants
        .iter()
        .chain(&master.playlist.iframes)
        .map(|it| it.uri.clone());
    for playlist_uri in
        renditions.chain(master.playlist.media.iter().filter_map(|it| it.uri.clone()))
    {
        let text = fetch(&playlist_uri);
        let media = MediaPlaylist::parse(std::str::from_utf8(&text).unwrap());
        assert_eq!(media.problems, []);
        let folder = playlist_uri.rsplit_once('/').unwrap().0;
        for segment in &media.playlist.segments {
            let key = media.playlist.key_of(segment).expect("it is encrypted");
            let content_key = fetch(key.uri.as_ref().unwrap());
            let content_key: [u8; 16] = content_key.try_into().unwrap();
            let encrypted = fetch(&format!("{folder}/{}", segment.uri));
            let clear = hls::SegmentDecryptor::decrypt(
                &content_key,
                key.iv_at(segment.sequence),
                &encrypted,
            )
            .unwrap();
            let name = folder.rsplit_once('/').unwrap().1;
            assert_eq!(clear, world::clear_segment(name, segment.sequence as u32));
        }
    }
}

#[test]
fn a_pass_ends_with_its_grant() {
    let grant = |expires| Grant {
        video: world::video(),
        viewer: None,
        id: None,
        expires,
        not_before: None,
        limits: Default::default(),
    };
    let plan = |expires| {
        let token = grant(expires).issue(&keyring().grants).unwrap();
        let path = format!("/v/{}/master.m3u8", world::video());
        let query = format!("grant={token}");
        let request = Request {
            method: "GET",
            path: &path,
            query: Some(&query),
            ..Request::default()
        };
        match decide(&request, NOW, &keyring(), &config()) {
            EdgeAction::RewriteMaster(plan) => plan.expires,
            other => panic!("{other:?}"),
        }
    };
    let config = config();
    assert_eq!(plan(NOW + 100), NOW + 100 + config.clock_skew_seconds);
    assert_eq!(plan(NOW + 10_000_000), NOW + config.pass_seconds);
}

/// Players choose by the attributes of a variant, so the edge changes none of them.
#[test]
fn the_dynamic_range_passes_the_edge() {
    let token = Grant {
        video: world::video(),
        viewer: None,
        id: None,
        expires: NOW + 60,
        not_before: None,
        limits: crate::grant::Limits {
            max_height: Some(720),
            ..Default::default()
        },
    };
    let token = token.issue(&keyring().grants).unwrap();
    let (path, query) = (
        format!("/v/{}/master.m3u8", world::video()),
        format!("grant={token}"),
    );
    let request = Request {
        method: "GET",
        path: &path,
        query: Some(&query),
        ..Request::default()
    };
    let EdgeAction::RewriteMaster(plan) = decide(&request, NOW, &keyring(), &config()) else {
        panic!("it is served")
    };
    let variant = |name: &str, codecs: &str, height: u32, range: &str| {
        format!(
            "#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"{codecs}\",RESOLUTION={}x{height},VIDEO-RANGE={range}\n\
             0123456789abcdef/{name}/{name}.m3u8\n",
            height * 16 / 9
        )
    };
    let (hevc, av1) = ("hvc1.2.4.L93.90", "av01.0.05M.10.0.110.09.16.09.0");
    let stored = [
        "#EXTM3U\n".to_owned(),
        variant("360p", "avc1.64001f", 360, "SDR"),
        variant("1080p-hevc", hevc, 1080, "PQ"),
        variant("720p-hevc", hevc, 720, "PQ"),
        variant("360p-av1", av1, 360, "HLG"),
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9000,CODECS=\"avc1.64000d\",RESOLUTION=320x180,VIDEO-RANGE=SDR,\
         URI=\"0123456789abcdef/iframes/iframes.m3u8\"\n"
            .to_owned(),
    ];
    let served = plan.rewrite(&stored.concat(), &keyring().passes).unwrap();
    let attributes = |text: &str| -> Vec<String> {
        let tags = text.lines().filter(|it| it.contains("STREAM-INF:"));
        let own = tags.map(|it| it.split(",URI=").next().unwrap_or_default().to_owned());
        own.collect()
    };
    let mut expected = attributes(&stored.concat());
    expected.remove(1);
    assert_eq!(
        attributes(&served),
        expected,
        "all but the one that is too high"
    );
}

/// The entry stored for a renewal is exactly what the passes of the running session look up.
#[test]
fn a_renewal_is_found_by_the_passes_of_its_session() {
    let limits = crate::grant::Limits {
        max_height: Some(1080),
        check_segments: true,
        ..Default::default()
    };
    let grant = |id: &str, expires| Grant {
        video: world::video(),
        viewer: Some("anna".to_owned()),
        id: Some(id.to_owned()),
        expires,
        not_before: None,
        limits: limits.clone(),
    };
    let token = |grant: &Grant| grant.issue(&keyring().grants).unwrap();
    let (path, query) = (
        format!("/v/{}/master.m3u8", world::video()),
        format!("grant={}", token(&grant("old", NOW + 60))),
    );
    let get = Request {
        method: "GET",
        path: &path,
        query: Some(&query),
        ..Request::default()
    };
    let EdgeAction::RewriteMaster(plan) = decide(&get, NOW, &keyring(), &config()) else {
        panic!("it is served")
    };
    let stored = objects()[&ObjectKey::Master {
        video: world::video(),
    }
    .path()]
        .clone();
    let master = plan
        .rewrite(std::str::from_utf8(&stored).unwrap(), &keyring().passes)
        .unwrap();
    let playlist = MasterPlaylist::parse(&master).playlist.variants[0]
        .uri
        .clone();

    // An hour later the player's URL names the session, and a grant of ten minutes renews it.
    let late = NOW + 3600;
    let bearer = format!("Bearer {}", token(&grant("new", late + 600)));
    let post = Request {
        method: "POST",
        authorization: Some(&bearer),
        ..get
    };
    let EdgeAction::Renew(renewal) = decide(&post, late, &keyring(), &config()) else {
        panic!("it is renewed")
    };
    assert_eq!(
        (renewal.body(), renewal.entry.seconds),
        ("{\"expires_in\":660}".to_owned(), 660)
    );

    let folder = playlist.rsplit_once('/').unwrap().0;
    for path in [playlist.clone(), format!("{folder}/1080p_00000.ts")] {
        let request = Request {
            method: "GET",
            path: &path,
            ..Request::default()
        };
        let lookup = |now| {
            decide(&request, now, &keyring(), &config())
                .lookup()
                .unwrap()
        };
        assert_eq!(
            lookup(NOW).renewal,
            None,
            "a pass that has not expired needs no renewal"
        );
        assert_eq!(lookup(late).renewal, Some(renewal.entry.name.clone()));
        let find = |name: &str| (name == renewal.entry.name).then(|| renewal.entry.value.clone());
        assert_eq!(lookup(late).judge(late + 659, find), Ok(()));
        assert_eq!(
            lookup(late).judge(late + 660, find),
            Err(Refusal::PassExpired)
        );
    }
}

#[test]
fn segments_are_looked_up_only_where_that_is_needed() {
    let lookup = |name: &str| {
        let target = cases::all(NOW)
            .into_iter()
            .find(|it| it.name == name)
            .unwrap()
            .target;
        let request = Request {
            method: "GET",
            path: &target,
            ..Request::default()
        };
        decide(&request, NOW, &keyring(), &config()).lookup()
    };
    assert_eq!(lookup("segment"), None);
    let renewed = lookup("renewed, segment").unwrap();
    assert!(renewed.revocations.is_empty() && renewed.renewal.is_some());
    let checked = lookup("checked segment").unwrap();
    assert!(checked.revocations.len() == 3 && checked.renewal.is_none());
}

fn rewrite_media(text: &str, config: &Config) -> Result<String, Refusal> {
    let target = cases::all(NOW)
        .into_iter()
        .find(|it| it.name == "media playlist")
        .unwrap()
        .target;
    let request = Request {
        method: "GET",
        path: &target,
        ..Request::default()
    };
    match decide(&request, NOW, &keyring(), config) {
        EdgeAction::RewriteMedia(plan) => plan.rewrite(text, &keyring().passes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn segments_may_come_from_a_public_host() {
    let config = Config {
        cdn: Some("https://cdn.example".to_owned()),
        base: "https://edge.example".to_owned(),
        ..config()
    };
    let text = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"1080p.key\",IV=0x1\n#EXT-X-MAP:URI=\"1080p_init.mp4\"\n#EXTINF:6,\n1080p_00000.ts\n";
    let out = rewrite_media(text, &config).unwrap();
    let generation = world::generation();
    let segment = format!(
        "\nhttps://cdn.example/hls/{}/{generation}/1080p/1080p_00000.ts\n",
        world::video()
    );
    assert!(out.contains(&segment), "{out}");
    assert!(out.contains("URI=\"https://edge.example/k/"), "{out}");
    assert!(
        out.contains("#EXT-X-MAP:URI=\"1080p_init.mp4\""),
        "in clear, so from the edge: {out}"
    );
}

#[test]
fn rotated_keys_have_a_pass_each() {
    let text = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"1080p.key\"\n#EXTINF:6,\na.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"1080p-2.key\"\n#EXTINF:6,\nb.ts\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:6,\nc.ts\n";
    let media = MediaPlaylist::parse(&rewrite_media(text, &config()).unwrap()).playlist;
    let pass_of = |key: usize| {
        media.keys[key]
            .uri
            .as_ref()
            .unwrap()
            .split('/')
            .nth(2)
            .unwrap()
            .to_owned()
    };
    for (key, name) in [(0, "1080p"), (1, "1080p-2")] {
        let pass = Pass::verify(&pass_of(key), Purpose::Key, &keyring().passes, NOW).unwrap();
        assert_eq!(pass.renditions, Some(vec![name.parse().unwrap()]));
    }
}

#[test]
fn a_stored_playlist_that_is_not_ours_is_not_rewritten() {
    for key in ["https://evil.example/k", "../1080p.key", "data:,x", ""] {
        let text = format!("#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"{key}\"\n#EXTINF:6,\na.ts\n");
        assert_eq!(
            rewrite_media(&text, &config()),
            Err(Refusal::Playlist),
            "{key}"
        );
    }
}

proptest! {
    #[test]
    fn any_request_is_decided(
        method in "GET|HEAD|POST|OPTIONS|\\PC{0,5}",
        path in "/revocations|/[vsk]/[A-Za-z0-9_-]{0,40}/(\\PC{0,40}|[0-9a-f]{16}/[a-z0-9./_-]{0,30}|master.m3u8)|\\PC{0,60}",
        query in prop::option::of("grant=[A-Za-z0-9_.-]{0,60}|\\PC{0,60}"),
        authorization in prop::option::of("Bearer [A-Za-z0-9_.-]{0,60}|\\PC{0,60}"),
        cookie in prop::option::of("edgereel_grant=\\PC{0,30}|\\PC{0,60}"),
        origin in prop::option::of("\\PC{0,30}"),
        now in any::<u64>(),
    ) {
        let request = Request {
            method: &method,
            path: &path,
            query: query.as_deref(),
            authorization: authorization.as_deref(),
            cookie: cookie.as_deref(),
            origin: origin.as_deref(),
            referer: origin.as_deref(),
            sec_fetch_dest: None,
            sec_ch_ua: None,
            client: Some(&FixedLocation { ip: None, country: origin.as_deref() }),
            signature: None,
        };
        let action = decide(&request, now, &keyring(), &config());
        prop_assert!(matches!(action, EdgeAction::Refuse(..) | EdgeAction::Preflight(_)));
        prop_assert_eq!(action.observe(&request, |_| query.clone()), None);
        let _ = observe_refusal(Refusal::Path, &request, &keyring());
    }

    #[test]
    fn any_stored_playlist_is_rewritten_or_refused(text in "((#EXT-X-(KEY|STREAM-INF|MEDIA):|[A-Z=\",x]|URI=\"|[0-9a-f]{16}/1080p/1080p.m3u8|\\PC){0,6}\n){0,8}", height in prop::option::of(0_u32..3000)) {
        let _ = rewrite_media(&text, &config());
        let limits = crate::grant::Limits { max_height: height, ..Default::default() };
        let grant = Grant { video: world::video(), viewer: None, id: None, expires: NOW + 60, not_before: None, limits };
        let verified = crate::grant::VerifiedGrant { grant, session: Fingerprint::default(), viewer: Fingerprint::default() };
        let plan = MasterPlan::new(&verified, NOW, &Request::default(), &config());
        let _ = plan.rewrite(&text, &keyring().passes);
    }
}
