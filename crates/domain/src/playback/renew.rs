//! Renewal of a session: a new grant keeps the URLs of a player valid.
//!
//! Native players cannot change the URLs that they received, and every player requests keys at URLs from playlists that
//! it read long ago. A renewal therefore keeps the URLs and extends the session of their passes: the page sends a fresh
//! grant by POST to the URL of the master playlist. From then on, when a pass has expired, the edge looks up whether its
//! session was renewed.

use crate::grant::{Grant, VerifiedGrant};
use crate::ids::VideoId;
use crate::keyring::Keyring;
use crate::pass::SessionName;

use super::lookup::renewal_name;
use super::route::Renewing;
use super::{Config, Entry, Headers, Lookup, Refusal, Request, Subject, verify_grant};

/// A session to renew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewPlan {
    /// The viewer and the session that is renewed.
    pub subject: Subject,
    /// Headers of the response.
    pub headers: Headers,
    /// The look-up that has to be done first.
    pub(super) lookup: Lookup,
    /// The entry that has to be stored.
    pub entry: Entry,
    seconds: u64,
}

impl RenewPlan {
    pub(super) fn new(
        video: VideoId,
        request: &Request<'_>,
        now: u64,
        keys: &Keyring,
        config: &Config,
    ) -> Result<Self, Refusal> {
        let Renewing { fresh, running } = Renewing::of(request)?;
        let VerifiedGrant {
            grant,
            session,
            viewer,
        } = verify_grant(fresh, video, request, now, keys, config)?;
        let mut subject = Subject {
            video,
            viewer,
            session,
            renewed: None,
            check_segments: false,
        };
        let mut revocations = subject.revocations();
        if let Some(running) = running {
            // This grant has expired, and its signature does not matter: only its session is used. Only a session of
            // the fresh grant's own viewer, with the fresh grant's limits, can be renewed.
            let running = Grant::unverified(running)?;
            let same = running.grant.video == video
                && running.viewer == viewer
                && running.grant.limits == grant.limits;
            if !same {
                return Err(Refusal::GrantDiffers);
            }
            subject.session = running.session;
            revocations.extend(subject.revocations());
            revocations.sort();
            revocations.dedup();
        }
        let name = SessionName::of(video, subject.session, viewer, &grant.limits)
            .ok_or(Refusal::Playlist)?;
        let expires = config.pass_end(&grant, now);
        let seconds = expires.saturating_sub(now);
        Ok(Self {
            headers: Headers::json(&grant.limits, request, config),
            subject,
            lookup: Lookup {
                revocations,
                renewal: None,
            },
            entry: Entry::new(renewal_name(name), expires.to_string(), seconds),
            seconds,
        })
    }

    /// The response, JSON: the seconds until the session ends. Not a time, because the clock of a viewer may be wrong.
    pub fn body(&self) -> String {
        format!("{{\"expires_in\":{}}}", self.seconds)
    }
}
