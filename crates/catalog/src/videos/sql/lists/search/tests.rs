//! Searches in PostgreSQL with small limits, compared with SQLite, which reads all videos.

use domain::ids::VideoId;
use domain::state::StateName;
use domain::time::UnixMillis;
use testkit::Postgres;

use super::*;
use crate::database::{open, open_sqlite};
use crate::videos::conformance::fill_library;
use crate::videos::{SortKey, VideoSort};

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
const VIDEOS: u32 = 160;

/// Texts that many, some, one and no video has, with and without three letters in a row; states and owners.
fn filters() -> Vec<VideoFilter> {
    let mut filters = vec![];
    for (text, states, owner) in [
        ("lecture", vec![], None),
        ("lecture at the mou", vec![], None),
        ("recording-00001", vec![], None),
        ("zanzibar", vec![], None),
        ("none has it", vec![], None),
        ("7", vec![], None),
        ("qx", vec![], None),
        ("at the", vec![StateName::Failed], None),
        ("at", vec![StateName::Failed, StateName::Cancelled], None),
        ("at the", vec![], Some("owner-3")),
    ] {
        for by in [
            SortKey::Created,
            SortKey::Title,
            SortKey::Duration,
            SortKey::Size,
        ] {
            filters.push(VideoFilter {
                text: Some(text.to_owned()),
                states: states.clone(),
                owner: owner.map(str::to_owned),
                sort: VideoSort {
                    by,
                    descending: text.len() % 2 == 0,
                },
                limit: 5,
                ..VideoFilter::default()
            });
        }
    }
    filters
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
    let limited = |first, part, sorted| Catalog {
        search_limits: Limits {
            first,
            part,
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
