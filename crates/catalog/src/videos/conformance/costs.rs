//! Sums of receipts.

use std::collections::BTreeMap;

use domain::receipt::Receipt;
use domain::state::VideoEvent;
use domain::time::UnixMillis;

use super::{NOW, Subject, job_of, new_video, video_id};
use crate::videos::{NewVideo, Usage, UsageBy, UsageFilter, UsageGroup};

/// The month of [`NOW`], and the next one.
const NOVEMBER: &str = "2023-11";
const DECEMBER: &str = "2023-12";

fn receipt(cpu_ms: u64) -> Receipt {
    Receipt {
        cpu_ms,
        wall_ms: 2 * cpu_ms,
        source_ms: 3 * cpu_ms,
        bytes_in: 4 * cpu_ms,
        bytes_out: 5 * cpu_ms,
        store_writes: 6 * cpu_ms,
        store_reads: 7 * cpu_ms,
        stored_bytes: 8 * cpu_ms,
        ..Receipt::default()
    }
}

fn usage(videos: u64, cpu_ms: u64) -> Usage {
    Usage {
        videos,
        total: receipt(cpu_ms),
    }
}

fn month(text: &str) -> UsageGroup {
    UsageGroup::Month(text.parse().expect("a month"))
}

/// A generation with this profile becomes ready at `at`.
async fn made(subject: &Subject, number: u8, profile: &str, cpu_ms: u64, at: UnixMillis) {
    let job = job_of(number, "etag-1", profile);
    let requested = subject.catalog.request_work(&job, at).await;
    requested.expect("requested");
    let (claim, receipt) = (subject.claim(&job, at).await, receipt(cpu_ms));
    let ready = subject.catalog.mark_ready(&claim, &receipt, at);
    ready.await.expect("ready");
}

/// Receipts are summed up by owner and by month; each owner sees only their own.
pub async fn receipts_are_summed_up(subject: &Subject) {
    let catalog = &subject.catalog;
    let december: UnixMillis = UnixMillis::new(1_701_388_800_000);
    let just_before = UnixMillis::new(december.get() - 1);
    for (number, owner) in [
        (1, Some("ann")),
        (2, Some("ann")),
        (3, None),
        (4, Some("bob")),
    ] {
        let new = NewVideo {
            owner: owner.map(str::to_owned),
            ..new_video(number)
        };
        catalog.create_video(&new, NOW).await.expect("create");
        let job = job_of(number, "etag-1", "default");
        catalog.note_upload_event(&job, NOW).await.expect("note");
    }
    let sums = async |by, filter: UsageFilter| catalog.usage(by, &filter).await.expect("sums");
    let all = UsageFilter::default();
    assert_eq!(sums(UsageBy::Owner, all.clone()).await, BTreeMap::new());
    made(subject, 1, "default", 1, NOW).await;
    // Encoded again: the receipts of both generations exist.
    made(subject, 1, "small", 10, just_before).await;
    made(subject, 2, "default", 100, december).await;
    made(subject, 3, "default", 1_000, december).await;

    let owner = |name: &str| UsageGroup::Owner(Some(name.to_owned()));
    let expected = [
        (UsageGroup::Owner(None), usage(1, 1_000)),
        (owner("ann"), usage(2, 111)),
    ];
    assert_eq!(
        sums(UsageBy::Owner, all.clone()).await,
        BTreeMap::from(expected)
    );
    let expected = [
        (month(NOVEMBER), usage(1, 11)),
        (month(DECEMBER), usage(2, 1_100)),
    ];
    assert_eq!(sums(UsageBy::Month, all).await, BTreeMap::from(expected));
    let of_ann = UsageFilter {
        owner: Some("ann".to_owned()),
        ..UsageFilter::default()
    };
    let expected = [
        (month(NOVEMBER), usage(1, 11)),
        (month(DECEMBER), usage(1, 100)),
    ];
    assert_eq!(
        sums(UsageBy::Month, of_ann.clone()).await,
        BTreeMap::from(expected)
    );
    let until_december = UsageFilter {
        before: Some(december),
        ..of_ann.clone()
    };
    let expected = [(owner("ann"), usage(1, 11))];
    assert_eq!(
        sums(UsageBy::Owner, until_december).await,
        BTreeMap::from(expected)
    );
    let since_december = UsageFilter {
        since: Some(december),
        ..of_ann
    };
    let expected = [(owner("ann"), usage(1, 100))];
    assert_eq!(
        sums(UsageBy::Owner, since_december).await,
        BTreeMap::from(expected)
    );

    let deleted = catalog.apply(video_id(3), &VideoEvent::Deleted, december);
    deleted.await.expect("deleted");
    let expected = [(owner("ann"), usage(2, 111))];
    let rest = sums(UsageBy::Owner, UsageFilter::default()).await;
    assert_eq!(rest, BTreeMap::from(expected));
}
