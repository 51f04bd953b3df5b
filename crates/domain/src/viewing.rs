//! What was watched, and how well: views of a video, and the quality that its viewers saw.
//!
//! An edge makes an [`Observation`] of each request that says something about viewing. An [`Audience`] adds
//! observations up, for programs that run for long; the edge worker passes them to Cloudflare's Analytics Engine one by
//! one. [`Totals`] is the result: counters and sums only, without any name, address or session of a viewer.

mod audience;
mod totals;

pub use audience::{Audience, Hour, VideoHour};
pub use totals::{STARTUP_BOUNDS_MS, Startups, Totals};

use crate::cmcd::Cmcd;
use crate::grant::Fingerprint;
use crate::ids::VideoId;
use crate::playback::Refusal;

/// A request that says something about viewing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The video.
    pub video: VideoId,
    /// Fingerprint of the session: a hash of the grant's `jti` or of the grant. `None`: a refused request whose session
    /// is unknown.
    pub session: Option<Fingerprint>,
    /// What the session did.
    pub kind: Kind,
    /// What the player measured.
    pub measured: Cmcd,
}

/// What a session did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It took the master playlist.
    Master,
    /// It took a content key.
    Key,
    /// It took a segment of video or audio.
    Segment,
    /// Its player reported measurements.
    Report,
    /// It was refused.
    Refused(Refusal),
}

impl Kind {
    /// The name of the kind, in data points of Analytics Engine.
    pub fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Key => "key",
            Self::Segment => "segment",
            Self::Report => "report",
            Self::Refused(_) => "refused",
        }
    }

    /// Whether a session that does this watches the video. A playlist alone is not a view: crawlers and previews of links
    /// take it too.
    pub fn is_view(self) -> bool {
        match self {
            Self::Key | Self::Segment | Self::Report => true,
            Self::Master | Self::Refused(_) => false,
        }
    }
}

impl Observation {
    /// How long the video was watched, milliseconds: what the player reports, or else the duration of the requested
    /// object, which a player seldom requests without playing it.
    pub fn watched_ms(&self) -> u32 {
        let measured = &self.measured;
        measured.played_ms.or(measured.video_ms).unwrap_or(0)
    }
}
