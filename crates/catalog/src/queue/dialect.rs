//! The statements of the queue that differ between SQLite and PostgreSQL.

use crate::database::Kind;

/// Makes messages that used up their deliveries dead letters, also if their workers died silently.
macro_rules! dead_letter_exhausted {
    ($lock:literal) => {
        concat!(
            "UPDATE messages SET dead_lettered_ms = $1, reason = CASE WHEN receipt IS NULL THEN reason
                ELSE 'the last worker did not report a result' || coalesce('; before that: ' || reason, '') END
             WHERE id IN (
                SELECT id FROM messages
                WHERE queue = $2 AND dead_lettered_ms IS NULL AND visible_ms <= $1 AND receives >= $3 ",
            $lock,
            ")"
        )
    };
}

/// `=`, not `IN`: PostgreSQL may evaluate a set more than once, and lock another row each time.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE messages SET visible_ms = $1, receives = receives + 1, receipt = $2, holder = $3
             WHERE id = (
                SELECT id FROM messages WHERE queue = $4 AND dead_lettered_ms IS NULL AND visible_ms <= $5
                ORDER BY visible_ms, id LIMIT 1 ",
            $lock,
            ")
             RETURNING id, body, receives, sent_ms"
        )
    };
}

/// The statements that differ between the databases.
pub(super) struct Dialect {
    pub(super) dead_letter_exhausted: &'static str,
    pub(super) claim: &'static str,
}

const SQLITE: Dialect = Dialect {
    dead_letter_exhausted: dead_letter_exhausted!(""),
    claim: claim!(""),
};
const POSTGRES: Dialect = Dialect {
    dead_letter_exhausted: dead_letter_exhausted!("FOR UPDATE SKIP LOCKED"),
    claim: claim!("FOR UPDATE SKIP LOCKED"),
};

impl Dialect {
    pub(super) fn of(kind: Kind) -> &'static Self {
        match kind {
            Kind::Sqlite => &SQLITE,
            Kind::Postgres => &POSTGRES,
        }
    }
}
