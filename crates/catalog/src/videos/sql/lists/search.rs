//! Searches in PostgreSQL. Each request reads a limited number of videos, and takes a limited time: a page can have
//! fewer videos than requested, even none, and a cursor from which the next request continues.

use std::time::{Duration, Instant};

use sqlx::FromRow;
use sqlx::any::AnyRow;

use super::super::Catalog;
use super::super::folding::folded;
use super::super::rows::WatchedRow;
use super::statement::{PartSize, Statement, has_trigram, is_one};
use super::{Page, query_of};
use crate::database::{Kind, is_cancelled, unsigned};
use crate::videos::{CatalogError, VideoCount, VideoCursor, VideoFilter};

/// How much one request of a search may read.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Limits {
    /// Videos in which it looks for the text before it uses the index of trigrams. A text that many videos have fills
    /// the page there.
    first: u32,
    /// Videos in which it looks afterwards, if the index was of no use.
    part: u32,
    /// Videos that the index finds, and that are then sorted.
    sorted: u32,
    /// Videos that are counted.
    counted: u32,
    /// Duration of a look-up in the index. It depends on how many videos have each three letters of the text, which
    /// PostgreSQL does not know: its statistics are about whole values.
    lookup: Duration,
    /// The same for pages after the first: mostly, they have a cursor because the look-up for the first page was
    /// cancelled. A rare text is found in a millisecond.
    next_lookup: Duration,
    /// What one statement of a search in captions reads. PostgreSQL reads a megabyte in a few milliseconds.
    captions: PartSize,
    /// After this time, a search in captions begins no other part.
    parts: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first: 5_000,
            part: 6_000,
            sorted: 2_000,
            counted: 1_000,
            lookup: Duration::from_millis(40),
            next_lookup: Duration::from_millis(10),
            captions: PartSize {
                videos: 2_000,
                words: 4 << 20,
            },
            parts: Duration::from_millis(200),
        }
    }
}

/// A video that has the text; for `is_match` 0, see [`Statement::part`] and [`Statement::lookup`].
#[derive(FromRow)]
struct FoundRow {
    #[sqlx(flatten)]
    video: WatchedRow,
    is_match: i64,
}

/// The result of [`Statement::part`].
struct Part {
    rows: Vec<WatchedRow>,
    /// Where the next part begins.
    end: Option<VideoCursor>,
}

impl Catalog {
    /// Whether the filter is a search that PostgreSQL executes in parts.
    pub(super) fn searches_in_parts(&self, filter: &VideoFilter) -> bool {
        self.database.kind() == Kind::Postgres
            && (filter.text.is_some() || filter.words.is_some())
            && !is_one(filter)
    }

    /// One page of a search.
    pub(super) async fn search(
        &self,
        filter: &VideoFilter,
        limit: u32,
    ) -> Result<Page, CatalogError> {
        let limits = self.search_limits;
        let (first, part) = match filter.words {
            Some(_) => (limits.captions, limits.captions),
            None => (titles(limits.first), titles(limits.part)),
        };
        let began = Instant::now();
        let Part { mut rows, mut end } = self.part(filter, limit, first).await?;
        if end.is_some()
            && self.is_indexed(filter).await?
            && let Some(rows) = self.find_in_index(filter, limit).await?
        {
            return Page::of(rows, limit, filter.sort.by);
        }
        while let Some(after) = end.take() {
            let rest = VideoFilter {
                after: Some(after),
                ..filter.clone()
            };
            let room = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(limit));
            let next = self.part(&rest, room, part).await?;
            rows.extend(next.rows);
            end = next.end;
            let is_full = rows.len() >= limit as usize;
            if filter.words.is_none() || is_full || began.elapsed() >= limits.parts {
                break;
            }
        }
        let page = Page::of(rows, limit, filter.sort.by)?;
        Ok(Page {
            next: page.next.or(end),
            ..page
        })
    }

    /// The number of videos that a search finds, or that it found before it reached its limits.
    pub(super) async fn count_search(
        &self,
        filter: &VideoFilter,
    ) -> Result<VideoCount, CatalogError> {
        let limits = self.search_limits;
        if self.is_indexed(filter).await? {
            let statement = Statement::count_indexed(filter, limits.counted);
            if let Some(counted) = self.look_up::<(i64,)>(statement, limits.lookup).await? {
                let found = counted.first().map_or(0, |it| unsigned(it.0));
                return Ok(VideoCount::up_to(limits.counted, found));
            }
        }
        let size = match filter.words {
            Some(_) => limits.captions,
            None => titles(limits.part),
        };
        let counted: Vec<(i64, i64)> = self.fetch(Statement::count_first(filter, size)).await?;
        let (found, more) = counted.first().copied().unwrap_or_default();
        let count = VideoCount::up_to(limits.counted, unsigned(found));
        Ok(VideoCount {
            is_lower_bound: count.is_lower_bound || more > 0,
            ..count
        })
    }

    async fn part(
        &self,
        filter: &VideoFilter,
        limit: u32,
        size: PartSize,
    ) -> Result<Part, CatalogError> {
        let found: Vec<FoundRow> = self.fetch(Statement::part(filter, limit, size)).await?;
        let (matches, others): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|it| it.is_match == 1);
        let end = others.first().map(|it| it.video.cursor(filter.sort.by));
        Ok(Part {
            rows: matches.into_iter().map(|it| it.video).collect(),
            end: end.transpose()?,
        })
    }

    /// A page of videos that the index finds, and one row more; `None` if they are too many, or the index is too slow.
    async fn find_in_index(
        &self,
        filter: &VideoFilter,
        limit: u32,
    ) -> Result<Option<Vec<WatchedRow>>, CatalogError> {
        let limits = self.search_limits;
        let at_most = match filter.after {
            Some(_) => limits.next_lookup,
            None => limits.lookup,
        };
        let statement = Statement::lookup(filter, limit, limits.sorted);
        let found = self.look_up::<FoundRow>(statement, at_most).await?;
        Ok(found
            .filter(|rows| rows.iter().all(|it| it.is_match == 1))
            .map(|rows| rows.into_iter().map(|it| it.video).collect()))
    }

    /// Executes a statement that uses the index of trigrams; `None` if PostgreSQL cancelled it, because it took too
    /// long.
    async fn look_up<T>(
        &self,
        statement: Statement,
        at_most: Duration,
    ) -> Result<Option<Vec<T>>, CatalogError>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        let mut tx = self.database.read().begin().await?;
        sqlx::query(LIMIT_LOOKUP)
            .bind(at_most.as_millis().to_string())
            .execute(&mut *tx)
            .await?;
        let found = query_of(Kind::Postgres, statement)
            .fetch_all(&mut *tx)
            .await;
        tx.rollback().await?;
        match found {
            Err(error) if is_cancelled(&error) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    /// Whether indexes of trigrams can find the text and the words.
    async fn is_indexed(&self, filter: &VideoFilter) -> Result<bool, CatalogError> {
        let text = filter.text.as_deref().map(folded);
        if !text.iter().chain(&filter.words).all(|it| has_trigram(it)) {
            return Ok(false);
        }
        let indexes = self.search_indexes().await?;
        Ok((text.is_none() || indexes.videos) && (filter.words.is_none() || indexes.captions))
    }

    /// Which indexes of trigrams PostgreSQL has; read once.
    async fn search_indexes(&self) -> Result<SearchIndexes, CatalogError> {
        let indexes = self
            .search_indexes
            .get_or_try_init(|| async {
                let names: Vec<(String,)> = sqlx::query_as(SEARCH_INDEXES)
                    .fetch_all(self.database.read())
                    .await?;
                let has = |name: &str| names.iter().any(|it| it.0 == name);
                Ok::<_, CatalogError>(SearchIndexes {
                    videos: has("videos_search"),
                    captions: has("captions_search"),
                })
            })
            .await?;
        Ok(*indexes)
    }
}

/// A part of a search that reads no captions.
fn titles(videos: u32) -> PartSize {
    PartSize { videos, words: 0 }
}

/// The indexes of trigrams that exist: they need an extension.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct SearchIndexes {
    videos: bool,
    captions: bool,
}

const SEARCH_INDEXES: &str = "SELECT CAST(indexname AS TEXT) FROM pg_indexes
    WHERE schemaname = ANY (current_schemas(false)) AND indexname IN ('videos_search', 'captions_search')";

/// Of this transaction. PostgreSQL must not read the table instead of the index, and compiling a statement would take
/// longer than the look-up.
const LIMIT_LOOKUP: &str = "SELECT set_config('statement_timeout', $1, TRUE),
    set_config('enable_seqscan', 'off', TRUE), set_config('jit', 'off', TRUE)";

#[cfg(test)]
mod tests;
