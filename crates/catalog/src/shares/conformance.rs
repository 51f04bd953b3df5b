//! The conformance suite for stores of share links. Each case needs its own, empty store, with a
//! catalog in the same database.
//!
//! [`shares_conformance!`](crate::shares_conformance) generates one test per case.

use domain::ids::{ShareId, VideoId};
use domain::time::UnixMillis;

use super::{NewShare, Share, Shares};
use crate::accounts::KeyDigest;
use crate::videos::conformance::ms;
use crate::videos::{Catalog, conformance as videos};
use platform::secret::Secret;

const NOW: UnixMillis = videos::NOW;

/// A store under test.
pub struct Subject {
    /// The store, empty at the start of a case.
    pub shares: Shares,
    /// The catalog with the videos.
    pub catalog: Catalog,
}

impl Subject {
    /// A video.
    async fn video(&self, number: u8) -> VideoId {
        let new = videos::new_video(number);
        self.catalog.create_video(&new, NOW).await.expect("create");
        new.id
    }

    /// A link that expires after a second.
    async fn share(&self, number: u8, video: VideoId) -> Share {
        self.shares
            .create(&new(number, video), NOW)
            .await
            .expect("create")
    }

    async fn listed(&self, video: VideoId, now: UnixMillis) -> Vec<ShareId> {
        self.shares
            .list(video, now)
            .await
            .expect("list")
            .into_iter()
            .map(|it| it.id)
            .collect()
    }
}

fn id(number: u8) -> ShareId {
    ShareId::new(NOW.get() + u64::from(number), [number; 10])
}

fn digest(number: u8) -> KeyDigest {
    KeyDigest::of(&Secret::new(format!("share {number}")))
}

fn new(number: u8, video: VideoId) -> NewShare {
    NewShare {
        id: id(number),
        digest: digest(number),
        video,
        label: Some(format!("For Zoë\0 {number}")),
        max_height: Some(720),
        created_by: "installation".to_owned(),
        expires_ms: NOW + ms(1_000),
    }
}

/// A link is found by its secret only, and has the fields that it was created with.
pub async fn a_link_is_found_by_its_secret(subject: &Subject) {
    let video = subject.video(1).await;
    let made = subject.share(1, video).await;
    assert_eq!(
        (made.id, made.video, made.max_height),
        (id(1), video, Some(720))
    );
    assert_eq!(
        made.label.as_deref(),
        Some("For Zoë\u{FFFD} 1"),
        "PostgreSQL cannot store NUL"
    );
    assert_eq!(
        (
            made.created_ms,
            made.expires_ms,
            made.used_ms,
            made.revoked_ms
        ),
        (NOW, NOW + ms(1_000), None, None)
    );
    assert_eq!(
        subject.shares.find(&digest(1)).await.expect("find"),
        Some(made)
    );
    assert_eq!(subject.shares.find(&digest(2)).await.expect("find"), None);
    // Two links cannot share a secret.
    let same = NewShare {
        digest: digest(1),
        ..new(2, video)
    };
    assert!(subject.shares.create(&same, NOW).await.is_err());
}

/// A link ends when it expires or is revoked; only the active links of a video are listed.
pub async fn links_end(subject: &Subject) {
    let (one, other) = (subject.video(1).await, subject.video(2).await);
    let made = subject.share(1, one).await;
    assert!(
        made.is_live(NOW + ms(999)) && !made.is_live(NOW + ms(1_000)),
        "it ends"
    );
    subject.share(2, one).await;
    subject.share(3, other).await;
    assert_eq!(
        subject.listed(one, NOW).await,
        [id(2), id(1)],
        "newest first"
    );
    assert_eq!(subject.listed(one, NOW + ms(1_000)).await, []);
    assert!(
        !subject
            .shares
            .revoke(other, id(1), NOW)
            .await
            .expect("revoke"),
        "of another video"
    );
    for later in [1, 2] {
        assert!(
            subject
                .shares
                .revoke(one, id(1), NOW + ms(later))
                .await
                .expect("revoke")
        );
        let revoked = subject
            .shares
            .find(&digest(1))
            .await
            .expect("find")
            .expect("it is still known");
        assert_eq!(revoked.revoked_ms, Some(NOW + ms(1)));
        assert!(!revoked.is_live(NOW));
    }
    assert_eq!(subject.listed(one, NOW).await, [id(2)]);
}

/// The latest use is kept, whatever the order in which uses are recorded.
pub async fn the_last_use_of_a_link_is_kept(subject: &Subject) {
    let video = subject.video(1).await;
    subject.share(1, video).await;
    for (noted, kept) in [(7, 7), (9, 9), (8, 9)] {
        subject
            .shares
            .note_use(id(1), NOW + ms(noted))
            .await
            .expect("note");
        let share = subject
            .shares
            .find(&digest(1))
            .await
            .expect("find")
            .expect("a link");
        assert_eq!(share.used_ms, Some(NOW + ms(kept)));
    }
}

/// Links that ended long ago are removed, and no others.
pub async fn links_that_ended_are_pruned(subject: &Subject) {
    let video = subject.video(1).await;
    for number in [1, 2] {
        subject.share(number, video).await;
    }
    let long = NewShare {
        expires_ms: NOW + ms(10_000),
        ..new(3, video)
    };
    subject.shares.create(&long, NOW).await.expect("create");
    subject
        .shares
        .revoke(video, id(2), NOW)
        .await
        .expect("revoke");
    assert_eq!(subject.shares.prune(NOW).await.expect("prune"), 0);
    assert_eq!(subject.shares.prune(NOW + ms(1)).await.expect("prune"), 1);
    assert_eq!(
        subject.shares.prune(NOW + ms(1_001)).await.expect("prune"),
        1
    );
    assert_eq!(subject.listed(video, NOW).await, [id(3)]);
}

/// Generates a test for every case. `$make`: an expression that awaits to a new [`Subject`],
/// together with the values that must outlive it. With `together:` in front, it generates a `Vec`
/// of `testkit::Case` instead.
#[macro_export]
macro_rules! shares_conformance {
    (together: $make:expr) => {
        $crate::shares_conformance! { @ together $make }
    };
    ($make:expr) => {
        $crate::shares_conformance! { @ each $make }
    };
    (@ $how:ident $make:expr) => {
        $crate::conformance_cases! { [$crate::shares], $how $make;
            a_link_is_found_by_its_secret links_end the_last_use_of_a_link_is_kept links_that_ended_are_pruned
        }
    };
}
