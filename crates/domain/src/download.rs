//! Downloads of a rung as an MP4 file, or of audio as an M4A file: which rendition, and the name of
//! the file.

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

/// The audio of a download that names none, if the video has only audio: that of the highest rate,
/// in stereo.
/// `audio`: names and peak rates, bit/s, in the order of the master playlist.
pub fn default_audio(audio: &[(RenditionName, Option<u64>)]) -> Option<&RenditionName> {
    // Of equal rates, the first one counts, which is the default track.
    let stereo = audio.iter().rev().filter(|it| !it.0.is_surround());
    let found = stereo.max_by_key(|it| it.1);
    found.map(|it| &it.0)
}

/// The name under which browsers save the file: the title, or the name of the uploaded file without
/// its extension, or the id. `rung`: the rung or the audio rendition in the file.
pub fn file_name(
    title: Option<&str>,
    uploaded: Option<&str>,
    video: VideoId,
    rung: &RenditionName,
) -> String {
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
    let name = name.unwrap_or_else(|| video.to_string());
    if !rung.is_audio() {
        return format!("{name}.mp4");
    }
    // Renditions of further tracks end with the number of the track.
    let last = rung.as_str().rsplit('-').next().unwrap_or_default();
    match last.parse::<u32>() {
        Ok(track) => format!("{name} ({track}).m4a"),
        Err(_) => format!("{name}.m4a"),
    }
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
    fn the_default_audio_has_the_highest_rate() {
        for (audio, expected) in [
            (
                &[("audio-128k", Some(130_000)), ("audio-64k", Some(66_000))][..],
                Some("audio-128k"),
            ),
            (
                &[("audio-64k", Some(1)), ("audio-source", Some(2))],
                Some("audio-source"),
            ),
            (
                &[("audio-128k", None), ("audio-128k-2", None)],
                Some("audio-128k"),
            ),
            (
                &[("audio-128k", Some(1)), ("audio-surround", Some(3))],
                Some("audio-128k"),
            ),
            (&[], None),
        ] {
            let audio: Vec<_> = audio
                .iter()
                .map(|(name, rate)| (name.parse().unwrap(), *rate))
                .collect();
            assert_eq!(default_audio(&audio).map(RenditionName::as_str), expected);
        }
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
            let rung = "720p".parse().unwrap();
            assert_eq!(
                file_name(title, uploaded, video, &rung),
                expected,
                "{title:?} {uploaded:?}"
            );
        }
        for (audio, expected) in [
            ("audio-128k", "Lesson 1.m4a"),
            ("audio-128k-2", "Lesson 1 (2).m4a"),
            ("audio-source", "Lesson 1.m4a"),
        ] {
            let name = file_name(
                Some("Lesson 1"),
                Some("a.wav"),
                video,
                &audio.parse().unwrap(),
            );
            assert_eq!(name, expected);
        }
    }
}
