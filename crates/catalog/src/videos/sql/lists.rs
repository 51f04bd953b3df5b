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
use crate::database::{Kind, sql, text, unsigned};
use crate::videos::{
    CatalogError, SortKey, SortValue, Video, VideoCursor, VideoFilter, VideoPage, VideoSort,
};

/// Parameters of one statement.
const KEYS_AT_ONCE: usize = 200;

impl Catalog {
    /// Lists videos, newest first unless the filter has another order.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if a row cannot be read; errors of the database.
    pub async fn list_videos(&self, filter: &VideoFilter) -> Result<VideoPage, CatalogError> {
        let limit = if filter.limit == 0 {
            100
        } else {
            filter.limit.min(1_000)
        };
        let statement = Statement::page(self.database.kind(), filter, limit);
        let mut query = sqlx::query_as::<_, WatchedRow>(AssertSqlSafe(statement.text));
        for value in statement.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        let mut rows = query.fetch_all(self.database.read()).await?;
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

    /// The number of videos on all pages of a list.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn count_videos(&self, filter: &VideoFilter) -> Result<u64, CatalogError> {
        let statement = Statement::count(self.database.kind(), filter);
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

enum Value {
    Text(String),
    Number(i64),
}

/// A statement with its parameters. Its text has no value of a caller.
struct Statement {
    kind: Kind,
    text: String,
    values: Vec<Value>,
}

impl Statement {
    /// Reads one page, and one row more, which shows whether there is another page.
    fn page(kind: Kind, filter: &VideoFilter, limit: u32) -> Self {
        let mut it = Self {
            kind,
            text: String::new(),
            values: vec![],
        };
        let limit = format!(" LIMIT {}", limit + 1);
        if it.scans_search_index(filter) {
            // Finds and sorts ids in the index, and then reads the rows of one page only.
            it.text.push_str(select_videos!(
                "WHERE v.id IN (SELECT v.id FROM videos v INDEXED BY videos_search "
            ));
            it.conditions(filter);
            it.after(filter);
            it.order(filter.sort);
            it.text.push_str(&limit);
            it.text.push(')');
            it.order(filter.sort);
        } else {
            it.text.push_str(select_videos!(""));
            it.conditions(filter);
            it.after(filter);
            it.order(filter.sort);
            it.text.push_str(&limit);
        }
        it
    }

    fn count(kind: Kind, filter: &VideoFilter) -> Self {
        let mut it = Self {
            kind,
            text: "SELECT count(*) FROM videos v ".to_owned(),
            values: vec![],
        };
        if filter.text.is_some() && it.scans_search_index(filter) {
            it.text.push_str("INDEXED BY videos_search ");
        }
        it.conditions(filter);
        it
    }

    /// Whether SQLite must read `videos_search` from end to end. By itself it prefers an index for
    /// the order or for the state, and reads the row of each video that it passes: for a text that
    /// few videos have, and for a state that most videos have, this takes ten times as long.
    fn scans_search_index(&self, filter: &VideoFilter) -> bool {
        let has_better_index = filter.external_id.is_some() || filter.source_key.is_some();
        self.kind == Kind::Sqlite
            && !has_better_index
            && !filter.states.contains(&StateName::Deleted)
            && (filter.text.is_some() || !filter.states.is_empty())
    }

    fn conditions(&mut self, filter: &VideoFilter) {
        // The partial indexes have the same condition.
        let deleted = filter.states.contains(&StateName::Deleted);
        self.text.push_str(if deleted {
            "WHERE 1 = 1"
        } else {
            "WHERE v.state <> 'deleted'"
        });
        if !filter.states.is_empty() {
            let states: Vec<String> = filter
                .states
                .iter()
                .map(|it| format!("'{}'", it.as_str()))
                .collect();
            let _ = write!(self.text, " AND v.state IN ({})", states.join(", "));
        }
        let equal = [
            ("owner", &filter.owner),
            ("external_id", &filter.external_id),
            ("source_key", &filter.source_key),
        ];
        for (column, value) in equal {
            if let Some(value) = value {
                self.condition(&format!(" AND v.{column} = "), Value::Text(text(value)), "");
            }
        }
        if let Some(text) = &filter.text {
            let text = folded(text);
            let column = match self.kind {
                // An index of trigrams returns every row for a text without one.
                Kind::Postgres if !has_trigram(&text) => "(v.search_folded || '')",
                Kind::Postgres | Kind::Sqlite => "v.search_folded",
            };
            let before = format!(" AND {column} LIKE ");
            self.condition(
                &before,
                Value::Text(contains_pattern(&text)),
                r" ESCAPE '\'",
            );
        }
    }

    fn condition(&mut self, before: &str, value: Value, after: &str) {
        self.values.push(value);
        let _ = write!(self.text, "{before}${}{after}", self.values.len());
    }

    /// Begins after the cursor.
    fn after(&mut self, filter: &VideoFilter) {
        let Some(VideoCursor { value, video }) = &filter.after else {
            return;
        };
        let compare = if filter.sort.descending { "<" } else { ">" };
        let value = match value {
            SortValue::Id => None,
            SortValue::Text(value) => Some(Value::Text(text(value))),
            SortValue::Number(number) => Some(Value::Number(sql(*number))),
        };
        match (self.expression(filter.sort.by), value) {
            (Some(expression), Some(value)) => {
                self.condition(
                    &format!(" AND ({expression}, v.id) {compare} ("),
                    value,
                    ", ",
                );
                self.condition("", Value::Text(video.to_string()), ")");
            }
            // Each order has one kind of value.
            (None, _) | (_, None) => {
                self.condition(
                    &format!(" AND v.id {compare} "),
                    Value::Text(video.to_string()),
                    "",
                );
            }
        }
    }

    fn order(&mut self, sort: VideoSort) {
        let direction = if sort.descending { "DESC" } else { "ASC" };
        self.text.push_str(" ORDER BY ");
        if let Some(expression) = self.expression(sort.by) {
            let _ = write!(self.text, "{expression} {direction}, ");
        }
        let _ = write!(self.text, "v.id {direction}");
    }

    /// The expression that is compared before the id, as in the indexes.
    fn expression(&self, by: SortKey) -> Option<&'static str> {
        match (by, self.kind) {
            (SortKey::Created, _) => None,
            (SortKey::Title, Kind::Sqlite) => Some("substr(coalesce(v.title_folded, ''), 1, 200)"),
            (SortKey::Title, Kind::Postgres) => {
                Some("substr(coalesce(v.title_folded, ''), 1, 200) COLLATE \"C\"")
            }
            (SortKey::Duration, _) => Some("coalesce(v.duration_ms, 0)"),
            (SortKey::Size, _) => Some("coalesce(v.source_size, 0)"),
        }
    }
}

/// Whether an index of trigrams can find a text: it has three letters or digits in a row.
fn has_trigram(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .any(|it| it.chars().count() >= 3)
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
