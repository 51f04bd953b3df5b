//! Downloads of a rung as an MP4 file: which rung, and the name of the file.

use crate::ids::VideoId;
use crate::object_key::RenditionName;
use crate::plan::Size;

/// The largest rung of downloads that name none: short side, pixels.
const LARGEST: u32 = 1_080;
/// Maximum length of a file name without its extension, bytes.
const LONGEST_NAME: usize = 200;

/// The rung of a download that names none: the largest up to 1080p, or else the smallest.
pub fn default_rung(rungs: &[(RenditionName, Size)]) -> Option<&RenditionName> {
    let side = |it: &&(RenditionName, Size)| it.1.short_side();
    // Of equal rungs, the last one counts below: the first in the list is the remuxed one.
    let fitting = rungs.iter().rev().filter(|it| it.1.short_side() <= LARGEST);
    let found = fitting.max_by_key(side).or(rungs.iter().min_by_key(side));
    found.map(|it| &it.0)
}

/// The name under which browsers save the file: the title, or the name of the uploaded file without
/// its extension, or the id.
pub fn file_name(title: Option<&str>, uploaded: Option<&str>, video: VideoId) -> String {
    let stem = uploaded.map(|it| it.rsplit_once('.').map_or(it, |(stem, _)| stem));
    // Clients use the name of the file as the title if the user gives none.
    let title = title.filter(|it| Some(*it) != uploaded);
    let usable = |text: &str| {
        let text: String = text
            .chars()
            // No system has these in the names of files.
            .map(|it| {
                if "/\\:*?\"<>|".contains(it) || it.is_control() {
                    '_'
                } else {
                    it
                }
            })
            .collect();
        let end = text.floor_char_boundary(LONGEST_NAME);
        let text = text[..end].trim().trim_matches('.').trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let name = title.and_then(usable).or_else(|| stem.and_then(usable));
    format!("{}.mp4", name.unwrap_or_else(|| video.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_best_rung_up_to_1080p() {
        for (rungs, expected) in [
            (
                &[
                    ("source", 3840, 2160),
                    ("1080p", 1920, 1080),
                    ("480p", 854, 480),
                ][..],
                "1080p",
            ),
            (&[("source", 1080, 1920), ("480p", 480, 854)], "source"),
            (&[("2160p", 3840, 2160), ("1440p", 2560, 1440)], "1440p"),
            (&[("360p", 640, 360)], "360p"),
            (&[("source", 640, 360), ("360p", 640, 360)], "source"),
        ] {
            let rungs: Vec<_> = rungs
                .iter()
                .map(|(name, width, height)| {
                    let (width, height) = (*width, *height);
                    (name.parse().unwrap(), Size { width, height })
                })
                .collect();
            assert_eq!(default_rung(&rungs).unwrap().as_str(), expected);
        }
        assert_eq!(default_rung(&[]), None);
    }

    #[test]
    fn files_have_the_name_of_their_video() {
        let video = VideoId::new(1_700_000_000_000, [7; 10]);
        let id = format!("{video}.mp4");
        let long = "ü".repeat(300);
        for (title, uploaded, expected) in [
            (
                Some("Lesson 1: groups"),
                Some("a.mov"),
                "Lesson 1_ groups.mp4",
            ),
            (None, Some("My film.final.mov"), "My film.final.mp4"),
            (None, Some("film"), "film.mp4"),
            (Some("film.mkv"), Some("film.mkv"), "film.mp4"),
            (Some(" ../.. "), None, "_.mp4"),
            (Some("  "), Some(".mp4"), &id),
            (None, None, &id),
            (Some(&long), None, &format!("{}.mp4", "ü".repeat(100))),
        ] {
            assert_eq!(
                file_name(title, uploaded, video),
                expected,
                "{title:?} {uploaded:?}"
            );
        }
    }
}
