//! Searches in PostgreSQL with small limits, compared with SQLite, which reads all videos.

use domain::ids::{CaptionId, VideoId};
use domain::state::StateName;
use domain::time::UnixMillis;
use testkit::Postgres;

use super::*;
use crate::database::{open, open_sqlite};
use crate::videos::conformance::fill_library;
use crate::videos::{CaptionOrigin, CaptionRecord, NewCaptions, SortKey, VideoSort};

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
const VIDEOS: u32 = 160;

/// Texts that many, some, one and no video has, with and without three letters in a row; states and owners.
fn filters() -> Vec<VideoFilter> {
    let mut filters = vec![];
    for (text, words, states, owner) in [
        ("lecture", "", vec![], None),
        ("lecture at the mou", "", vec![], None),
        ("recording-00001", "", vec![], None),
        ("zanzibar", "", vec![], None),
        ("none has it", "", vec![], None),
        ("7", "", vec![], None),
        ("qx", "", vec![], None),
        ("at the", "", vec![StateName::Failed], None),
        (
            "at",
            "",
            vec![StateName::Failed, StateName::Cancelled],
            None,
        ),
        ("at the", "", vec![], Some("owner-3")),
        ("", "of the", vec![], None),
        ("", "rds of the seco", vec![], None),
        ("", "minute 12 of", vec![], None),
        ("", "nobody says it", vec![], None),
        ("", "100%", vec![], None),
        ("", "1", vec![], Some("owner-3")),
        ("", "qx", vec![StateName::Failed], None),
        ("", "the", vec![StateName::Failed, StateName::Ready], None),
        ("at the", "of the", vec![], None),
        ("at", "first", vec![StateName::Ready], None),
    ] {
        let orders = [
            SortKey::Created,
            SortKey::Title,
            SortKey::Duration,
            SortKey::Size,
        ];
        for by in orders
            .into_iter()
            .take(if words.is_empty() { 4 } else { 2 })
        {
            filters.push(VideoFilter {
                text: (!text.is_empty()).then(|| text.to_owned()),
                words: (!words.is_empty()).then(|| words.to_owned()),
                states: states.clone(),
                owner: owner.map(str::to_owned),
                sort: VideoSort {
                    by,
                    descending: (text.len() + words.len()) % 2 == 0,
                },
                limit: 5,
                ..VideoFilter::default()
            });
        }
    }
    filters
}

/// Captions of a third of the videos; of some, in two languages, or of different lengths. Returns the number of videos.
async fn add_captions(catalog: &Catalog) -> usize {
    let all = VideoFilter {
        limit: 1_000,
        ..VideoFilter::default()
    };
    let videos = catalog.list_videos(&all).await.expect("list").videos;
    let captioned = videos
        .iter()
        .enumerate()
        .filter(|(place, _)| place % 3 == 0);
    for (place, video) in captioned {
        for (language, minutes) in [("en", place % 40), ("de", 3)]
            .into_iter()
            .take(1 + place % 2)
        {
            let words: Vec<_> = (0..minutes)
                .map(|it| format!("words of the minute {it} of {place}, 100% of the first"))
                .collect();
            let content = format!("{language} {place}");
            let record = CaptionRecord {
                id: CaptionId::of(language, &content, NOW.get()),
                language: language.parse().expect("a language"),
                name: language.to_owned(),
                default: false,
                forced: false,
                sdh: false,
                origin: CaptionOrigin::Uploaded,
                content,
                cues: 1,
                created_ms: NOW,
                published: true,
            };
            let words = words.join(" the second ");
            let new = NewCaptions { record, words };
            catalog.set_captions(video.id, &new).await.expect("set");
        }
    }
    videos.len()
}

/// All pages, and how many of them were short although others followed.
async fn walk(catalog: &Catalog, filter: &VideoFilter) -> (Vec<VideoId>, u32) {
    let (mut filter, mut ids, mut short) = (filter.clone(), vec![], 0);
    loop {
        let page = catalog.list_videos(&filter).await.expect("list");
        assert!(page.videos.len() <= 5);
        ids.extend(page.videos.iter().map(|it| it.id));
        let Some(next) = page.next else {
            return (ids, short);
        };
        short += u32::from(page.videos.len() < 5);
        filter.after = Some(next);
    }
}

#[tokio::test]
async fn short_pages_lead_to_every_video_once_and_in_order() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sqlite = open_sqlite(&folder.path().join("all.db")).await.unwrap();
    let postgres = open(&server.database()).await.unwrap();
    fill_library(&sqlite, VIDEOS, NOW).await.unwrap();
    fill_library(&postgres, VIDEOS, NOW).await.unwrap();
    let complete = Catalog::new(&sqlite);
    for catalog in [&complete, &Catalog::new(&postgres)] {
        assert_eq!(add_captions(catalog).await, VIDEOS as usize);
    }
    let limited = |first, part, sorted| Catalog {
        search_limits: Limits {
            first,
            part,
            captions: PartSize {
                videos: part,
                words: 60 * first,
            },
            parts: Duration::ZERO,
            sorted,
            counted: 20,
            lookup: Duration::from_secs(60),
            next_lookup: Duration::from_secs(60),
        },
        ..Catalog::new(&postgres)
    };
    let (mut expected, mut short) = (vec![], 0);
    for filter in filters() {
        let (ids, all_full) = walk(&complete, &filter).await;
        assert_eq!(all_full, 0, "{filter:?}");
        expected.push((filter, ids));
    }
    for catalog in [
        limited(5_000, 6_000, 2_000),
        limited(10, 20, 2_000),
        limited(2, 3, 3),
        limited(7, 13, 0),
        limited(40, 3, 30),
    ] {
        for (filter, expected) in &expected {
            let (ids, short_pages) = walk(&catalog, filter).await;
            assert_eq!(&ids, expected, "{filter:?} {:?}", catalog.search_limits);
            short += short_pages;
            let count = catalog.count_videos(filter).await.expect("count");
            let all = expected.len() as u64;
            assert!(
                count.videos == all.min(20) || (count.is_lower_bound && count.videos < all),
                "{filter:?} {count:?} of {all}"
            );
            assert!(count.is_lower_bound || count.videos == all, "{filter:?}");
        }
    }
    assert!(short > 100, "limits of a few videos make short pages");
}

/// The connection can be used afterwards, and has no limit.
#[tokio::test]
async fn a_slow_look_up_is_cancelled() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let database = open(&server.database()).await.unwrap();
    let catalog = Catalog::new(&database);
    let slow = || {
        let mut statement = Statement::count(Kind::Postgres, &VideoFilter::default(), 1);
        "SELECT count(*) FROM pg_sleep(0.2)".clone_into(&mut statement.text);
        statement
    };
    let look_up = |ms| catalog.look_up::<(i64,)>(slow(), Duration::from_millis(ms));
    assert_eq!(look_up(20).await.unwrap(), None);
    assert_eq!(catalog.fetch::<(i64,)>(slow()).await.unwrap(), [(1,)]);
    assert_eq!(look_up(60_000).await.unwrap(), Some(vec![(1,)]));
}
