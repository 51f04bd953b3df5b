//! The videos that were made from given objects of the private bucket.

use std::collections::HashSet;

use domain::receipt::Receipt;
use sqlx::AssertSqlSafe;

use super::Catalog;
use super::rows::{VideoRow, from_json, video_columns};
use crate::videos::{CatalogError, Video};

/// Parameters of one statement.
const KEYS_AT_ONCE: usize = 200;

/// Selects videos with the receipt of their playable generation. Its columns have distinct names.
const WITH_RECEIPT: &str = concat!(
    "SELECT ",
    video_columns!(),
    ", receipt_record FROM videos v LEFT JOIN (
        SELECT video AS receipt_video, generation AS receipt_generation, record AS receipt_record FROM receipts
     ) AS r ON receipt_video = v.id AND receipt_generation = v.generation "
);

/// A row of `videos`, with a row of `receipts`.
#[derive(sqlx::FromRow)]
struct PaidRow {
    #[sqlx(flatten)]
    video: VideoRow,
    receipt_record: Option<String>,
}

impl Catalog {
    /// Those of these object keys that are the source of a video.
    pub async fn source_keys(&self, keys: &[String]) -> Result<HashSet<String>, CatalogError> {
        let mut found = HashSet::new();
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let statement = format!(
                "SELECT source_key FROM videos WHERE source_key IN ({})",
                places(keys.len())
            );
            let mut query = sqlx::query_as::<_, (String,)>(AssertSqlSafe(statement));
            for key in keys {
                query = query.bind(key);
            }
            let rows = query.fetch_all(self.database.read()).await?;
            found.extend(rows.into_iter().map(|it| it.0));
        }
        Ok(found)
    }

    /// The videos whose source is one of these objects, the oldest first, each with the receipt of its
    /// playable generation, if it has one. An object can be the source of several videos.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if a row cannot be read; errors of the database.
    pub async fn videos_of_sources(
        &self,
        keys: &[String],
    ) -> Result<Vec<(Video, Option<Receipt>)>, CatalogError> {
        let mut found = vec![];
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let statement = format!(
                "{WITH_RECEIPT} WHERE source_key IN ({}) ORDER BY id",
                places(keys.len())
            );
            let mut query = sqlx::query_as::<_, PaidRow>(AssertSqlSafe(statement));
            for key in keys {
                query = query.bind(key);
            }
            for row in query.fetch_all(self.database.read()).await? {
                let receipt = row.receipt_record.as_deref();
                let receipt = receipt.map(|it| from_json("receipt", it)).transpose()?;
                found.push((row.video.into_video(None)?, receipt));
            }
        }
        Ok(found)
    }
}

/// The places of this number of parameters.
fn places(count: usize) -> String {
    let places: Vec<String> = (1..=count).map(|it| format!("${it}")).collect();
    places.join(", ")
}
