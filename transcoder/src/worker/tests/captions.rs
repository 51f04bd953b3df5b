//! Captions that owners upload.

use catalog::{CaptionChoice, CaptionOrigin, CaptionRecord, NewCaptions};
use domain::caption;
use domain::ids::CaptionId;
use domain::job::CaptionsJob;

use super::*;

const TEXT: &str = "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\nHello\n";

impl Site {
    /// Stores captions as the API does.
    async fn set(&self, language: &str, text: &str) -> CaptionRecord {
        let now = clock::now();
        let record = CaptionRecord {
            id: CaptionId::of(language, text, now.get()),
            language: language.parse().unwrap(),
            name: "A name".to_owned(),
            default: false,
            forced: false,
            sdh: false,
            origin: CaptionOrigin::Uploaded,
            content: text.to_owned(),
            cues: 1,
            created_ms: now,
            published: false,
        };
        let key = ObjectKey::Captions {
            video: video(),
            language: record.language.clone(),
            captions: record.id.clone(),
        };
        let store = &self.world.store;
        let body = text.to_owned().into();
        store.put(&key, body, PutCondition::Always).await.unwrap();
        let new = NewCaptions {
            record: record.clone(),
            words: String::new(),
        };
        self.services
            .catalog
            .set_captions(video(), &new)
            .await
            .unwrap();
        record
    }

    /// Sends the job, and works until the queue is empty.
    async fn publish(&self) {
        let message = CaptionsJob::new(video()).into();
        self.services
            .queue
            .send(&message, Duration::ZERO)
            .await
            .unwrap();
        self.work().await;
    }

    fn master(&self) -> String {
        let path = &self.world.named("master.m3u8")[0];
        std::fs::read_to_string(self.world.folder().join(path)).unwrap()
    }

    /// Languages in the master playlist.
    fn languages(&self) -> Vec<String> {
        let master = self.master();
        let subtitles = master.lines().filter(|it| it.contains("TYPE=SUBTITLES"));
        let language = |line: &str| {
            let rest = line.split("LANGUAGE=\"").nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        subtitles.map(language).collect()
    }

    async fn waits(&self) -> bool {
        self.services.catalog.playlist_waits(video()).await.unwrap()
    }
}

#[tokio::test]
async fn captions_change_nothing_else() {
    let site = Site::new().await;
    site.work().await;
    let before = site.master();
    let record = site.set("en", TEXT).await;
    site.set("de", TEXT).await;
    site.publish().await;
    assert_eq!(
        (site.languages(), site.waits().await),
        (vec!["de".to_owned(), "en".to_owned()], false)
    );
    let name = caption::rendition(&record.id);
    let ends = [
        format!("{name}.m3u8"),
        format!("{name}_00000.vtt"),
        format!("{name}.json"),
    ];
    assert_eq!(ends.map(|it| site.world.named(&it).len()), [1, 1, 1]);
    let segment = &site.world.named(&format!("{name}_00000.vtt"))[0];
    let stored = std::fs::read(site.world.folder().join(segment)).unwrap();
    assert!(!stored.starts_with(b"WEBVTT"), "it is encrypted");
    // Once more: nothing changes.
    let (named, objects) = (site.master(), site.world.objects());
    site.publish().await;
    assert_eq!((site.master(), site.world.objects()), (named, objects));
    for language in ["en", "de"] {
        let all = CaptionChoice {
            language: language.parse().unwrap(),
            forced: None,
            sdh: None,
        };
        let removed = site
            .services
            .catalog
            .remove_captions(video(), &all, clock::now())
            .await;
        assert!(removed.unwrap() && site.waits().await);
        site.publish().await;
    }
    assert_eq!(site.master(), before);
    assert!(!site.waits().await);
}

#[tokio::test]
async fn captions_come_with_a_video_that_is_not_ready() {
    let site = Site::new().await;
    site.set("en", TEXT).await;
    site.work().await;
    assert_eq!(
        (site.languages(), site.waits().await),
        (vec!["en".to_owned()], false)
    );
}

/// A text that cannot be read fails no video, and its job waits.
#[tokio::test]
async fn captions_without_their_text_wait() {
    let site = Site::new().await;
    site.set("de", TEXT).await;
    let lost = site.set("en", TEXT).await;
    let key = ObjectKey::Captions {
        video: video(),
        language: lost.language.clone(),
        captions: lost.id.clone(),
    };
    site.world.store.delete(&key).await.unwrap();
    site.work().await;
    assert!(matches!(site.video().await.state, VideoState::Ready { .. }));
    assert_eq!(
        (site.languages(), site.waits().await),
        (vec!["de".to_owned()], true)
    );
    let body = TEXT.to_owned().into();
    site.world
        .store
        .put(&key, body, PutCondition::Always)
        .await
        .unwrap();
    site.publish().await;
    assert_eq!((site.languages().len(), site.waits().await), (2, false));
}

/// Captions of a video that was deleted meanwhile leave nothing behind.
#[tokio::test]
async fn captions_of_a_deleted_video_are_removed() {
    let site = Site::new().await;
    site.work().await;
    site.set("en", TEXT).await;
    let deleted = VideoEvent::Deleted;
    site.services
        .catalog
        .apply(video(), &deleted, clock::now())
        .await
        .unwrap();
    site.publish().await;
    assert_eq!(site.depth().await, EMPTY);
}
