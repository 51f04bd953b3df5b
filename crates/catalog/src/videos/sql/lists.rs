//! Lists of videos.

mod search;
mod statement;

use domain::ids::VideoId;
use domain::time::UnixMillis;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::QueryAs;
use sqlx::{Any, AssertSqlSafe, FromRow};

use super::Catalog;
use super::rows::{WatchedRow, video_columns};
use super::videos::{select_videos, watched_videos};
use crate::database::{Kind, sql, unsigned};
use crate::videos::{
    CatalogError, SortKey, Video, VideoCount, VideoCursor, VideoFilter, VideoPage,
};
pub(super) use search::{Limits, SearchIndexes};
use statement::{Statement, Value};

/// Up to this number, the videos of a list are counted.
const COUNTED: u32 = 100_000;

/// A page of rows.
struct Page {
    rows: Vec<WatchedRow>,
    next: Option<VideoCursor>,
}

impl Page {
    /// The first `limit` of these rows. One row more shows that there is another page.
    fn of(mut rows: Vec<WatchedRow>, limit: u32, by: SortKey) -> Result<Self, CatalogError> {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = if more { rows.last() } else { None };
        let next = last.map(|it| it.cursor(by)).transpose()?;
        Ok(Self { rows, next })
    }
}

impl Catalog {
    /// Lists videos, newest first unless the filter has another order.
    ///
    /// A search in PostgreSQL reads a limited number of videos: its page can have fewer videos than requested, even
    /// none, and a cursor from which the next call continues.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if a row cannot be read; errors of the database.
    pub async fn list_videos(&self, filter: &VideoFilter) -> Result<VideoPage, CatalogError> {
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit.min(1_000)
        };
        let page = if self.searches_in_parts(filter) {
            self.search(filter, limit).await?
        } else {
            let statement = Statement::page(self.database.kind(), filter, limit);
            Page::of(self.fetch(statement).await?, limit, filter.sort.by)?
        };
        let videos = page
            .rows
            .into_iter()
            .map(WatchedRow::into_video)
            .collect::<Result<_, _>>()?;
        Ok(VideoPage {
            videos,
            next: page.next,
        })
    }

    /// The number of videos on all pages of a list, up to 100,000. A search in PostgreSQL counts up to 1,000, and
    /// stops earlier if it would take too long.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn count_videos(&self, filter: &VideoFilter) -> Result<VideoCount, CatalogError> {
        let filter = &VideoFilter {
            after: None,
            ..filter.clone()
        };
        if self.searches_in_parts(filter) {
            return self.count_search(filter).await;
        }
        let statement = Statement::count(self.database.kind(), filter, COUNTED);
        let counted: Vec<(i64,)> = self.fetch(statement).await?;
        let found = counted.first().map_or(0, |it| unsigned(it.0));
        Ok(VideoCount::up_to(COUNTED, found))
    }

    async fn fetch<T>(&self, statement: Statement) -> Result<Vec<T>, CatalogError>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let query = query_of(self.database.kind(), statement);
        Ok(query.fetch_all(self.database.read()).await?)
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

fn query_of<'q, T>(kind: Kind, statement: Statement) -> QueryAs<'q, Any, T, AnyArguments>
where
    T: for<'r> FromRow<'r, AnyRow>,
{
    let mut query = sqlx::query_as(AssertSqlSafe(statement.text))
        // PostgreSQL would stop looking at the values after five executions, and choose one plan for common and for
        // rare texts, states and owners.
        .persistent(kind == Kind::Sqlite);
    for value in statement.values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        };
    }
    query
}
