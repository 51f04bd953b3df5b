//! Lists of videos in PostgreSQL with and without the extension `pg_trgm`.

use catalog::database::open;
use catalog::videos::conformance::fill_library;
use catalog::{Catalog, SortKey, VideoCount, VideoFilter, VideoSort};
use domain::ids::VideoId;
use domain::state::StateName;
use domain::time::UnixMillis;
use testkit::Postgres;

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);

/// Without the extension `pg_trgm`, a search reads the first 5,000 videos: fewer videos are all found.
#[tokio::test]
async fn a_search_without_its_index_finds_the_same() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let database = open(&address).await.unwrap();
    fill_library(&database, 300, NOW).await.unwrap();
    let filters = [
        ("lecture", None, SortKey::Title),
        ("RECORDING-00012", None, SortKey::Created),
        ("lecture", Some(StateName::Failed), SortKey::Duration),
        ("at the", None, SortKey::Size),
        ("7", None, SortKey::Title),
        ("none has it", None, SortKey::Created),
    ]
    .map(|(text, state, by)| VideoFilter {
        text: Some(text.to_owned()),
        states: state.into_iter().collect(),
        owner: (by == SortKey::Size).then(|| "owner-3".to_owned()),
        sort: VideoSort {
            by,
            descending: true,
        },
        limit: 7,
        ..VideoFilter::default()
    });
    let indexed = found(&Catalog::new(&database), &filters).await;
    assert!(indexed[0].0.len() > 20, "more than one page");
    let by_hand = sqlx::PgPool::connect(&address).await.unwrap();
    sqlx::raw_sql("DROP INDEX videos_search")
        .execute(&by_hand)
        .await
        .unwrap();
    assert_eq!(found(&Catalog::new(&database), &filters).await, indexed);
}

/// All pages of each list, and its count.
async fn found(catalog: &Catalog, filters: &[VideoFilter]) -> Vec<(Vec<VideoId>, VideoCount)> {
    let mut all = vec![];
    for filter in filters {
        let count = catalog.count_videos(filter).await.expect("count");
        let (mut filter, mut ids) = (filter.clone(), vec![]);
        loop {
            let page = catalog.list_videos(&filter).await.expect("list");
            ids.extend(page.videos.iter().map(|it| it.id));
            let Some(next) = page.next else { break };
            filter.after = Some(next);
        }
        assert_eq!(count.videos, ids.len() as u64, "{filter:?}");
        all.push((ids, count));
    }
    all
}
