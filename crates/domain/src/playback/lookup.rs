//! Look-ups before a decision is executed: revocations, and renewed sessions.
//!
//! One list of names with values contains both; in the Worker, it is a KV namespace. All its entries expire by
//! themselves.

use crate::grant::Fingerprint;
use crate::ids::VideoId;
use crate::pass::{Pass, SessionName};

use super::Refusal;

/// The viewer and session that a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The video that is watched.
    pub video: VideoId,
    /// Fingerprint of the viewer; all zero: the grant names no viewer.
    pub viewer: Fingerprint,
    /// Fingerprint of the session.
    pub session: Fingerprint,
    /// The session to look up, because the pass has expired.
    pub(super) renewed: Option<SessionName>,
    /// Whether a revocation also stops segments.
    pub(super) check_segments: bool,
}

impl Subject {
    /// The names under which a backend can revoke this session. A viewer and a session are named by a fingerprint, so that the
    /// list does not say who they are.
    pub fn revocations(&self) -> Vec<String> {
        let mut names = vec![
            format!("video/{}", self.video),
            format!("session/{}", self.session),
        ];
        if self.viewer != Fingerprint::default() {
            names.push(format!("viewer/{}", self.viewer));
        }
        names
    }
}

/// How long after its expiry a pass is still looked up, seconds. An older one costs no look-up.
pub const RENEWABLE_SECONDS: u64 = 24 * 60 * 60;

/// The subject of a pass at a time; an error if no renewal could still apply.
pub(super) fn subject_of(pass: &Pass, now: u64) -> Result<Subject, Refusal> {
    let renewed = if now < pass.expires {
        None
    } else if now < pass.expires.saturating_add(RENEWABLE_SECONDS) {
        Some(pass.session_name().ok_or(Refusal::PassExpired)?)
    } else {
        return Err(Refusal::PassExpired);
    };
    let check_segments = pass.limits.check_segments;
    Ok(Subject {
        video: pass.video,
        viewer: pass.viewer,
        session: pass.session,
        renewed,
        check_segments,
    })
}

/// The list entries that a decision depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// If one of these names is on the list, the request is refused as revoked.
    pub revocations: Vec<String>,
    /// The pass has expired. Unless this name is on the list with a future time (Unix seconds), the request is refused.
    pub renewal: Option<String>,
}

impl Lookup {
    /// `None`: no lookup is needed. Segments need one only if the grant requires it or the pass itself has expired:
    /// they are useless without playlists and keys, and there are many.
    pub(super) fn of(subject: &Subject, is_segment: bool) -> Option<Self> {
        let checked = !is_segment || subject.check_segments;
        let revocations = if checked {
            subject.revocations()
        } else {
            vec![]
        };
        let renewal = subject.renewed.map(renewal_name);
        (checked || renewal.is_some()).then_some(Self {
            revocations,
            renewal,
        })
    }

    /// Whether the entries permit the request; `now` in Unix seconds. A revocation takes precedence over a renewal.
    pub fn judge(&self, now: u64, find: impl Fn(&str) -> Option<String>) -> Result<(), Refusal> {
        if self.revocations.iter().any(|it| find(it).is_some()) {
            return Err(Refusal::Revoked);
        }
        let renewed = |name: &String| {
            find(name)
                .and_then(|it| it.parse().ok())
                .is_some_and(|until: u64| now < until)
        };
        if self.renewal.as_ref().is_none_or(renewed) {
            Ok(())
        } else {
            Err(Refusal::PassExpired)
        }
    }
}

/// The list name of a renewed session.
pub(super) fn renewal_name(session: SessionName) -> String {
    format!("renewed/{session}")
}

/// An entry for the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name of the entry.
    pub name: String,
    /// Value of the entry.
    pub value: String,
    /// Lifetime of the entry, seconds: at least a minute, which is the minimum of KV.
    pub seconds: u64,
}

impl Entry {
    pub(super) fn new(name: String, value: String, seconds: u64) -> Self {
        Self {
            name,
            value,
            seconds: seconds.max(60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn a_revocation_wins_over_a_renewal_and_an_old_renewal_is_none() {
        let lookup = Lookup {
            revocations: vec!["viewer/a".to_owned()],
            renewal: Some("renewed/b".to_owned()),
        };
        let judge = |entries: &[(&str, String)]| {
            lookup.judge(NOW, |name| {
                entries
                    .iter()
                    .find(|it| it.0 == name)
                    .map(|it| it.1.clone())
            })
        };
        let until = |time: u64| ("renewed/b", time.to_string());
        assert_eq!(judge(&[until(NOW + 1)]), Ok(()));
        assert_eq!(judge(&[until(NOW)]), Err(Refusal::PassExpired));
        assert_eq!(judge(&[]), Err(Refusal::PassExpired));
        assert_eq!(
            judge(&[("renewed/b", "soon".to_owned())]),
            Err(Refusal::PassExpired)
        );
        assert_eq!(
            judge(&[until(NOW + 1), ("viewer/a", "1".to_owned())]),
            Err(Refusal::Revoked)
        );
        assert_eq!(
            judge(&[until(NOW + 1), ("viewer/b", "1".to_owned())]),
            Ok(())
        );
    }
}
