//! The load of an idle receiver on PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use catalog::PriorityQueue;
use catalog::database::open;
use platform::job_queue::{JobQueue as _, Wanted};
use testkit::Postgres;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata};

/// Counts the statements that sqlx logs.
struct Statements(Arc<AtomicU32>);

impl tracing::Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_look_takes_one_statement_per_wanted_queue() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let database = open(&server.database()).await.unwrap();
    let queue = PriorityQueue::new(&database, 5, "worker");
    let statements = Arc::new(AtomicU32::new(0));
    let _counting = tracing::subscriber::set_default(Statements(statements.clone()));
    // At most nine looks, one every 250 ms; fewer on a busy machine.
    const WAIT: Duration = Duration::from_secs(2);
    const LOOKS: u32 = 9;
    for (wanted, queues) in [(Wanted::JOBS, 2), (Wanted::ALL, 3)] {
        statements.store(0, Ordering::Relaxed);
        let received = queue.receive(wanted, WAIT, WAIT).await.unwrap();
        assert!(received.is_none());
        let sent = statements.load(Ordering::Relaxed);
        println!("{sent} statements with {wanted:?}");
        assert!(
            sent > 0 && sent.is_multiple_of(queues) && sent <= queues * LOOKS,
            "{sent} statements with {wanted:?}"
        );
    }
}
