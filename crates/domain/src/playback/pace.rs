//! Playlists that grow no faster than the viewer plays, for Chromium's built-in HLS player.
//!
//! That player takes a playlist without EXT-X-ENDLIST for a live stream. When it reloads one and has no segment left
//! to load, it keeps the last three segments and skips the others. So the viewer would miss parts of every video
//! that grows faster than it plays, or that becomes complete in the meantime. So the edge writes the time into
//! the playlist URLs of a master playlist that it gives to this player while the video grows (`?since=`, Unix
//! seconds), and under these URLs reveals three segments plus the time that has passed. Other players get everything.
//!
//! `since` is not signed: a viewer who changes it only sees the same segments earlier or later.

use super::Request;

/// Segments that are revealed at once: the player starts with three, and keeps three when it reloads.
const SEGMENTS_AT_ONCE: usize = 3;

/// Whether a request comes from a media element of Chromium: `Sec-Fetch-Dest` is `empty` for players in JavaScript.
pub(super) fn is_needed(request: &Request<'_>) -> bool {
    let is_media_element = matches!(request.sec_fetch_dest, Some("video" | "audio"));
    is_media_element
        && request
            .sec_ch_ua
            .is_some_and(|sec_ch_ua| sec_ch_ua.contains("Chromium"))
}

/// The query that makes the edge reveal a media playlist at this pace, to be appended to its URL. `now` in Unix seconds.
pub(super) fn query(now: u64) -> String {
    format!("?since={now}")
}

/// The seconds of playback that a request has had time for; `None`: it does not ask for pace.
pub(super) fn elapsed(query: Option<&str>, now: u64) -> Option<u64> {
    let since = query?
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("since="))?;
    Some(now.saturating_sub(since.parse().ok()?))
}

/// The beginning of a media playlist that is revealed after `elapsed` seconds, as a playlist that grows; `None`: all of
/// it is revealed.
pub(super) fn reveal(text: &str, elapsed: u64) -> Option<String> {
    let mut left_ms = elapsed.saturating_mul(1000);
    let (mut segments, mut at, mut end) = (0, 0, 0);
    for line in text.split_inclusive('\n') {
        at += line.len();
        if let Some(duration) = line.strip_prefix("#EXTINF:") {
            segments += 1;
            if segments > SEGMENTS_AT_ONCE {
                match left_ms.checked_sub(milliseconds(duration)) {
                    Some(left) => left_ms = left,
                    None => {
                        return Some(text[..end].replacen(
                            "PLAYLIST-TYPE:VOD",
                            "PLAYLIST-TYPE:EVENT",
                            1,
                        ));
                    }
                }
            }
        } else if !line.starts_with('#') {
            // The cut is behind a URI: tags in front of an EXTINF belong to its segment.
            end = at;
        }
    }
    None
}

/// The duration of an EXTINF (RFC 8216, 4.3.2.1), as the transcoder writes it. Without floating point, which would make
/// the WebAssembly larger.
fn milliseconds(duration: &str) -> u64 {
    let number = duration.split([',', '\r', '\n']).next().unwrap_or_default();
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, ""));
    let thousandths = fraction
        .bytes()
        .chain([b'0'; 3])
        .take(3)
        .filter(u8::is_ascii_digit);
    let fraction = thousandths.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    seconds
        .parse::<u64>()
        .unwrap_or_default()
        .saturating_mul(1000)
        .saturating_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hls::parse::MediaPlaylist;
    use hls::write::{MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec};
    use proptest::prelude::*;

    fn playlist(kind: MediaPlaylistKind, durations_ms: &[u64]) -> String {
        let segments = (0..).zip(durations_ms).map(|(index, ms)| SegmentSpec {
            uri: format!("720p_{index:05}.ts"),
            duration: ms * 90,
            byte_range: None,
            map: None,
            key: Some(if index < 4 { "a.key" } else { "b.key" }.to_owned()),
        });
        MediaPlaylistSpec {
            target_duration: 10,
            kind,
            iframes_only: false,
            segments: segments.collect(),
        }
        .render()
    }

    #[test]
    fn three_segments_and_the_elapsed_time_are_revealed() {
        let text = playlist(
            MediaPlaylistKind::Vod,
            &[6000, 6006, 5960, 6000, 2500, 4000],
        );
        let segments = |elapsed| reveal(&text, elapsed).map(|it| it.matches("#EXTINF").count());
        let revealed: Vec<_> = [0, 5, 6, 8, 9, 12, 13].into_iter().map(segments).collect();
        assert_eq!(
            revealed,
            [Some(3), Some(3), Some(4), Some(4), Some(5), Some(5), None]
        );
        insta::assert_snapshot!(reveal(&text, 6).unwrap_or_default(), @r#"
        #EXTM3U
        #EXT-X-VERSION:3
        #EXT-X-TARGETDURATION:10
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:EVENT
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-KEY:METHOD=AES-128,URI="a.key"
        #EXTINF:6.000000,
        720p_00000.ts
        #EXTINF:6.006000,
        720p_00001.ts
        #EXTINF:5.960000,
        720p_00002.ts
        #EXTINF:6.000000,
        720p_00003.ts
        "#);
    }

    #[test]
    fn a_short_playlist_is_revealed_as_it_is() {
        for kind in [MediaPlaylistKind::Event, MediaPlaylistKind::Vod] {
            assert_eq!(reveal(&playlist(kind, &[6000, 6000, 6000]), 0), None);
        }
        assert_eq!(reveal("", 0), None);
        assert_eq!(reveal("#EXTINF:x", 0), None);
    }

    #[test]
    fn only_media_elements_of_chromium_need_it() {
        let chromium = Some("\"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\"");
        let cases = [
            (Some("video"), chromium, true),
            (Some("audio"), chromium, true),
            // hls.js in Chromium; Safari; a program.
            (Some("empty"), chromium, false),
            (Some("video"), None, false),
            (None, None, false),
        ];
        for (sec_fetch_dest, sec_ch_ua, needed) in cases {
            assert_eq!(
                is_needed(&Request {
                    sec_fetch_dest,
                    sec_ch_ua,
                    ..Request::default()
                }),
                needed,
                "{sec_fetch_dest:?}"
            );
        }
    }

    #[test]
    fn a_query_without_a_time_asks_for_no_pace() {
        let now = 1_800_000_000;
        assert_eq!(elapsed(Some(&query(now)[1..]), now + 7), Some(7));
        assert_eq!(elapsed(Some("grant=a&since=1799999999"), now), Some(1));
        assert_eq!(
            elapsed(Some("since=1900000000"), now),
            Some(0),
            "a clock that was set back"
        );
        for nothing in [
            None,
            Some(""),
            Some("since"),
            Some("since="),
            Some("since=-1"),
            Some("mysince=1"),
        ] {
            assert_eq!(elapsed(nothing, now), None, "{nothing:?}");
        }
    }

    proptest! {
        #[test]
        fn a_later_look_never_takes_a_segment_back(
            durations in prop::collection::vec(1u64..10_000, 0..40),
            times in prop::collection::vec(0u64..300, 2..8),
        ) {
            let text = playlist(MediaPlaylistKind::Vod, &durations);
            let mut times = times;
            times.sort_unstable();
            let mut before = String::new();
            for time in times {
                let shown = reveal(&text, time);
                let complete = shown.is_none();
                let now = shown.unwrap_or_else(|| text.clone()).replace(":VOD", ":EVENT");
                prop_assert!(now.starts_with(before.trim_end_matches("#EXT-X-ENDLIST\n")));
                let parsed = MediaPlaylist::parse(&now);
                prop_assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
                let revealed: u64 = durations.iter().take(parsed.playlist.segments.len()).skip(3).sum();
                prop_assert!(complete || revealed <= time * 1000);
                prop_assert!(complete || parsed.playlist.segments.len() >= 3);
                before = now;
            }
        }
    }
}
