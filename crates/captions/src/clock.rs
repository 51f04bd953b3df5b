//! Times of cues as text.

use std::fmt::Write as _;

use crate::limits::MAX_TIME_MS;

/// Appends `HH:MM:SS.mmm`; hours have two digits or more (WebVTT, 3.3).
pub(crate) fn write(out: &mut String, ms: u64) {
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let (seconds, ms) = (ms / 1000 % 60, ms % 1000);
    // Writing into a `String` cannot fail.
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}.{ms:03}");
}

/// Milliseconds of `HH:MM:SS.mmm` or `MM:SS.mmm`. Tolerates a comma, and one to three digits of a
/// fraction, as many tools write them.
pub(crate) fn read(text: &str) -> Option<u64> {
    let (whole, fraction) = match text.split_once(['.', ',']) {
        Some((whole, fraction)) => (whole, thousandths(fraction)?),
        None => (text, 0),
    };
    Some(whole_seconds(whole)?.checked_mul(1000)? + fraction).filter(|it| *it <= MAX_TIME_MS)
}

/// Seconds of `HH:MM:SS` or `MM:SS`.
pub(crate) fn whole_seconds(text: &str) -> Option<u64> {
    let mut parts = text.rsplit(':');
    let seconds = number(parts.next()?).filter(|it| *it < 60)?;
    let minutes = number(parts.next()?).filter(|it| *it < 60)?;
    let hours = parts.next().map_or(Some(0), number)?;
    parts
        .next()
        .is_none()
        .then_some(hours * 3600 + minutes * 60 + seconds)
}

fn thousandths(digits: &str) -> Option<u64> {
    let value = number(digits)?;
    Some(match digits.len() {
        1 => value * 100,
        2 => value * 10,
        3 => value,
        _ => return None,
    })
}

/// A decimal number of at most six digits.
pub(crate) fn number(text: &str) -> Option<u64> {
    let is_number = (1..=6).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The two times of `start --> end settings`, and the rest of the line.
pub(crate) fn range(line: &str) -> Option<(u64, u64, &str)> {
    let (start, rest) = line.split_once("-->")?;
    let rest = rest.trim_start();
    let (end, settings) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    Some((read(start.trim())?, read(end)?, settings.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        for (text, ms) in [
            ("00:00:01.500", Some(1_500)),
            ("00:01.500", Some(1_500)),
            ("00:00:01,5", Some(1_500)),
            ("1:02:03,04", Some(3_723_040)),
            ("00:00:01", Some(1_000)),
            ("100:00:00.000", Some(360_000_000)),
            ("1000:00:00.001", None),
            ("00:60:00.000", None),
            ("00:00:60.000", None),
            ("00:00:01.0000", None),
            ("-0:00:01.000", None),
            ("00:00:+1.000", None),
            ("1.000", None),
            ("0:0:0:0.000", None),
            ("", None),
            ("99999999999:00:00.000", None),
        ] {
            assert_eq!(read(text), ms, "{text}");
        }
    }

    #[test]
    fn a_written_time_is_read_again() {
        for ms in [0, 1, 59_999, 3_600_000, 359_999_999, MAX_TIME_MS] {
            let mut text = String::new();
            write(&mut text, ms);
            assert_eq!(read(&text), Some(ms), "{text}");
        }
    }

    #[test]
    fn time_lines_have_settings() {
        assert_eq!(
            range("00:01.000 --> 00:02.000 line:0 align:left"),
            Some((1_000, 2_000, "line:0 align:left"))
        );
        assert_eq!(
            range("00:00:01,000-->00:00:02,000"),
            Some((1_000, 2_000, ""))
        );
        assert_eq!(range("00:01.000 -> 00:02.000"), None);
    }
}
