//! Unwraps time stamps of 33 bits, which wrap every 26.5 hours.

const WRAP: i64 = 1 << 33;

/// Unwraps time stamps of all streams of a program relative to the last one.
///
/// The first is taken unchanged; each later one is the nearest value that is equal modulo 2^33.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    last: Option<i64>,
}

impl Clock {
    /// Unwraps a decode time and makes it the reference for the next.
    pub(crate) fn advance(&mut self, raw: u64) -> i64 {
        let time = match self.last {
            Some(last) => near(last, raw),
            None => raw as i64,
        };
        self.last = Some(time);
        time
    }
}

/// The value nearest to `reference` that equals `raw` modulo 2^33.
pub(crate) fn near(reference: i64, raw: u64) -> i64 {
    let difference = (raw as i64).wrapping_sub(reference).rem_euclid(WRAP);
    reference
        + if difference >= WRAP / 2 {
            difference - WRAP
        } else {
            difference
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrap_goes_on_upwards_and_a_step_back_goes_down() {
        let mut clock = Clock::default();
        assert_eq!(clock.advance((1 << 33) - 10), WRAP - 10);
        assert_eq!(clock.advance(20), WRAP + 20);
        assert_eq!(clock.advance((1 << 33) - 5), WRAP - 5);
        assert_eq!(near(5, (1 << 33) - 5), -5);
    }
}
