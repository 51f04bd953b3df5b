//! Captions that a transcriber makes of the audio.

use catalog::{
    CaptionOrigin, CaptionSettings, NewCaptions, TranscriptionHold, TranscriptionRecord,
};
use domain::failure::FailureCode;
use domain::job::TranscriptionJob;

use super::*;
use crate::transcriber::{Transcriber, TranscriberService};

/// Captions with the number of bytes of the audio.
const COUNT: &str =
    "printf 'WEBVTT\\n\\n00:00.500 --> 59:00.000\\n%s bytes\\n' $(wc -c < \"$EDGEREEL_AUDIO\")";

/// A site with a ready video, and this transcriber.
async fn ready_with(line: &str) -> Site {
    let mut site = Site::new().await;
    site.work().await;
    site.world.fake.forget_runs();
    site.worker.config.transcriber = Some(Transcriber {
        service: TranscriberService::Command(line.to_owned()),
        time_limit: Duration::from_secs(60),
    });
    site
}

fn job() -> TranscriptionJob {
    TranscriptionJob::new(video(), "en".parse().unwrap())
}

impl Site {
    /// Requests captions, and does the job.
    async fn transcribe(&self) {
        let catalog = &self.services.catalog;
        let language = job().language;
        let requested = catalog.request_transcription(video(), &language, clock::now());
        requested.await.unwrap();
        self.send_transcription().await;
    }

    async fn send_transcription(&self) {
        let message = JobMessage::from(job());
        let sent = self.services.queue.send(&message, Duration::ZERO).await;
        sent.unwrap();
        self.work().await;
    }

    async fn transcriptions(&self) -> Vec<TranscriptionRecord> {
        let found = self.services.catalog.transcriptions(video()).await;
        found.unwrap()
    }

    /// The texts of captions in the store.
    fn texts(&self) -> Vec<String> {
        let objects = self.world.objects().into_iter();
        let texts = objects.filter(|it| it.contains("captions/vid_"));
        texts
            .map(|it| std::fs::read_to_string(self.world.folder().join(it)).unwrap())
            .collect()
    }
}

#[tokio::test]
async fn captions_are_made_and_published() {
    let site = ready_with(COUNT).await;
    site.transcribe().await;
    // The job that publishes them.
    site.work().await;
    // The stand-in for FFmpeg delivers nine bytes of samples.
    let text = "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\n53 bytes\n";
    assert_eq!(site.texts(), [text], "and they end with the video");
    let captions = site.services.catalog.captions(video()).await.unwrap();
    let [captions] = &captions[..] else {
        panic!("{captions:?}")
    };
    assert_eq!(
        (captions.origin, captions.name.as_str(), captions.published),
        (CaptionOrigin::Machine, "English (automatic)", true)
    );
    assert_eq!(site.world.fake.runs(), ["Speech 0"]);
    assert_eq!(site.transcriptions().await, []);
    // A message that is delivered again does nothing.
    site.send_transcription().await;
    assert_eq!(site.world.fake.runs(), ["Speech 0"]);
    assert_eq!(site.depth().await, EMPTY);
}

#[tokio::test]
async fn those_that_were_uploaded_meanwhile_stay() {
    let site = ready_with(COUNT).await;
    let catalog = &site.services.catalog;
    let language = job().language;
    let requested = catalog.request_transcription(video(), &language, clock::now());
    requested.await.unwrap();
    let settings = CaptionSettings {
        language: job().language,
        name: None,
        default: true,
        forced: false,
        sdh: false,
        origin: CaptionOrigin::Uploaded,
    };
    let track = ::captions::parse(b"WEBVTT\n\n00:01.000 --> 00:02.000\nuploaded\n");
    let (new, _) = NewCaptions::new(settings, &track.unwrap().track, clock::now());
    catalog.set_captions(video(), &new).await.unwrap();
    site.send_transcription().await;
    let kept = catalog.captions(video()).await.unwrap();
    assert_eq!((kept.len(), kept[0].origin), (1, CaptionOrigin::Uploaded));
    assert_eq!(site.texts(), [""; 0], "the text of the machine is removed");
    assert_eq!(site.transcriptions().await, []);
}

#[tokio::test]
async fn a_failure_is_recorded_when_another_attempt_cannot_help() {
    let mut site = ready_with("echo WEBVTT").await;
    for (has_transcriber, code) in [
        (true, FailureCode::NoSpeech),
        (false, FailureCode::NoTranscriber),
    ] {
        if !has_transcriber {
            site.worker.config.transcriber = None;
        }
        site.transcribe().await;
        let failed = site.transcriptions().await.remove(0).failure;
        assert_eq!(failed.unwrap().code, code);
        assert_eq!(site.depth().await, EMPTY);
    }
    assert_eq!(site.texts(), [""; 0]);
}

#[tokio::test]
async fn a_transcriber_that_fails_is_asked_again() {
    let site = ready_with("exit 1").await;
    site.transcribe().await;
    assert_eq!(site.transcriptions().await[0].failure, None);
    let (catalog, lease, job) = (&site.services.catalog, site.worker.config.lease, job());
    let kept = catalog.keep_transcription(&job, "another", lease, clock::now());
    assert_eq!(
        kept.await.unwrap(),
        TranscriptionHold::Held,
        "another worker may ask at once"
    );
    let waits = Depth {
        delayed: 1,
        ..EMPTY
    };
    assert_eq!(site.depth().await, waits);
    let site = ready_with(COUNT).await;
    let dies = Fault::ends(Task::Speech, 0, End::Exit(1)).times(9);
    site.world.fake.set_faults(&[dies]);
    site.transcribe().await;
    assert_eq!(
        site.depth().await,
        waits,
        "FFmpeg ended before it read the audio"
    );
}

#[tokio::test]
async fn a_deleted_video_is_not_transcribed() {
    let site = ready_with(COUNT).await;
    let catalog = &site.services.catalog;
    let language = job().language;
    let requested = catalog.request_transcription(video(), &language, clock::now());
    requested.await.unwrap();
    let deleted = catalog.apply(video(), &VideoEvent::Deleted, clock::now());
    deleted.await.unwrap();
    site.send_transcription().await;
    assert_eq!(
        (site.depth().await, site.world.fake.runs()),
        (EMPTY, vec![])
    );
}

/// A transcription waits for the one before it, and keeps no other job from its slot.
#[tokio::test]
async fn transcriptions_have_a_slot_of_their_own() {
    let site = ready_with(COUNT).await;
    let (jobs, side) = (
        Arc::new(Semaphore::new(1)),
        SideSlots::new(&site.worker.config),
    );
    let slot = || async { Arc::clone(&jobs).acquire_owned().await.unwrap() };
    let message = JobMessage::from(job());
    let sent = site.services.queue.send(&message, Duration::ZERO).await;
    sent.unwrap();
    let delivery = site.receive().await;
    let taken = site.worker.slot_for(&delivery, slot().await, &side).await;
    assert_eq!((taken.is_some(), jobs.available_permits()), (true, 1));
    let again = site.worker.slot_for(&delivery, slot().await, &side).await;
    assert_eq!((again.is_none(), jobs.available_permits()), (true, 1));
    assert_eq!(site.depth().await.delayed, 1);
}

#[tokio::test]
async fn what_another_worker_transcribes_waits() {
    let site = ready_with(COUNT).await;
    let (catalog, language) = (&site.services.catalog, job().language);
    let requested = catalog.request_transcription(video(), &language, clock::now());
    requested.await.unwrap();
    let lease = site.worker.config.lease;
    let job = job();
    let held = catalog.keep_transcription(&job, "another", lease, clock::now());
    held.await.unwrap();
    site.send_transcription().await;
    let waits = Depth {
        delayed: 1,
        ..EMPTY
    };
    assert_eq!((site.depth().await, site.texts()), (waits, vec![]));
}
