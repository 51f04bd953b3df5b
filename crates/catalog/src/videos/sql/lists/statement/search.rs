//! The statements of searches in PostgreSQL. Each reads a limited number of videos.

use std::fmt::Write as _;

use domain::state::StateName;

use super::super::super::rows::video_columns;
use super::super::super::videos::watched_videos;
use super::{COLUMNS, Statement};
use crate::database::Kind;
use crate::videos::VideoFilter;

/// Joins videos with a table `part` of their ids.
const FOUND: &str = concat!(
    "SELECT is_match, ",
    video_columns!(),
    watched_videos!(),
    "JOIN (WITH part AS MATERIALIZED "
);

impl Statement {
    /// Reads the next `number` videos of the list after the cursor, and returns those that have the text: at most
    /// `limit`, and one more. If that is not a full page, and the list has more videos, the last video that was read
    /// is returned too, with `is_match` 0: the next part begins after it.
    pub(in super::super) fn part(filter: &VideoFilter, limit: u32, number: u32) -> Self {
        let mut it = Self::new(Kind::Postgres, FOUND);
        it.first(filter, number);
        // PostgreSQL returns the rows of a materialized `WITH` in their order, and reads only as many as it needs.
        let _ = write!(
            it.text,
            ", found AS MATERIALIZED (SELECT id FROM part WHERE is_found = 1 LIMIT {}",
            limit + 1
        );
        it.matches_and_one(&format!(
            "WHERE (SELECT count(*) FROM found) <= {limit} OFFSET {} LIMIT 1",
            number.saturating_sub(1)
        ));
        it.order(filter.sort);
        it
    }

    /// Finds the videos that have the text in the index of trigrams, and returns a page of them, and one row more. If
    /// more than `sorted` videos have the text, it only returns one row, with `is_match` 0.
    pub(in super::super) fn lookup(filter: &VideoFilter, limit: u32, sorted: u32) -> Self {
        let mut it = Self::new(Kind::Postgres, FOUND);
        it.text.push_str(COLUMNS);
        it.conditions(filter);
        it.text_condition(filter);
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

    /// Counts the videos that have the text among the first `number` of the list, and how many were read.
    pub(in super::super) fn count_first(filter: &VideoFilter, number: u32) -> Self {
        let mut it = Self::new(
            Kind::Postgres,
            "SELECT coalesce(sum(is_found), 0), count(*) FROM ",
        );
        it.first(filter, number);
        it.text.push_str(" AS counted");
        it
    }

    /// The ids of the first videos of a list, and whether they have the text.
    fn first(&mut self, filter: &VideoFilter, number: u32) {
        // Only the videos of one state are in an index in the order of the list.
        let is_indexed = filter.states.len() == 1 || filter.states.contains(&StateName::Deleted);
        let all = VideoFilter {
            states: if is_indexed {
                filter.states.clone()
            } else {
                vec![]
            },
            ..filter.clone()
        };
        self.text.push_str("(SELECT v.id, CASE WHEN 1 = 1");
        self.states(filter);
        self.text_condition(filter);
        self.text
            .push_str(" THEN 1 ELSE 0 END AS is_found FROM videos v ");
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
