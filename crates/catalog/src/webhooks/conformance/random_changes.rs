//! Random changes of a video: each emits its event once.

use domain::failure::FailureCode;
use domain::job::Stage;
use domain::receipt::Receipt;
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;
use domain::webhook::EventType::{self, *};

use super::{NOW, Subject};
use crate::videos::conformance::{LEASE_MS, failure, generation, job, job_of, ms, new_video};
use crate::videos::{Catalog, CatalogError, Claim, ClaimOutcome, Video};

/// Workers that crash and return late, events in any order: the emitted events match the visible
/// changes, step by step.
pub async fn every_change_is_emitted_once_in_any_order(subject: &Subject) {
    subject.endpoint(1).await;
    let mut happened = 0;
    for number in 1..=6 {
        let mut run = Run {
            subject,
            number,
            chance: 0x9e37_79b9_7f4a_7c15 ^ u64::from(number),
            now: NOW,
            claims: vec![],
        };
        let mut expected = vec![];
        let mut before = run.video().await;
        for _ in 0..100 {
            run.step().await;
            let after = run.video().await;
            expected.extend(changes(before.as_ref(), after.as_ref()));
            before = after;
        }
        happened += expected.len();
        assert_eq!(
            subject.emitted_types(run.now).await,
            expected,
            "run {number}"
        );
    }
    assert!(happened > 60, "too little happened: {happened}");
}

/// The expected events, derived from the visible change.
fn changes(before: Option<&Video>, after: Option<&Video>) -> Vec<EventType> {
    let Some(after) = after else { return vec![] };
    let source = before.and_then(|it| it.source.etag.clone());
    let arrived = after.source.etag.is_some() && after.source.etag != source;
    let state = before.map_or(VideoState::Created, |it| it.state.clone());
    arrived
        .then_some(UploadCompleted)
        .into_iter()
        .chain(EventType::of_change(&state, &after.state))
        .collect()
}

struct Run<'a> {
    subject: &'a Subject,
    number: u8,
    chance: u64,
    now: UnixMillis,
    claims: Vec<Claim>,
}

impl Run<'_> {
    /// The next number below `end` (xorshift: the same in every run of the test).
    fn below(&mut self, end: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % end
    }

    async fn video(&self) -> Option<Video> {
        self.subject
            .catalog
            .get_video(job(self.number).video)
            .await
            .ok()
    }

    async fn step(&mut self) {
        let catalog = self.subject.catalog.clone();
        let elapsed = if self.below(8) == 0 {
            LEASE_MS
        } else {
            self.below(1_000)
        };
        self.now += ms(elapsed);
        let now = self.now;
        let job = job_of(
            self.number,
            if self.below(6) == 0 {
                "etag-2"
            } else {
                "etag-1"
            },
            "default",
        );
        match self.below(14) {
            0 => drop(catalog.create_video(&new_video(self.number), now).await),
            1..=2 => drop(catalog.note_upload_event(&job, now).await),
            3..=6 => {
                if let ClaimOutcome::Claimed(claim) = self
                    .subject
                    .videos()
                    .claim_for(&job, &generation(&job), now)
                    .await
                {
                    self.claims.push(claim);
                }
            }
            7 if self.below(4) == 0 => {
                drop(catalog.apply(job.video, &VideoEvent::Cancelled, now).await)
            }
            7 if self.below(20) == 0 => {
                drop(catalog.apply(job.video, &VideoEvent::Deleted, now).await)
            }
            7 => drop(
                catalog
                    .fail_permanently(
                        &job.clone().into(),
                        &failure(FailureCode::WorkerLost),
                        now,
                        now,
                    )
                    .await,
            ),
            8 => drop(
                catalog
                    .apply(job.video, &VideoEvent::WorkRequested, now)
                    .await,
            ),
            _ => drop(self.report(&catalog).await),
        }
    }

    /// A report by any worker that ever held a claim.
    async fn report(&mut self, catalog: &Catalog) -> Result<(), CatalogError> {
        if self.claims.is_empty() {
            return Ok(());
        }
        let age = self.below(self.claims.len().min(3) as u64) as usize;
        let Some(claim) = self.claims.iter().rev().nth(age).cloned() else {
            return Ok(());
        };
        let now = self.now;
        match self.below(5) {
            0 => catalog.mark_playable(&claim, now).await,
            1 => {
                let code = if self.below(2) == 0 {
                    FailureCode::Damaged
                } else {
                    FailureCode::DiskFull
                };
                let will_retry = self.below(2) == 0;
                catalog
                    .fail(&claim, &failure(code), will_retry, "", now)
                    .await
            }
            2 => catalog.release(&claim, now).await,
            3 => catalog.set_progress(&claim, Stage::Encode, 50, now).await,
            _ => catalog
                .mark_ready(&claim, &Receipt::default(), now)
                .await
                .map(drop),
        }
    }
}
