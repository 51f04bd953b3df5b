//! Limits of the uploads of an owner.

use domain::time::UnixMillis;

use crate::database::{Tx, sql, unsigned};
use crate::videos::{CatalogError, NewVideo, OwnerLimits};

/// How long a row whose upload was never started counts as open: its creator has crashed, or is
/// about to start.
const BEGINNING_MS: u64 = 3_600_000;

/// Counts the other open uploads of the same owner.
async fn count_open(tx: &mut Tx, new: &NewVideo, now: UnixMillis) -> Result<i64, CatalogError> {
    // Selected by state, of which few rows match, and not by owner, who may have many videos.
    let (open,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM videos
         WHERE state IN ('created', 'uploading') AND coalesce(owner, '') = coalesce(CAST($1 AS TEXT), '') AND id <> $2
            AND coalesce(upload_expires_ms, created_ms + $3) > $4",
    )
    .bind(&new.owner)
    .bind(new.id.to_string())
    .bind(sql(BEGINNING_MS))
    .bind(sql(now))
    .fetch_one(&mut **tx)
    .await?;
    Ok(open)
}

/// The number and the bytes of the other videos of the owner. Triggers of the database count all of
/// them in `owner_usage`; the same video may be among them if its upload is requested again.
async fn usage(tx: &mut Tx, new: &NewVideo) -> Result<(i64, i64), CatalogError> {
    let usage: Option<(i64, i64)> = sqlx::query_as(
        "SELECT u.videos - CASE WHEN v.id IS NULL THEN 0 ELSE 1 END, u.source_bytes - coalesce(v.source_size, 0)
         FROM owner_usage u
         LEFT JOIN videos v ON v.id = $2 AND v.owner = u.owner AND v.state <> 'deleted'
         WHERE u.owner = $1",
    )
    .bind(&new.owner)
    .bind(new.id.to_string())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(usage.unwrap_or((0, 0)))
}

/// Whether another upload of the owner of `new` is within its limits.
pub(super) async fn check(
    tx: &mut Tx,
    new: &NewVideo,
    limits: &OwnerLimits,
    now: UnixMillis,
) -> Result<(), CatalogError> {
    if let Some(limit) = limits.open_uploads
        && count_open(tx, new, now).await? >= i64::from(limit)
    {
        return Err(CatalogError::TooManyOpen { limit });
    }
    if limits.videos.is_none() && limits.source_bytes.is_none() {
        return Ok(());
    }
    let (videos, bytes) = usage(tx, new).await?;
    if let Some(limit) = limits.videos.filter(|it| unsigned(videos) >= *it) {
        return Err(CatalogError::OverQuota {
            what: "videos",
            limit,
        });
    }
    // A file of unknown size counts as at least one byte.
    let bytes = unsigned(bytes).saturating_add(new.source_size.unwrap_or(1));
    match limits.source_bytes.filter(|it| bytes > *it) {
        Some(limit) => Err(CatalogError::OverQuota {
            what: "bytes of sources",
            limit,
        }),
        None => Ok(()),
    }
}
