//! Counts of views.

use domain::ids::VideoId;
use domain::state::VideoEvent;
use domain::viewing::{Hour, Totals, VideoHour};

use super::{NOW, Subject, video_id};

/// An hour, and later ones.
const FIRST: Hour = Hour(472_222);
const ALWAYS: [Hour; 2] = [Hour(0), Hour(u64::MAX)];

fn totals(counters: &[(&str, u64)]) -> Totals {
    let mut totals = Totals::default();
    counters.iter().for_each(|it| totals.add(it.0, it.1));
    totals
}

fn hour(video: VideoId, after: u64, counters: &[(&str, u64)]) -> (VideoHour, Totals) {
    ((video, Hour(FIRST.0 + after)), totals(counters))
}

async fn add(subject: &Subject, all: &[(VideoHour, Totals)]) {
    let (added, result) = subject.catalog.add_views(all).await;
    result.expect("added");
    assert_eq!(added, all.len());
}

async fn views(subject: &Subject, video: VideoId, [from, until]: [Hour; 2]) -> Vec<(Hour, Totals)> {
    let views = subject.catalog.views(video, from, until).await;
    views.expect("views")
}

/// Counts add up by video and hour, also if edges add at the same time.
pub async fn views_add_up(subject: &Subject) {
    let (one, two) = (subject.queued(1).await.video, subject.queued(2).await.video);
    let first = [
        hour(
            one,
            0,
            &[("views", 2), ("watched_ms", 60_000), ("startup/1", 2)],
        ),
        hour(one, 1, &[("refused/pass-expired", 1)]),
        hour(two, 0, &[("views", 1)]),
    ];
    let second = [
        hour(one, 0, &[("views", 1), ("stalls", 3)]),
        hour(two, 2, &[("views", 1)]),
    ];
    let every = [&first[..], &second[..]].concat();
    let (a, b, c) = tokio::join!(
        subject.catalog.add_views(&first),
        subject.catalog.add_views(&second),
        subject.catalog.add_views(&every),
    );
    for (_, result) in [a, b, c] {
        result.expect("added");
    }
    let of_first = totals(&[
        ("views", 6),
        ("watched_ms", 120_000),
        ("startup/1", 4),
        ("stalls", 6),
    ]);
    assert_eq!(
        views(subject, one, ALWAYS).await,
        [
            (FIRST, of_first),
            (Hour(FIRST.0 + 1), totals(&[("refused/pass-expired", 2)])),
        ]
    );
    let second_hour = views(subject, two, [Hour(FIRST.0 + 1), Hour(FIRST.0 + 3)]).await;
    assert_eq!(second_hour, [(Hour(FIRST.0 + 2), totals(&[("views", 2)]))]);
    assert_eq!(views(subject, two, [FIRST, FIRST]).await, []);
}

/// More counts than one transaction has; those of unknown videos are left out, and an extreme one is stored.
pub async fn views_of_unknown_videos_are_left_out(subject: &Subject) {
    let video = subject.queued(1).await.video;
    let mut all: Vec<_> = (2..=120)
        .map(|number| hour(video_id(number), 0, &[("views", 1)]))
        .collect();
    all.push(hour(video, 0, &[("views", u64::MAX)]));
    add(subject, &all).await;
    for _ in 0..10 {
        add(subject, &[hour(video, 0, &[("views", u64::MAX)])]).await;
    }
    let found = views(subject, video, ALWAYS).await;
    assert_eq!(found, [(FIRST, totals(&[("views", 1 << 62)]))]);
    assert_eq!(views(subject, video_id(2), ALWAYS).await, []);
}

/// Old hours are removed, and those of a deleted video. A deleted video gets no new ones.
pub async fn views_end(subject: &Subject) {
    let (one, two) = (subject.ready(1).await.video, subject.ready(2).await.video);
    let all: Vec<_> = [one, two]
        .into_iter()
        .flat_map(|video| (0..600).map(move |it| hour(video, it, &[("views", 1)])))
        .collect();
    add(subject, &all).await;
    let before = Hour(FIRST.0 + 599);
    let prune = async || subject.catalog.prune_views(before).await.expect("pruned");
    assert_eq!((prune().await, prune().await), (1_198, 0));
    let left = [(before, totals(&[("views", 1)]))];
    assert_eq!(views(subject, one, ALWAYS).await, left);
    let deleted = subject.catalog.apply(one, &VideoEvent::Deleted, NOW).await;
    deleted.expect("deleted");
    add(subject, &all[..1]).await;
    assert_eq!(views(subject, one, ALWAYS).await, []);
    assert_eq!(views(subject, two, ALWAYS).await, left);
}
