//! Sizes and times on the command line.

use std::time::{Duration, SystemTime};

use domain::time::UnixMillis;

/// Parses an age (`30d`), or a time (`2026-01-31`, `2026-01-31T12:00:00Z`), as a time.
///
/// # Errors
/// A text that says what is expected.
pub(crate) fn parse_since(text: &str) -> Result<UnixMillis, String> {
    let of_day = || humantime::parse_rfc3339_weak(&format!("{text} 00:00:00"));
    let time = humantime::parse_duration(text)
        .map(|age| {
            SystemTime::now()
                .checked_sub(age)
                .unwrap_or(SystemTime::UNIX_EPOCH)
        })
        .or_else(|_| humantime::parse_rfc3339(text))
        .or_else(|_| of_day())
        .map_err(|_| "use an age, such as `30d`, or a time in UTC: `2026-01-31`".to_owned())?;
    let since_1970 = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Ok(UnixMillis::new(domain::time::millis(since_1970)))
}

/// Parses a size: `500`, `64kB`, `1.5GB`, in decimal units.
///
/// # Errors
/// A text that says what is expected.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        _ => f64::NAN,
    };
    let size = digits.trim().parse::<f64>().unwrap_or(f64::NAN) * unit;
    match size.is_finite() && size >= 0.0 {
        true => Ok(size as u64),
        false => Err("use a number of bytes, such as `500000` or `1.5GB`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("0", 0),
            ("500", 500),
            ("64kB", 64_000),
            ("1.5 GB", 1_500_000_000),
            ("2T", 2_000_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for bad in ["", "-1", "MB", "1 parsec", "nan", "1e999"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_ages_or_dates() {
        let day = parse_since("2026-01-31").unwrap();
        assert_eq!(day, UnixMillis::new(1_769_817_600_000));
        assert_eq!(parse_since("2026-01-31T00:00:00Z"), Ok(day));
        let hour_ago = parse_since("1h").unwrap();
        let now = parse_since("0s").unwrap();
        let between = now.since(hour_ago).as_secs();
        assert!((3_599..=3_601).contains(&between), "{between}");
        assert!(parse_since("99999y").is_ok());
        for bad in ["", "yesterday", "2026-13-01"] {
            assert!(parse_since(bad).is_err(), "{bad}");
        }
    }
}
