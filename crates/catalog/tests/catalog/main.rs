//! The conformance suites against SQLite and PostgreSQL, and behaviour specific to one of them.

mod callers_postgres;
mod callers_sql;
mod catalog_postgres;
mod catalog_sqlite;
mod launching;
mod lists_postgres;
mod many_receipts;
mod owner_usage;
mod queue_idle;
mod queue_postgres;
mod queue_sqlite;
mod queue_sqs;
mod queue_sqs_others;
mod webhooks_postgres;
mod webhooks_sql;
