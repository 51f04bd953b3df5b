//! The layout of a storyboard, and its index.

use std::fmt::Write as _;

use domain::plan::Size;
use domain::segment::TICKS_PER_SECOND;

/// Maximum number of images on a storyboard, and per row.
const MOST_TILES: u64 = 200;
const COLUMNS: u32 = 10;

/// Possible intervals between images on a storyboard, seconds: the first that needs no more than
/// [`MOST_TILES`] is used.
const INTERVALS: [u64; 8] = [1, 2, 5, 10, 20, 30, 60, 120];

/// A storyboard: small images at equal intervals on one sheet.
pub(super) struct Storyboard {
    duration: u64,
    pub(super) interval: u64,
    tiles: u64,
    pub(super) tile: Size,
}

impl Storyboard {
    /// `duration` in ticks.
    pub(super) fn new(duration: u64, tile: Size) -> Self {
        let tiles = |seconds: u64| duration.div_ceil(seconds * TICKS_PER_SECOND).max(1);
        let seconds = INTERVALS.into_iter().find(|it| tiles(*it) <= MOST_TILES);
        let seconds = seconds.unwrap_or_else(|| duration.div_ceil(MOST_TILES * TICKS_PER_SECOND));
        Self {
            duration,
            interval: seconds * TICKS_PER_SECOND,
            tiles: tiles(seconds),
            tile,
        }
    }

    pub(super) fn columns(&self) -> u32 {
        (self.tiles as u32).min(COLUMNS)
    }

    pub(super) fn rows(&self) -> u32 {
        (self.tiles as u32).div_ceil(COLUMNS)
    }

    pub(super) fn moments(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.tiles).map(|it| it * self.interval)
    }

    /// The mapping of times to parts of the sheet: WebVTT with media fragments (W3C, 4.2.2).
    pub(super) fn web_vtt(&self) -> String {
        let mut text = String::from("WEBVTT\n");
        for tile in 0..self.tiles {
            let (start, end) = (
                tile * self.interval,
                ((tile + 1) * self.interval).min(self.duration),
            );
            let (column, row) = (tile as u32 % COLUMNS, tile as u32 / COLUMNS);
            let Size { width, height } = self.tile;
            let (x, y) = (column * width, row * height);
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n{} --> {}\nstoryboard.jpg#xywh={x},{y},{width},{height}\n",
                timestamp(start),
                timestamp(end)
            );
        }
        text
    }
}

/// Formats `00:01:05.500` (WebVTT, 4.1).
fn timestamp(ticks: u64) -> String {
    let ms = ticks * 1000 / TICKS_PER_SECOND;
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storyboard_fits_on_one_sheet() {
        let tile = Size {
            width: 160,
            height: 90,
        };
        for (seconds, interval, columns, rows) in [
            (1, 1, 1, 1),
            (12, 1, 10, 2),
            (200, 1, 10, 20),
            (201, 2, 10, 11),
            (3600, 20, 10, 18),
            (50_000, 250, 10, 20),
        ] {
            let sheet = Storyboard::new(seconds * TICKS_PER_SECOND, tile);
            assert_eq!(
                (
                    sheet.interval / TICKS_PER_SECOND,
                    sheet.columns(),
                    sheet.rows()
                ),
                (interval, columns, rows)
            );
        }
    }

    #[test]
    fn its_index_names_every_tile() {
        let sheet = Storyboard::new(
            11 * TICKS_PER_SECOND + 45_000,
            Size {
                width: 160,
                height: 90,
            },
        );
        let text = sheet.web_vtt();
        assert_eq!(text.matches("-->").count(), 12);
        assert!(
            text.ends_with("\n00:00:11.000 --> 00:00:11.500\nstoryboard.jpg#xywh=160,90,160,90\n"),
            "{text}"
        );
    }
}
