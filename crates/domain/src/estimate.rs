//! Estimates of conversions, for sources of which only the size or the duration is known.
//!
//! The receipts of earlier videos are the best base: they contain the installation's profile, its
//! processors and its prices. Without any, the figures of `docs/costs.md` take their place.

use crate::job::Mode;
use crate::prices::Prices;
use crate::receipt::Receipt;

/// Bits per second of a usual source.
const SOURCE_BITS_PER_SECOND: f64 = 6e6;

/// What a second of source needs with the default profile.
struct Need {
    /// Seconds of CPU.
    cpu_seconds: f64,
    /// Bytes written for each byte of source.
    bytes_out: f64,
    /// Write requests.
    writes: f64,
}

/// `docs/costs.md`: an hour of film is 3.2 GB of output and 6,400 write requests, encoded on two CPUs
/// in an hour.
const ENCODED: Need = Need {
    cpu_seconds: 2.0,
    bytes_out: 1.2,
    writes: 1.8,
};

/// A remux reads and writes the source once, in one rung.
const REMUXED: Need = Need {
    cpu_seconds: 0.04,
    bytes_out: 1.0,
    writes: 0.4,
};

/// The base of an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The receipts of this number of earlier videos.
    Measured(u64),
    /// The default prices, a source of 6 Mbit/s, and the default profile.
    Assumed,
}

/// What a conversion will probably need.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// Duration of the source, seconds.
    pub seconds: f64,
    /// One-time cost, US dollars: compute, traffic and requests, without storage.
    pub usd: f64,
}

/// Totals of earlier videos.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measured {
    videos: u64,
    bytes: u64,
    seconds: f64,
    usd: f64,
}

impl Measured {
    /// Adds a video: the size of its source in bytes, its duration in seconds, and its one-time cost in
    /// US dollars. Values that are not finite, or negative, are left out.
    pub fn add(&mut self, bytes: u64, seconds: f64, usd: f64) {
        let is_amount = |it: f64| it.is_finite() && it >= 0.0;
        if bytes > 0 && is_amount(seconds) && is_amount(usd) {
            self.videos += 1;
            self.bytes = self.bytes.saturating_add(bytes);
            self.seconds += seconds;
            self.usd += usd;
        }
    }

    /// The base of the estimates.
    pub fn basis(&self) -> Basis {
        match self.videos {
            0 => Basis::Assumed,
            videos => Basis::Measured(videos),
        }
    }

    /// The estimate for a source of this size (bytes), in this mode if no video was measured.
    pub fn estimate(&self, bytes: u64, mode: Mode) -> Estimate {
        match self.basis() {
            Basis::Measured(_) => {
                let share = bytes as f64 / self.bytes as f64;
                Estimate {
                    seconds: self.seconds * share,
                    usd: self.usd * share,
                }
            }
            Basis::Assumed => assumed(bytes, mode),
        }
    }

    /// The estimate for a source of this duration (seconds), in this mode if no video was measured.
    /// It is more exact than that by size: a second costs about the same at any bit rate.
    pub fn estimate_by_duration(&self, seconds: f64, mode: Mode) -> Estimate {
        let seconds = if seconds.is_finite() {
            seconds.max(0.0)
        } else {
            0.0
        };
        let usd = if self.seconds > 0.0 {
            self.usd / self.seconds * seconds
        } else {
            assumed((seconds * SOURCE_BITS_PER_SECOND / 8.0) as u64, mode).usd
        };
        Estimate { seconds, usd }
    }
}

fn assumed(bytes: u64, mode: Mode) -> Estimate {
    let need = match mode {
        Mode::Abr => ENCODED,
        Mode::Copy => REMUXED,
    };
    let seconds = bytes as f64 * 8.0 / SOURCE_BITS_PER_SECOND;
    let receipt = Receipt {
        cpu_ms: (seconds * need.cpu_seconds * 1_000.0) as u64,
        bytes_out: (bytes as f64 * need.bytes_out) as u64,
        store_writes: (seconds * need.writes) as u64,
        ..Receipt::default()
    };
    Estimate {
        seconds,
        usd: receipt.cost(&Prices::default()).once_usd(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_hour_costs_what_the_documentation_says() {
        let hour = 6_000_000 / 8 * 3_600;
        let none = Measured::default();
        assert_eq!(none.basis(), Basis::Assumed);
        let encoded = none.estimate(hour, Mode::Abr);
        assert!((encoded.seconds - 3_600.0).abs() < 1e-6, "{encoded:?}");
        // 0.40 USD on Fargate.
        assert!((0.36..0.46).contains(&encoded.usd), "{encoded:?}");
        let remuxed = none.estimate(hour, Mode::Copy);
        assert!((0.24..0.27).contains(&remuxed.usd), "{remuxed:?}");
    }

    #[test]
    fn receipts_replace_the_assumptions() {
        let mut measured = Measured::default();
        measured.add(1_000, 10.0, 0.5);
        measured.add(3_000, 10.0, 0.1);
        assert_eq!(measured.basis(), Basis::Measured(2));
        let estimate = measured.estimate(2_000, Mode::Abr);
        assert!((estimate.seconds - 10.0).abs() < 1e-9, "{estimate:?}");
        assert!((estimate.usd - 0.3).abs() < 1e-9, "{estimate:?}");
        let estimate = measured.estimate_by_duration(5.0, Mode::Abr);
        assert!((estimate.usd - 0.15).abs() < 1e-9, "{estimate:?}");
    }

    #[test]
    fn durations_need_no_size() {
        let none = Measured::default();
        let by_duration = none.estimate_by_duration(3_600.0, Mode::Abr);
        let by_size = none.estimate(6_000_000 / 8 * 3_600, Mode::Abr);
        assert!(
            (by_duration.usd - by_size.usd).abs() < 1e-9,
            "{by_duration:?}"
        );
        for unknown in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(
                none.estimate_by_duration(unknown, Mode::Abr),
                Estimate::default()
            );
        }
    }

    #[test]
    fn unusable_receipts_are_left_out() {
        let mut measured = Measured::default();
        measured.add(0, 10.0, 0.5);
        measured.add(1, f64::NAN, 0.5);
        measured.add(1, 10.0, f64::INFINITY);
        measured.add(1, 10.0, -0.5);
        assert_eq!(measured, Measured::default());
    }

    proptest! {
        #[test]
        fn estimates_are_amounts(bytes: u64, of: u64, seconds in 0.0..1e9, usd in 0.0..1e9) {
            let mut measured = Measured::default();
            measured.add(of, seconds, usd);
            for mode in [Mode::Abr, Mode::Copy] {
                let estimate = measured.estimate(bytes, mode);
                prop_assert!(estimate.usd.is_finite() && estimate.usd >= 0.0);
                prop_assert!(estimate.seconds.is_finite() && estimate.seconds >= 0.0);
                let by_duration = measured.estimate_by_duration(bytes as f64, mode);
                prop_assert!(by_duration.usd >= 0.0 && !by_duration.usd.is_nan());
            }
        }
    }
}
