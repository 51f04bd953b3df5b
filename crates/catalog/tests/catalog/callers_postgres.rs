//! Conformance of accounts, share links and keyed requests in PostgreSQL.

use catalog::Catalog;
use catalog::accounts::Accounts;
use catalog::database::{Database, open};
use catalog::idempotency::Idempotency;
use catalog::shares::Shares;
use catalog::shares::conformance::Subject;
use testkit::{Postgres, together};

async fn database(server: &Postgres) -> Database {
    open(&server.database()).await.expect("opens")
}

async fn accounts(server: &Postgres) -> (Accounts, Database) {
    let database = database(server).await;
    (Accounts::new(&database), database)
}

async fn store(server: &Postgres) -> (Idempotency, Database) {
    let database = database(server).await;
    (Idempotency::new(&database), database)
}

async fn shares(server: &Postgres) -> (Subject, Database) {
    let database = database(server).await;
    let (shares, catalog) = (Shares::new(&database), Catalog::new(&database));
    (Subject { shares, catalog }, database)
}

#[tokio::test]
async fn postgres_keeps_accounts_links_and_keyed_requests() {
    let Some(server) = Postgres::start() else {
        return;
    };
    together(
        catalog::accounts_conformance!(together: accounts(&server).await),
        4,
    )
    .await;
    together(
        catalog::shares_conformance!(together: shares(&server).await),
        4,
    )
    .await;
    together(
        catalog::idempotency_conformance!(together: store(&server).await),
        4,
    )
    .await;
}
