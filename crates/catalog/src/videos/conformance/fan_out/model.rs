//! A model of the chunks of a fan-out, compared with the catalog over random sequences of calls.

use std::collections::{BTreeMap, BTreeSet};

use domain::state::VideoEvent;
use domain::time::UnixMillis;

use super::Shared;
use crate::videos::conformance::{LEASE, LEASE_MS, NOW, Subject, ms};
use crate::videos::{ChunkClaim, ChunkOutcome, Eligible};

/// Any order of claims, records, doubled work, crashes, failures and a cancellation, with three
/// workers and three chunks. A model says what each call must return: a chunk is recorded exactly
/// once, by the worker that comes first; nobody holds a chunk that another one holds, unless it
/// doubles work on purpose; after the end, nothing is recorded.
pub async fn any_order_of_claims_records_each_chunk_once(subject: &Subject) {
    for number in 1..=40 {
        let shared = Shared::new(subject, number).await;
        let mut run = Run {
            chance: 0x9e37_79b9_7f4a_7c15 ^ u64::from(number),
            now: NOW,
            shared: &shared,
            open: (0..3).map(|index| (index, Model::default())).collect(),
            claims: vec![],
            done: BTreeSet::new(),
            is_cancelled: false,
        };
        for _ in 0..30 {
            run.step().await;
        }
        run.check().await;
    }
}

#[derive(Debug, Default, Clone)]
struct Model {
    claims: u32,
    held_until: UnixMillis,
    waits_until: UnixMillis,
}

struct Run<'a> {
    chance: u64,
    now: UnixMillis,
    shared: &'a Shared<'a>,
    open: BTreeMap<u32, Model>,
    /// Every claim, also of workers that were killed: they may come back.
    claims: Vec<ChunkClaim>,
    /// The chunks that are recorded, and the number of the claim that counted.
    done: BTreeSet<(u32, u32)>,
    is_cancelled: bool,
}

impl Run<'_> {
    /// The next number below `end` (xorshift: the same in every run of the test).
    fn below(&mut self, end: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % end
    }

    async fn step(&mut self) {
        let kill = self.below(6) == 0;
        let moment = self.below(500);
        self.now += ms(if kill { LEASE_MS } else { moment });
        match self.below(10) {
            0..=3 => self.claim().await,
            4..=6 => self.record().await,
            7 => self.renew().await,
            8 => self.release().await,
            _ if self.below(25) == 0 => self.cancel().await,
            _ => self.check().await,
        }
    }

    async fn claim(&mut self) {
        let index = self.below(3) as u32;
        let eligible = [Eligible::Free, Eligible::Waiting, Eligible::All][self.below(3) as usize];
        let worker = ["one", "two", "three"][self.below(3) as usize];
        let outcome = self
            .shared
            .claim_chunk(index, eligible, worker, self.now)
            .await;
        let Some(model) = self.open.get_mut(&index) else {
            assert_eq!(outcome, ChunkOutcome::Done);
            return;
        };
        let is_free = model.held_until <= self.now || eligible == Eligible::All;
        let waits = model.waits_until > self.now && eligible == Eligible::Free;
        if !is_free || waits {
            assert_eq!(outcome, ChunkOutcome::Busy);
            return;
        }
        let ChunkOutcome::Claimed(claim) = outcome else {
            panic!("the chunk is free, but the outcome is {outcome:?}");
        };
        model.claims += 1;
        model.held_until = self.now + LEASE;
        assert_eq!(claim.number, model.claims);
        self.claims.push(claim);
    }

    fn any_claim(&mut self) -> Option<ChunkClaim> {
        let count = self.claims.len() as u64;
        (count > 0)
            .then(|| self.below(count) as usize)
            .map(|it| self.claims[it].clone())
    }

    async fn record(&mut self) {
        let Some(claim) = self.any_claim() else {
            return;
        };
        let counts = self.shared.record(&claim, u64::from(claim.number)).await;
        let is_first = self.open.remove(&claim.index).is_some();
        if is_first {
            assert!(counts && self.done.insert((claim.index, claim.number)));
        }
        // Its own record is found again, also after the end.
        assert_eq!(counts, self.done.contains(&(claim.index, claim.number)));
    }

    async fn renew(&mut self) {
        let Some(claim) = self.any_claim() else {
            return;
        };
        let is_alive = self.shared.is_alive(&claim, self.now).await;
        let model = self.open.get_mut(&claim.index);
        assert_eq!(is_alive, model.is_some());
        if let Some(model) = model.filter(|it| it.claims == claim.number && it.held_until > NOW) {
            model.held_until = self.now + LEASE;
        }
    }

    async fn release(&mut self) {
        let Some(claim) = self.any_claim() else {
            return;
        };
        let pause = (self.below(2) == 0).then(|| ms(300));
        let catalog = &self.shared.subject.catalog;
        let released = catalog.release_chunk(&claim, pause, self.now).await;
        released.expect("release");
        if let Some(model) = self.open.get_mut(&claim.index)
            && model.claims == claim.number
        {
            model.held_until = UnixMillis::default();
            model.waits_until = self.now + pause.unwrap_or_default();
        }
    }

    async fn cancel(&mut self) {
        let catalog = &self.shared.subject.catalog;
        let video = self.shared.job.video;
        let cancelled = catalog.apply(video, &VideoEvent::Cancelled, self.now).await;
        assert!(cancelled.is_ok() || self.is_cancelled, "{cancelled:?}");
        self.is_cancelled = true;
        self.open.clear();
    }

    async fn check(&self) {
        let open: Vec<u32> = self.open.keys().copied().collect();
        assert_eq!(self.shared.open().await, open);
        let recorded = self.shared.recorded().await;
        let recorded: BTreeSet<u32> = recorded.iter().map(|it| it.index).collect();
        let done: BTreeSet<u32> = self.done.iter().map(|it| it.0).collect();
        assert_eq!(recorded, done);
    }
}
