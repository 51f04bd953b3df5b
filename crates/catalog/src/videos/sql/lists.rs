//! Lists of videos.

mod statement;

use std::collections::HashSet;

use domain::ids::VideoId;
use domain::time::UnixMillis;
use sqlx::AssertSqlSafe;
use sqlx::query::QueryAs;

use super::Catalog;
use super::folding::folded;
use super::rows::{WatchedRow, video_columns};
use super::videos::select_videos;
use crate::database::{Kind, sql, unsigned};
use crate::videos::{CatalogError, Video, VideoCount, VideoFilter, VideoPage};
use statement::{Statement, Value, Way, has_trigram, is_one};

/// Parameters of one statement.
const KEYS_AT_ONCE: usize = 200;
/// Up to this number, the videos of a list are counted.
const COUNTED: u32 = 100_000;
/// PostgreSQL: the same for a search, which has to read each video that it counts.
const COUNTED_IN_SEARCH: u32 = 1_000;
/// PostgreSQL: up to this number, the videos that a search finds in its index are sorted.
const SORTED: u32 = 2_000;
/// PostgreSQL: in so many videos, a search looks for a text without the index.
const SEARCHED: u32 = 5_000;

impl Catalog {
    /// Lists videos, newest first unless the filter has another order.
    ///
    /// In PostgreSQL, a text without three letters or digits in a row, and any text without the extension `pg_trgm`, is
    /// searched in the first 5,000 videos of the list only, counted from the cursor.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if a row cannot be read; errors of the database.
    pub async fn list_videos(&self, filter: &VideoFilter) -> Result<VideoPage, CatalogError> {
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit.min(1_000)
        };
        let mut rows = self.page(filter, limit).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = if more { rows.last() } else { None };
        let next = last.map(|it| it.cursor(filter.sort.by)).transpose()?;
        let videos = rows
            .into_iter()
            .map(WatchedRow::into_video)
            .collect::<Result<_, _>>()?;
        Ok(VideoPage { videos, next })
    }

    /// The number of videos on all pages of a list, up to 100,000, or 1,000 in a search in PostgreSQL.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn count_videos(&self, filter: &VideoFilter) -> Result<VideoCount, CatalogError> {
        let kind = self.database.kind();
        let filter = &VideoFilter {
            after: None,
            ..filter.clone()
        };
        let way = self.indexed(filter).await?;
        if let Way::First(number) = way {
            let counted: Vec<(i64, i64)> = self
                .fetch(Statement::count_first(kind, filter, number))
                .await?;
            let (found, read) = counted.first().copied().unwrap_or_default();
            return Ok(VideoCount {
                videos: unsigned(found),
                is_lower_bound: read >= i64::from(number),
            });
        }
        let limit = if way == Way::Matches {
            COUNTED_IN_SEARCH
        } else {
            COUNTED
        };
        let found = self.count_up_to(filter, limit).await?;
        Ok(VideoCount {
            videos: found.min(u64::from(limit)),
            is_lower_bound: found > u64::from(limit),
        })
    }

    /// One page of rows, and one row more if there is another page.
    async fn page(
        &self,
        filter: &VideoFilter,
        limit: u32,
    ) -> Result<Vec<WatchedRow>, CatalogError> {
        let page = |way| self.fetch(Statement::page(self.database.kind(), filter, limit, way));
        let way = self.indexed(filter).await?;
        if way != Way::Matches {
            return page(way).await;
        }
        // A text that many videos have fills the page at once. PostgreSQL does not know how many have it: its statistics
        // are about whole values.
        let rows: Vec<WatchedRow> = page(Way::First(SEARCHED)).await?;
        if rows.len() > limit as usize {
            return Ok(rows);
        }
        let many = self.count_up_to(filter, SORTED).await? > u64::from(SORTED);
        page(if many { Way::Order } else { Way::Matches }).await
    }

    /// Whether the index of trigrams finds the videos.
    async fn indexed(&self, filter: &VideoFilter) -> Result<Way, CatalogError> {
        let (Kind::Postgres, Some(text)) = (self.database.kind(), &filter.text) else {
            return Ok(Way::Order);
        };
        if is_one(filter) {
            return Ok(Way::Order);
        }
        Ok(
            if has_trigram(&folded(text)) && self.has_search_index().await? {
                Way::Matches
            } else {
                Way::First(SEARCHED)
            },
        )
    }

    /// Whether PostgreSQL has the index of trigrams; read once.
    async fn has_search_index(&self) -> Result<bool, CatalogError> {
        let has_index = self
            .has_search_index
            .get_or_try_init(|| async {
                let (indexes,): (i64,) = sqlx::query_as(HAS_SEARCH_INDEX)
                    .fetch_one(self.database.read())
                    .await?;
                Ok::<_, CatalogError>(indexes > 0)
            })
            .await?;
        Ok(*has_index)
    }

    async fn count_up_to(&self, filter: &VideoFilter, limit: u32) -> Result<u64, CatalogError> {
        let statement = Statement::count(self.database.kind(), filter, limit);
        let counted: Vec<(i64,)> = self.fetch(statement).await?;
        Ok(counted.first().map_or(0, |it| unsigned(it.0)))
    }

    async fn fetch<T>(&self, statement: Statement) -> Result<Vec<T>, CatalogError>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow> + Send + Unpin,
    {
        let mut query: QueryAs<'_, _, T, _> = sqlx::query_as(AssertSqlSafe(statement.text))
            // PostgreSQL would stop looking at the values after five executions, and choose one plan for common and for
            // rare texts, states and owners.
            .persistent(self.database.kind() == Kind::Sqlite);
        for value in statement.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        Ok(query.fetch_all(self.database.read()).await?)
    }

    /// Those of these object keys that are the source of a video.
    pub async fn source_keys(&self, keys: &[String]) -> Result<HashSet<String>, CatalogError> {
        let mut found = HashSet::new();
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let places: Vec<String> = (1..=keys.len()).map(|it| format!("${it}")).collect();
            let statement = format!(
                "SELECT source_key FROM videos WHERE source_key IN ({})",
                places.join(", ")
            );
            let mut query = sqlx::query_as::<_, (String,)>(AssertSqlSafe(statement));
            for key in keys {
                query = query.bind(key);
            }
            found.extend(
                query
                    .fetch_all(self.database.read())
                    .await?
                    .into_iter()
                    .map(|it| it.0),
            );
        }
        Ok(found)
    }

    /// Videos whose last change is at `since_ms` or later, deleted ones included, oldest change
    /// first. `after`: the last video of the previous page, whose last change is then `since_ms`.
    pub async fn changed_since(
        &self,
        since_ms: UnixMillis,
        after: Option<VideoId>,
        limit: u32,
    ) -> Result<Vec<Video>, CatalogError> {
        let rows: Vec<WatchedRow> = sqlx::query_as(READ_CHANGED)
            .bind(sql(since_ms))
            .bind(after.map(|it| it.to_string()).unwrap_or_default())
            .bind(i64::from(limit))
            .fetch_all(self.database.read())
            .await?;
        rows.into_iter().map(WatchedRow::into_video).collect()
    }
}

const READ_CHANGED: &str =
    select_videos!("WHERE (v.updated_ms, v.id) > ($1, $2) ORDER BY v.updated_ms, v.id LIMIT $3");

const HAS_SEARCH_INDEX: &str = "SELECT count(*) FROM pg_indexes
    WHERE schemaname = ANY (current_schemas(false)) AND indexname = 'videos_search'";
