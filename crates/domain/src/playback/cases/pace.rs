//! Playlists at the pace of playback, for media elements of Chromium.

use crate::pass::Pass;

use super::Case;
use super::world::{GROWN_SEGMENTS, grant, growing_video, master_with, pass, token, under};
use crate::grant::Grant;

const BRANDS: &str = "\"Chromium\";v=\"156\", \"Not:A-Brand\";v=\"8\"";

pub(super) fn cases(now: u64) -> Vec<Case> {
    [masters(now), media(now)].concat()
}

fn masters(now: u64) -> Vec<Case> {
    let grown = token(&Grant {
        video: growing_video(),
        ..grant(now)
    });
    let growing = format!("/v/{}/master.m3u8?grant={grown}", growing_video());
    let finished = master_with(&token(&grant(now)));
    let asked = |name: &str, target: &str, sec_fetch_dest: &str| {
        let case = Case::good(name, target.to_owned()).header("sec-fetch-dest", sec_fetch_dest);
        case.header("sec-ch-ua", BRANDS).holds(".m3u8")
    };
    vec![
        asked(
            "a growing master for a video element of Chromium",
            &growing,
            "video",
        )
        .holds("/720p.m3u8?since="),
        asked(
            "a growing master for an audio element of Chromium",
            &growing,
            "audio",
        )
        .holds("/720p.m3u8?since="),
        asked(
            "a growing master for a script in Chromium",
            &growing,
            "empty",
        )
        .lacks("since="),
        asked(
            "a finished master for a video element of Chromium",
            &finished,
            "video",
        )
        .lacks("since="),
        Case::good(
            "a growing master for a video element of another browser",
            growing,
        )
        .header("sec-fetch-dest", "video")
        .lacks("since="),
    ]
}

fn media(now: u64) -> Vec<Case> {
    let playlist = under(
        &Pass {
            video: growing_video(),
            ..pass(now)
        },
        "720p/720p.m3u8",
    );
    let segment = |index: u32| format!("720p_{index:05}.ts");
    let all = |name: &str, query: &str| {
        let case = Case::good(name, format!("{playlist}{query}"));
        case.holds("TYPE:VOD")
            .holds(&segment(GROWN_SEGMENTS - 1))
            .holds("#EXT-X-ENDLIST")
    };
    vec![
        // A begin in the future is one that has just been: the clocks of the test and of the shell may differ.
        Case::good(
            "a complete playlist that a paced viewer has just begun",
            format!("{playlist}?since={}", now + 60),
        )
        .holds("TYPE:EVENT")
        .holds(&segment(2))
        .lacks(&segment(3))
        .lacks("#EXT-X-ENDLIST"),
        all(
            "a complete playlist that a paced viewer has played",
            &format!("?since={}", now - 60),
        ),
        all("a complete playlist without pace", ""),
        all(
            "a complete playlist with a time that is not a number",
            "?since=yesterday",
        ),
    ]
}
