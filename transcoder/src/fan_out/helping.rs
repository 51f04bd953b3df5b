//! What the chunks share that a transcoder encodes for others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use catalog::{Catalog, CatalogError, ChunkClaim};
use domain::ids::{Generation, PlanId, VideoId};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

/// Number of fan-outs that are remembered: a transcoder takes part in a few at a time.
const REMEMBERED: usize = 32;

/// By video, generation, plan, and the fence under which its chunks were shared.
type Numbers = HashMap<(VideoId, Generation, PlanId, u64), u32>;

/// The state of a transcoder that helps. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Helping {
    /// The production of each fan-out in which it takes part: its segments share an initialisation
    /// section.
    numbers: Arc<Mutex<Numbers>>,
    encoders: Arc<OnceLock<Semaphore>>,
    /// Cancelled when the worker has a video of its own.
    stop: Arc<Mutex<CancellationToken>>,
}

impl Helping {
    /// A token that is cancelled when this worker gets a video of its own.
    pub(crate) fn until_own_video(&self) -> CancellationToken {
        self.stop().clone()
    }

    /// Gives all chunks back to their leaders: no film delays a clip.
    pub(crate) fn give_back(&self) {
        std::mem::take(&mut *self.stop()).cancel();
    }

    fn stop(&self) -> MutexGuard<'_, CancellationToken> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `share` of the worker's encoders: memory may suffice for fewer runs at the same time
    /// than it has encoders.
    pub(crate) async fn encoders(&self, share: usize, all: usize) -> Option<SemaphorePermit<'_>> {
        let encoders = self.encoders.get_or_init(|| Semaphore::new(all));
        let share = u32::try_from(share.min(all)).unwrap_or(1);
        // Nobody closes it.
        encoders.acquire_many(share).await.ok()
    }

    /// The number of the production that a claim belongs to; `None`: the fan-out ended.
    ///
    /// Only the first claim of a chunk belongs to the production that the others of this process
    /// share. Each later one has a number of its own, because this process may still be storing
    /// segments of the same chunk under an earlier claim.
    pub(crate) async fn production(
        &self,
        catalog: &Catalog,
        claim: &ChunkClaim,
    ) -> Result<Option<u32>, CatalogError> {
        let of = (claim.video, &claim.generation, &claim.plan);
        if claim.number > 1 {
            return catalog.next_production(of).await;
        }
        let (generation, plan) = (claim.generation.clone(), claim.plan.clone());
        let key = (claim.video, generation, plan, claim.fence);
        if let Some(number) = self.numbers().get(&key) {
            return Ok(Some(*number));
        }
        let Some(number) = catalog.next_production(of).await? else {
            return Ok(None);
        };
        let mut numbers = self.numbers();
        if numbers.len() >= REMEMBERED {
            numbers.clear();
        }
        // Another chunk may have drawn one meanwhile: both are unique.
        Ok(Some(*numbers.entry(key).or_insert(number)))
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
