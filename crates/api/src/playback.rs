//! Playback URLs: URLs at the edge that contain a grant.

use std::ops::RangeInclusive;

use domain::grant::{Fingerprint, Grant, Limits};
use domain::ids::{Generation, PosterId, VideoId};
use domain::keyring::{GrantKeys, PassKeys};
use domain::pass::{Pass, Purpose};
use domain::time::UnixMillis;

use crate::error::ApiError;

mod images;

/// Default lifetime of a grant beyond the length of its video in seconds: time for pauses.
pub const PAUSE_SECONDS: u64 = 4 * 3600;

/// Shortest and longest lifetime of a grant in seconds.
pub const GRANT_SECONDS: RangeInclusive<u64> = 60..=7 * 24 * 3600;

/// The viewer, and the limits of the grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The viewer's id in the customer's system.
    pub name: Option<String>,
    /// Lifetime of the grant.
    pub life: GrantLife,
    /// Limits playback to rungs of at most this height: pixels of the shorter side.
    pub max_height: Option<u32>,
    /// Whether the edge checks revocations for every segment.
    pub check_segments: bool,
}

/// The lifetime of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantLife {
    /// A fixed number of seconds.
    Seconds(u64),
    /// The length of the video plus a margin, up to a limit.
    OutlivesVideo {
        /// The limit in seconds.
        at_most: u64,
    },
}

impl GrantLife {
    /// The default: up to the longest lifetime of a grant.
    pub const LONGEST: Self = Self::OutlivesVideo {
        at_most: *GRANT_SECONDS.end(),
    };

    /// The lifetime in seconds for a video of this length; `None`: the length is not known yet.
    pub fn seconds(self, video_ms: Option<u64>) -> u64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::OutlivesVideo { at_most } => {
                let video = video_ms.unwrap_or_default().div_ceil(1_000);
                video
                    .saturating_add(PAUSE_SECONDS)
                    .min(*GRANT_SECONDS.end())
                    .min(at_most)
            }
        }
    }
}

/// URLs for a player. Each contains a permission: never log them.
#[derive(Clone, PartialEq, Eq)]
pub struct PlaybackUrls {
    /// The master playlist, with a grant.
    pub hls: String,
    /// The poster image.
    pub poster: Option<String>,
    /// Preview images for the seek bar: WebVTT that refers to a sprite sheet.
    pub storyboard: Option<String>,
    /// The same with larger images.
    pub large_storyboard: Option<String>,
    /// Expiry.
    pub expires_ms: UnixMillis,
    /// Prefix of the image URLs.
    images: Option<String>,
}

impl PlaybackUrls {
    /// Replaces the poster by the requested one, if any; removes it if the video has none.
    #[must_use]
    pub fn with_poster(mut self, chosen: Option<&PosterId>, was_made: bool) -> Self {
        match (&self.images, chosen) {
            (Some(images), Some(poster)) => {
                self.poster = Some(format!("{images}/posters/{poster}.jpg"))
            }
            (_, None) if !was_made => self.poster = None,
            (_, _) => {}
        }
        self
    }
}

/// Creates playback URLs.
#[derive(Debug)]
pub struct Playback {
    edge: String,
    grants: GrantKeys,
    passes: Option<PassKeys>,
}

impl Playback {
    /// `edge`: URL of the edge; `passes`: keys that sign image URLs; without them there are no image URLs.
    pub fn new(edge: &str, grants: GrantKeys, passes: Option<PassKeys>) -> Self {
        Self {
            edge: edge.trim_end_matches('/').to_owned(),
            grants,
            passes,
        }
    }

    /// The URLs of a video. `images_of`: the generation whose images exist; `video_ms`: the length, if it
    /// is known.
    ///
    /// # Errors
    /// An internal error if no key can sign grants.
    pub fn urls(
        &self,
        video: VideoId,
        images_of: Option<&Generation>,
        viewer: &Viewer,
        video_ms: Option<u64>,
        now: UnixMillis,
    ) -> Result<PlaybackUrls, ApiError> {
        let session = session()?;
        let expires = now.as_secs() + viewer.life.seconds(video_ms);
        let limits = Limits {
            max_height: viewer.max_height,
            check_segments: viewer.check_segments,
            ..Limits::default()
        };
        let grant = Grant {
            video,
            viewer: viewer.name.clone(),
            id: Some(session.clone()),
            expires,
            not_before: None,
            limits,
        };
        let token = grant.issue(&self.grants).ok_or_else(|| {
            ApiError::internal(anyhow::anyhow!(
                "no grant key can sign: add an HS256 key to the grant keys"
            ))
        })?;
        let images = images_of
            .and_then(|it| Some((it, self.images_pass(&grant, &session, it, now.as_secs())?)));
        let images =
            images.map(|(generation, pass)| (generation, format!("{}/s/{pass}", self.edge)));
        let image = |name: &str| {
            images
                .as_ref()
                .map(|(generation, below)| format!("{below}/{generation}/{name}"))
        };
        Ok(PlaybackUrls {
            hls: format!("{}/v/{video}/master.m3u8?grant={token}", self.edge),
            poster: image("poster.jpg"),
            storyboard: image("storyboard.vtt"),
            large_storyboard: image("storyboard-large.vtt"),
            expires_ms: UnixMillis::from_secs(expires),
            images: images.map(|(_, below)| below),
        })
    }

    /// The origin of all playback URLs.
    pub fn origin(&self) -> &str {
        let path = self
            .edge
            .find("://")
            .and_then(|it| self.edge[it + 3..].find('/').map(|at| it + 3 + at));
        path.map_or(&self.edge, |at| &self.edge[..at])
    }

    /// A pass without access to renditions: it allows images only.
    fn images_pass(
        &self,
        grant: &Grant,
        session: &str,
        generation: &Generation,
        now: u64,
    ) -> Option<String> {
        let pass = Pass {
            purpose: Purpose::Stream,
            video: grant.video,
            generation: generation.clone(),
            session: Fingerprint::of(session),
            viewer: grant
                .viewer
                .as_deref()
                .map(Fingerprint::of)
                .unwrap_or_default(),
            // No longer than the edge's own passes.
            expires: grant
                .expires
                .min(now + domain::playback::Config::default().pass_seconds),
            renditions: Some(Vec::new()),
            limits: grant.limits.clone(),
        };
        pass.sign(self.passes.as_ref()?).ok()
    }
}

fn session() -> Result<String, ApiError> {
    let mut random = [0; 16];
    crate::random::fill(&mut random)?;
    Ok(domain::ids::hex(&random))
}

#[cfg(test)]
mod tests {
    use domain::keyring::Keyring;
    use domain::object_key::ObjectKey;
    use domain::playback::{Config, EdgeAction, Request, decide};

    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

    fn keyring() -> Keyring {
        let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        Keyring {
            grants: GrantKeys::parse(&format!("one:HS256:{key}")).unwrap(),
            passes: PassKeys::parse(&format!("one:{key}")).unwrap(),
        }
    }

    /// The action of the edge for a URL, `after` a number of seconds.
    fn ask(url: &str, after: u64) -> EdgeAction {
        let path = url.strip_prefix("https://edge.example").unwrap();
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        let request = Request {
            method: "GET",
            path,
            query,
            ..Request::default()
        };
        let config = Config {
            clock_skew_seconds: 0,
            ..Config::default()
        };
        decide(&request, NOW.as_secs() + after, &keyring(), &config)
    }

    #[test]
    fn the_edge_accepts_urls_until_they_expire() {
        let (video, generation) = (VideoId::new(1, [1; 10]), Generation::of("etag", "profile"));
        let keyring = keyring();
        let playback = Playback::new(
            "https://edge.example/",
            keyring.grants,
            Some(keyring.passes),
        );
        let life = GrantLife::Seconds(60);
        let viewer = Viewer {
            name: Some("ann".to_owned()),
            life,
            max_height: Some(720),
            check_segments: true,
        };
        let urls = playback
            .urls(video, Some(&generation), &viewer, None, NOW)
            .unwrap();
        assert_eq!(urls.expires_ms, NOW + std::time::Duration::from_secs(60));

        let own = urls
            .clone()
            .with_poster(Some(&PosterId::from_timestamp(5)), true)
            .poster
            .unwrap();
        assert!(
            matches!(ask(&own, 59), EdgeAction::Serve(plan) if matches!(plan.object, ObjectKey::CustomPoster { .. }))
        );
        let poster = urls.poster.unwrap();
        assert!(matches!(ask(&urls.hls, 59), EdgeAction::RewriteMaster(_)));
        assert!(matches!(ask(&poster, 59), EdgeAction::Serve(_)));
        assert!(matches!(
            ask(&urls.storyboard.unwrap(), 59),
            EdgeAction::Serve(_)
        ));
        assert!(matches!(ask(&urls.hls, 60), EdgeAction::Refuse(..)));
        let renewal = |action: EdgeAction| action.lookup().and_then(|it| it.renewal);
        assert_eq!(renewal(ask(&poster, 59)), None);
        assert!(
            renewal(ask(&poster, 60)).is_some(),
            "it has ended, unless the session was renewed"
        );
        // The pass of an image allows nothing else.
        let playlist = poster.replace("poster.jpg", "720p/720p.m3u8");
        assert!(matches!(ask(&playlist, 0), EdgeAction::Refuse(..)));
    }

    #[test]
    fn a_grant_outlives_its_video() {
        let hour = 3_600;
        for (life, video_ms, expected) in [
            (GrantLife::LONGEST, None, 4 * hour),
            (GrantLife::LONGEST, Some(1), 4 * hour + 1),
            (GrantLife::LONGEST, Some(10 * hour * 1_000), 14 * hour),
            (GrantLife::LONGEST, Some(u64::MAX), 7 * 24 * hour),
            (
                GrantLife::OutlivesVideo { at_most: 60 },
                Some(hour * 1_000),
                60,
            ),
            (GrantLife::Seconds(60), Some(hour * 1_000), 60),
        ] {
            assert_eq!(life.seconds(video_ms), expected, "{life:?} {video_ms:?}");
        }
    }

    #[test]
    fn the_origin_has_no_path() {
        let origin = |edge: &str| {
            Playback::new(edge, keyring().grants, None)
                .origin()
                .to_owned()
        };
        assert_eq!(origin("https://edge.example/"), "https://edge.example");
        assert_eq!(
            origin("https://edge.example:8443/video/"),
            "https://edge.example:8443"
        );
    }

    #[test]
    fn without_pass_keys_there_are_no_pictures() {
        let playback = Playback::new("https://edge.example", keyring().grants, None);
        let viewer = Viewer {
            name: None,
            life: GrantLife::Seconds(60),
            max_height: None,
            check_segments: false,
        };
        let generation = Generation::of("etag", "profile");
        let urls = playback
            .urls(
                VideoId::new(1, [1; 10]),
                Some(&generation),
                &viewer,
                None,
                NOW,
            )
            .unwrap();
        assert_eq!((urls.poster, urls.storyboard), (None, None));
        assert!(matches!(ask(&urls.hls, 0), EdgeAction::RewriteMaster(_)));
    }
}
