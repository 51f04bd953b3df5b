//! The layout of a storyboard, and its indexes.

use std::fmt::Write as _;

use domain::object_key::StoryboardSize;
use domain::plan::Size;
use domain::segment::TICKS_PER_SECOND;

/// Maximum number of images on a storyboard, and per row.
const MOST_TILES: u64 = 200;
const COLUMNS: u32 = 10;

/// Possible intervals between images on a storyboard, seconds: the first that needs no more than
/// [`MOST_TILES`] is used.
const INTERVALS: [u64; 8] = [1, 2, 5, 10, 20, 30, 60, 120];

/// A storyboard: small images at equal intervals on one sheet, of which a smaller and a larger one
/// exist.
pub(super) struct Storyboard {
    duration: u64,
    pub(super) interval: u64,
    count: u64,
    /// Sizes of an image on the small and on the large sheet.
    pub(super) tiles: [Size; 2],
}

impl Storyboard {
    /// `duration` in ticks.
    pub(super) fn new(duration: u64, tiles: [Size; 2]) -> Self {
        let count = |seconds: u64| duration.div_ceil(seconds * TICKS_PER_SECOND).max(1);
        let seconds = INTERVALS.into_iter().find(|it| count(*it) <= MOST_TILES);
        let seconds = seconds.unwrap_or_else(|| duration.div_ceil(MOST_TILES * TICKS_PER_SECOND));
        Self {
            duration,
            interval: seconds * TICKS_PER_SECOND,
            count: count(seconds),
            tiles,
        }
    }

    pub(super) fn columns(&self) -> u32 {
        (self.count as u32).min(COLUMNS)
    }

    pub(super) fn rows(&self) -> u32 {
        (self.count as u32).div_ceil(COLUMNS)
    }

    pub(super) fn moments(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.count).map(|it| it * self.interval)
    }

    /// The mapping of times to parts of a sheet: WebVTT with media fragments (W3C, 4.2.2).
    pub(super) fn web_vtt(&self, size: StoryboardSize) -> String {
        let Size { width, height } = match size {
            StoryboardSize::Small => self.tiles[0],
            StoryboardSize::Large => self.tiles[1],
        };
        let mut text = String::from("WEBVTT\n");
        for tile in 0..self.count {
            let (start, end) = (
                tile * self.interval,
                ((tile + 1) * self.interval).min(self.duration),
            );
            let (column, row) = (tile as u32 % COLUMNS, tile as u32 / COLUMNS);
            let (x, y) = (column * width, row * height);
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n{} --> {}\n{}.jpg#xywh={x},{y},{width},{height}\n",
                timestamp(start),
                timestamp(end),
                size.file_stem()
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

    const TILES: [Size; 2] = [
        Size {
            width: 160,
            height: 90,
        },
        Size {
            width: 320,
            height: 180,
        },
    ];

    #[test]
    fn a_storyboard_fits_on_one_sheet() {
        for (seconds, interval, columns, rows) in [
            (1, 1, 1, 1),
            (12, 1, 10, 2),
            (200, 1, 10, 20),
            (201, 2, 10, 11),
            (3600, 20, 10, 18),
            (50_000, 250, 10, 20),
        ] {
            let sheet = Storyboard::new(seconds * TICKS_PER_SECOND, TILES);
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
        let sheet = Storyboard::new(11 * TICKS_PER_SECOND + 45_000, TILES);
        for (size, last) in [
            (StoryboardSize::Small, "storyboard.jpg#xywh=160,90,160,90"),
            (
                StoryboardSize::Large,
                "storyboard-large.jpg#xywh=320,180,320,180",
            ),
        ] {
            let text = sheet.web_vtt(size);
            assert_eq!(text.matches("-->").count(), 12);
            let last = format!("\n00:00:11.000 --> 00:00:11.500\n{last}\n");
            assert!(text.ends_with(&last), "{text}");
        }
    }
}
