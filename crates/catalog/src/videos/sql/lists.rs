//! Lists of videos.
//!
//! Each filter has its own statement, with only the conditions that it needs: the databases choose
//! an index by the statement, not by the values of its parameters.

use std::collections::HashSet;
use std::fmt::Write as _;

use domain::ids::VideoId;
use domain::state::StateName;
use domain::time::UnixMillis;
use sqlx::AssertSqlSafe;

use super::Catalog;
use super::folding::folded;
use super::rows::{WatchedRow, video_columns};
use super::videos::select_videos;
use crate::database::{Kind, sql, unsigned};
use crate::videos::{CatalogError, SortKey, SortValue, Video, VideoCursor, VideoFilter, VideoPage, VideoSort};

/// Parameters of one statement.
const KEYS_AT_ONCE: usize = 200;
/// Number of characters of a title that are compared, as in the indexes.
const TITLE_CHARS: usize = 200;

impl Catalog {
    /// Lists videos, newest first unless the filter has another order.
    pub async fn list_videos(&self, filter: &VideoFilter) -> Result<VideoPage, CatalogError> {
        let limit = if filter.limit == 0 { 100 } else { filter.limit.min(1_000) };
        let mut statement = Statement::new(select_videos!(""), filter);
        statement.order(self.database.kind(), filter.sort, filter.after.as_ref());
        // One row more than requested shows whether there is another page.
        let _ = write!(statement.text, " LIMIT {}", limit + 1);
        let mut query = sqlx::query_as::<_, WatchedRow>(AssertSqlSafe(statement.text));
        for value in statement.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        let rows = query.fetch_all(self.database.read()).await?;
        let mut videos = rows.into_iter().map(WatchedRow::into_video).collect::<Result<Vec<_>, _>>()?;
        let more = videos.len() > limit as usize;
        videos.truncate(limit as usize);
        let next = if more { videos.last().map(|it| cursor(filter.sort.by, it)) } else { None };
        Ok(VideoPage { videos, next })
    }

    /// The number of videos on all pages of a list.
    pub async fn count_videos(&self, filter: &VideoFilter) -> Result<u64, CatalogError> {
        let statement = Statement::new("SELECT count(*) FROM videos v ", filter);
        let mut query = sqlx::query_as::<_, (i64,)>(AssertSqlSafe(statement.text));
        for value in statement.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        let (count,) = query.fetch_one(self.database.read()).await?;
        Ok(unsigned(count))
    }

    /// Those of these object keys that are the source of a video.
    pub async fn source_keys(&self, keys: &[String]) -> Result<HashSet<String>, CatalogError> {
        let mut found = HashSet::new();
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let places: Vec<String> = (1..=keys.len()).map(|it| format!("${it}")).collect();
            let statement = format!("SELECT source_key FROM videos WHERE source_key IN ({})", places.join(", "));
            let mut query = sqlx::query_as::<_, (String,)>(AssertSqlSafe(statement));
            for key in keys {
                query = query.bind(key);
            }
            found.extend(query.fetch_all(self.database.read()).await?.into_iter().map(|it| it.0));
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

const READ_CHANGED: &str = select_videos!("WHERE (v.updated_ms, v.id) > ($1, $2) ORDER BY v.updated_ms, v.id LIMIT $3");

/// The position of a video in a list.
fn cursor(by: SortKey, video: &Video) -> VideoCursor {
    let value = match by {
        SortKey::Created => SortValue::Id,
        SortKey::Title => {
            let title = video.title.as_deref().map(folded).unwrap_or_default();
            SortValue::Text(title.chars().take(TITLE_CHARS).collect())
        }
        SortKey::Duration => SortValue::Number(video.duration_ms.unwrap_or(0)),
        SortKey::Size => SortValue::Number(video.source.size.unwrap_or(0)),
    };
    VideoCursor { value, video: video.id }
}

enum Value {
    Text(String),
    Number(i64),
}

/// A statement with its parameters. Its text has no value of a caller.
struct Statement {
    text: String,
    values: Vec<Value>,
}

impl Statement {
    /// `start`, and the conditions of a filter.
    fn new(start: &str, filter: &VideoFilter) -> Self {
        let mut it = Self { text: start.to_owned(), values: vec![] };
        // The partial indexes have the same condition.
        let deleted = filter.states.contains(&StateName::Deleted);
        it.text.push_str(if deleted { "WHERE 1 = 1" } else { "WHERE v.state <> 'deleted'" });
        if !filter.states.is_empty() {
            let states: Vec<String> = filter.states.iter().map(|it| format!("'{}'", it.as_str())).collect();
            let _ = write!(it.text, " AND v.state IN ({})", states.join(", "));
        }
        if let Some(owner) = &filter.owner {
            it.condition(" AND v.owner = ", Value::Text(owner.clone()), "");
        }
        if let Some(external_id) = &filter.external_id {
            it.condition(" AND v.external_id = ", Value::Text(external_id.clone()), "");
        }
        if let Some(key) = &filter.source_key {
            it.condition(" AND v.source_key = ", Value::Text(key.clone()), "");
        }
        if let Some(text) = &filter.text {
            it.condition(" AND v.search_folded LIKE ", Value::Text(contains_pattern(&folded(text))), r" ESCAPE '\'");
        }
        it
    }

    fn condition(&mut self, before: &str, value: Value, after: &str) {
        self.values.push(value);
        let _ = write!(self.text, "{before}${}{after}", self.values.len());
    }

    /// Sorts, and begins after the cursor.
    fn order(&mut self, kind: Kind, sort: VideoSort, after: Option<&VideoCursor>) {
        let (compare, direction) = if sort.descending { ("<", "DESC") } else { (">", "ASC") };
        // As in the indexes.
        let expression = match (sort.by, kind) {
            (SortKey::Created, _) => None,
            (SortKey::Title, Kind::Sqlite) => Some("substr(coalesce(v.title_folded, ''), 1, 200)"),
            (SortKey::Title, Kind::Postgres) => Some("substr(coalesce(v.title_folded, ''), 1, 200) COLLATE \"C\""),
            (SortKey::Duration, _) => Some("coalesce(v.duration_ms, 0)"),
            (SortKey::Size, _) => Some("coalesce(v.source_size, 0)"),
        };
        if let Some(VideoCursor { value, video }) = after {
            let value = match value {
                SortValue::Id => None,
                SortValue::Text(text) => Some(Value::Text(text.clone())),
                SortValue::Number(number) => Some(Value::Number(sql(*number))),
            };
            match (expression, value) {
                (Some(expression), Some(value)) => {
                    self.condition(&format!(" AND ({expression}, v.id) {compare} ("), value, ", ");
                    self.condition("", Value::Text(video.to_string()), ")");
                }
                // Each order has one kind of value.
                (None, _) | (_, None) => {
                    self.condition(&format!(" AND v.id {compare} "), Value::Text(video.to_string()), "");
                }
            }
        }
        match expression {
            Some(expression) => {
                let _ = write!(self.text, " ORDER BY {expression} {direction}, v.id {direction}");
            }
            None => {
                let _ = write!(self.text, " ORDER BY v.id {direction}");
            }
        }
    }
}

/// A `LIKE` pattern that matches values that contain the text literally.
fn contains_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
