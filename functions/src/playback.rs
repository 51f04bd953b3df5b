//! What plays: addresses at the edge, with a grant in them.

use std::ops::RangeInclusive;

use domain::grant::{Fingerprint, Grant, Limits};
use domain::ids::{Generation, PosterId, VideoId};
use domain::keyring::{GrantKeys, PassKeys};
use domain::pass::{Pass, Purpose};
use domain::state::VideoState;
use platform::catalog::Video;

use crate::error::ApiError;

/// How much longer than its video a grant lives by default, seconds: time for pauses.
pub const PAUSE_SECONDS: u64 = 4 * 3600;

/// How long the poster of a list can be seen, hours, the one that has begun included: no longer than the edge's own passes.
const POSTER_HOURS: u64 = 12;

/// How long a grant may live, seconds.
pub const GRANT_SECONDS: RangeInclusive<u64> = 60..=7 * 24 * 3600;

/// The viewer, and the limits of the grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// In the customer's system.
    pub name: Option<String>,
    /// Life of the grant.
    pub life: GrantLife,
    /// Limits playback to rungs of at most this height: pixels of the shorter side.
    pub max_height: Option<u32>,
    /// Whether a revocation stops what is being watched at the next segment.
    pub check_segments: bool,
}

/// How long a grant lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantLife {
    /// A number of seconds.
    Seconds(u64),
    /// Longer than the video, up to a limit.
    OutlivesVideo {
        /// Seconds until the URL expires.
        at_most: u64,
    },
}

impl GrantLife {
    /// The default: up to the longest life of a grant.
    pub const LONGEST: Self = Self::OutlivesVideo { at_most: *GRANT_SECONDS.end() };

    /// In seconds, for a video of this length; `None`: the length is not known yet.
    pub fn seconds(self, video_ms: Option<u64>) -> u64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::OutlivesVideo { at_most } => {
                let video = video_ms.unwrap_or_default().div_ceil(1_000);
                video.saturating_add(PAUSE_SECONDS).min(*GRANT_SECONDS.end()).min(at_most)
            }
        }
    }
}

/// Addresses for a player. Each is a permission: not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct PlaybackUrls {
    /// The master playlist, with its grant.
    pub hls: String,
    /// The poster image.
    pub poster: Option<String>,
    /// The small pictures of the seek bar: WebVTT that names their sheet.
    pub storyboard: Option<String>,
    /// When they end, Unix milliseconds.
    pub expires_ms: u64,
    /// Below which pictures are.
    pictures: Option<String>,
}

impl PlaybackUrls {
    /// The same with the chosen poster, if there is one; without any if none was made either.
    #[must_use]
    pub fn with_poster(mut self, chosen: Option<&PosterId>, was_made: bool) -> Self {
        match (&self.pictures, chosen) {
            (Some(pictures), Some(poster)) => self.poster = Some(format!("{pictures}/posters/{poster}.jpg")),
            (_, None) if !was_made => self.poster = None,
            (_, _) => {}
        }
        self
    }
}

/// Gives out addresses.
#[derive(Debug)]
pub struct Playback {
    edge: String,
    grants: GrantKeys,
    passes: Option<PassKeys>,
}

impl Playback {
    /// `edge`: where the edge is; `passes`: what signs the addresses of pictures, without which there are none.
    pub fn new(edge: &str, grants: GrantKeys, passes: Option<PassKeys>) -> Self {
        Self { edge: edge.trim_end_matches('/').to_owned(), grants, passes }
    }

    /// The addresses of a video. `pictures_of`: the generation whose pictures are there; `video_ms`: how long it is, if that
    /// is known.
    ///
    /// # Errors
    /// `Internal` where no key here can issue a grant.
    pub fn urls(
        &self,
        video: VideoId,
        pictures_of: Option<&Generation>,
        viewer: &Viewer,
        video_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<PlaybackUrls, ApiError> {
        let session = session()?;
        let expires = now_ms / 1000 + viewer.life.seconds(video_ms);
        let limits =
            Limits { max_height: viewer.max_height, check_segments: viewer.check_segments, ..Limits::default() };
        let grant =
            Grant { video, viewer: viewer.name.clone(), id: Some(session.clone()), expires, not_before: None, limits };
        let token = grant.issue(&self.grants).ok_or_else(|| {
            ApiError::internal(anyhow::anyhow!("no grant key can sign: add an HS256 key to the grant keys"))
        })?;
        let pictures = pictures_of.and_then(|it| Some((it, self.pictures_pass(&grant, &session, it, now_ms / 1000)?)));
        let pictures = pictures.map(|(generation, pass)| (generation, format!("{}/s/{pass}", self.edge)));
        let picture = |name: &str| pictures.as_ref().map(|(generation, below)| format!("{below}/{generation}/{name}"));
        Ok(PlaybackUrls {
            hls: format!("{}/v/{video}/master.m3u8?grant={token}", self.edge),
            poster: picture("poster.jpg"),
            storyboard: picture("storyboard.vtt"),
            expires_ms: expires * 1000,
            pictures: pictures.map(|(_, below)| below),
        })
    }

    /// The address of a video's poster for a list: of no viewer and no session, and the same for an hour, so that caches
    /// keep the picture. `None`: there is none yet, or nothing here signs it.
    pub fn poster_url(&self, video: &Video, now_ms: u64) -> Option<String> {
        let VideoState::Ready { generation } = &video.state else { return None };
        let picture = match &video.chosen_poster {
            Some(poster) => format!("posters/{poster}.jpg"),
            None if video.has_poster => format!("{generation}/poster.jpg"),
            None => return None,
        };
        let hour = now_ms / 1_000 / 3_600;
        let pass = Pass {
            purpose: Purpose::Stream,
            video: video.id,
            generation: generation.clone(),
            session: Fingerprint::of("posters"),
            viewer: Fingerprint::default(),
            expires: (hour + POSTER_HOURS) * 3_600,
            renditions: Some(Vec::new()),
            limits: Limits::default(),
        };
        Some(format!("{}/s/{}/{picture}", self.edge, pass.sign(self.passes.as_ref()?).ok()?))
    }

    /// The origin of everything that plays.
    pub fn origin(&self) -> &str {
        let path = self.edge.find("://").and_then(|it| self.edge[it + 3..].find('/').map(|at| it + 3 + at));
        path.map_or(&self.edge, |at| &self.edge[..at])
    }

    /// A pass that opens no rendition: pictures are all that is left.
    fn pictures_pass(&self, grant: &Grant, session: &str, generation: &Generation, now: u64) -> Option<String> {
        let pass = Pass {
            purpose: Purpose::Stream,
            video: grant.video,
            generation: generation.clone(),
            session: Fingerprint::of(session),
            viewer: grant.viewer.as_deref().map(Fingerprint::of).unwrap_or_default(),
            // No longer than the edge's own.
            expires: grant.expires.min(now + domain::playback::Config::default().pass_seconds),
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

    const NOW_MS: u64 = 1_700_000_000_000;

    fn keyring() -> Keyring {
        let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        Keyring {
            grants: GrantKeys::parse(&format!("one:HS256:{key}")).unwrap(),
            passes: PassKeys::parse(&format!("one:{key}")).unwrap(),
        }
    }

    /// What the edge does with an address, `after` so many seconds.
    fn ask(url: &str, after: u64) -> EdgeAction {
        let path = url.strip_prefix("https://edge.example").unwrap();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let request = Request { method: "GET", path, query, ..Request::default() };
        let config = Config { clock_skew_seconds: 0, ..Config::default() };
        decide(&request, NOW_MS / 1000 + after, &keyring(), &config)
    }

    #[test]
    fn the_edge_takes_what_is_given_out_until_it_ends() {
        let (video, generation) = (VideoId::new(1, [1; 10]), Generation::of("etag", "profile"));
        let keyring = keyring();
        let playback = Playback::new("https://edge.example/", keyring.grants, Some(keyring.passes));
        let life = GrantLife::Seconds(60);
        let viewer = Viewer { name: Some("ann".to_owned()), life, max_height: Some(720), check_segments: true };
        let urls = playback.urls(video, Some(&generation), &viewer, None, NOW_MS).unwrap();
        assert_eq!(urls.expires_ms, NOW_MS + 60_000);

        let own = urls.clone().with_poster(Some(&PosterId::of_moment(5)), true).poster.unwrap();
        assert!(matches!(ask(&own, 59), EdgeAction::Serve(plan) if matches!(plan.object, ObjectKey::OwnPoster { .. })));
        let poster = urls.poster.unwrap();
        assert!(matches!(ask(&urls.hls, 59), EdgeAction::RewriteMaster(_)));
        assert!(matches!(ask(&poster, 59), EdgeAction::Serve(_)));
        assert!(matches!(ask(&urls.storyboard.unwrap(), 59), EdgeAction::Serve(_)));
        assert!(matches!(ask(&urls.hls, 60), EdgeAction::Refuse(..)));
        let renewal = |action: EdgeAction| action.lookup().and_then(|it| it.renewal);
        assert_eq!(renewal(ask(&poster, 59)), None);
        assert!(renewal(ask(&poster, 60)).is_some(), "it has ended, unless the session was renewed");
        // The pass of a picture opens nothing else.
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
            (GrantLife::OutlivesVideo { at_most: 60 }, Some(hour * 1_000), 60),
            (GrantLife::Seconds(60), Some(hour * 1_000), 60),
        ] {
            assert_eq!(life.seconds(video_ms), expected, "{life:?} {video_ms:?}");
        }
    }

    #[test]
    fn the_origin_has_no_path() {
        let origin = |edge: &str| Playback::new(edge, keyring().grants, None).origin().to_owned();
        assert_eq!(origin("https://edge.example/"), "https://edge.example");
        assert_eq!(origin("https://edge.example:8443/video/"), "https://edge.example:8443");
    }

    #[test]
    fn without_pass_keys_there_are_no_pictures() {
        let playback = Playback::new("https://edge.example", keyring().grants, None);
        let viewer = Viewer { name: None, life: GrantLife::Seconds(60), max_height: None, check_segments: false };
        let generation = Generation::of("etag", "profile");
        let urls = playback.urls(VideoId::new(1, [1; 10]), Some(&generation), &viewer, None, NOW_MS).unwrap();
        assert_eq!((urls.poster, urls.storyboard), (None, None));
        assert!(matches!(ask(&urls.hls, 0), EdgeAction::RewriteMaster(_)));
    }
}
