//! Methods, paths, ranges, conditions and pages.

use crate::grant::Limits;
use crate::pass::Pass;
use crate::playback::Refusal;

use super::Case;
use super::world::{
    generation, grant, key_pass, key_under, master_with, pass, signed, stored_segment, token,
    under, video,
};

const PLAYLIST: &str = "1080p/1080p.m3u8";
const SEGMENT: &str = "1080p/1080p_00001.ts";

pub(super) fn cases(now: u64) -> Vec<Case> {
    [methods(now), paths(now), ranges(now), pages(now)].concat()
}

fn methods(now: u64) -> Vec<Case> {
    let all = pass(now);
    let master = master_with(&token(&grant(now)));
    let (segment, key) = (
        under(&all, SEGMENT),
        key_under(&key_pass(now, "1080p"), "1080p"),
    );
    let length = stored_segment("1080p", 1).len().to_string();
    let mut cases = vec![
        Case::good("HEAD of the master", master.clone()).method("HEAD"),
        Case::good("HEAD of a playlist", under(&all, PLAYLIST)).method("HEAD"),
        Case::good("HEAD of a segment", under(&all, SEGMENT)).method("HEAD").answers("content-length", &length),
        Case::good("HEAD of a part of a segment", under(&all, SEGMENT))
            .method("HEAD")
            .header("range", "bytes=0-3")
            .answers("content-length", &length),
        Case::good("HEAD of what a segment has not", under(&all, SEGMENT))
            .method("HEAD")
            .header("range", "bytes=999999999-")
            .answers("content-length", &length),
        Case::good("HEAD of a playlist, compressed", under(&all, PLAYLIST))
            .method("HEAD")
            .header("accept-encoding", "gzip")
            .answers("vary", "accept-encoding"),
        Case::good("HEAD of a key", key.clone()).method("HEAD").answers("content-length", "16"),
        Case::good("preflight", master.clone())
            .method("OPTIONS")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET")
            .status(204)
            .answers("access-control-allow-origin", "*")
            .answers("access-control-allow-methods", "GET, HEAD, POST, OPTIONS")
            .answers("allow", "GET, HEAD, POST, OPTIONS")
            .body(""),
        // hls.js and Shaka send CMCD in these when their options ask for headers.
        Case::good("preflight of a segment with CMCD", under(&all, SEGMENT))
            .method("OPTIONS")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "cmcd-object,cmcd-request,cmcd-session,cmcd-status")
            .status(204)
            .answers(
                "access-control-allow-headers",
                "authorization, range, if-none-match, if-range, cmcd-request, cmcd-object, cmcd-status, cmcd-session",
            )
            .answers("allow", "GET, HEAD, OPTIONS")
            .body(""),
        Case::good("a segment with CMCD", under(&all, SEGMENT))
            .header("origin", "https://a.example")
            .header("cmcd-object", "br=5000,d=6000,ot=v,tb=9000")
            .header("cmcd-request", "bl=20000,mtp=48100")
            .header("cmcd-session", "sid=\"a\",sf=h,st=v")
            .header("cmcd-status", "bs")
            .body(stored_segment("1080p", 1)),
    ];
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "PROPFIND"] {
        let all = [
            ("master", &master, "GET, HEAD, POST, OPTIONS"),
            ("segment", &segment, "GET, HEAD, OPTIONS"),
            ("key", &key, "GET, HEAD, OPTIONS"),
        ];
        // A POST of the master renews.
        for (name, target, allow) in all
            .into_iter()
            .filter(|it| (method, it.0) != ("POST", "master"))
        {
            let case = Case::refused(
                &format!("{method} of the {name}"),
                target.clone(),
                Refusal::Method,
            );
            cases.push(case.method(method).answers("allow", allow));
        }
    }
    cases
}

fn paths(now: u64) -> Vec<Case> {
    let pass = signed(&pass(now));
    let (video, generation) = (video(), generation());
    let token = token(&grant(now));
    let root = format!("/s/{pass}/{generation}");
    let not_found = |name: &str, target: String| Case::refused(name, target, Refusal::NotFound);
    let bad = |name: &str, target: String| Case::refused(name, target, Refusal::Path);
    vec![
        not_found("root", "/".to_owned()),
        not_found("somewhere", "/index.html".to_owned()),
        not_found(
            "no such route",
            format!("/x/{pass}/{generation}/{PLAYLIST}"),
        ),
        not_found(
            "master of no video",
            format!("/v/vid_1/master.m3u8?grant={token}"),
        ),
        not_found(
            "master of a video in capitals",
            format!(
                "/v/{}/master.m3u8?grant={token}",
                video.to_string().to_uppercase()
            ),
        ),
        not_found(
            "other file beside the master",
            format!("/v/{video}/master.m3u?grant={token}"),
        ),
        not_found("the master under a pass", format!("/s/{pass}/master.m3u8")),
        not_found("a pass alone", format!("/s/{pass}")),
        not_found("a directory", format!("{root}/1080p")),
        not_found(
            "playlist of another name",
            format!("{root}/1080p/720p.m3u8"),
        ),
        not_found(
            "segment of another rendition",
            format!("{root}/480p/1080p_00000.ts"),
        ),
        not_found(
            "segment number too short",
            format!("{root}/1080p/1080p_1.ts"),
        ),
        not_found(
            "segment number too long",
            format!("{root}/1080p/1080p_000001.ts"),
        ),
        not_found(
            "segment of another container",
            format!("{root}/1080p/1080p_00001.mp4"),
        ),
        not_found(
            "key file beside the playlist",
            format!("{root}/1080p/1080p.key"),
        ),
        not_found(
            "key without its ending",
            format!("/k/{pass}/{generation}/1080p"),
        ),
        not_found(
            "key with a path",
            format!("/k/{pass}/{generation}/1080p/1080p.key"),
        ),
        not_found("key of no generation", format!("/k/{pass}/keys/1080p.key")),
        not_found(
            "wrapped key by its object path",
            format!("/keys/{video}/{generation}/1080p.json"),
        ),
        bad("no path at all, an encoded one", "/%2f".to_owned()),
        bad("upwards", format!("{root}/../{generation}/{PLAYLIST}")),
        bad("upwards at the end", format!("{root}/1080p/..")),
        bad(
            "upwards, encoded",
            format!("{root}/%2e%2e/{generation}/{PLAYLIST}"),
        ),
        bad(
            "upwards, encoded twice",
            format!("{root}/%252e%252e/{PLAYLIST}"),
        ),
        bad(
            "upwards, overlong",
            format!("{root}/%c0%ae%c0%ae/{PLAYLIST}"),
        ),
        bad("slash, encoded", format!("{root}/1080p%2f1080p.m3u8")),
        bad("letter, encoded", format!("{root}/1080p/1080p.m3u%38")),
        bad("nothing, encoded", format!("{root}/1080p/1080p.m3u8%00")),
        bad(
            "line end, encoded",
            format!("{root}/1080p/1080p.m3u8%0d%0a"),
        ),
        bad("half an escape", format!("{root}/1080p/1080p.m3u8%")),
        bad("here", format!("{root}/./{PLAYLIST}")),
        bad("two slashes", format!("/s/{pass}//{generation}/{PLAYLIST}")),
        bad("slash at the end", format!("{root}/{PLAYLIST}/")),
        bad("parameter in the path", format!("{root}/{PLAYLIST};a=b")),
        bad("tilde", format!("{root}/~/{PLAYLIST}")),
        bad("giant path", format!("{root}/{}", "a/".repeat(6000))),
    ]
}

fn ranges(now: u64) -> Vec<Case> {
    let all = pass(now);
    let bytes = stored_segment("1080p", 1);
    let size = bytes.len();
    let part = |name: &str, range: &str, from: usize, to: usize| {
        Case::good(name, under(&all, SEGMENT))
            .header("range", range)
            .status(206)
            .answers("content-range", &format!("bytes {from}-{}/{size}", to - 1))
            .answers("content-length", &(to - from).to_string())
            .body(bytes.get(from..to).unwrap_or_default())
    };
    let whole = |name: &str, range: &str| {
        Case::good(name, under(&all, SEGMENT))
            .header("range", range)
            .without("content-range")
            .body(bytes.as_slice())
    };
    let outside = |name: &str, range: &str| {
        Case::refused(name, under(&all, SEGMENT), Refusal::Range)
            .header("range", range)
            .answers("content-range", &format!("bytes */{size}"))
    };
    vec![
        part("first bytes", "bytes=0-15", 0, 16),
        part("from the middle", "bytes=100-", 100, size),
        part("last bytes", "bytes=-16", size - 16, size),
        part("more last bytes than there are", "bytes=-999999", 0, size),
        part("beyond the end", "bytes=100-999999", 100, size),
        outside("after the end", "bytes=999999-"),
        outside("no last bytes", "bytes=-0"),
        whole("several ranges", "bytes=0-1,5-6"),
        whole("backwards", "bytes=9-3"),
        whole("another unit", "frames=0-1"),
        whole("rubbish", "bytes=a-b"),
        whole("a range of an earlier version", "bytes=0-1").header("if-range", "\"other\""),
        Case::good("a range of a playlist is ignored", under(&all, PLAYLIST))
            .header("range", "bytes=0-1")
            .holds("#EXTM3U"),
        Case::good("segment that is there already", under(&all, SEGMENT))
            .header("if-none-match", "*")
            .status(304)
            .body(""),
        Case::good("playlist that is there already", under(&all, PLAYLIST))
            .header("if-none-match", "*")
            .status(304)
            .body(""),
        Case::good(
            "segment of which another version is there",
            under(&all, SEGMENT),
        )
        .header("if-none-match", "\"other\"")
        .body(bytes.as_slice()),
    ]
}

fn pages(now: u64) -> Vec<Case> {
    let all = pass(now);
    let bound = Pass {
        limits: Limits {
            origins: "https://a.example".parse().into_iter().collect(),
            ..Limits::default()
        },
        ..pass(now)
    };
    let exposed = "edgereel-refusal, content-length, content-range, etag, date";
    vec![
        Case::good("any page may read", under(&all, SEGMENT))
            .header("origin", "https://b.example")
            .answers("access-control-allow-origin", "*")
            .without("access-control-allow-credentials")
            .answers("access-control-expose-headers", exposed),
        Case::good("a page with cookies", under(&all, SEGMENT))
            .header("origin", "https://portal.example")
            .answers("access-control-allow-origin", "https://portal.example")
            .answers("access-control-allow-credentials", "true")
            .answers("vary", "origin"),
        Case::good("preflight of a page with cookies", under(&all, SEGMENT))
            .method("OPTIONS")
            .header("origin", "https://portal.example")
            .header("access-control-request-method", "GET")
            .status(204)
            .answers("access-control-allow-origin", "https://portal.example")
            .answers("access-control-allow-credentials", "true"),
        Case::refused(
            "any page may read a refusal",
            format!("/v/{}/master.m3u8", video()),
            Refusal::GrantMissing,
        )
        .header("origin", "https://b.example")
        .answers("access-control-allow-origin", "*")
        .answers("access-control-expose-headers", exposed),
        Case::good("range on its page", under(&bound, SEGMENT))
            .header("origin", "https://a.example")
            .header("range", "bytes=0-0")
            .status(206)
            .answers("access-control-allow-origin", "https://a.example"),
    ]
}
