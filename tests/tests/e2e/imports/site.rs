//! An installation that imports.

use super::*;

/// A worker and a store, without processing of bucket events, so an imported source stays a source.
pub(super) struct Site {
    pub(super) catalog: Catalog,
    pub(super) queue: SharedQueue,
    pub(super) store: Arc<platform::object_store::s3::S3Store>,
    pub(super) stop: CancellationToken,
    pub(super) working: tokio::task::JoinHandle<()>,
    pub(super) _s3: RunningServer,
    pub(super) _folder: tempfile::TempDir,
}

/// Allows imports from this machine.
pub(super) const PRIVATE: Policy = Policy {
    allow_private: true,
    allow_http: true,
};

impl Site {
    pub(super) async fn start(imports: Policy) -> Self {
        Self::with(imports, |_| {}).await
    }

    pub(super) async fn with(imports: Policy, decide: impl FnOnce(&mut WorkerConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let database = open_sqlite(&folder.path().join("edgereel.db"))
            .await
            .unwrap();
        let catalog = Catalog::new(&database);
        let queue: SharedQueue =
            Arc::new(SqlQueue::new(&database, QueueName::Interactive, 5, "site"));
        let store = Arc::new(s3.store());
        let mut profile = domain::profile::Profile::default();
        profile.limits.max_bytes = LIMIT;
        let mut config = WorkerConfig {
            wait: Duration::from_millis(100),
            profiles: [("small".to_owned(), profile)].into(),
            imports,
            ..WorkerConfig::default()
        };
        decide(&mut config);
        let keys =
            KeyEncryptionKeys::parse("test:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap();
        let worker = Worker {
            queue: queue.clone(),
            catalog: catalog.clone(),
            store: store.clone(),
            uploads: store.clone(),
            keys: Arc::new(keys),
            tools: e2e::program::tools(),
            config,
            outage: Outage::default(),
            metrics: Default::default(),
            active: ActiveVideos::default(),
            helping: Default::default(),
        };
        let stop = CancellationToken::new();
        let working = tokio::spawn({
            let stop = stop.clone();
            async move { worker.run(stop).await }
        });
        Self {
            catalog,
            queue,
            store,
            stop,
            working,
            _s3: s3,
            _folder: folder,
        }
    }

    pub(super) async fn import(&self, url: &str) -> VideoId {
        let id = VideoId::new(clock::now().get(), [7; 10]);
        let new = NewVideo {
            id,
            owner: None,
            title: None,
            external_id: None,
            metadata: serde_json::Map::new(),
            profile: "small".to_owned(),
            mode: Mode::Abr,
            generate: Generate::OnUpload,
            file_name: None,
            source_key: Some(key(id).path()),
            source_size: None,
            content_type: None,
        };
        self.catalog.create_video(&new, clock::now()).await.unwrap();
        self.catalog
            .request_import(id, url, clock::now())
            .await
            .unwrap();
        self.queue
            .send(&JobMessage::from(Import::new(id)), Duration::ZERO)
            .await
            .unwrap();
        id
    }

    pub(super) async fn job_of_a_source_that_is_gone(&self) -> VideoId {
        let id = VideoId::new(clock::now().get(), [8; 10]);
        let source = Source {
            bucket: "private".to_owned(),
            key: key(id).path(),
            etag: "gone".to_owned(),
            size: 1,
        };
        let job = Job::new(id, source, "small", Mode::Abr, JobReason::Upload);
        let noted = self
            .catalog
            .note_upload_event(&job, clock::now())
            .await
            .unwrap();
        assert!(matches!(noted, UploadEventOutcome::Send(_)), "{noted:?}");
        self.queue
            .send(&JobMessage::from(job), Duration::ZERO)
            .await
            .unwrap();
        id
    }

    /// Waits until attempt number `count` at it has ended.
    pub(super) async fn until_attempt(
        &self,
        id: VideoId,
        count: usize,
    ) -> (Video, Vec<Option<AttemptOutcome>>) {
        for _ in 0..600 {
            let attempts = self.catalog.attempts(id).await.unwrap();
            if attempts.len() >= count && attempts[count - 1].ended_ms.is_some() {
                let video = self.catalog.get_video(id).await.unwrap();
                return (video, attempts.into_iter().map(|it| it.outcome).collect());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "attempt {count} does not end: {:?}",
            self.catalog.attempts(id).await
        );
    }

    /// Imports a file that must arrive, and returns it.
    pub(super) async fn fetched(&self, url: &str) -> Bytes {
        let id = self.import(url).await;
        let (video, outcomes) = self.until_attempt(id, 1).await;
        assert_eq!(
            (outcomes, video.state),
            (vec![Some(AttemptOutcome::Fetched)], VideoState::Uploading)
        );
        assert_eq!(
            self.catalog.import(id).await.unwrap().unwrap().transfer,
            None
        );
        self.store.read(&key(id), LIMIT).await.unwrap()
    }

    /// Imports a URL that must be refused at once and permanently, and leaves nothing. Returns code
    /// and message.
    pub(super) async fn refused(&self, url: &str) -> (&'static str, String) {
        let id = self.import(url).await;
        let (video, outcomes) = self.until_attempt(id, 1).await;
        assert_eq!(outcomes.len(), 1);
        let VideoState::Failed(failure) = video.state else {
            panic!("{:?}", video.state)
        };
        assert_eq!(failure.class().as_str(), "source");
        self.assert_nothing_is_left(id).await;
        (failure.code.as_str(), failure.message)
    }

    pub(super) async fn assert_nothing_is_left(&self, id: VideoId) {
        assert!(self.store.head(&key(id)).await.is_err());
        assert_eq!(
            self.store
                .list_unfinished(&ObjectPrefix::Uploads)
                .await
                .unwrap(),
            []
        );
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.working.await.unwrap();
    }
}
