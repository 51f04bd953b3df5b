//! Keyed requests in a database. The SQL is the common subset of SQLite and PostgreSQL.

use domain::ids::hex;
use sqlx::Row as _;

use super::{Begun, IdempotencyError, KeyedRequest, Ticket};
use crate::database::{Database, Tx, sql, unsigned};
use platform::clock::millis;

/// The requests of one installation that came with an idempotency key. Clones share the database.
#[derive(Debug, Clone)]
pub struct Idempotency {
    database: Database,
}

impl Idempotency {
    /// The idempotency store in `database`.
    pub fn new(database: &Database) -> Self {
        Self { database: database.clone() }
    }

    /// Decides about a request. Exactly one of several concurrent callers is the first.
    pub async fn begin(&self, request: &KeyedRequest, now_ms: u64) -> Result<Begun, IdempotencyError> {
        let ticket = Ticket { id: request.id.clone(), token: random()? };
        let mut tx = self.database.write().await?;
        // Expired rows are removed here: they are few, so no separate task is needed.
        sqlx::query("DELETE FROM idempotent_requests WHERE expires_ms <= $1")
            .bind(sql(now_ms))
            .execute(&mut *tx)
            .await?;
        let begun = if insert(&mut tx, request, &ticket, now_ms).await?
            || take_over(&mut tx, request, &ticket, now_ms).await?
        {
            Begun::First(ticket)
        } else {
            look(&mut tx, request, now_ms).await?
        };
        tx.commit().await?;
        Ok(begun)
    }

    /// Stores the response, and returns whether the ticket was still valid: a ticket that was taken
    /// over changes nothing.
    pub async fn finish(&self, ticket: &Ticket, answer: &str) -> Result<bool, IdempotencyError> {
        let mut tx = self.database.write().await?;
        let finished =
            sqlx::query("UPDATE idempotent_requests SET answer = $1 WHERE id = $2 AND ticket = $3 AND answer IS NULL")
                .bind(answer)
                .bind(&ticket.id)
                .bind(&ticket.token)
                .execute(&mut *tx)
                .await?
                .rows_affected();
        tx.commit().await?;
        Ok(finished > 0)
    }

    /// Ends an execution without a response worth storing: the next caller is the first. A ticket
    /// that was taken over, or finished, changes nothing.
    pub async fn give_back(&self, ticket: &Ticket) -> Result<(), IdempotencyError> {
        let mut tx = self.database.write().await?;
        sqlx::query("DELETE FROM idempotent_requests WHERE id = $1 AND ticket = $2 AND answer IS NULL")
            .bind(&ticket.id)
            .bind(&ticket.token)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

async fn insert(tx: &mut Tx, request: &KeyedRequest, ticket: &Ticket, now_ms: u64) -> Result<bool, IdempotencyError> {
    let inserted = sqlx::query(
        "INSERT INTO idempotent_requests (id, fingerprint, ticket, held_until_ms, expires_ms)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&request.id)
    .bind(&request.fingerprint)
    .bind(&ticket.token)
    .bind(sql(now_ms.saturating_add(millis(request.patience))))
    .bind(sql(now_ms.saturating_add(millis(request.life))))
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(inserted > 0)
}

/// Takes over an execution that was cut off.
async fn take_over(
    tx: &mut Tx,
    request: &KeyedRequest,
    ticket: &Ticket,
    now_ms: u64,
) -> Result<bool, IdempotencyError> {
    let taken = sqlx::query(
        "UPDATE idempotent_requests SET ticket = $1, held_until_ms = $2
         WHERE id = $3 AND fingerprint = $4 AND answer IS NULL AND held_until_ms <= $5",
    )
    .bind(&ticket.token)
    .bind(sql(now_ms.saturating_add(millis(request.patience))))
    .bind(&request.id)
    .bind(&request.fingerprint)
    .bind(sql(now_ms))
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(taken > 0)
}

async fn look(tx: &mut Tx, request: &KeyedRequest, now_ms: u64) -> Result<Begun, IdempotencyError> {
    let row = sqlx::query("SELECT fingerprint, held_until_ms, answer FROM idempotent_requests WHERE id = $1")
        .bind(&request.id)
        .fetch_optional(&mut **tx)
        .await?;
    // Released at this very moment: the next caller is the first.
    let Some(row) = row else { return Ok(Begun::Running { until_ms: now_ms }) };
    let fingerprint: String = row.try_get("fingerprint")?;
    if fingerprint != request.fingerprint {
        return Ok(Begun::Another);
    }
    let answer: Option<String> = row.try_get("answer")?;
    let held_until_ms: i64 = row.try_get("held_until_ms")?;
    Ok(answer.map_or(Begun::Running { until_ms: unsigned(held_until_ms) }, Begun::Answered))
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
