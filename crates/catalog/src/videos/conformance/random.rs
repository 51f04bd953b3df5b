//! Random sequences of events, from a fixed seed.

use domain::failure::FailureCode;
use domain::ids::Generation;
use domain::job::{Job, Stage};
use domain::receipt::Receipt;
use domain::state::{VideoEvent, VideoState};
use domain::time::UnixMillis;

use super::{LEASE, LEASE_MS, NOW, Subject, failure, generation, job_of, ms, new_video};
use crate::videos::{CatalogError, Claim, ClaimOutcome, UploadEventOutcome};

/// Workers that crash, stall, return late and fail; events that arrive twice and in any order;
/// owners who change their minds. At every moment: `ready` only with the generation that was
/// verified last, at most one worker whose writes are accepted, no regression for viewers, and at
/// the end every video is settled.
pub async fn any_order_of_events_keeps_the_rules(subject: &Subject) {
    for number in 1..=12 {
        let mut run = Run::new(subject, number);
        for _ in 0..60 {
            run.step().await;
            run.check().await;
        }
        run.ends_well().await;
    }
}

struct Run<'a> {
    subject: &'a Subject,
    number: u8,
    chance: u64,
    now: UnixMillis,
    /// Every claim ever granted, including those of dead workers.
    claims: Vec<Claim>,
    /// The generation that viewers must be able to play.
    verified: Option<Generation>,
    deleted: bool,
}

impl<'a> Run<'a> {
    fn new(subject: &'a Subject, number: u8) -> Self {
        let chance = 0x9e37_79b9_7f4a_7c15 ^ u64::from(number);
        Self {
            subject,
            number,
            chance,
            now: NOW,
            claims: vec![],
            verified: None,
            deleted: false,
        }
    }

    /// The next number below `end` (xorshift: the same in every run of the test).
    fn below(&mut self, end: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % end
    }

    fn any_job(&mut self) -> Job {
        let (etag, profile) = match self.below(6) {
            0 => ("etag-2", "default"),
            1 => ("etag-1", "small"),
            _ => ("etag-1", "default"),
        };
        job_of(self.number, etag, profile)
    }

    fn any_claim(&mut self) -> Option<Claim> {
        if self.claims.is_empty() {
            return None;
        }
        // Usually the newest claim, sometimes an old one.
        let age = if self.below(3) == 0 {
            self.below(self.claims.len() as u64) as usize
        } else {
            0
        };
        self.claims.iter().rev().nth(age).cloned()
    }

    async fn step(&mut self) {
        let catalog = &self.subject.catalog;
        // Usually a moment passes, sometimes a whole lease.
        let elapsed = if self.below(8) == 0 {
            LEASE_MS
        } else {
            self.below(1_000)
        };
        self.now += ms(elapsed);
        let now = self.now;
        let job = self.any_job();
        match self.below(12) {
            0 => drop(catalog.create_video(&new_video(self.number), now).await),
            1 | 2 => {
                let noted = catalog.note_upload_event(&job, now).await.expect("note");
                assert!(!self.deleted || noted == UploadEventOutcome::VideoGone);
            }
            3 => drop(catalog.request_work(&job, now).await),
            4..=6 => self.claim(&job).await,
            7 if self.below(6) == 0 => {
                drop(catalog.apply(job.video, &VideoEvent::Cancelled, now).await)
            }
            7 if self.below(40) == 0 => {
                self.deleted |= catalog
                    .apply(job.video, &VideoEvent::Deleted, now)
                    .await
                    .is_ok();
            }
            7 => drop(
                catalog
                    .fail_permanently(&job.into(), &failure(FailureCode::WorkerLost), now, now)
                    .await,
            ),
            _ => self.report().await,
        }
    }

    async fn claim(&mut self, job: &Job) {
        let outcome = self
            .subject
            .claim_for(job, &generation(job), self.now)
            .await;
        assert!(
            !self.deleted || outcome == ClaimOutcome::Gone,
            "{outcome:?}"
        );
        if let ClaimOutcome::Claimed(claim) = outcome {
            if let Some(last) = self.claims.last() {
                assert!(claim.fence > last.fence, "fences only grow");
            }
            self.claims.push(claim);
        }
    }

    /// A worker reports; the catalog must reject a worker that lost its claim.
    async fn report(&mut self) {
        let Some(claim) = self.any_claim() else {
            return;
        };
        let (catalog, now) = (&self.subject.catalog, self.now);
        let is_newest = self.claims.last().is_some_and(|it| it.fence == claim.fence);
        let answer = match self.below(6) {
            0 => catalog.renew(&claim, LEASE, now).await.map(drop),
            1 => catalog.set_progress(&claim, Stage::Encode, 50, now).await,
            2 => catalog.mark_playable(&claim, now).await,
            3 => {
                let code = if self.below(2) == 0 {
                    FailureCode::Damaged
                } else {
                    FailureCode::DiskFull
                };
                let will_retry = self.below(2) == 0;
                catalog
                    .fail(&claim, &failure(code), will_retry, "log", now)
                    .await
            }
            4 => catalog.release(&claim, now).await,
            _ => match catalog.mark_ready(&claim, &Receipt::default(), now).await {
                Ok(_) => {
                    self.verified = Some(claim.generation.clone());
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        match answer {
            Ok(()) => assert!(
                is_newest && !self.deleted,
                "the write of a lost claim was accepted: {claim:?}"
            ),
            Err(CatalogError::LeaseLost { .. } | CatalogError::Gone { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn check(&self) {
        let Ok(video) = self
            .subject
            .catalog
            .get_video(job_of(self.number, "etag-1", "default").video)
            .await
        else {
            return;
        };
        match (&video.state, &self.verified) {
            (VideoState::Deleted, _) => assert!(self.deleted),
            (VideoState::Ready { generation }, verified) => {
                assert_eq!(Some(generation), verified.as_ref())
            }
            (state, None) => assert!(!self.deleted, "deleted and {state:?}"),
            (state, Some(_)) => panic!("viewers lost it: {state:?}"),
        }
    }

    /// A final request succeeds, unless the video is deleted.
    async fn ends_well(mut self) {
        self.now += ms(LEASE_MS * 2);
        let catalog = &self.subject.catalog;
        let job = job_of(self.number, "etag-3", "default");
        drop(
            catalog
                .create_video(&new_video(self.number), self.now)
                .await,
        );
        if self.deleted {
            assert_eq!(
                self.subject
                    .claim_for(&job, &generation(&job), self.now)
                    .await,
                ClaimOutcome::Gone
            );
            return;
        }
        catalog.request_work(&job, self.now).await.expect("request");
        let claim = self.subject.claim(&job, self.now).await;
        catalog
            .mark_ready(&claim, &Receipt::default(), self.now)
            .await
            .expect("ready");
        assert_eq!(
            self.subject.state(job.video).await,
            VideoState::Ready {
                generation: generation(&job)
            }
        );
    }
}
