//! Requests that say something about viewing, and the reports of players.
//!
//! A player reports by POST to `/s/{pass}/cmcd?CMCD=...`: the data is in the query, as in every other request with CMCD
//! (CTA-5004, 2.2), so that a page can send it while it is being closed (`navigator.sendBeacon`), without a preflight,
//! and the edge reads no body.

use crate::keyring::Keyring;
use crate::object_key::ObjectKey;
use crate::pass::{Pass, Purpose};
use crate::viewing::{Kind, Observation};

use super::route::Route;
use super::{EdgeAction, Headers, Refusal, Request, Subject};

/// The path of reports, after the pass.
pub(super) const REPORTS: &str = "cmcd";

/// A report of a player to accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPlan {
    /// The viewer and session of the request.
    pub subject: Subject,
    /// Headers of the response, which has no body.
    pub headers: Headers,
}

impl EdgeAction {
    /// The observation that a request is, once its action was executed. `header`: returns the value of a header, whose
    /// name is in lower case. `None`: the request says nothing about viewing.
    pub fn observe(
        &self,
        request: &Request<'_>,
        header: impl Fn(&str) -> Option<String>,
    ) -> Option<Observation> {
        let (subject, kind) = match self {
            Self::RewriteMaster(plan) => (&plan.subject, Kind::Master),
            Self::ReleaseKey(plan) => (&plan.subject, Kind::Key),
            Self::Report(plan) => (&plan.subject, Kind::Report),
            Self::Serve(plan) if matches!(plan.object, ObjectKey::Segment { .. }) => {
                (&plan.subject, Kind::Segment)
            }
            Self::Serve(_)
            | Self::RewriteMedia(_)
            | Self::Refuse(..)
            | Self::Preflight(_)
            | Self::Renew(_)
            | Self::Revoke(_) => return None,
        };
        let is_seen = request.method != "HEAD";
        is_seen.then(|| Observation {
            video: subject.video,
            session: Some(subject.session),
            kind,
            measured: crate::cmcd::Cmcd::of_request(request.query, header).unwrap_or_default(),
        })
    }
}

/// The observation that a refused request is. `None`: its video is unknown, because its pass cannot be read, or its path
/// names none.
pub fn observe_refusal(
    refusal: Refusal,
    request: &Request<'_>,
    keys: &Keyring,
) -> Option<Observation> {
    let read = |pass, purpose| Pass::read(pass, purpose, &keys.passes).ok();
    let (video, session) = match Route::parse(request.path).ok()? {
        // The path is not signed: the catalog ignores videos that do not exist.
        Route::Master { video } => (video, None),
        Route::Stream { pass, .. } => {
            let pass = read(pass, Purpose::Stream)?;
            (pass.video, Some(pass.session))
        }
        Route::Key { pass, .. } => {
            let pass = read(pass, Purpose::Key)?;
            (pass.video, Some(pass.session))
        }
        Route::Revocations => return None,
    };
    Some(Observation {
        video,
        session,
        kind: Kind::Refused(refusal),
        measured: crate::cmcd::Cmcd::default(),
    })
}
