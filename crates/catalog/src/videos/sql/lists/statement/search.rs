//! The statements of searches in PostgreSQL. Each reads a limited number of videos.

use std::fmt::Write as _;

use domain::state::StateName;

use super::super::super::rows::video_columns;
use super::super::super::videos::watched_videos;
use super::{COLUMNS, Statement, Value, contains_pattern};
use crate::database::{Kind, text};
use crate::videos::VideoFilter;

/// How much of a list one statement reads.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct PartSize {
    pub(in super::super) videos: u32,
    /// Bytes of captions. The video that reaches it is read completely.
    pub(in super::super) words: u32,
}

/// Joins videos with a table `part` of their ids.
const FOUND: &str = concat!(
    "SELECT is_match, ",
    video_columns!(),
    watched_videos!(),
    "JOIN (WITH part AS MATERIALIZED "
);

impl Statement {
    /// Reads the next videos of the list after the cursor, and returns those that have the text: at most
    /// `limit`, and one more. If that is not a full page, and the list has more videos, the last video that was read
    /// is returned too, with `is_match` 0: the next part begins after it. A search in captions ends a part earlier
    /// if the captions are long.
    pub(in super::super) fn part(filter: &VideoFilter, limit: u32, size: PartSize) -> Self {
        let mut it = Self::new(Kind::Postgres, FOUND);
        it.first(filter, size);
        // PostgreSQL returns the rows of a materialized `WITH` in their order, and reads only as many as it needs.
        let _ = write!(
            it.text,
            ", found AS MATERIALIZED (SELECT id FROM part WHERE is_found = 1 LIMIT {}",
            limit + 1
        );
        let last = match filter.words {
            Some(_) => "AND is_last LIMIT 1".to_owned(),
            None => format!("OFFSET {} LIMIT 1", size.videos.saturating_sub(1)),
        };
        it.matches_and_one(&format!(
            "WHERE (SELECT count(*) FROM found) <= {limit} {last}"
        ));
        it.order(filter.sort);
        it
    }

    /// Finds the videos that have the text in the index of trigrams, and returns a page of them, and one row more. If
    /// more than `sorted` videos have the text, it only returns one row, with `is_match` 0.
    pub(in super::super) fn lookup(filter: &VideoFilter, limit: u32, sorted: u32) -> Self {
        let mut it = Self::new(Kind::Postgres, FOUND);
        it.text.push_str(COLUMNS);
        it.indexed_conditions(filter);
        let _ = write!(
            it.text,
            " LIMIT {}), found AS MATERIALIZED (
                SELECT v.id FROM part v WHERE (SELECT count(*) FROM part) <= {sorted}",
            sorted + 1
        );
        it.after(filter);
        it.order(filter.sort);
        let _ = write!(it.text, " LIMIT {}", limit + 1);
        it.matches_and_one(&format!("OFFSET {sorted} LIMIT 1"));
        it.order(filter.sort);
        it
    }

    /// Counts up to `limit` videos that have the text, and one more, by the index of trigrams.
    pub(in super::super) fn count_indexed(filter: &VideoFilter, limit: u32) -> Self {
        let mut it = Self::new(
            Kind::Postgres,
            "SELECT count(*) FROM (SELECT 1 FROM videos v ",
        );
        it.indexed_conditions(filter);
        let _ = write!(it.text, " LIMIT {}) AS counted", limit + 1);
        it
    }

    /// Counts the videos that have the text in the first part, and returns whether the list has more videos.
    pub(in super::super) fn count_first(filter: &VideoFilter, size: PartSize) -> Self {
        let more = match filter.words {
            Some(_) => "coalesce(max(CASE WHEN is_last THEN 1 ELSE 0 END), 0)".to_owned(),
            None => format!("CASE WHEN count(*) >= {} THEN 1 ELSE 0 END", size.videos),
        };
        let mut it = Self::new(Kind::Postgres, "SELECT coalesce(sum(is_found), 0), ");
        let _ = write!(it.text, "CAST({more} AS BIGINT) FROM ");
        it.first(filter, size);
        it.text.push_str(" AS counted");
        it
    }

    /// The conditions of a filter in the form for the indexes of trigrams.
    fn indexed_conditions(&mut self, filter: &VideoFilter) {
        let others = VideoFilter {
            words: None,
            ..filter.clone()
        };
        self.conditions(&others);
        self.text_condition(filter);
        if let Some(words) = &filter.words {
            // Without `OFFSET`, PostgreSQL could read the captions of one video after the other.
            self.condition(
                " AND v.id IN (SELECT c.video FROM captions c WHERE c.removed_ms IS NULL AND c.words LIKE ",
                Value::Text(text(&contains_pattern(words))),
                r" ESCAPE '\' OFFSET 0)",
            );
        }
    }

    /// Whether the captions of one video have the words. As a value, because PostgreSQL could execute `EXISTS` for all
    /// captions at once. `strpos` takes two thirds of the time of `LIKE`.
    pub(super) fn words_of_video(&mut self, words: &str) {
        self.condition(
            " AND (SELECT 1 FROM captions c WHERE c.video = v.id AND c.removed_ms IS NULL AND strpos(c.words, ",
            Value::Text(text(words)),
            ") > 0 LIMIT 1) IS NOT NULL",
        );
    }

    /// The ids of the first videos of a list, and whether they have the text.
    fn first(&mut self, filter: &VideoFilter, size: PartSize) {
        let PartSize {
            videos: number,
            words: bytes,
        } = size;
        match &filter.words {
            None => self.listed(filter, number, ("1", "0 END AS is_found")),
            Some(words) => {
                self.text.push_str("(SELECT v.id, CASE WHEN v.bytes > 0");
                self.words_of_video(words);
                let _ = write!(
                    self.text,
                    " THEN 1 ELSE 0 END AS is_found, v.place = {number} OR v.read >= {bytes} AS is_last
                      FROM (SELECT id, bytes, sum(bytes) OVER way AS read, row_number() OVER way AS place FROM "
                );
                let length = "(SELECT coalesce(sum(octet_length(c.words)), 0) FROM captions c
                    WHERE c.video = v.id AND c.removed_ms IS NULL)";
                self.listed(filter, number, (length, "0 END AS bytes"));
                // The one that reaches the limit belongs to the part.
                let _ = write!(
                    self.text,
                    " AS listed WINDOW way AS (ROWS UNBOUNDED PRECEDING)) AS v
                      WHERE v.read - v.bytes < {bytes})"
                );
            }
        }
    }

    /// The ids of the first videos of a list, with a value of those that the other conditions find, and one of those
    /// that they do not.
    fn listed(&mut self, filter: &VideoFilter, number: u32, values: (&str, &str)) {
        // Only the videos of one state are in an index in the order of the list.
        let is_indexed = filter.states.len() == 1 || filter.states.contains(&StateName::Deleted);
        let all = VideoFilter {
            states: if is_indexed {
                filter.states.clone()
            } else {
                vec![]
            },
            words: None,
            ..filter.clone()
        };
        self.text.push_str("(SELECT v.id, CASE WHEN 1 = 1");
        self.states(filter);
        self.text_condition(filter);
        let _ = write!(
            self.text,
            " THEN {} ELSE {} FROM videos v ",
            values.0, values.1
        );
        self.conditions(&all);
        self.after(filter);
        self.order(filter.sort);
        let _ = write!(self.text, " LIMIT {number})");
    }

    /// The rows of `found`, and one of `part`.
    fn matches_and_one(&mut self, which: &str) {
        let _ = write!(
            self.text,
            ") SELECT id AS part_id, CAST(1 AS BIGINT) AS is_match FROM found
              UNION ALL (SELECT id, 0 FROM part {which})) AS part ON part_id = v.id"
        );
    }
}
