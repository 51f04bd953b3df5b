//! Conformance of webhooks in PostgreSQL, and dispatchers on several machines.

use std::collections::HashSet;
use std::time::Duration;

use catalog::Catalog;
use catalog::database::{Database, open};
use catalog::webhooks::conformance::Subject;
use catalog::webhooks::{
    AttemptOutcome, DeliveryAttempt, EndpointPatch, NewEndpoint, WebhookError, Webhooks,
};
use domain::ids::VideoId;
use domain::job::{Job, JobReason, Mode, Source};
use domain::state::VideoEvent;
use domain::time::UnixMillis;
use domain::webhook::{EndpointId, EventId};
use testkit::{Postgres, together};

const NOW: UnixMillis = UnixMillis::new(1_700_000_000_000);
const LEASE: Duration = Duration::from_secs(30);

async fn subject(server: &Postgres) -> (Subject, Database) {
    let database = open(&server.database()).await.expect("opens");
    let (webhooks, catalog) = (Webhooks::new(&database), Catalog::new(&database));
    (Subject { webhooks, catalog }, database)
}

#[tokio::test]
async fn postgres_does_what_every_store_of_webhooks_does() {
    let Some(server) = Postgres::start() else {
        return;
    };
    together(
        catalog::webhook_conformance!(together: subject(&server).await),
        4,
    )
    .await;
}

fn job(number: u8) -> Job {
    let video = VideoId::new(NOW.get(), [number; 10]);
    let key = format!("uploads/{video}/film.mp4");
    let source = Source {
        bucket: "private".to_owned(),
        key,
        etag: "etag".to_owned(),
        size: 1,
    };
    Job::new(video, source, "default", Mode::Abr, JobReason::Upload)
}

fn endpoint(number: u8) -> NewEndpoint {
    NewEndpoint {
        id: EndpointId::new(NOW.get(), [number; 10]),
        owner: None,
        url: "https://receiver.example/".to_owned(),
        types: None,
        description: None,
        sealed_secret: "sealed".to_owned(),
    }
}

/// Sends due deliveries for a while, and returns those that it delivered.
async fn dispatch(store: Webhooks) -> Vec<(EndpointId, EventId)> {
    let mut delivered = Vec::new();
    for _ in 0..200 {
        store.fan_out(3, NOW).await.expect("share out");
        for sent in store.claim(5, 5, LEASE, NOW).await.expect("claim") {
            let outcome = DeliveryAttempt {
                outcome: AttemptOutcome::Delivered,
                status: Some(200),
                error: None,
                duration_ms: 1,
            };
            match store.record_attempt(&sent, &outcome, NOW).await {
                Ok(_) => delivered.push((sent.endpoint.id, sent.event)),
                Err(WebhookError::LeaseLost(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
    delivered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dispatchers_on_three_machines_deliver_each_event_once() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let databases = [
        open(&address).await.unwrap(),
        open(&address).await.unwrap(),
        open(&address).await.unwrap(),
    ];
    let stores = databases.each_ref().map(Webhooks::new);
    for number in [1, 2] {
        stores[0].create(&endpoint(number), NOW).await.unwrap();
    }
    let catalog = Catalog::new(&databases[1]);
    let making = tokio::spawn(async move {
        for number in 0..20 {
            catalog.note_upload_event(&job(number), NOW).await.unwrap();
            catalog
                .apply(job(number).video, &VideoEvent::Deleted, NOW)
                .await
                .unwrap();
        }
    });
    let dispatchers: Vec<_> = stores
        .iter()
        .cloned()
        .map(|it| tokio::spawn(dispatch(it)))
        .collect();
    // Meanwhile one endpoint is changed, which locks it with its deliveries.
    for _ in 0..20 {
        let patch = EndpointPatch {
            description: Some(Some("x".to_owned())),
            ..EndpointPatch::default()
        };
        stores[2]
            .patch(EndpointId::new(NOW.get(), [2; 10]), &patch, NOW)
            .await
            .unwrap();
    }
    making.await.unwrap();
    let mut delivered = Vec::new();
    for dispatcher in dispatchers {
        delivered.extend(dispatcher.await.unwrap());
    }
    delivered.extend(dispatch(stores[0].clone()).await);
    // Uploaded and deleted: two events of each of twenty videos, to two endpoints.
    assert_eq!(delivered.len(), 80);
    assert_eq!(
        delivered.iter().collect::<HashSet<_>>().len(),
        80,
        "none twice"
    );
}

/// Adds pending deliveries that wait for the last one of a video, all of them older than any other.
async fn add_waiting(address: &str, video: VideoId, number: i64) {
    let by_hand = sqlx::PgPool::connect(address).await.expect("connects");
    sqlx::query(
        "INSERT INTO webhook_deliveries (id, endpoint, event, video, sequence, status, attempts, created_ms, next_ms,
            lease_until_ms)
         SELECT 'whd_' || lpad(to_hex(place), 32, '0'), endpoint, event, video, sequence + place, 'pending', 0, created_ms,
            created_ms - 1000, 0
         FROM webhook_deliveries, generate_series(1, $2) AS place WHERE video = $1",
    )
    .bind(video.to_string())
    .bind(number)
    .execute(&by_hand)
    .await
    .expect("adds deliveries");
    by_hand.close().await;
}

fn attempted(outcome: AttemptOutcome) -> DeliveryAttempt {
    DeliveryAttempt {
        outcome,
        status: Some(200),
        error: None,
        duration_ms: 1,
    }
}

/// A claim reads 40 due deliveries of an endpoint: those that wait for others must not hide the rest.
#[tokio::test]
async fn deliveries_that_wait_do_not_delay_other_videos() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let address = server.database();
    let database = open(&address).await.unwrap();
    let (store, catalog) = (Webhooks::new(&database), Catalog::new(&database));
    let endpoint = store.create(&endpoint(1), NOW).await.unwrap();
    let claim = async |now| store.claim(8, 8, LEASE, now).await.expect("claim");
    catalog.note_upload_event(&job(1), NOW).await.unwrap();
    store.fan_out(10, NOW).await.unwrap();
    let [first] = &claim(NOW).await[..] else {
        panic!("one is due");
    };
    let hour = NOW + Duration::from_secs(3_600);
    let failed = attempted(AttemptOutcome::Failed {
        retry_ms: Some(hour),
        pause_until_ms: None,
    });
    store.record_attempt(first, &failed, NOW).await.unwrap();
    add_waiting(&address, job(1).video, 250).await;
    catalog.note_upload_event(&job(2), NOW).await.unwrap();
    store.fan_out(10, NOW).await.unwrap();
    let [other] = &claim(NOW).await[..] else {
        panic!("the other video is behind 250 that wait");
    };
    assert!(other.payload.contains(&job(2).video.to_string()));
    let delivered = attempted(AttemptOutcome::Delivered);
    store.record_attempt(other, &delivered, NOW).await.unwrap();
    assert_eq!(claim(NOW).await, []);

    // An operator sends the first one before its time: those behind it follow at once, in their order.
    let now = NOW + Duration::from_secs(60);
    store
        .replay(endpoint.id, first.delivery, now)
        .await
        .unwrap();
    for expected in 0..251 {
        let [next] = &claim(now).await[..] else {
            panic!("delivery {expected} is due");
        };
        let id = next.delivery.to_string();
        assert!(
            next.delivery == first.delivery || id == format!("whd_{expected:032x}"),
            "{id} is number {expected}"
        );
        store.record_attempt(next, &delivered, now).await.unwrap();
    }
    assert_eq!(claim(now).await, []);
}
