//! Conformance of accounts, share links, keyed requests and the edge's list in the embedded database.

use catalog::EdgeEntries;
use catalog::accounts::{Accounts, AccountsError, KeyFilter};
use catalog::database::{Database, open_sqlite};
use catalog::idempotency::{Idempotency, Reservation};
use tempfile::TempDir;

async fn database() -> (Database, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = open_sqlite(&folder.path().join("edgereel.db"))
        .await
        .expect("opens");
    (database, folder)
}

mod accounts {
    async fn fresh() -> (catalog::accounts::Accounts, tempfile::TempDir) {
        let (database, folder) = super::database().await;
        (catalog::accounts::Accounts::new(&database), folder)
    }

    catalog::accounts_conformance!(fresh().await);
}

mod idempotency {
    async fn fresh() -> (catalog::idempotency::Idempotency, tempfile::TempDir) {
        let (database, folder) = super::database().await;
        (catalog::idempotency::Idempotency::new(&database), folder)
    }

    catalog::idempotency_conformance!(fresh().await);
}

#[tokio::test]
async fn the_edge_list_conforms() {
    let (database, _folder) = database().await;
    platform::edge_list::conformance(&EdgeEntries::new(&database)).await;
}

mod shares {
    use catalog::Catalog;
    use catalog::shares::Shares;
    use catalog::shares::conformance::Subject;

    async fn fresh() -> (Subject, tempfile::TempDir) {
        let (database, folder) = super::database().await;
        let (shares, catalog) = (Shares::new(&database), Catalog::new(&database));
        (Subject { shares, catalog }, folder)
    }

    catalog::shares_conformance!(fresh().await);
}

#[tokio::test]
async fn a_closed_database_is_unavailable() {
    let (database, _folder) = database().await;
    let (accounts, store) = (Accounts::new(&database), Idempotency::new(&database));
    database.close().await;
    let listed = accounts.list_keys(&KeyFilter::default()).await;
    assert!(
        matches!(listed, Err(AccountsError::Unavailable { .. })),
        "{listed:?}"
    );
    let reservation = Reservation {
        id: "a".to_owned(),
        token: "b".to_owned(),
    };
    assert!(store.release(&reservation).await.is_err());
}
