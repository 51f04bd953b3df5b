//! The statements of lists.
//!
//! Each filter has its own statement, with only the conditions that it needs: the databases choose
//! an index by the statement, not by the values of its parameters.

mod search;

use std::fmt::Write as _;

use domain::state::StateName;

use super::super::folding::folded;
use super::super::rows::video_columns;
use super::super::videos::{select_videos, watched_videos};
use crate::database::{Kind, sql, text};
use crate::videos::{SortKey, SortValue, VideoCursor, VideoFilter, VideoSort};
pub(super) use search::PartSize;

/// The beginning of a subquery with the columns of orders and conditions.
const COLUMNS: &str = "(SELECT v.id, v.state, v.title_folded, v.duration_ms, v.source_size, v.search_folded FROM videos v ";

pub(super) enum Value {
    Text(String),
    Number(i64),
}

/// A statement with its parameters. Its text has no value of a caller.
pub(super) struct Statement {
    kind: Kind,
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Statement {
    fn new(kind: Kind, text: &str) -> Self {
        Self {
            kind,
            text: text.to_owned(),
            values: vec![],
        }
    }

    /// Reads one page, and one row more, which shows whether there is another page.
    pub(super) fn page(kind: Kind, filter: &VideoFilter, limit: u32) -> Self {
        let limit = format!(" LIMIT {}", limit + 1);
        let mut it = if scans_search_index(kind, filter) {
            // Finds and sorts ids in the index, and then reads the rows of one page only.
            let mut it = Self::new(
                kind,
                select_videos!(
                    "WHERE v.id IN (SELECT v.id FROM videos v INDEXED BY videos_search "
                ),
            );
            it.conditions(filter);
            it.text_condition(filter);
            it.after(filter);
            it
        } else if reads_each_state(kind, filter) {
            let mut it = Self::new(kind, select_videos!("WHERE v.id IN (SELECT v.id FROM ( "));
            it.each_state(filter, &limit);
            it.text.push_str(") AS v");
            it
        } else {
            let mut it = Self::new(kind, select_videos!(""));
            it.conditions(filter);
            it.text_condition(filter);
            it.after(filter);
            it.order(filter.sort);
            it.text.push_str(&limit);
            return it;
        };
        it.order(filter.sort);
        it.text.push_str(&limit);
        it.text.push(')');
        it.order(filter.sort);
        it
    }

    /// Counts videos up to `limit`, and one more, which shows that there are more.
    pub(super) fn count(kind: Kind, filter: &VideoFilter, limit: u32) -> Self {
        let mut it = Self::new(kind, "SELECT count(*) FROM (SELECT 1 FROM videos v ");
        if filter.text.is_some() && scans_search_index(kind, filter) {
            it.text.push_str("INDEXED BY videos_search ");
        }
        it.conditions(filter);
        it.text_condition(filter);
        let _ = write!(it.text, " LIMIT {}) AS counted", limit + 1);
        it
    }

    /// The first videos of each state, each in an index.
    fn each_state(&mut self, filter: &VideoFilter, limit: &str) {
        for (place, state) in filter.states.iter().enumerate() {
            let of_state = VideoFilter {
                states: vec![*state],
                ..filter.clone()
            };
            self.text
                .push_str(if place == 0 { "" } else { " UNION ALL " });
            self.text.push_str(COLUMNS);
            self.conditions(&of_state);
            self.after(filter);
            self.order(filter.sort);
            self.text.push_str(limit);
            self.text.push(')');
        }
    }

    fn conditions(&mut self, filter: &VideoFilter) {
        // The partial indexes have the same condition.
        let deleted = filter.states.contains(&StateName::Deleted);
        self.text.push_str(if deleted {
            "WHERE 1 = 1"
        } else {
            "WHERE v.state <> 'deleted'"
        });
        self.states(filter);
        self.words(filter);
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
    }

    /// Only videos whose captions have the words.
    fn words(&mut self, filter: &VideoFilter) {
        let Some(words) = &filter.words else { return };
        match self.kind {
            Kind::Sqlite => {
                let before = " AND v.id IN (SELECT c.video FROM captions c WHERE c.removed_ms IS NULL AND c.words LIKE ";
                let pattern = Value::Text(text(&contains_pattern(words)));
                self.condition(before, pattern, r" ESCAPE '\')");
            }
            Kind::Postgres => self.words_of_video(words),
        }
    }

    fn states(&mut self, filter: &VideoFilter) {
        if !filter.states.is_empty() {
            let states: Vec<String> = filter
                .states
                .iter()
                .map(|it| format!("'{}'", it.as_str()))
                .collect();
            let _ = write!(self.text, " AND v.state IN ({})", states.join(", "));
        }
    }

    fn text_condition(&mut self, filter: &VideoFilter) {
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

/// Whether SQLite must read `videos_search` from end to end. By itself it prefers an index for
/// the order or for the state, and reads the row of each video that it passes: for a text that
/// few videos have, and for a state that most videos have, this takes ten times as long.
fn scans_search_index(kind: Kind, filter: &VideoFilter) -> bool {
    kind == Kind::Sqlite
        && !is_one(filter)
        && !filter.states.contains(&StateName::Deleted)
        && (filter.text.is_some() || !filter.states.is_empty())
}

/// Whether PostgreSQL reads the first videos of each state and merges them. Otherwise it reads the list in its order until
/// enough videos have one of the states. But states depend on the order: what is being processed is new, and has no
/// duration.
fn reads_each_state(kind: Kind, filter: &VideoFilter) -> bool {
    kind == Kind::Postgres
        && filter.text.is_none()
        && filter.words.is_none()
        && !is_one(filter)
        && !filter.states.is_empty()
        && !filter.states.contains(&StateName::Deleted)
}

/// Whether the filter names a video in another way than by its text.
pub(super) fn is_one(filter: &VideoFilter) -> bool {
    filter.external_id.is_some() || filter.source_key.is_some()
}

/// Whether an index of trigrams can find a text: it has three letters or digits in a row.
pub(super) fn has_trigram(text: &str) -> bool {
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
