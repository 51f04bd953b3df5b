//! Keyed requests in a database. The SQL is the common subset of SQLite and PostgreSQL.

use domain::ids::hex;
use domain::time::UnixMillis;
use sqlx::Row as _;

use super::{BeginOutcome, IdempotencyError, KeyedRequest, Reservation};
use crate::database::{Database, Tx, sql, time};

/// The requests of one installation that came with an idempotency key. Clones share the database.
#[derive(Debug, Clone)]
pub struct Idempotency {
    database: Database,
}

const EXPIRE: &str = "DELETE FROM idempotent_requests WHERE id IN (
    SELECT id FROM idempotent_requests WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT 100)";

impl Idempotency {
    /// The idempotency store in `database`.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
        }
    }

    /// Decides about a request. Exactly one of several concurrent callers is the first.
    pub async fn begin(
        &self,
        request: &KeyedRequest,
        now: UnixMillis,
    ) -> Result<BeginOutcome, IdempotencyError> {
        let reservation = Reservation {
            id: request.id.clone(),
            token: random()?,
        };
        let mut tx = self.database.write().await?;
        // Expired rows are removed here, without a separate task: more than one request adds, and
        // few enough that no request waits for the rows of a busy day.
        sqlx::query(EXPIRE).bind(sql(now)).execute(&mut *tx).await?;
        let outcome = if insert(&mut tx, request, &reservation, now).await?
            || take_over(&mut tx, request, &reservation, now).await?
        {
            BeginOutcome::Reserved(reservation)
        } else {
            look(&mut tx, request, now).await?
        };
        tx.commit().await?;
        Ok(outcome)
    }

    /// Stores the response, and returns whether the reservation was still valid: a reservation that was taken
    /// over changes nothing.
    pub async fn finish(
        &self,
        reservation: &Reservation,
        response: &str,
    ) -> Result<bool, IdempotencyError> {
        let mut tx = self.database.write().await?;
        let finished = sqlx::query(
            "UPDATE idempotent_requests SET response = $1 WHERE id = $2 AND token = $3 AND response IS NULL",
        )
        .bind(response)
        .bind(&reservation.id)
        .bind(&reservation.token)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        tx.commit().await?;
        Ok(finished > 0)
    }

    /// Ends an execution without a response worth storing: the next caller is the first. A reservation
    /// that was taken over, or finished, changes nothing.
    pub async fn release(&self, reservation: &Reservation) -> Result<(), IdempotencyError> {
        let mut tx = self.database.write().await?;
        sqlx::query(
            "DELETE FROM idempotent_requests WHERE id = $1 AND token = $2 AND response IS NULL",
        )
        .bind(&reservation.id)
        .bind(&reservation.token)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

async fn insert(
    tx: &mut Tx,
    request: &KeyedRequest,
    reservation: &Reservation,
    now: UnixMillis,
) -> Result<bool, IdempotencyError> {
    let inserted = sqlx::query(
        "INSERT INTO idempotent_requests (id, fingerprint, token, held_until_ms, expires_ms)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&request.id)
    .bind(&request.fingerprint)
    .bind(&reservation.token)
    .bind(sql(now + request.lock_timeout))
    .bind(sql(now + request.lifetime))
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(inserted > 0)
}

/// Takes over an execution that was cut off.
async fn take_over(
    tx: &mut Tx,
    request: &KeyedRequest,
    reservation: &Reservation,
    now: UnixMillis,
) -> Result<bool, IdempotencyError> {
    let taken = sqlx::query(
        "UPDATE idempotent_requests SET token = $1, held_until_ms = $2
         WHERE id = $3 AND fingerprint = $4 AND response IS NULL AND held_until_ms <= $5",
    )
    .bind(&reservation.token)
    .bind(sql(now + request.lock_timeout))
    .bind(&request.id)
    .bind(&request.fingerprint)
    .bind(sql(now))
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(taken > 0)
}

async fn look(
    tx: &mut Tx,
    request: &KeyedRequest,
    now: UnixMillis,
) -> Result<BeginOutcome, IdempotencyError> {
    let row = sqlx::query(
        "SELECT fingerprint, held_until_ms, response FROM idempotent_requests WHERE id = $1",
    )
    .bind(&request.id)
    .fetch_optional(&mut **tx)
    .await?;
    // Released at this very moment: the next caller is the first.
    let Some(row) = row else {
        return Ok(BeginOutcome::Running { until_ms: now });
    };
    let fingerprint: String = row.try_get("fingerprint")?;
    if fingerprint != request.fingerprint {
        return Ok(BeginOutcome::KeyReused);
    }
    let response: Option<String> = row.try_get("response")?;
    let held_until_ms: i64 = row.try_get("held_until_ms")?;
    Ok(response.map_or(
        BeginOutcome::Running {
            until_ms: time(held_until_ms),
        },
        BeginOutcome::Stored,
    ))
}

fn random() -> Result<String, IdempotencyError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|it| IdempotencyError(it.to_string().into()))?;
    Ok(hex(&bytes))
}

impl From<sqlx::Error> for IdempotencyError {
    fn from(source: sqlx::Error) -> Self {
        Self(source.into())
    }
}
