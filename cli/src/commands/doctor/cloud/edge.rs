//! The edge: plays the test video, as a player would.
//!
//! So the keys of the edge are compared with those of the environment without being shown, whatever runs there.

use anyhow::Context as _;
use config::ApiArgs;
use domain::grant::{Grant, Limits};
use http::StatusCode;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};
use platform::clock;
use reqwest::{Client, Url};

use super::super::finding::{Finding, State};
use super::TestVideo;
use crate::api;

const WHAT: &str = "edge";
/// How long the grant is valid, seconds.
const GRANT_SECONDS: u64 = 300;

/// What the edge served.
struct Played {
    /// From where the segment came.
    segment_host: String,
    /// Whether pages may read it.
    is_readable: bool,
}

/// Why the video does not play.
#[derive(Debug)]
struct Fault {
    found: String,
    advice: &'static str,
}

/// Plays the video. `origins`: of the pages whose players fetch segments.
pub(super) async fn check(args: &ApiArgs, video: &TestVideo, origins: &[String]) -> Vec<Finding> {
    let origin = origins
        .first()
        .map_or("https://any.example", String::as_str);
    match play(args, video, origin).await {
        Err(fault) => vec![Finding::other(
            WHAT,
            State::Error,
            fault.found,
            fault.advice,
        )],
        Ok(played) => {
            let what = if video.is_encrypted {
                "an encrypted test video plays: grant, playlists, key and segment"
            } else {
                "a test video plays: grant, playlists and segment"
            };
            let found = format!("{}: {what}", args.edge_url);
            let mut findings = vec![Finding::ok(WHAT, found)];
            let host = &played.segment_host;
            findings.push(if played.is_readable {
                Finding::ok(WHAT, format!("pages of {origin} may read segments of {host}"))
            } else {
                let found = format!("{host} sends no CORS header for segments, so players in {origin} cannot read them");
                let advice = "set the CORS rule of the media bucket as in docs/deploy/cloudflare.md";
                Finding::other(WHAT, State::Error, found, advice)
            });
            findings
        }
    }
}

async fn play(args: &ApiArgs, video: &TestVideo, origin: &str) -> Result<Played, Fault> {
    let broken = |problem: anyhow::Error| Fault {
        found: format!("{problem:#}"),
        advice: "correct EDGEREEL_EDGE_URL and EDGEREEL_GRANT_KEYS",
    };
    let base = args.edge_url.trim_end_matches('/');
    let client = api::client(base).map_err(broken)?;
    let grant = Grant {
        video: video.id,
        viewer: None,
        id: Some("doctor".to_owned()),
        expires: clock::now().as_secs() + GRANT_SECONDS,
        not_before: None,
        limits: Limits::default(),
    };
    let grant = grant
        .issue(&args.grant_keys)
        .context("no key in EDGEREEL_GRANT_KEYS can sign: it needs one of HS256")
        .map_err(broken)?;
    let master = format!("{base}/v/{}/master.m3u8?grant={grant}", video.id);
    let master = Url::parse(&master)
        .context("EDGEREEL_EDGE_URL is not a URL")
        .map_err(broken)?;

    let reader = Reader { client, origin };
    let (text, _) = reader
        .text("the master playlist", &master, of_master)
        .await?;
    let media = first_uri(&master, &text, "the master playlist")?;
    let (text, _) = reader.text("the media playlist", &media, of_other).await?;
    if video.is_encrypted {
        let key = key_uri(&media, &text)?;
        let (bytes, _) = reader.bytes("the key", &key, of_key).await?;
        if bytes != video.key.expose() {
            return Err(Fault {
                found: "the edge serves another key than was stored".to_owned(),
                advice: "compare EDGEREEL_KEY_ENCRYPTION_KEYS and the private bucket of the edge with those of the transcoders",
            });
        }
    }
    let segment = first_uri(&media, &text, "the media playlist")?;
    let (bytes, is_readable) = reader.bytes("the segment", &segment, of_other).await?;
    if bytes != video.segment {
        return Err(Fault {
            found: "the edge serves another segment than was stored".to_owned(),
            advice: "compare the media bucket of the edge, and EDGEREEL_CDN, with EDGEREEL_MEDIA_BUCKET",
        });
    }
    Ok(Played {
        segment_host: segment.origin().ascii_serialization(),
        is_readable,
    })
}

/// Fetches as a player in a page does.
struct Reader<'a> {
    client: Client,
    origin: &'a str,
}

impl Reader<'_> {
    /// The body, and whether the page may read it. URLs contain grants and passes, so no error has one.
    async fn bytes(
        &self,
        what: &str,
        url: &Url,
        advise: fn(StatusCode) -> &'static str,
    ) -> Result<(Vec<u8>, bool), Fault> {
        let host = url.origin().ascii_serialization();
        let unreachable = |problem: reqwest::Error| Fault {
            found: format!(
                "cannot get {what} from {host}: {:#}",
                anyhow::Error::from(problem.without_url())
            ),
            advice: "correct EDGEREEL_EDGE_URL, or the route, the certificate or the DNS of the edge",
        };
        let request = self.client.get(url.clone()).header(ORIGIN, self.origin);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Fault {
                found: format!("{host} responds to the request for {what} with {status}"),
                advice: advise(status),
            });
        }
        let allowed = response.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
        let is_readable = allowed.is_some_and(|it| it == "*" || it == self.origin);
        let bytes = response.bytes().await.map_err(unreachable)?;
        Ok((bytes.to_vec(), is_readable))
    }

    async fn text(
        &self,
        what: &str,
        url: &Url,
        advise: fn(StatusCode) -> &'static str,
    ) -> Result<(String, bool), Fault> {
        let (bytes, is_readable) = self.bytes(what, url, advise).await?;
        Ok((String::from_utf8_lossy(&bytes).into_owned(), is_readable))
    }
}

fn of_master(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "give the edge the EDGEREEL_GRANT_KEYS of the API, and compare the clocks"
        }
        StatusCode::NOT_FOUND => {
            "bind the edge to the bucket in EDGEREEL_MEDIA_BUCKET, and compare EDGEREEL_EDGE_URL with its route"
        }
        _ => of_other(status),
    }
}

fn of_key(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "bind the edge to the bucket in EDGEREEL_PRIVATE_BUCKET",
        _ => "give the edge the EDGEREEL_KEY_ENCRYPTION_KEYS of the transcoders",
    }
}

fn of_other(status: StatusCode) -> &'static str {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            "see the log of the edge: a secret is not set, or it cannot reach its list of revocations"
        }
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            "compare EDGEREEL_PASS_KEYS, the media bucket of the edge and EDGEREEL_CDN with docs/edge.md"
        }
        _ => "see the log of the edge",
    }
}

/// The first line that is not a tag, as a URL.
fn first_uri(base: &Url, playlist: &str, what: &str) -> Result<Url, Fault> {
    let line = playlist
        .lines()
        .map(str::trim)
        .find(|it| !it.is_empty() && !it.starts_with('#'));
    joined(base, line, what)
}

/// The URL of the key.
fn key_uri(base: &Url, playlist: &str) -> Result<Url, Fault> {
    let line = playlist
        .lines()
        .find(|it| it.starts_with("#EXT-X-KEY:"))
        .and_then(|it| it.split("URI=\"").nth(1)?.split('"').next());
    joined(base, line, "the media playlist")
}

fn joined(base: &Url, uri: Option<&str>, what: &str) -> Result<Url, Fault> {
    uri.and_then(|it| base.join(it).ok()).ok_or_else(|| Fault {
        found: format!("the response to the request for {what} is not that playlist"),
        advice: "correct EDGEREEL_EDGE_URL: something else than the edge responds there",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_relative_to_their_playlist() {
        let base = Url::parse("https://edge.example/s/pass/g/360p/360p.m3u8").unwrap();
        let playlist =
            "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"/k/pass/g/360p.key\"\n#EXTINF:2,\n\n0.ts\n";
        let shown = |it: Result<Url, Fault>| it.map(|it| it.to_string()).map_err(|it| it.found);
        assert_eq!(
            shown(first_uri(&base, playlist, "it")),
            Ok("https://edge.example/s/pass/g/360p/0.ts".to_owned())
        );
        assert_eq!(
            shown(key_uri(&base, playlist)),
            Ok("https://edge.example/k/pass/g/360p.key".to_owned())
        );
        for other in ["", "<html>", "#EXTM3U\n"] {
            assert!(key_uri(&base, other).is_err(), "{other}");
        }
        assert!(first_uri(&base, "#EXTM3U\n", "it").is_err());
    }
}
