//! Who may play what: every decision of the edge, without I/O.
//!
//! [`decide`] turns a request, the time and the keys into an [`EdgeAction`]; two shells (the local server, the edge
//! worker) carry it out and hold no rule. Where an action needs an object first, its second half is here too:
//! [`MasterPlan::rewrite`], [`MediaPlan::rewrite`], [`KeyPlan::release`].
//!
//! ```text
//! /v/{video}/master.m3u8                 with a grant: ?grant=, Authorization: Bearer, or a cookie; by POST, renews
//! /s/{pass}/{generation}/...             playlists, segments, pictures: what stands at hls/{video}/{generation}/...
//! /s/{pass}/posters/{poster}.jpg         a poster that somebody chose, whatever the generation
//! /k/{pass}/{generation}/{key}.key       a content key, 16 bytes
//! /revocations                           by POST: puts names on the list of what was revoked
//! ```
//!
//! The master playlist is where a grant becomes a pass. Renditions taller than `max_height` are left out there, by their
//! RESOLUTION, and the pass then names the renditions that stay: a playlist, segment or key of any other is refused,
//! however well its name is guessed.

#[cfg(any(test, feature = "cases"))]
pub mod cases;
mod conditional;
mod headers;
mod key;
mod lookup;
mod master;
mod media;
mod pace;
mod refusal;
mod renew;
mod response;
mod revoke;
mod route;

pub use conditional::accepts_gzip;
pub use headers::Headers;
pub use key::KeyPlan;
pub use lookup::{Entry, Lookup, RENEWABLE_SECONDS, Subject};
pub use master::MasterPlan;
pub use media::MediaPlan;
pub use refusal::Refusal;
pub use renew::RenewPlan;
pub use response::{Conditions, Content, MAX_PLAYLIST_BYTES, MAX_WRAPPED_KEY_BYTES, ObjectResponse};
pub use revoke::{REVOCATION_AUDIENCE, RevokePlan, revocation};

use crate::grant::{DelegatedSignature, Grant, Origin, VerifiedGrant, Whereabouts};
use crate::ids::{Generation, VideoId};
use crate::keyring::Keyring;
use crate::object_key::{Bucket, CachePolicy, ObjectKey, RenditionName};
use crate::pass::{Pass, Purpose};

use route::Route;

/// What the decision needs of a request. Where a header is there several times, its values are joined by `, `
/// (cookies by `; `), as browsers and workers do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// `GET`, `HEAD`, `OPTIONS`, and `POST` where something is changed; anything else is refused.
    pub method: &'a str,
    /// As it came, not decoded.
    pub path: &'a str,
    /// As it came, without the `?`.
    pub query: Option<&'a str>,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Cookie`.
    pub cookie: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Referer`.
    pub referer: Option<&'a str>,
    /// `Sec-Fetch-Dest`.
    pub destination: Option<&'a str>,
    /// `Sec-CH-UA`.
    pub brands: Option<&'a str>,
    /// Where the client is; `None`: nothing is known of it.
    pub client: Option<&'a dyn Whereabouts>,
    /// What became of the signature that [`delegated`] gave for this very request.
    pub signature: Option<bool>,
}

/// How the edge is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Stands before the paths that are written into playlists; empty where the edge has a host of its own.
    pub base: String,
    /// Where a public host serves the media bucket's encrypted segments; `None`: they come through the edge.
    pub cdn: Option<String>,
    /// Longest life of a pass, seconds. It outlives its grant by no more than the clock skew.
    pub pass_seconds: u64,
    /// How far the clock of whoever issues grants may be off, seconds.
    pub clock_skew_seconds: u64,
    /// Pages that may send cookies along.
    pub credential_origins: Vec<Origin>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base: String::new(),
            cdn: None,
            pass_seconds: 12 * 60 * 60,
            clock_skew_seconds: 60,
            credential_origins: vec![],
        }
    }
}

impl Config {
    /// When what is handed out for a grant ends, Unix seconds.
    fn pass_end(&self, grant: &Grant, now: u64) -> u64 {
        // A grant that is only accepted because of the skew still opens the door for that long.
        let latest = grant.expires.saturating_add(self.clock_skew_seconds);
        now.saturating_add(self.pass_seconds).min(latest)
    }
}

/// The cookie that may carry a grant.
pub const GRANT_COOKIE: &str = "edgereel_grant";

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EdgeAction {
    /// Answer its status, a problem document and these headers.
    Refuse(Refusal, Headers),
    /// Answer 204 and these headers.
    Preflight(Headers),
    /// Stream an object. Ranges and conditions are honoured; caches are asked by the object's path, without the pass.
    Serve(ServePlan),
    /// Read the master playlist, and answer [`MasterPlan::rewrite`] of it.
    RewriteMaster(Box<MasterPlan>),
    /// Read a media playlist, and answer [`MediaPlan::rewrite`] of it.
    RewriteMedia(Box<MediaPlan>),
    /// Read a wrapped key, and answer [`KeyPlan::release`] of it; nothing here may be cached or logged.
    ReleaseKey(KeyPlan),
    /// Store its entry, then answer 200 and [`RenewPlan::answer`].
    Renew(Box<RenewPlan>),
    /// Store its entries, then answer 204.
    Revoke(RevokePlan),
}

/// An object that is passed on as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServePlan {
    /// Which.
    pub object: ObjectKey,
    /// For whom.
    pub subject: Subject,
    /// Of the answer, content type and cache policy included.
    pub headers: Headers,
}

impl EdgeAction {
    /// What has to be looked up, and judged, before this is carried out; `None`: nothing.
    pub fn lookup(&self) -> Option<Lookup> {
        match self {
            Self::Refuse(..) | Self::Preflight(_) | Self::Revoke(_) => None,
            Self::Serve(plan) => Lookup::of(&plan.subject, matches!(plan.object, ObjectKey::Segment { .. })),
            Self::RewriteMaster(plan) => Lookup::of(&plan.subject, false),
            Self::RewriteMedia(plan) => Lookup::of(&plan.subject, false),
            Self::ReleaseKey(plan) => Lookup::of(&plan.subject, false),
            Self::Renew(plan) => Some(plan.lookup.clone()),
        }
    }

    /// The object that has to be read.
    pub fn object(&self) -> Option<&ObjectKey> {
        match self {
            Self::Refuse(..) | Self::Preflight(_) | Self::Renew(_) | Self::Revoke(_) => None,
            Self::Serve(plan) => Some(&plan.object),
            Self::RewriteMaster(plan) => Some(&plan.object),
            Self::RewriteMedia(plan) => Some(&plan.object),
            Self::ReleaseKey(plan) => Some(&plan.object),
        }
    }
}

/// The signature that has to be checked before this request can be decided on, for keys of
/// [`GrantKeys::parse_delegating`](crate::keyring::GrantKeys::parse_delegating); `None`: none.
pub fn delegated<'a>(request: &Request<'a>, keys: &'a Keyring) -> Option<DelegatedSignature<'a>> {
    let token = match Route::parse(request.path).ok()? {
        Route::Master { .. } if request.method == "POST" => route::Renewing::of(request).ok()?.fresh,
        Route::Master { .. } | Route::Revocations => route::grant_of(request).ok()?,
        Route::Stream { .. } | Route::Key { .. } => return None,
    };
    Grant::delegated(token, &keys.grants)
}

/// Decides what becomes of a request. `now` in Unix seconds. Never panics, whatever the request.
pub fn decide(request: &Request<'_>, now: u64, keys: &Keyring, config: &Config) -> EdgeAction {
    let decided = match request.method {
        "OPTIONS" => return EdgeAction::Preflight(Headers::preflight(request, config)),
        "GET" | "HEAD" => authorise(request, now, keys, config),
        "POST" => change(request, now, keys, config),
        _ => Err(Refusal::Method),
    };
    decided.unwrap_or_else(|refusal| refuse(refusal, request, config))
}

/// The refusal of a request, also for what goes wrong after the decision (no such object, store away).
pub fn refuse(refusal: Refusal, request: &Request<'_>, config: &Config) -> EdgeAction {
    EdgeAction::Refuse(refusal, Headers::refusal(refusal, request, config))
}

fn authorise(request: &Request<'_>, now: u64, keys: &Keyring, config: &Config) -> Result<EdgeAction, Refusal> {
    match Route::parse(request.path)? {
        Route::Master { video } => {
            let verified = admit_grant(route::grant_of(request)?, video, request, now, keys, config)?;
            Ok(EdgeAction::RewriteMaster(Box::new(MasterPlan::new(&verified, now, request, config))))
        }
        Route::Stream { pass, path } => {
            let (verified, subject) = admitted(pass, Purpose::Stream, request, now, keys)?;
            let object = ObjectKey::parse(Bucket::Media, &format!("hls/{}/{path}", verified.video));
            let object = object.ok_or(Refusal::NotFound)?;
            let (generation, rendition) = place_of(&object).ok_or(Refusal::NotFound)?;
            if generation.is_some_and(|it| *it != verified.generation) {
                return Err(Refusal::PassGeneration);
            }
            if rendition.is_some_and(|it| !verified.opens(it)) {
                return Err(Refusal::PassRendition);
            }
            if let ObjectKey::MediaPlaylist { rendition, .. } = &object {
                let rendition = rendition.clone();
                let plan = MediaPlan::new(object, rendition, pass, (verified, subject), request, (now, config));
                return Ok(EdgeAction::RewriteMedia(Box::new(plan)));
            }
            let headers = Headers::object(&object, &verified.limits, request, config);
            Ok(EdgeAction::Serve(ServePlan { object, subject, headers }))
        }
        Route::Key { pass, generation, key } => {
            let (pass, subject) = admitted(pass, Purpose::Key, request, now, keys)?;
            if generation != pass.generation {
                return Err(Refusal::PassGeneration);
            }
            if !pass.opens(&key) {
                return Err(Refusal::PassRendition);
            }
            let headers = Headers::key(&pass.limits, request, config);
            let object = ObjectKey::ContentKey { video: pass.video, generation, key };
            Ok(EdgeAction::ReleaseKey(KeyPlan { object, subject, headers }))
        }
        Route::Revocations => Err(Refusal::Method),
    }
}

/// What a POST changes.
fn change(request: &Request<'_>, now: u64, keys: &Keyring, config: &Config) -> Result<EdgeAction, Refusal> {
    match Route::parse(request.path)? {
        Route::Master { video } => Ok(EdgeAction::Renew(Box::new(RenewPlan::new(video, request, now, keys, config)?))),
        Route::Revocations => Ok(EdgeAction::Revoke(RevokePlan::new(request, now, keys, config)?)),
        Route::Stream { .. } | Route::Key { .. } => Err(Refusal::Method),
    }
}

/// Verifies a grant for a video, and from where it is used.
fn admit_grant(
    token: &str,
    video: VideoId,
    request: &Request<'_>,
    now: u64,
    keys: &Keyring,
    config: &Config,
) -> Result<VerifiedGrant, Refusal> {
    let skew = config.clock_skew_seconds;
    let verified = Grant::verify_delegating(token, &keys.grants, now, skew, request.signature)?;
    if verified.grant.video != video {
        return Err(Refusal::GrantVideo);
    }
    let limits = &verified.grant.limits;
    limits.check(request.client)?;
    limits.check_origin(request.origin.or_else(|| request.referer.and_then(Origin::of_url)))?;
    Ok(verified)
}

/// The encoding that an object belongs to, if it is of one, and the rendition if it is part of one; `None`: not for
/// viewers.
fn place_of(object: &ObjectKey) -> Option<(Option<&Generation>, Option<&RenditionName>)> {
    match object {
        ObjectKey::MediaPlaylist { generation, rendition, .. } | ObjectKey::Segment { generation, rendition, .. } => {
            Some((Some(generation), Some(rendition)))
        }
        ObjectKey::Thumbnail { generation, .. }
        | ObjectKey::Storyboard { generation, .. }
        | ObjectKey::StoryboardIndex { generation, .. }
        | ObjectKey::Poster { generation, .. } => Some((Some(generation), None)),
        // Whoever may see the video in any encoding may see its poster.
        ObjectKey::OwnPoster { .. } => Some((None, None)),
        ObjectKey::Source { .. }
        | ObjectKey::ArchivedSource { .. }
        | ObjectKey::External { .. }
        | ObjectKey::ContentKey { .. }
        | ObjectKey::Manifest { .. }
        | ObjectKey::PosterPicture { .. }
        | ObjectKey::Master { .. } => None,
    }
}

/// Verifies a pass, and from where it is used. A pass was made for a page that was allowed; players that are no page
/// (`AirPlay`, Chromecast) name no origin, so only a wrong one is refused here.
fn admitted(
    text: &str,
    purpose: Purpose,
    request: &Request<'_>,
    now: u64,
    keys: &Keyring,
) -> Result<(Pass, Subject), Refusal> {
    let pass = Pass::read(text, purpose, &keys.passes)?;
    let subject = lookup::subject_of(&pass, now)?;
    pass.limits.check(request.client)?;
    if request.origin.is_some() {
        pass.limits.check_origin(request.origin)?;
    }
    Ok((pass, subject))
}

/// How viewers may keep an object that was served under a pass: only they, since the address is theirs.
fn viewer_cache(object: &ObjectKey) -> &'static str {
    match object.cache_policy() {
        CachePolicy::Immutable => "private, max-age=31536000, immutable",
        CachePolicy::Revalidate => "private, no-cache",
        CachePolicy::NoStore => "no-store",
    }
}

#[cfg(test)]
mod tests;
