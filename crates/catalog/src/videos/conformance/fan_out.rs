//! Generations that several transcoders encode: claims of chunks, records, and the end.

mod model;

pub use model::any_order_of_claims_records_each_chunk_once;

use domain::failure::FailureCode;
use domain::ids::{Generation, PlanId};
use domain::job::Job;
use domain::receipt::Receipt;
use domain::segment::{ChunkRecord, Lane};
use domain::state::VideoEvent;
use domain::time::UnixMillis;

use super::{LEASE, LEASE_MS, NOW, Subject, chunk, failure, generation, ms};
use crate::videos::{CatalogError, ChunkClaim, ChunkOutcome, Claim, Eligible, FanOut};

fn plan() -> PlanId {
    PlanId::of(b"a plan")
}

/// A video whose chunks 0 to 2 are shared.
struct Shared<'a> {
    subject: &'a Subject,
    job: Job,
    generation: Generation,
    claim: Claim,
}

impl<'a> Shared<'a> {
    async fn new(subject: &'a Subject, number: u8) -> Self {
        let job = subject.queued(number).await;
        let claim = subject.claim(&job, NOW).await;
        let generation = generation(&job);
        let first = subject.catalog.next_segment_attempt(&claim, 0).await;
        assert_eq!(first.expect("a number"), 1);
        let shared = Self {
            subject,
            job,
            generation,
            claim,
        };
        shared.begin(&plan(), 0..3).await;
        shared
    }

    async fn begin(&self, plan: &PlanId, chunks: std::ops::Range<u32>) {
        let catalog = &self.subject.catalog;
        let begun = catalog.begin_fan_out(&self.claim, &self.job, plan, chunks);
        begun.await.expect("begin");
    }

    async fn claim_chunk(
        &self,
        index: u32,
        eligible: Eligible,
        worker: &str,
        now: UnixMillis,
    ) -> ChunkOutcome {
        let plan = plan();
        let of = (self.job.video, &self.generation, &plan);
        let claimed = self
            .subject
            .catalog
            .claim_chunk(of, index, eligible, (worker, LEASE), now);
        claimed.await.expect("claim")
    }

    async fn claimed(&self, index: u32, eligible: Eligible, now: UnixMillis) -> ChunkClaim {
        match self.claim_chunk(index, eligible, "helper", now).await {
            ChunkOutcome::Claimed(claim) => claim,
            other => panic!("the chunk should be free, but is {other:?}"),
        }
    }

    async fn record(&self, claim: &ChunkClaim, bytes: u64) -> bool {
        let record = chunk(Lane::Encode, claim.index, bytes);
        let recorded = self
            .subject
            .catalog
            .record_claimed_chunk(claim, &record, NOW);
        recorded.await.expect("record")
    }

    async fn is_alive(&self, claim: &ChunkClaim, now: UnixMillis) -> bool {
        match self.subject.catalog.renew_chunk(claim, LEASE, now).await {
            Ok(()) => true,
            Err(CatalogError::Gone { .. }) => false,
            Err(other) => panic!("{other}"),
        }
    }

    async fn recorded(&self) -> Vec<ChunkRecord> {
        let catalog = &self.subject.catalog;
        let chunks = catalog.chunks(self.job.video, &self.generation).await;
        chunks.expect("chunks")
    }

    async fn open(&self) -> Vec<u32> {
        let catalog = &self.subject.catalog;
        let open = catalog.open_chunks(self.job.video, &self.generation).await;
        open.expect("chunks").iter().map(|it| it.index).collect()
    }

    async fn fan_out(&self) -> Option<FanOut> {
        let catalog = &self.subject.catalog;
        let found = catalog.fan_out(self.job.video, &self.generation).await;
        found.expect("the fan-out")
    }
}

/// Two transcoders may encode the same chunk; the first record counts, and ends the other's work.
pub async fn a_chunk_of_a_fan_out_is_recorded_once(subject: &Subject) {
    let shared = Shared::new(subject, 1).await;
    let expected = FanOut {
        video: shared.job.video,
        generation: shared.generation.clone(),
        plan: plan(),
        job: shared.job.clone(),
    };
    assert_eq!(shared.fan_out().await, Some(expected));
    let first = shared.claimed(1, Eligible::Free, NOW).await;
    assert_eq!(first.number, 1);
    let busy = shared.claim_chunk(1, Eligible::Waiting, "other", NOW).await;
    assert_eq!(busy, ChunkOutcome::Busy);
    let second = shared.claimed(1, Eligible::All, NOW).await;
    assert_eq!(second.number, 2);
    assert!(shared.is_alive(&first, NOW).await && shared.is_alive(&second, NOW).await);
    assert!(shared.record(&first, 11).await);
    assert!(
        shared.record(&first, 11).await,
        "its response may have been lost"
    );
    assert!(!shared.record(&second, 22).await && !shared.is_alive(&second, NOW).await);
    let done = shared.claim_chunk(1, Eligible::All, "other", NOW).await;
    assert_eq!(done, ChunkOutcome::Done);
    assert_eq!(shared.recorded().await, [chunk(Lane::Encode, 1, 11)]);
    assert_eq!(shared.open().await, [0, 2]);
    let found = subject
        .catalog
        .chunk(shared.job.video, &shared.generation, (Lane::Encode, 1))
        .await;
    assert_eq!(found.expect("chunk"), Some(chunk(Lane::Encode, 1, 11)));
}

/// A lease that ended, a release and a failure free a chunk; a failure makes others wait.
pub async fn a_chunk_of_a_fan_out_is_given_back(subject: &Subject) {
    let (shared, catalog) = (Shared::new(subject, 1).await, &subject.catalog);
    let killed = shared.claimed(0, Eligible::Free, NOW).await;
    let later = NOW + LEASE;
    let next = shared.claimed(0, Eligible::Free, later).await;
    // A lease that was extended counts from then on.
    assert!(shared.is_alive(&next, later + ms(LEASE_MS / 2)).await);
    let busy = shared.claim_chunk(0, Eligible::Free, "other", later + LEASE);
    assert_eq!(busy.await, ChunkOutcome::Busy);
    // The release of a claim that was succeeded changes nothing.
    catalog
        .release_chunk(&killed, None, later)
        .await
        .expect("release");
    let busy = shared.claim_chunk(0, Eligible::Free, "other", later).await;
    assert_eq!(busy, ChunkOutcome::Busy);
    catalog
        .release_chunk(&next, None, later)
        .await
        .expect("release");
    let third = shared.claimed(0, Eligible::Free, later).await;
    catalog
        .release_chunk(&third, Some(ms(500)), later)
        .await
        .expect("release");
    let waits = shared.claim_chunk(0, Eligible::Free, "other", later).await;
    assert_eq!(waits, ChunkOutcome::Busy);
    let open = catalog.open_chunks(shared.job.video, &shared.generation);
    let open = open.await.expect("chunks");
    assert_eq!((open[0].claims, open[0].failures), (3, 1));
    assert!(!open[0].is_held(later) && open[0].sent_ms.is_none());
    shared.claimed(0, Eligible::Free, later + ms(500)).await;
    let after = later + LEASE + LEASE;
    assert_eq!(shared.claimed(0, Eligible::Waiting, after).await.number, 5);
    let noted = catalog.note_chunk_messages(&shared.claim, &[0, 2], after);
    noted.await.expect("note");
    let open = catalog.open_chunks(shared.job.video, &shared.generation);
    let sent: Vec<_> = open
        .await
        .expect("chunks")
        .iter()
        .map(|it| it.sent_ms)
        .collect();
    assert_eq!(sent, [Some(after), None, Some(after)]);
}

/// A fan-out goes on while its job has another attempt, and ends with the job, another plan, or the
/// video.
pub async fn a_fan_out_ends_with_its_job(subject: &Subject) {
    let catalog = &subject.catalog;
    for (number, ends) in (1..).zip([false, false, true, true, true, true, true]) {
        let shared = Shared::new(subject, number).await;
        let held = shared.claimed(0, Eligible::Free, NOW).await;
        let claim = &shared.claim;
        match number {
            1 => catalog.release(claim, NOW).await.expect("release"),
            2 => {
                let again = failure(FailureCode::Unavailable);
                let failed = catalog.fail(claim, &again, true, "", NOW).await;
                failed.expect("fail");
            }
            3 => {
                let ready = catalog.mark_ready(claim, &Receipt::default(), NOW).await;
                ready.expect("ready");
            }
            4 => {
                let last = failure(FailureCode::Damaged);
                let failed = catalog.fail(claim, &last, false, "", NOW).await;
                failed.expect("fail");
            }
            5 => {
                let cancelled = catalog
                    .apply(claim.video, &VideoEvent::Cancelled, NOW)
                    .await;
                cancelled.expect("cancel");
            }
            6 => {
                let deleted = catalog.apply(claim.video, &VideoEvent::Deleted, NOW).await;
                deleted.expect("delete");
            }
            _ => catalog.end_fan_out(claim).await.expect("end"),
        }
        assert_eq!(shared.is_alive(&held, NOW).await, !ends, "{number}");
        assert_eq!(shared.record(&held, 1).await, !ends, "{number}");
        assert_eq!(shared.fan_out().await.is_none(), ends, "{number}");
        assert_eq!(shared.open().await.is_empty(), ends, "{number}");
    }
}

/// The same plan keeps what was done and claimed; another plan begins from nothing.
pub async fn another_plan_withdraws_the_chunks_of_a_fan_out(subject: &Subject) {
    let shared = Shared::new(subject, 1).await;
    let (done, held) = (
        shared.claimed(0, Eligible::Free, NOW).await,
        shared.claimed(1, Eligible::Free, NOW).await,
    );
    assert!(shared.record(&done, 1).await);
    shared.begin(&plan(), 1..3).await;
    assert!(shared.is_alive(&held, NOW).await);
    assert_eq!(shared.open().await, [1, 2]);
    let other = PlanId::of(b"another plan");
    shared.begin(&other, 0..2).await;
    let of_other = (shared.job.video, &shared.generation, &other);
    let by = ("helper", LEASE);
    let again = subject
        .catalog
        .claim_chunk(of_other, 1, Eligible::Free, by, NOW);
    assert!(matches!(again.await, Ok(ChunkOutcome::Claimed(it)) if it.number == 1));
    assert!(!shared.is_alive(&held, NOW).await && !shared.record(&held, 2).await);
    assert_eq!(shared.open().await, [0, 1]);
    assert_eq!(shared.fan_out().await.map(|it| it.plan), Some(other));
}

/// Productions of the claim's holder and of those that help have different numbers.
pub async fn productions_of_a_fan_out_are_numbered(subject: &Subject) {
    let (shared, catalog) = (Shared::new(subject, 1).await, &subject.catalog);
    let plan = plan();
    let of = (shared.job.video, &shared.generation, &plan);
    let next = async || catalog.next_production(of).await.expect("a number");
    assert_eq!((next().await, next().await), (Some(2), Some(3)));
    let own = catalog.next_segment_attempt(&shared.claim, 0).await;
    assert_eq!((own.expect("a number"), next().await), (4, Some(5)));
    let last = catalog.last_production(of.0, of.1).await;
    assert_eq!(last.expect("a number"), 5);
    let other = PlanId::of(b"another plan");
    let foreign = catalog.next_production((of.0, of.1, &other)).await;
    assert_eq!(foreign.expect("no number"), None);
}
