//! A catalog with webhooks and a dispatcher, with a simulated clock.

use std::sync::Arc;
use std::time::Duration;

use api::webhooks::{DispatchSummary, Dispatcher, DispatcherConfig, Sender};
use catalog::database::{Database, open_sqlite};
use catalog::webhooks::{Delivery, DeliveryFilter, Endpoint, NewEndpoint, Webhooks};
use catalog::{Catalog, ClaimOutcome};
use domain::content_key::KeyEncryptionKeys;
use domain::ids::{Generation, VideoId};
use domain::job::{Job, JobReason, Mode, Source};
use domain::receipt::Receipt;
use domain::time::UnixMillis;
use domain::webhook::EventType;
use platform::net::{Guard, Policy};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(super) const LIFE: [&str; 4] = [
    "upload.completed",
    "video.processing",
    "video.playable",
    "video.ready",
];
pub(super) const ALL: Policy = Policy {
    allow_private: true,
    allow_http: true,
};

/// A catalog with webhooks and a dispatcher.
pub(super) struct Office {
    pub(super) database: Database,
    pub(super) catalog: Catalog,
    pub(super) store: Webhooks,
    pub(super) keys: Arc<KeyEncryptionKeys>,
    pub(super) dispatcher: Dispatcher,
    pub(super) folder: TempDir,
}

impl Office {
    pub(super) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = open_sqlite(&folder.path().join("edgereel.db"))
            .await
            .unwrap();
        let keys =
            KeyEncryptionKeys::parse("k:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap();
        let keys = Arc::new(keys);
        let store = Webhooks::new(&database);
        let dispatcher = dispatcher(&store, &keys, Guard::new(ALL));
        Self {
            catalog: Catalog::new(&database),
            database,
            store,
            keys,
            dispatcher,
            folder,
        }
    }

    /// Creates an endpoint; returns its secret too.
    pub(super) async fn endpoint(
        &self,
        number: u8,
        url: &str,
        types: Option<Vec<EventType>>,
    ) -> (Endpoint, String) {
        let id = domain::webhook::EndpointId::new(0, [number; 10]);
        let secret = secret(number);
        let sealed = self
            .keys
            .seal(secret.as_bytes(), &format!("webhooks/{id}"), [number; 12]);
        let sealed_secret = String::from_utf8(sealed).unwrap();
        let new = NewEndpoint {
            id,
            owner: None,
            url: url.to_owned(),
            types,
            description: None,
            sealed_secret,
        };
        (
            self.store
                .create(&new, UnixMillis::default())
                .await
                .unwrap(),
            secret,
        )
    }

    pub(super) async fn dispatch(&self, now: UnixMillis) -> DispatchSummary {
        self.dispatcher
            .dispatch(now, &CancellationToken::new())
            .await
            .unwrap()
    }

    /// Advances the clock and runs the dispatcher every few minutes.
    pub(super) async fn pass(&self, from: UnixMillis, to: UnixMillis) -> DispatchSummary {
        let mut sum = DispatchSummary::default();
        let mut now = from;
        while now < to {
            let round = self.dispatch(now).await;
            sum.delivered += round.delivered;
            sum.failed += round.failed;
            sum.given_up += round.given_up;
            sum.disabled += round.disabled;
            now += 5 * MINUTE;
        }
        sum
    }

    /// Uploads a video without processing it.
    pub(super) async fn upload(&self, number: u8, now: UnixMillis) -> Job {
        let job = job(number);
        self.catalog.note_upload_event(&job, now).await.unwrap();
        job
    }

    /// Processes a video from upload to ready: four events.
    pub(super) async fn life(&self, number: u8, now: UnixMillis) -> VideoId {
        let job = self.upload(number, now).await;
        let generation = Generation::of("etag", "default");
        let lease = Duration::from_secs(60);
        let claimed = self
            .catalog
            .claim(&job, &generation, "worker", lease, now)
            .await
            .unwrap();
        let ClaimOutcome::Claimed(claim) = claimed else {
            panic!("{claimed:?}")
        };
        self.catalog.mark_playable(&claim, now).await.unwrap();
        self.catalog
            .mark_ready(&claim, &Receipt::default(), now)
            .await
            .unwrap();
        job.video
    }

    /// Oldest first.
    pub(super) async fn log(&self, endpoint: &Endpoint) -> Vec<Delivery> {
        let filter = DeliveryFilter {
            endpoint: endpoint.id,
            status: None,
            after: None,
            limit: 1_000,
        };
        let mut log = self.store.deliveries(&filter).await.unwrap().deliveries;
        log.reverse();
        log
    }

    pub(super) async fn last_error(&self, endpoint: &Endpoint) -> String {
        let entry = self.log(endpoint).await.pop().unwrap();
        entry.last.and_then(|it| it.error).unwrap_or_default()
    }
}

pub(super) fn dispatcher(
    store: &Webhooks,
    keys: &Arc<KeyEncryptionKeys>,
    guard: Guard,
) -> Dispatcher {
    let sender = Sender::new(guard, Duration::from_millis(500)).unwrap();
    Dispatcher {
        store: store.clone(),
        keys: keys.clone(),
        sender,
        config: DispatcherConfig::default(),
    }
}

/// `whsec_` and 24 bytes.
pub(super) fn secret(number: u8) -> String {
    let letter = char::from(b'a' + number % 26);
    format!("whsec_{}", String::from(letter).repeat(32))
}

pub(super) fn job(number: u8) -> Job {
    let video = VideoId::new(1_700_000_000_000, [number; 10]);
    let key = format!("uploads/{video}/film.mp4");
    let source = Source {
        bucket: "private".to_owned(),
        key,
        etag: "etag".to_owned(),
        size: 1,
    };
    Job::new(video, source, "default", Mode::Abr, JobReason::Upload)
}
