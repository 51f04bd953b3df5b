//! Common Media Client Data: measurements that a player sends with its requests.
//!
//! CTA-5004 (version 1) defines the keys `br`, `bs`, `d` and `ot`; CTA-5004-A (version 2) adds `bsd`, `msd` and lists of
//! integers. A key that the standard does not define has a prefix with a hyphen: ours is `edgereel-`. Every other key
//! is passed over, among them `sid` and `cid`: the pass of a request already names its session and its video.
//!
//! The data comes from any client. A value that is malformed or out of bounds is ignored, never an error.

use std::borrow::Cow;

/// Name of the query argument (CTA-5004, 2.2).
const ARGUMENT: &str = "CMCD";
/// The headers with a key that is read (CTA-5004, 2.1). Every player that sends headers sends the first one, because it
/// has the session of the player.
const HEADERS: [&str; 3] = ["cmcd-session", "cmcd-object", "cmcd-status"];
/// Maximum length of the data, bytes. The longest data of a player has about 500.
const MOST_BYTES: usize = 2_048;
/// Maximum number of pairs that are read.
const MOST_PAIRS: usize = 64;

/// The longest duration that is accepted, milliseconds: ten minutes.
const LONGEST_MS: u32 = 600_000;
/// The highest bitrate that is accepted, kbit/s.
const HIGHEST_KBPS: u32 = 1_000_000;
/// The most dropped frames that are accepted: ten minutes at 120 frames per second.
const MOST_FRAMES: u32 = 72_000;

/// The measurements of one request. Each counts what happened since the previous request of the session, so that sums
/// over requests are correct without a memory of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cmcd {
    /// `br`: bitrate of the requested object, kbit/s. In a report: the average of the video that was played.
    pub bitrate_kbps: Option<u32>,
    /// `d`, if `ot` says that the object has video: duration of the object, milliseconds.
    pub video_ms: Option<u32>,
    /// `bsd`, or `bs` without a duration: how often playback waited for data.
    pub stalls: u32,
    /// `bsd`: how long playback waited for data in total, milliseconds.
    pub stalled_ms: u32,
    /// `msd`, which a player sends once per session: time from the request to play to the first frame, milliseconds.
    pub startup_ms: Option<u32>,
    /// `edgereel-played`: how long the video was played, milliseconds.
    pub played_ms: Option<u32>,
    /// `edgereel-dropped`: number of frames that were decoded and not shown.
    pub dropped_frames: u32,
}

impl Cmcd {
    /// The data in a query, or else in the headers. `query`: as received, without the `?`. `header`: returns the value of
    /// a header, whose name is in lower case. `None`: the request has no data.
    pub fn of_request(
        query: Option<&str>,
        header: impl Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        if let Some(data) = query.and_then(Self::of_query) {
            return Some(data);
        }
        let [session, others @ ..] = HEADERS;
        let mut all = header(session)?;
        for name in others {
            if let Some(value) = header(name) {
                all.push(',');
                all.push_str(&value);
            }
        }
        Some(Self::parse(&all))
    }

    /// The data in the argument `CMCD` of a query; `None`: the query does not have it.
    pub fn of_query(query: &str) -> Option<Self> {
        let mut arguments = query.split('&').filter_map(|it| it.split_once('='));
        let (_, value) = arguments.find(|it| it.0 == ARGUMENT)?;
        if value.len() > 3 * MOST_BYTES {
            return Some(Self::default());
        }
        let text: Cow<'_, str> = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
        Some(Self::parse(&text))
    }

    /// Parses pairs of keys and values (CTA-5004, 3.2).
    pub fn parse(text: &str) -> Self {
        let mut data = Self::default();
        if text.len() > MOST_BYTES {
            return data;
        }
        let (mut duration, mut has_video, mut is_starved) = (None, false, false);
        for (key, value) in pairs(text).take(MOST_PAIRS) {
            match key {
                "br" => data.bitrate_kbps = first(value, HIGHEST_KBPS),
                "d" => duration = first(value, LONGEST_MS),
                "ot" => has_video = matches!(value, "v" | "av"),
                "bs" => is_starved = is_true(value),
                "bsd" => (data.stalls, data.stalled_ms) = durations(value),
                "msd" => data.startup_ms = first(value, LONGEST_MS),
                "edgereel-played" => data.played_ms = first(value, LONGEST_MS),
                "edgereel-dropped" => {
                    data.dropped_frames = first(value, MOST_FRAMES).unwrap_or_default();
                }
                _ => {}
            }
        }
        data.video_ms = duration.filter(|_| has_video);
        if is_starved && data.stalls == 0 {
            data.stalls = 1;
        }
        data
    }
}

/// The pairs, separated by commas that are neither in a string nor in a list. The value of a key without one is empty.
fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (pair, after) = match end_of_pair(text).and_then(|it| text.split_at_checked(it)) {
            Some((pair, after)) => (pair, after.get(1..)),
            None => (text, None),
        };
        rest = after;
        Some(pair)
    })
    .map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key.trim(), value.trim())
    })
}

/// The position of the comma that ends the first pair.
fn end_of_pair(text: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped, mut is_list) = (false, false, false);
    text.bytes().position(|it| {
        match it {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            b'(' => is_list = true,
            b')' => is_list = false,
            b',' => return !is_list,
            _ => {}
        }
        false
    })
}

/// A boolean: the key alone, or a structured field (RFC 9651, 3.3.6) in a list of version 2.
fn is_true(value: &str) -> bool {
    matches!(value, "" | "true" | "?1") || value.starts_with("(?1")
}

/// The integers of a value: one, or a list whose items may have parameters: `(5000;v 128;a)`. Integers above `most` are
/// left out.
fn integers(value: &str, most: u32) -> impl Iterator<Item = u32> {
    let list = value.trim_start_matches('(').trim_end_matches(')');
    list.split_ascii_whitespace().filter_map(move |item| {
        let number = item.split(';').next()?;
        number.parse().ok().filter(|it| *it <= most)
    })
}

fn first(value: &str, most: u32) -> Option<u32> {
    integers(value, most).next()
}

/// The number of durations in a list, and their sum, which is within the bounds of a single one.
fn durations(value: &str) -> (u32, u32) {
    integers(value, LONGEST_MS).fold((0, 0), |(count, sum), it| {
        (count + 1, sum.saturating_add(it).min(LONGEST_MS))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn data_of_players() {
        let segment = Cmcd {
            bitrate_kbps: Some(3_200),
            video_ms: Some(6_000),
            ..Cmcd::default()
        };
        let starved = Cmcd {
            stalls: 1,
            ..segment
        };
        let report = Cmcd {
            bitrate_kbps: Some(2_500),
            stalls: 2,
            stalled_ms: 1_700,
            startup_ms: Some(640),
            played_ms: Some(60_000),
            dropped_frames: 3,
            ..Cmcd::default()
        };
        for (text, expected) in [
            ("", Cmcd::default()),
            ("br=3200,d=6000,ot=v", segment),
            // The example of CTA-5004, 3.4, with keys that are not read.
            (
                "bl=21300,br=3200,bs,cid=\"faec5fc2-ac30\",d=6000,dl=18500,mtp=48100,nor=\"..%2F300kbps%2Ftrack.m4v\",\
                 nrr=\"12323-48763\",ot=v,pr=1.08,rtp=12000,sf=d,sid=\"6e2fb550\",st=v,su,tb=6000",
                starved,
            ),
            ("ot=av , br = 3200, d=6000,bs=true", starved),
            // Lists of version 2.
            ("v=2,br=(3200;v 128;a),d=6000,ot=av,bs=(?1;v)", starved),
            (
                "br=2500,bsd=(1200 500),msd=640,edgereel-played=60000,edgereel-dropped=3",
                report,
            ),
            // A comma and a quote in a string end nothing.
            ("cid=\"a,br=9\\\",d=1\",br=3200,d=6000,ot=v", segment),
            // The duration of audio is not watched video.
            (
                "br=3200,d=6000,ot=a",
                Cmcd {
                    video_ms: None,
                    ..segment
                },
            ),
            (
                "bs=false,bs2,br=-1,d=1.5,ot=v,msd=fast,bsd=()",
                Cmcd::default(),
            ),
            (
                "br=1000001,d=600001,ot=v,edgereel-played=4294967296",
                Cmcd::default(),
            ),
        ] {
            assert_eq!(Cmcd::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_query_takes_precedence_over_headers() {
        let headers = |name: &str| match name {
            "cmcd-session" => Some("sid=\"a\",v=2,msd=300".to_owned()),
            "cmcd-object" => Some("br=800,d=6000,ot=v".to_owned()),
            _ => None,
        };
        let read = |query| Cmcd::of_request(query, headers).map(|it| it.bitrate_kbps);
        assert_eq!(
            read(Some("grant=a&CMCD=br%3D3200%2Csid%3D%22b%22")),
            Some(Some(3_200))
        );
        assert_eq!(read(Some("cmcd=br%3D3200")), Some(Some(800)));
        assert_eq!(read(None), Some(Some(800)));
        assert_eq!(Cmcd::of_request(Some("grant=a"), |_| None), None);
        let object_only = |name: &str| (name == "cmcd-object").then(|| "br=800".to_owned());
        assert_eq!(Cmcd::of_request(None, object_only), None);
    }

    #[test]
    fn data_that_is_too_long_is_ignored() {
        let text = format!("br=3200,cid=\"{}\"", "a".repeat(MOST_BYTES));
        assert_eq!(Cmcd::parse(&text), Cmcd::default());
        let query = format!("CMCD=br%3D3200{}", "%2C".repeat(3 * MOST_BYTES));
        assert_eq!(Cmcd::of_query(&query), Some(Cmcd::default()));
        let many = format!("{}br=3200", "x,".repeat(MOST_PAIRS));
        assert_eq!(Cmcd::parse(&many), Cmcd::default());
    }

    proptest! {
        #[test]
        fn no_input_panics_and_no_value_is_out_of_bounds(
            text in "([a-z]{1,3}|br|bs|d|ot|bsd|msd|edgereel-played|[=,;()\"\\\\ ?%]|[0-9]{1,11}|\\PC){0,60}",
        ) {
            for data in [Cmcd::parse(&text), Cmcd::of_query(&format!("CMCD={text}")).unwrap_or_default()] {
                for it in [data.video_ms, data.startup_ms, data.played_ms].into_iter().flatten() {
                    prop_assert!(it <= LONGEST_MS);
                }
                prop_assert!(data.bitrate_kbps.is_none_or(|it| it <= HIGHEST_KBPS));
                prop_assert!(data.stalled_ms <= LONGEST_MS && data.dropped_frames <= MOST_FRAMES);
            }
        }

        #[test]
        fn numbers_are_read_among_other_keys(
            bitrate in 0..=HIGHEST_KBPS, played in 0..=LONGEST_MS, stalls in prop::collection::vec(0..50_000u32, 1..8),
        ) {
            let list: Vec<String> = stalls.iter().map(u32::to_string).collect();
            let text = format!("sid=\"a,b\",br={bitrate},bsd=({}),su,edgereel-played={played}", list.join(" "));
            let data = Cmcd::parse(&text);
            prop_assert_eq!(data.bitrate_kbps, Some(bitrate));
            prop_assert_eq!(data.played_ms, Some(played));
            prop_assert_eq!(data.stalls as usize, stalls.len());
            prop_assert_eq!(data.stalled_ms, stalls.iter().sum::<u32>().min(LONGEST_MS));
        }
    }
}
