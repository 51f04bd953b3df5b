//! Sums of receipts.

use std::collections::BTreeMap;

use domain::month::Month;
use domain::receipt::Receipt;
use domain::time::UnixMillis;
use serde::Deserialize;
use sqlx::{AssertSqlSafe, FromRow};

use super::Catalog;
use super::rows::from_json;
use crate::database::{sql, time};
use crate::videos::CatalogError;

/// Receipts of one statement. A receipt has one to several kilobytes.
const PAGE: i64 = 2_000;

/// Which receipts are summed up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Only those of this owner's videos.
    pub owner: Option<String>,
    /// Only those of this time or later.
    pub since: Option<UnixMillis>,
    /// Only those before this time.
    pub before: Option<UnixMillis>,
}

/// By what receipts are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    /// By the owner of the video.
    Owner,
    /// By the month in which the generation became ready, in UTC.
    Month,
}

/// A group of receipts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageGroup {
    /// Of this owner; `None`: of videos without one.
    Owner(Option<String>),
    /// Of this month.
    Month(Month),
}

/// The sum of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// The number of videos. A video that was encoded again counts once.
    pub videos: u64,
    /// The sum of the amounts. Stages and properties of single videos are left out.
    pub total: Receipt,
}

/// The amounts in a receipt. Other fields, which can be long, are skipped without a copy.
#[derive(Deserialize)]
struct Amounts {
    cpu_ms: u64,
    wall_ms: u64,
    source_ms: u64,
    bytes_in: u64,
    bytes_out: u64,
    store_writes: u64,
    store_reads: u64,
    stored_bytes: u64,
}

#[derive(FromRow)]
struct ReceiptRow {
    id: String,
    owner: Option<String>,
    generation: String,
    recorded_ms: i64,
    record: String,
}

/// Receipts in the order of videos, read by their primary key. Parameters: the last video and generation, the time span,
/// the limit. The order names the columns of `receipts`: SQLite would sort the rest of the table for each page otherwise.
const READ: &str = "
    SELECT receipt_video AS id, owner, receipt_generation AS generation, recorded_ms, record
    FROM (
        SELECT video AS receipt_video, generation AS receipt_generation, recorded_ms, record FROM receipts
    ) AS r JOIN videos ON id = receipt_video
    WHERE (receipt_video, receipt_generation) > ($1, $2) AND recorded_ms >= $3 AND recorded_ms < $4
    ORDER BY receipt_video, receipt_generation LIMIT $5";

/// The same of the owner `$6`, by the index of their videos.
const READ_OF_OWNER: &str = "
    SELECT id, owner, receipt_generation AS generation, recorded_ms, record
    FROM videos JOIN (
        SELECT video AS receipt_video, generation AS receipt_generation, recorded_ms, record FROM receipts
    ) AS r ON receipt_video = id
    WHERE owner = $6 AND id >= $1 AND (id, receipt_generation) > ($1, $2)
        AND recorded_ms >= $3 AND recorded_ms < $4
    ORDER BY id, receipt_generation LIMIT $5";

impl Catalog {
    /// The sums of the receipts, by group. Receipts of deleted videos, and of generations that were replaced and
    /// removed, do not exist any more.
    ///
    /// The receipts are read in pages of a few megabytes: the two databases extract fields of JSON in different ways,
    /// and no column has them.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if a receipt cannot be read; errors of the database.
    pub async fn usage(
        &self,
        by: UsageBy,
        filter: &UsageFilter,
    ) -> Result<BTreeMap<UsageGroup, Usage>, CatalogError> {
        let mut sums = Sums::default();
        let (mut id, mut generation) = (String::new(), String::new());
        loop {
            let statement = match filter.owner {
                Some(_) => READ_OF_OWNER,
                None => READ,
            };
            let mut query = sqlx::query_as::<_, ReceiptRow>(AssertSqlSafe(statement))
                .bind(id)
                .bind(generation)
                .bind(sql(filter.since.unwrap_or_default()))
                .bind(filter.before.map_or(i64::MAX, sql))
                .bind(PAGE);
            if let Some(owner) = &filter.owner {
                query = query.bind(owner);
            }
            let rows = query.fetch_all(self.database.read()).await?;
            let is_last = (rows.len() as i64) < PAGE;
            for row in &rows {
                sums.add(by, row)?;
            }
            match rows.into_iter().next_back() {
                Some(last) if !is_last => (id, generation) = (last.id, last.generation),
                _ => return Ok(sums.groups),
            }
        }
    }
}

/// The sums so far, and the last video of each group: its receipts follow each other.
#[derive(Default)]
struct Sums {
    groups: BTreeMap<UsageGroup, Usage>,
    last: BTreeMap<UsageGroup, String>,
}

impl Sums {
    fn add(&mut self, by: UsageBy, row: &ReceiptRow) -> Result<(), CatalogError> {
        let group = match by {
            UsageBy::Owner => UsageGroup::Owner(row.owner.clone()),
            UsageBy::Month => UsageGroup::Month(Month::of(time(row.recorded_ms))),
        };
        let amounts: Amounts = from_json("receipt", &row.record)?;
        let is_new = self.last.get(&group) != Some(&row.id);
        if is_new {
            self.last.insert(group.clone(), row.id.clone());
        }
        let usage = self.groups.entry(group).or_default();
        usage.videos += u64::from(is_new);
        usage.total.add(&Receipt {
            cpu_ms: amounts.cpu_ms,
            wall_ms: amounts.wall_ms,
            source_ms: amounts.source_ms,
            bytes_in: amounts.bytes_in,
            bytes_out: amounts.bytes_out,
            store_writes: amounts.store_writes,
            store_reads: amounts.store_reads,
            stored_bytes: amounts.stored_bytes,
            ..Receipt::default()
        });
        Ok(())
    }
}
