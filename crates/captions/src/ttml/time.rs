//! Time expressions of TTML (12.3.1).

use super::Attributes;
use crate::clock::{number, whole_seconds};
use crate::limits::MAX_TIME_MS;
use crate::parse::Cues;

/// The units of frames and ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    /// Frames per second.
    frames: f64,
    /// Ticks per second.
    ticks: f64,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            frames: 30.0,
            ticks: 1.0,
        }
    }
}

impl Rates {
    /// The parameters of the element `tt`.
    pub(crate) fn of(attributes: &Attributes, line: usize, cues: &mut Cues) -> Self {
        let read = |name: &str| {
            let value = attributes.get(name)?.trim().parse::<f64>().ok()?;
            (value.is_finite() && value > 0.0).then_some(value)
        };
        let multiplier = attributes.get("frameRateMultiplier").and_then(|it| {
            let mut parts = it.split([' ', ':']).map(str::parse::<f64>);
            let (over, under) = (parts.next()?.ok()?, parts.next()?.ok()?);
            (over > 0.0 && under > 0.0).then_some(over / under)
        });
        if attributes.get("timeBase").is_some_and(|it| it != "media") {
            let message = "times count from the start of the video, whatever `timeBase` says";
            cues.warn(Some(line), message);
        }
        let frame_rate = read("frameRate");
        let frames = frame_rate.unwrap_or(30.0) * multiplier.unwrap_or(1.0);
        // Without a tick rate, a tick is a frame if there is a frame rate (12.2.10).
        let ticks = read("tickRate").or(frame_rate.map(|_| frames));
        Self {
            frames,
            ticks: ticks.unwrap_or(1.0),
        }
    }

    /// Milliseconds of `00:00:01.5`, `00:00:01:12` (frames), `1.5s`, `90m`, `1h`, `200ms`, `36f` or
    /// `900000t`.
    pub(crate) fn ms(&self, text: &str) -> Option<u64> {
        let text = text.trim();
        let seconds = if text.contains(':') {
            self.clock(text)?
        } else {
            let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
            let is_number = digits.starts_with(|it: char| it.is_ascii_digit())
                && digits.bytes().all(|it| it.is_ascii_digit() || it == b'.');
            let value = is_number.then(|| digits.parse::<f64>().ok()).flatten()?;
            match &text[digits.len()..] {
                "h" => value * 3600.0,
                "m" => value * 60.0,
                "s" => value,
                "ms" => value / 1000.0,
                "f" => value / self.frames,
                "t" => value / self.ticks,
                _ => return None,
            }
        };
        // The cast saturates.
        Some((seconds * 1000.0).round() as u64).filter(|it| *it <= MAX_TIME_MS)
    }

    fn clock(&self, text: &str) -> Option<f64> {
        if let Some((whole, fraction)) = text.split_once('.') {
            // `00:00:01:12.1` has parts of a frame, which are shorter than what players show.
            if whole.matches(':').count() == 3 {
                return self.clock(whole);
            }
            let fraction = format!("0.{fraction}").parse::<f64>().ok()?;
            return Some(whole_seconds(whole)? as f64 + fraction);
        }
        match text.matches(':').count() {
            3 => {
                let (whole, frames) = text.rsplit_once(':')?;
                Some(whole_seconds(whole)? as f64 + number(frames)? as f64 / self.frames)
            }
            _ => Some(whole_seconds(text)? as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_expressions_are_read() {
        let rates = Rates {
            frames: 25.0,
            ticks: 10_000_000.0,
        };
        for (text, ms) in [
            ("00:00:01.5", Some(1_500)),
            ("00:00:01", Some(1_000)),
            ("01:00:00:05", Some(3_600_200)),
            ("00:00:01:05.2", Some(1_200)),
            ("1.5s", Some(1_500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("250ms", Some(250)),
            ("50f", Some(2_000)),
            ("15000000t", Some(1_500)),
            (" 1s ", Some(1_000)),
            ("1", None),
            ("-1s", None),
            ("1e9s", None),
            ("9999999h", None),
            ("00:00:01.x", None),
            ("00:61:00", None),
            ("", None),
        ] {
            assert_eq!(rates.ms(text), ms, "{text}");
        }
    }
}
