//! Playback rules: every decision of the edge, without I/O.
//!
//! [`decide`] turns a request, the time and the keys into an [`EdgeAction`]. Two *shells* execute it and contain no
//! rules: the crate `edge-server`, and the edge worker. If an action needs an object first, a function here then
//! computes the response from the object: [`MasterPlan::rewrite`], [`MediaPlan::rewrite`], [`KeyPlan::release`].
//!
//! ```text
//! /v/{video}/master.m3u8                 with a grant: ?grant=, Authorization: Bearer, or a cookie; by POST, renews
//! /s/{pass}/{generation}/...             playlists, segments, images: the objects under hls/{video}/{generation}/...
//! /s/{pass}/posters/{poster}.jpg         a poster that was set, for every generation
//! /s/{pass}/cmcd                         by POST: what the player measured, in the query (CMCD)
//! /k/{pass}/{generation}/{key}.key       a content key, 16 bytes
//! /revocations                           by POST: adds names to the revocation list
//! ```
//!
//! A request for a master playlist carries a grant. The edge puts a pass into every URL of that playlist, and omits the
//! renditions taller than `max_height`, by their RESOLUTION. The pass lists the renditions that stay: the edge refuses
//! playlists, segments and keys of others, even if a client guesses their names.

#[cfg(any(test, feature = "cases"))]
pub mod cases;
mod conditional;
mod headers;
mod key;
mod lookup;
mod master;
mod media;
mod observe;
mod pace;
mod refusal;
mod renew;
mod response;
mod revoke;
mod route;
mod served;

pub use conditional::accepts_gzip;
pub use headers::Headers;
pub use key::KeyPlan;
pub use lookup::{Entry, Lookup, RENEWABLE_SECONDS, Subject};
pub use master::MasterPlan;
pub use media::MediaPlan;
pub use observe::{ReportPlan, observe_refusal};
pub use refusal::Refusal;
pub use renew::RenewPlan;
pub use response::{
    Conditions, Content, MAX_PLAYLIST_BYTES, MAX_WRAPPED_KEY_BYTES, ObjectResponse,
};
pub use revoke::{REVOCATION_AUDIENCE, RevokePlan, revocation};

use crate::grant::{ClientLocation, DelegatedSignature, Grant, Origin, VerifiedGrant};
use crate::ids::VideoId;
use crate::keyring::Keyring;
use crate::object_key::{Bucket, ObjectKey};
use crate::pass::{Pass, Purpose};

use route::Route;
use served::generation_and_rendition;

/// The parts of a request that the decision needs. The values of a repeated header are joined by `, `
/// (cookies by `; `), as browsers and workers do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// HTTP method: `GET`, `HEAD`, `OPTIONS`, and `POST` for changes; others are refused.
    pub method: &'a str,
    /// Path as received, not decoded.
    pub path: &'a str,
    /// Query as received, without the `?`.
    pub query: Option<&'a str>,
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `Cookie` header.
    pub cookie: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Referer` header.
    pub referer: Option<&'a str>,
    /// The `Sec-Fetch-Dest` header.
    pub sec_fetch_dest: Option<&'a str>,
    /// The `Sec-CH-UA` header.
    pub sec_ch_ua: Option<&'a str>,
    /// Location of the client; `None`: unknown.
    pub client: Option<&'a dyn ClientLocation>,
    /// The result for the signature that [`delegated`] returned for this request.
    pub signature: Option<bool>,
}

/// Configuration of the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Prefix of the paths that are written into playlists; empty if the edge has its own host.
    pub base: String,
    /// URL of a public host for the media bucket's encrypted segments; `None`: they come through the edge.
    pub cdn: Option<String>,
    /// Maximum lifetime of a pass, seconds. It outlives its grant by no more than the clock skew.
    pub pass_seconds: u64,
    /// Tolerated clock error of grant issuers, seconds.
    pub clock_skew_seconds: u64,
    /// Origins of pages that may send cookies.
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
    /// The expiry of passes for a grant, Unix seconds.
    fn pass_end(&self, grant: &Grant, now: u64) -> u64 {
        // A grant that is only accepted because of the skew is still valid for that long.
        let latest = grant.expires.saturating_add(self.clock_skew_seconds);
        now.saturating_add(self.pass_seconds).min(latest)
    }
}

/// Name of the cookie that may carry a grant.
pub const GRANT_COOKIE: &str = "edgereel_grant";

/// The action for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EdgeAction {
    /// Respond with the refusal's status, a problem document and these headers.
    Refuse(Refusal, Headers),
    /// Respond with 204 and these headers.
    Preflight(Headers),
    /// Stream an object. Ranges and conditions are honoured; the cache key is the object's path, without the pass.
    Serve(ServePlan),
    /// Read the master playlist, and respond with its [`MasterPlan::rewrite`].
    RewriteMaster(Box<MasterPlan>),
    /// Read a media playlist, and respond with its [`MediaPlan::rewrite`].
    RewriteMedia(Box<MediaPlan>),
    /// Read a wrapped key, and respond with its [`KeyPlan::release`]; nothing here may be cached or logged.
    ReleaseKey(KeyPlan),
    /// Respond with 204. The shell counts the report, if it counts views.
    Report(ReportPlan),
    /// Store its entry, then respond with 200 and [`RenewPlan::body`].
    Renew(Box<RenewPlan>),
    /// Store its entries, then respond with 204.
    Revoke(RevokePlan),
}

/// An object that is served unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServePlan {
    /// The object to serve.
    pub object: ObjectKey,
    /// The viewer and session of the request.
    pub subject: Subject,
    /// Headers of the response, content type and cache policy included.
    pub headers: Headers,
}

impl EdgeAction {
    /// The look-up in the revocation list that must permit this action before it is executed; `None`: no look-up.
    pub fn lookup(&self) -> Option<Lookup> {
        match self {
            Self::Refuse(..) | Self::Preflight(_) | Self::Revoke(_) => None,
            Self::Serve(plan) => {
                let is_media = matches!(
                    plan.object,
                    ObjectKey::Segment { .. } | ObjectKey::InitSegment { .. }
                );
                Lookup::of(&plan.subject, is_media)
            }
            Self::RewriteMaster(plan) => Lookup::of(&plan.subject, false),
            Self::RewriteMedia(plan) => Lookup::of(&plan.subject, false),
            Self::ReleaseKey(plan) => Lookup::of(&plan.subject, false),
            // A report opens nothing, so a revocation need not stop it.
            Self::Report(plan) => Lookup::of(&plan.subject, true),
            Self::Renew(plan) => Some(plan.lookup.clone()),
        }
    }

    /// The object that has to be read.
    pub fn object(&self) -> Option<&ObjectKey> {
        match self {
            Self::Refuse(..)
            | Self::Preflight(_)
            | Self::Report(_)
            | Self::Renew(_)
            | Self::Revoke(_) => None,
            Self::Serve(plan) => Some(&plan.object),
            Self::RewriteMaster(plan) => Some(&plan.object),
            Self::RewriteMedia(plan) => Some(&plan.object),
            Self::ReleaseKey(plan) => Some(&plan.object),
        }
    }
}

/// The signature that the shell must check before this request can be decided, for keys of
/// [`GrantKeys::parse_delegating`](crate::keyring::GrantKeys::parse_delegating); `None` if there is none.
pub fn delegated<'a>(request: &Request<'a>, keys: &'a Keyring) -> Option<DelegatedSignature<'a>> {
    let token = match Route::parse(request.path).ok()? {
        Route::Master { .. } if request.method == "POST" => {
            route::Renewing::of(request).ok()?.fresh
        }
        Route::Master { .. } | Route::Revocations => route::grant_of(request).ok()?,
        Route::Stream { .. } | Route::Key { .. } => return None,
    };
    Grant::delegated(token, &keys.grants)
}

/// Decides on a request. `now` in Unix seconds. Never panics, whatever the request.
pub fn decide(request: &Request<'_>, now: u64, keys: &Keyring, config: &Config) -> EdgeAction {
    let decided = match request.method {
        "OPTIONS" => return EdgeAction::Preflight(Headers::preflight(request, config)),
        "GET" | "HEAD" => decide_get(request, now, keys, config),
        "POST" => decide_post(request, now, keys, config),
        _ => Err(Refusal::Method),
    };
    decided.unwrap_or_else(|refusal| refuse(refusal, request, config))
}

/// The refusal of a request, also for failures after the decision (missing object, unavailable store).
pub fn refuse(refusal: Refusal, request: &Request<'_>, config: &Config) -> EdgeAction {
    EdgeAction::Refuse(refusal, Headers::refusal(refusal, request, config))
}

fn decide_get(
    request: &Request<'_>,
    now: u64,
    keys: &Keyring,
    config: &Config,
) -> Result<EdgeAction, Refusal> {
    match Route::parse(request.path)? {
        Route::Master { video } => {
            let verified =
                verify_grant(route::grant_of(request)?, video, request, now, keys, config)?;
            Ok(EdgeAction::RewriteMaster(Box::new(MasterPlan::new(
                &verified, now, request, config,
            ))))
        }
        Route::Stream { path, .. } if path == observe::REPORTS => Err(Refusal::Method),
        Route::Stream { pass, path } => {
            let (verified, subject) = verify_pass(pass, Purpose::Stream, request, now, keys)?;
            let object = ObjectKey::parse(Bucket::Media, &format!("hls/{}/{path}", verified.video));
            let object = object.ok_or(Refusal::NotFound)?;
            let (generation, rendition) =
                generation_and_rendition(&object).ok_or(Refusal::NotFound)?;
            if generation.is_some_and(|it| *it != verified.generation) {
                return Err(Refusal::PassGeneration);
            }
            if rendition.is_some_and(|it| !verified.opens(it)) {
                return Err(Refusal::PassRendition);
            }
            if let ObjectKey::MediaPlaylist { rendition, .. } = &object {
                let rendition = rendition.clone();
                let plan = MediaPlan::new(
                    object,
                    rendition,
                    pass,
                    (verified, subject),
                    request,
                    (now, config),
                );
                return Ok(EdgeAction::RewriteMedia(Box::new(plan)));
            }
            let headers = Headers::object(&object, &verified.limits, request, config);
            Ok(EdgeAction::Serve(ServePlan {
                object,
                subject,
                headers,
            }))
        }
        Route::Key {
            pass,
            generation,
            key,
        } => {
            let (pass, subject) = verify_pass(pass, Purpose::Key, request, now, keys)?;
            if generation != pass.generation {
                return Err(Refusal::PassGeneration);
            }
            if !pass.opens(&key) {
                return Err(Refusal::PassRendition);
            }
            let headers = Headers::key(&pass.limits, request, config);
            let object = ObjectKey::ContentKey {
                video: pass.video,
                generation,
                key,
            };
            Ok(EdgeAction::ReleaseKey(KeyPlan {
                object,
                subject,
                headers,
            }))
        }
        Route::Revocations => Err(Refusal::Method),
    }
}

/// The change or the report that a POST requests.
fn decide_post(
    request: &Request<'_>,
    now: u64,
    keys: &Keyring,
    config: &Config,
) -> Result<EdgeAction, Refusal> {
    match Route::parse(request.path)? {
        Route::Master { video } => Ok(EdgeAction::Renew(Box::new(RenewPlan::new(
            video, request, now, keys, config,
        )?))),
        Route::Revocations => Ok(EdgeAction::Revoke(RevokePlan::new(
            request, now, keys, config,
        )?)),
        Route::Stream { pass, path } if path == observe::REPORTS => {
            let (pass, subject) = verify_pass(pass, Purpose::Stream, request, now, keys)?;
            let headers = Headers::empty(&pass.limits, request, config);
            Ok(EdgeAction::Report(ReportPlan { subject, headers }))
        }
        Route::Stream { .. } | Route::Key { .. } => Err(Refusal::Method),
    }
}

/// Verifies a grant for a video, and the location of the client.
fn verify_grant(
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
    limits.check_origin(
        request
            .origin
            .or_else(|| request.referer.and_then(Origin::of_url)),
    )?;
    Ok(verified)
}

/// Verifies a pass, and the location of the client. The origin of the page was checked when the pass was issued.
/// Players without a page (`AirPlay`, Chromecast) send no origin, so a missing origin is accepted here.
fn verify_pass(
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

#[cfg(test)]
mod tests;
