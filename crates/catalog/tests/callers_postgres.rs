//! Conformance of accounts, share links and keyed requests in PostgreSQL.

use std::sync::Arc;

use catalog::SqlCatalog;
use catalog::accounts::SqlAccounts;
use catalog::database::{Database, open};
use catalog::idempotency::SqlIdempotency;
use catalog::shares::SqlShares;
use catalog::shares::conformance::Subject;
use testkit::{Postgres, together};

async fn database(server: &Postgres) -> Database {
    open(&server.database()).await.expect("opens")
}

async fn accounts(server: &Postgres) -> (SqlAccounts, Database) {
    let database = database(server).await;
    (SqlAccounts::new(&database), database)
}

async fn keeper(server: &Postgres) -> (SqlIdempotency, Database) {
    let database = database(server).await;
    (SqlIdempotency::new(&database), database)
}

async fn shares(server: &Postgres) -> (Subject, Database) {
    let database = database(server).await;
    let (shares, catalog) = (Arc::new(SqlShares::new(&database)), Arc::new(SqlCatalog::new(&database)));
    (Subject { shares, catalog }, database)
}

#[tokio::test]
async fn postgres_keeps_accounts_links_and_keyed_requests() {
    let Some(server) = Postgres::start() else { return };
    together(catalog::accounts_conformance!(together: accounts(&server).await), 4).await;
    together(catalog::shares_conformance!(together: shares(&server).await), 4).await;
    together(catalog::idempotency_conformance!(together: keeper(&server).await), 4).await;
}
