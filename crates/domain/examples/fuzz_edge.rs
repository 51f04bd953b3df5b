//! Fuzzes the edge's parsers of untrusted input, natively: `cargo run --release --package domain
//! --features cases --example fuzz_edge -- COUNT [SEED]`. It stops at the first panic and prints
//! the input.
//!
//! Half of the inputs are mutations of valid ones, which get furthest.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::event::{EventContext, jobs_of};
use domain::grant::FixedLocation;
use domain::job::Mode;
use domain::keyring::{GrantKeys, Keyring};
use domain::playback::cases::{self, Case, world};
use domain::playback::{self, Conditions, EdgeAction, Refusal, Request, accepts_gzip};
use hls::{MasterPlaylist, MediaPlaylist};

const NOW: u64 = 1_800_000_000;

/// Xorshift: fast, and deterministic for a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn piece(&mut self) -> &'static str {
        PIECES[self.below(PIECES.len())]
    }
}

/// Fragments with a meaning to one of the parsers.
const PIECES: &[&str] = &[
    "/",
    "//",
    "..",
    ".",
    "%2e",
    "%",
    "%00",
    "?",
    "&",
    "=",
    "grant=",
    "#",
    ";",
    ",",
    ":",
    "\"",
    "\\",
    "\n",
    "\r\n",
    "\0",
    " ",
    "v",
    "s",
    "k",
    "vid_",
    "master.m3u8",
    ".m3u8",
    ".ts",
    ".key",
    "1080p",
    "Bearer ",
    "edgereel_grant=",
    "eyJ",
    "{",
    "}",
    "[",
    "]",
    "null",
    "1e999",
    "-1",
    "18446744073709551616",
    "bytes=",
    "-",
    "W/",
    "*",
    "q=0",
    "gzip",
    "ä",
    "𐀀",
    "\u{feff}",
    "\u{202e}",
    "#EXTM3U",
    "#EXT-X-KEY:",
    "#EXTINF:",
    "URI=\"",
    "METHOD=AES-128",
    "IV=0x",
    "BANDWIDTH=",
    "RESOLUTION=1x1",
    "AUDIO=\"a\"",
    "uploads/",
    "\"action\":\"PutObject\"",
    "\"Records\":[",
    "eTag",
    "size",
    "A",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// Applies a few mutations, at character boundaries.
fn mutate(random: &mut Random, good: &str) -> String {
    let mut text = good.to_owned();
    for _ in 0..=random.below(4) {
        let at = text.floor_char_boundary(random.below(text.len() + 1));
        match random.below(6) {
            0 => text.truncate(at),
            1 => text.insert_str(at, random.piece()),
            2 => {
                let to = text.ceil_char_boundary((at + random.below(12)).min(text.len()));
                text.replace_range(at..to, random.piece());
            }
            3 => {
                let byte = char::from(random.below(128) as u8);
                text.insert(at, byte);
            }
            4 => {
                let again = text[at..]
                    .chars()
                    .take(random.below(60))
                    .collect::<String>();
                text.insert_str(at, &again);
            }
            _ => {
                if let Some(it) = text[at..].chars().next() {
                    let other =
                        char::from_u32(u32::from(it) ^ (1 << random.below(7))).unwrap_or('?');
                    text.replace_range(at..at + it.len_utf8(), other.encode_utf8(&mut [0; 4]));
                }
            }
        }
    }
    text
}

fn invent(random: &mut Random) -> String {
    (0..random.below(14)).map(|_| random.piece()).collect()
}

fn odd(random: &mut Random, good: &str) -> String {
    if random.below(2) == 0 {
        mutate(random, good)
    } else {
        invent(random)
    }
}

struct World {
    keys: [Keyring; 2],
    cases: Vec<Case>,
    playlists: Vec<String>,
    documents: Vec<Vec<u8>>,
}

impl World {
    fn new() -> Self {
        let delegating = Keyring {
            grants: GrantKeys::parse_delegating(world::GRANT_KEYS).expect("well-formed"),
            passes: world::keyring().passes,
        };
        let stored = world::objects();
        let of = |ending: &str| {
            stored
                .iter()
                .filter(|it| it.0.path().ends_with(ending))
                .map(|it| it.1.clone())
                .collect::<Vec<_>>()
        };
        let playlists = of(".m3u8")
            .into_iter()
            .filter_map(|it| String::from_utf8(it).ok())
            .collect();
        Self {
            keys: [world::keyring(), delegating],
            cases: cases::all(NOW),
            playlists,
            documents: of(".json"),
        }
    }

    /// Decides on a request, and executes the decision as far as that is possible without a store.
    fn request(&self, random: &mut Random) -> String {
        let case = random.pick(&self.cases);
        let (path, query) = case
            .target
            .split_once('?')
            .map_or((case.target.as_str(), None), |it| (it.0, Some(it.1)));
        let header = |name: &str| {
            case.headers
                .iter()
                .find(|it| it.0 == name)
                .map(|it| it.1.as_str())
        };
        // One mutation at a time, so that the rest gets as far as possible.
        let which = random.below(8);
        let text = |random: &mut Random, at: usize, good: &str| {
            if which == at {
                odd(random, good)
            } else {
                good.to_owned()
            }
        };
        let method = text(random, 0, case.method);
        let path = text(random, 1, path);
        let query = query
            .or((which == 2).then_some(""))
            .map(|it| text(random, 2, it));
        let maybe = |random: &mut Random, at: usize, good: Option<&str>| {
            good.or((which == at).then_some(""))
                .map(|it| text(random, at, it))
        };
        let authorization = maybe(random, 3, header("authorization"));
        let cookie = maybe(random, 4, header("cookie"));
        let origin = maybe(random, 5, header("origin"));
        let referer = maybe(random, 6, header("referer"));
        let country = maybe(random, 7, case.country);
        let client = FixedLocation {
            ip: case.client_ip.parse().ok(),
            country: country.as_deref(),
        };
        let request = Request {
            method: &method,
            path: &path,
            query: query.as_deref(),
            authorization: authorization.as_deref(),
            cookie: cookie.as_deref(),
            origin: origin.as_deref(),
            referer: referer.as_deref(),
            sec_fetch_dest: referer.as_deref(),
            sec_ch_ua: referer.as_deref(),
            client: Some(&client),
            signature: [None, Some(true), Some(false)][random.below(3)],
        };
        let keys = random.pick(&self.keys);
        let _ = playback::delegated(&request, keys);
        let now = if random.below(16) == 0 {
            random.next()
        } else {
            NOW
        };
        let playlist = random.pick(&self.playlists).clone();
        let playlist = odd(random, &playlist);
        let action = playback::decide(&request, now, keys, &world::config());
        let _ = action.observe(&request, |_| request.query.map(str::to_owned));
        let _ = playback::observe_refusal(Refusal::Range, &request, keys);
        match action {
            EdgeAction::RewriteMaster(plan) => drop(plan.rewrite(&playlist, &keys.passes)),
            EdgeAction::RewriteMedia(plan) => {
                let _ = plan.etag(&path, &keys.passes);
                drop(plan.rewrite(&playlist, &keys.passes));
            }
            EdgeAction::ReleaseKey(plan) => {
                let mut document = random.pick(&self.documents).clone();
                let at = random.below(document.len());
                document[at] ^= 1 << random.below(8);
                drop(plan.release(&document, &world::key_encryption_keys()));
            }
            EdgeAction::Renew(plan) => drop(plan.body()),
            EdgeAction::Serve(_)
            | EdgeAction::Report(_)
            | EdgeAction::Refuse(..)
            | EdgeAction::Preflight(_)
            | EdgeAction::Revoke(_) => {}
        }
        format!("{request:?}")
    }

    fn playlist(&self, random: &mut Random) -> String {
        let good = random.pick(&self.playlists).clone();
        let text = odd(random, &good);
        let _ = (MasterPlaylist::parse(&text), MediaPlaylist::parse(&text));
        text
    }

    fn event(random: &mut Random) -> String {
        const EVENT: &str = r#"{"account":"a","action":"PutObject","bucket":"private","object":{"key":"uploads/vid_018bcfe5680077770707070707070707/a.mp4","size":5,"eTag":"e"},"eventTime":"2026-01-01T00:00:00Z"}"#;
        const S3: &str = r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"private"},"object":{"key":"uploads/vid_018bcfe5680077770707070707070707/a.mp4","size":5,"eTag":"e"}}}]}"#;
        let good = *random.pick(&[EVENT, S3]);
        let text = odd(random, good);
        let _ = jobs_of(
            &text,
            EventContext {
                bucket: "private",
                profile: "default",
                mode: Mode::Abr,
            },
        );
        text
    }

    fn header(random: &mut Random) -> String {
        let good = *random.pick(&["bytes=0-15", "bytes=-5", "W/\"a\", \"b\"", "gzip;q=0.5, br"]);
        let text = odd(random, good);
        let conditions = Conditions::read(false, |_| Some(text.clone()));
        let _ = (
            conditions.respond(random.next(), &text),
            accepts_gzip(&text),
        );
        text
    }
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|it| it.parse::<u64>().expect("a number"));
    let count = arguments.next().unwrap_or(100_000);
    let seed = arguments.next().unwrap_or(0x9e37_79b9_7f4a_7c15);
    let world = World::new();
    let mut random = Random(seed | 1);
    let mut last = String::new();
    for number in 0..count {
        let state = random.0;
        let done = catch_unwind(AssertUnwindSafe(|| match random.below(10) {
            0..6 => world.request(&mut random),
            6..8 => world.playlist(&mut random),
            8 => World::event(&mut random),
            _ => World::header(&mut random),
        }));
        match done {
            Ok(input) => last = input,
            Err(_) => {
                println!(
                    "input {number} panics: run again with 1 input and the seed {state}; the one before was {last:?}"
                );
                std::process::exit(1);
            }
        }
    }
    println!("{count} inputs, seed {seed}: no panic");
}
