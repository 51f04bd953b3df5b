//! Conformance of accounts, share links, keyed requests and the edge's list in PostgreSQL.

use catalog::accounts::Accounts;
use catalog::database::{Database, open};
use catalog::idempotency::Idempotency;
use catalog::shares::Shares;
use catalog::shares::conformance::Subject;
use catalog::{Catalog, EdgeEntries};
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
async fn postgres_keeps_accounts_links_keyed_requests_and_the_edge_list() {
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
    platform::edge_list::conformance(&EdgeEntries::new(&database(&server).await)).await;
}
