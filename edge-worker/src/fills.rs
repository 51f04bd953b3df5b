//! Limits the objects that are being read for the cache at one time.

use std::cell::Cell;

/// Maximum number of objects that one isolate reads for the cache at one time: an object is a few
/// megabytes, and the isolate has 128.
const MOST: u32 = 4;

/// Work that has not ended after this time was stopped by the runtime, which reports nothing,
/// seconds.
const LONGEST: u64 = 60;

/// The number of objects that are being read for the cache, and when the last of them was begun,
/// Unix seconds.
#[derive(Debug, Default)]
pub struct Fills(Cell<(u32, u64)>);

impl Fills {
    /// Whether an object may be read now, Unix seconds. If so, [`Self::end`] has to follow.
    pub fn begin(&self, now: u64) -> bool {
        let (mut count, last) = self.0.get();
        if now > last.saturating_add(LONGEST) {
            count = 0;
        }
        let is_free = count < MOST;
        if is_free {
            self.0.set((count.saturating_add(1), now));
        }
        is_free
    }

    /// Ends the work on an object.
    pub fn end(&self) {
        let (count, last) = self.0.get();
        self.0.set((count.saturating_sub(1), last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_objects_are_read_at_one_time() {
        let fills = Fills::default();
        assert!((0..MOST).all(|_| fills.begin(100)));
        assert!(!fills.begin(100), "there are enough");
        fills.end();
        assert!(fills.begin(101) && !fills.begin(161));
        // The runtime stopped the work.
        assert!((0..MOST).all(|_| fills.begin(162)));
        assert!(!fills.begin(162));
    }
}
