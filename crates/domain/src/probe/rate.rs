//! Selects the constant output frame rate of a source.
//!
//! The rate follows the frame intervals during motion. An average would lose frames of a screen
//! recording, which has one frame per second between its bursts.

use super::Ratio;

/// Frame rates that a container declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// The lowest rate that represents all times exactly.
    pub real: Option<Ratio>,
    /// Number of frames divided by the duration.
    pub average: Option<Ratio>,
}

/// Rates of cameras, editors and screen recorders.
const STANDARD_RATES: [(u32, u32); 14] = [
    (10, 1),
    (12, 1),
    (25, 2),
    (15, 1),
    (20, 1),
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
];

/// Maximum relative deviation of a measured rate from a standard rate.
const NEAR: f64 = 0.025;

/// Minimum output rate. A slide that is shown for a minute still needs frames for its segments.
const LOWEST: f64 = 5.0;

/// The rate of a source, as a constant rate.
///
/// `motion`: the measured rate, which takes precedence over the declared ones.
pub fn source_rate(rates: Rates, motion: Option<f64>) -> Ratio {
    let declared = rates.average.or(rates.real).map(Ratio::as_f64);
    let measured = motion
        .or(declared)
        .filter(|it| it.is_finite() && *it > 0.0)
        .unwrap_or(30.0);
    let off = |it: Ratio| (it.as_f64() / measured - 1.0).abs();
    let exact = rates
        .real
        .filter(|it| off(*it) < 0.005 && it.num <= 1_000_000);
    exact
        .or_else(|| nearest_standard(measured))
        .unwrap_or_else(|| unusual(measured))
}

/// The constant output rate of a source: its own rate, at least five frames per second and at most
/// `max`.
pub fn output_rate(rates: Rates, motion: Option<f64>, max: f64) -> Ratio {
    let source = source_rate(rates, motion);
    if source.as_f64() >= LOWEST {
        return capped(source, max);
    }
    // A multiple keeps the times of the frames.
    let times = (LOWEST / source.as_f64()).ceil() as u32;
    rounded(source.as_f64() * f64::from(times))
}

fn standard_rates() -> impl Iterator<Item = Ratio> {
    STANDARD_RATES
        .into_iter()
        .map(|(num, den)| Ratio { num, den })
}

fn nearest_standard(measured: f64) -> Option<Ratio> {
    let off = |it: &Ratio| (it.as_f64() / measured - 1.0).abs();
    standard_rates()
        .filter(|it| off(it) <= NEAR)
        .min_by(|a, b| off(a).total_cmp(&off(b)))
}

/// The rate for a measured non-standard rate: slightly higher, so that no frame is lost.
fn unusual(measured: f64) -> Ratio {
    let whole = Ratio {
        num: measured.ceil().min(1000.0) as u32,
        den: 1,
    };
    match measured {
        _ if measured < LOWEST => rounded(measured),
        _ if measured < 20.0 => whole,
        _ => standard_rates()
            .find(|it| it.as_f64() >= measured)
            .unwrap_or(whole),
    }
}

/// Rounds to a thousandth of a frame per second.
fn rounded(rate: f64) -> Ratio {
    let thousandths = ((rate * 1000.0).round() as u32).max(1);
    match thousandths % 1000 {
        0 => Ratio {
            num: thousandths / 1000,
            den: 1,
        },
        _ => Ratio {
            num: thousandths,
            den: 1000,
        },
    }
}

fn capped(mut rate: Ratio, max: f64) -> Ratio {
    if rate.as_f64() > max + 0.01
        && let Some(standard) =
            nearest_standard(rate.as_f64()).filter(|it| it.as_f64() <= max + 0.01)
    {
        return standard;
    }
    while rate.as_f64() > max + 0.01 {
        rate = Ratio {
            num: rate.num,
            den: rate.den * 2,
        };
    }
    rate
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ratio(text: &str) -> Option<Ratio> {
        let (num, den) = text.split_once('/')?;
        Ratio::new(num.parse().ok()?, den.parse().ok()?)
    }

    #[track_caller]
    fn check_rate(real: &str, average: &str, motion: Option<f64>, expected: &str) {
        let rates = Rates {
            real: ratio(real),
            average: ratio(average),
        };
        assert_eq!(
            output_rate(rates, motion, 60.0).to_string(),
            expected,
            "{real} {average} {motion:?}"
        );
    }

    #[test]
    fn output_rates() {
        check_rate("30/1", "30/1", None, "30/1");
        check_rate("30000/1001", "2700000/90089", None, "30000/1001");
        check_rate("90000/3001", "90000/3001", None, "90000/3001");
        check_rate("120/1", "120/1", None, "120/2");
        check_rate("240/1", "240/1", None, "240/4");
        check_rate("60/1", "810000/13487", None, "60/1");
        check_rate("0/0", "0/0", None, "30/1");
        // Variable rates: the motion decides.
        check_rate("600/1", "600/1", Some(23.98), "24000/1001");
        check_rate("60/1", "1000/1", Some(25.1), "25/1");
        check_rate("90000/1", "0/0", Some(12.1), "12/1");
        check_rate("1000/1", "0/0", Some(29.4), "30000/1001");
        check_rate("90000/1", "32400/539", Some(60.3), "60/1");
        check_rate("90000/1", "6.8/1", Some(30.0), "30/1");
        // Non-standard rates.
        check_rate("18/1", "18/1", Some(18.0), "18/1");
        check_rate("90000/1", "0/0", Some(33.0), "48/1");
        check_rate("90000/1", "0/0", Some(7.2), "8/1");
        check_rate("1/1", "1/1", Some(1.0), "5/1");
        check_rate("0/0", "0/0", Some(1.0 / 30.0), "5016/1000");
        assert_eq!(
            source_rate(
                Rates {
                    real: ratio("1/1"),
                    average: None
                },
                Some(1.0)
            )
            .to_string(),
            "1/1"
        );
        check_rate("0/0", "0/0", Some(3.5), "7/1");
        check_rate("0/0", "0/0", Some(2.7), "5400/1000");
    }

    proptest! {
        #[test]
        fn a_rate_is_within_its_bounds(real in (1u32..100_000, 1u32..2000), motion in 0.001..1000.0f64) {
            let rates = Rates { real: Ratio::new(real.0, real.1), average: None };
            let rate = output_rate(rates, Some(motion), 60.0);
            prop_assert!(rate.num > 0 && rate.den > 0 && rate.as_f64() <= 60.01, "{}", rate);
        }
    }
}
