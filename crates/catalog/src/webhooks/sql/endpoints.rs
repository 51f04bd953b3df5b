//! Endpoints as their owners see them.

use domain::time::UnixMillis;
use domain::webhook::{EndpointId, EventType};

use super::Webhooks;
use super::rows::{self, endpoint_columns, to_json};
use crate::database::{Kind, Row, Tx, retried, sql, text};
use crate::webhooks::{
    DisabledReason, Endpoint, EndpointFilter, EndpointPage, EndpointPatch, EndpointSecret,
    MAX_ENDPOINTS, NewEndpoint, WebhookError,
};

/// Maximum number of valid secrets: each adds a signature to the header of every message.
const MAX_SECRETS: usize = 5;

const INSERT: &str = concat!(
    "INSERT INTO webhook_endpoints (id, owner, url, types, wants_progress, description, secrets, paused_until_ms,
        created_ms, updated_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8) RETURNING ",
    endpoint_columns!()
);

pub(super) const READ: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints WHERE id = $1"
);

const READ_PAGE: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints
     WHERE (CAST($1 AS TEXT) IS NULL OR owner = $1) AND (CAST($2 AS TEXT) IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3"
);

const SET_SECRETS: &str = concat!(
    "UPDATE webhook_endpoints SET secrets = $1, updated_ms = $2 WHERE id = $3 RETURNING ",
    endpoint_columns!()
);

/// A lock without a new version of the row: each attempt at a delivery takes it. It does not stop the
/// insertion of deliveries.
const LOCK_IN_POSTGRES: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints WHERE id = $1 FOR NO KEY UPDATE"
);

/// Deliveries of one statement: a log may have millions.
const DELETED_AT_ONCE: i64 = 500;
/// The same for those that are changed, which takes longer: each of their indexes gets a new entry.
const FAILED_AT_ONCE: i64 = 200;

const DELETE_SOME_DELIVERIES: &str = "
    DELETE FROM webhook_deliveries WHERE id IN (
        SELECT id FROM webhook_deliveries WHERE endpoint = $1 LIMIT $2
    )";

const FAIL_SOME_DELIVERIES: &str = "
    UPDATE webhook_deliveries SET status = 'failed', settled_ms = $1, last_error = coalesce(last_error, $2)
    WHERE id IN (
        SELECT id FROM webhook_deliveries WHERE endpoint = $3 AND status = 'pending' LIMIT $4
    ) AND status = 'pending'";

impl Webhooks {
    /// Creates an endpoint. `TooMany` if its owner has [`MAX_ENDPOINTS`].
    pub async fn create(
        &self,
        new: &NewEndpoint,
        now: UnixMillis,
    ) -> Result<Endpoint, WebhookError> {
        let mut tx = self.write().await?;
        let (taken,): (i64,) = sqlx::query_as(
            "SELECT count(*) FROM webhook_endpoints WHERE coalesce(owner, '') = coalesce(CAST($1 AS TEXT), '')",
        )
        .bind(&new.owner)
        .fetch_one(&mut *tx)
        .await?;
        if taken >= i64::from(MAX_ENDPOINTS) {
            return Err(WebhookError::TooMany);
        }
        let secrets = [EndpointSecret {
            sealed: new.sealed_secret.clone(),
            until_ms: None,
        }];
        let row = sqlx::query(INSERT)
            .bind(new.id.to_string())
            .bind(&new.owner)
            .bind(text(&new.url))
            .bind(new.types.as_ref().map(to_json))
            .bind(wants_progress(new.types.as_deref()))
            .bind(new.description.as_deref().map(text))
            .bind(to_json(&secrets))
            .bind(sql(now))
            .fetch_one(&mut *tx)
            .await?;
        let endpoint = rows::endpoint(&row)?;
        tx.commit().await?;
        Ok(endpoint)
    }

    /// Reads an endpoint.
    pub async fn get(&self, endpoint: EndpointId) -> Result<Endpoint, WebhookError> {
        let row = sqlx::query(READ)
            .bind(endpoint.to_string())
            .fetch_optional(self.database.read())
            .await?;
        rows::endpoint(&row.ok_or(WebhookError::NoSuchEndpoint(endpoint))?)
    }

    /// Lists endpoints, newest first.
    pub async fn list(&self, filter: &EndpointFilter) -> Result<EndpointPage, WebhookError> {
        let found = sqlx::query(READ_PAGE)
            .bind(&filter.owner)
            .bind(filter.after.map(|it| it.to_string()))
            // One row more than requested shows whether there is another page.
            .bind(i64::from(filter.limit) + 1)
            .fetch_all(self.database.read())
            .await?;
        let mut endpoints = found
            .iter()
            .map(rows::endpoint)
            .collect::<Result<Vec<_>, _>>()?;
        let more = endpoints.len() > filter.limit as usize;
        endpoints.truncate(filter.limit as usize);
        let next = if more {
            endpoints.last().map(|it| it.id)
        } else {
            None
        };
        Ok(EndpointPage { endpoints, next })
    }

    /// Updates an endpoint. Disabling it fails its pending deliveries; enabling it resets its
    /// failures.
    pub async fn patch(
        &self,
        endpoint: EndpointId,
        patch: &EndpointPatch,
        now: UnixMillis,
    ) -> Result<Endpoint, WebhookError> {
        retried(|| self.try_patch(endpoint, patch, now)).await
    }

    async fn try_patch(
        &self,
        endpoint: EndpointId,
        patch: &EndpointPatch,
        now: UnixMillis,
    ) -> Result<Endpoint, WebhookError> {
        let mut tx = self.write().await?;
        let before = rows::endpoint(&lock(&mut tx, self.database.kind(), endpoint).await?)?;
        let types = patch.types.clone().unwrap_or(before.types);
        let description = patch.description.clone().unwrap_or(before.description);
        sqlx::query(
            "UPDATE webhook_endpoints SET url = $1, types = $2, wants_progress = $3, description = $4, updated_ms = $5
             WHERE id = $6",
        )
        .bind(text(patch.url.as_ref().unwrap_or(&before.url)))
        .bind(types.as_ref().map(to_json))
        .bind(wants_progress(types.as_deref()))
        .bind(description.as_deref().map(text))
        .bind(sql(now))
        .bind(endpoint.to_string())
        .execute(&mut *tx)
        .await?;
        match (patch.active, before.disabled) {
            (Some(true), Some(_)) => enable(&mut tx, endpoint).await?,
            (Some(false), None) => {
                disable(
                    &mut tx,
                    endpoint,
                    DisabledReason::Owner,
                    "the webhook was disabled",
                    now,
                )
                .await?;
            }
            _ => {}
        }
        let after = rows::endpoint(&lock(&mut tx, self.database.kind(), endpoint).await?)?;
        tx.commit().await?;
        Ok(after)
    }

    /// Replaces the stored form of a secret, if the endpoint still has it. Returns whether it did.
    pub async fn replace_secret(
        &self,
        endpoint: EndpointId,
        old: &str,
        new: &str,
    ) -> Result<bool, WebhookError> {
        retried(|| self.try_replace_secret(endpoint, old, new)).await
    }

    async fn try_replace_secret(
        &self,
        id: EndpointId,
        old: &str,
        new: &str,
    ) -> Result<bool, WebhookError> {
        let mut tx = self.write().await?;
        let mut before = rows::endpoint(&lock(&mut tx, self.database.kind(), id).await?)?;
        let Some(secret) = before.secrets.iter_mut().find(|it| it.sealed == old) else {
            return Ok(false);
        };
        new.clone_into(&mut secret.sealed);
        sqlx::query("UPDATE webhook_endpoints SET secrets = $1 WHERE id = $2")
            .bind(to_json(&before.secrets))
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Adds a new secret in first place. The others stay valid until `keep_until_ms` at most.
    pub async fn rotate_secret(
        &self,
        endpoint: EndpointId,
        sealed: &str,
        keep_until_ms: UnixMillis,
        now: UnixMillis,
    ) -> Result<Endpoint, WebhookError> {
        let mut tx = self.write().await?;
        let before = rows::endpoint(&lock(&mut tx, self.database.kind(), endpoint).await?)?;
        let mut secrets = vec![EndpointSecret {
            sealed: sealed.to_owned(),
            until_ms: None,
        }];
        // A secret with an earlier expiry keeps it: a second rotation does not extend it.
        secrets.extend(
            before
                .secrets
                .into_iter()
                .filter(|it| it.until_ms.is_none_or(|end| end > now))
                .map(|it| {
                    let until_ms = Some(
                        it.until_ms
                            .map_or(keep_until_ms, |end| end.min(keep_until_ms)),
                    );
                    EndpointSecret { until_ms, ..it }
                }),
        );
        secrets.truncate(MAX_SECRETS);
        let row = sqlx::query(SET_SECRETS)
            .bind(to_json(&secrets))
            .bind(sql(now))
            .bind(endpoint.to_string())
            .fetch_one(&mut *tx)
            .await?;
        let after = rows::endpoint(&row)?;
        tx.commit().await?;
        Ok(after)
    }

    /// Removes an endpoint and its log. A delivery that is being sent at this moment still arrives.
    pub async fn delete(&self, endpoint: EndpointId) -> Result<(), WebhookError> {
        retried(|| self.try_delete(endpoint)).await
    }

    async fn try_delete(&self, endpoint: EndpointId) -> Result<(), WebhookError> {
        let mut tx = self.write().await?;
        lock(&mut tx, self.database.kind(), endpoint).await?;
        loop {
            let removed = sqlx::query(DELETE_SOME_DELIVERIES)
                .bind(endpoint.to_string())
                .bind(DELETED_AT_ONCE)
                .execute(&mut *tx)
                .await?;
            if removed.rows_affected() < DELETED_AT_ONCE.unsigned_abs() {
                break;
            }
        }
        sqlx::query("DELETE FROM webhook_endpoints WHERE id = $1")
            .bind(endpoint.to_string())
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

/// Stored separately, so that the catalog need not parse JSON to learn that no endpoint subscribes
/// to progress.
fn wants_progress(types: Option<&[EventType]>) -> i64 {
    i64::from(crate::webhooks::model::wants(
        types,
        EventType::VideoProgress,
    ))
}

/// Locks an endpoint and reads it.
pub(super) async fn lock(
    tx: &mut Tx,
    kind: Kind,
    endpoint: EndpointId,
) -> Result<Row, WebhookError> {
    let row = sqlx::query(match kind {
        // The transaction has locked the whole database.
        Kind::Sqlite => READ,
        Kind::Postgres => LOCK_IN_POSTGRES,
    })
    .bind(endpoint.to_string())
    .fetch_optional(&mut **tx)
    .await?;
    row.ok_or(WebhookError::NoSuchEndpoint(endpoint))
}

async fn enable(tx: &mut Tx, endpoint: EndpointId) -> Result<(), WebhookError> {
    sqlx::query(
        "UPDATE webhook_endpoints SET disabled_ms = NULL, disabled_reason = NULL, failing_since_ms = NULL,
            paused_until_ms = 0
         WHERE id = $1",
    )
    .bind(endpoint.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Disables an endpoint that is locked, and fails its pending deliveries. A delivery that is being
/// sent keeps its lease, so that it can still be recorded as delivered.
pub(super) async fn disable(
    tx: &mut Tx,
    endpoint: EndpointId,
    reason: DisabledReason,
    message: &str,
    now: UnixMillis,
) -> Result<(), WebhookError> {
    let word = match reason {
        DisabledReason::Owner => "owner",
        DisabledReason::Gone => "gone",
        DisabledReason::Failing => "failing",
    };
    sqlx::query(
        "UPDATE webhook_endpoints SET disabled_ms = $1, disabled_reason = $2 WHERE id = $3",
    )
    .bind(sql(now))
    .bind(word)
    .bind(endpoint.to_string())
    .execute(&mut **tx)
    .await?;
    loop {
        let failed = sqlx::query(FAIL_SOME_DELIVERIES)
            .bind(sql(now))
            .bind(message)
            .bind(endpoint.to_string())
            .bind(FAILED_AT_ONCE)
            .execute(&mut **tx)
            .await?;
        if failed.rows_affected() < FAILED_AT_ONCE.unsigned_abs() {
            return Ok(());
        }
    }
}
