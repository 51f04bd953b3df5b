//! Reads the path of an object back.

use super::{Bucket, FileName, ObjectKey, RenditionName, SegmentFormat, StoryboardSize};
use crate::ids::{Generation, VideoId};

impl ObjectKey {
    /// The object with this path; `None` if no object key has it.
    ///
    /// Strict: `parse(b, p)` is `Some(k)` only if `k.path() == p`, so that no second spelling of a
    /// path can bypass a check.
    pub fn parse(bucket: Bucket, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let key = match (bucket, parts.as_slice()) {
            (Bucket::Private, ["uploads", video, name]) => Self::Source {
                video: video.parse().ok()?,
                file_name: FileName::try_from((*name).to_owned()).ok()?,
            },
            (Bucket::Private, ["archive", video, name]) => Self::ArchivedSource {
                video: video.parse().ok()?,
                file_name: FileName::try_from((*name).to_owned()).ok()?,
            },
            (Bucket::Private, ["keys", video, generation, file]) => Self::ContentKey {
                video: video.parse().ok()?,
                generation: generation.parse().ok()?,
                key: file.strip_suffix(".json")?.parse().ok()?,
            },
            (Bucket::Private, ["manifests", video, file]) => {
                let (video, name) = (video.parse().ok()?, file.strip_suffix(".json")?);
                match name.split('.').collect::<Vec<_>>().as_slice() {
                    [generation] => Self::Manifest {
                        video,
                        generation: generation.parse().ok()?,
                    },
                    [generation, "plan"] => Self::Plan {
                        video,
                        generation: generation.parse().ok()?,
                    },
                    [generation, "shared"] => Self::SharedPlan {
                        video,
                        generation: generation.parse().ok()?,
                    },
                    _ => return None,
                }
            }
            (Bucket::Private, ["posters", video, poster]) => Self::PosterImage {
                video: video.parse().ok()?,
                poster: poster.parse().ok()?,
            },
            (Bucket::Private, ["captions", video, language, file]) => Self::Captions {
                video: video.parse().ok()?,
                language: language.parse().ok()?,
                captions: file.strip_suffix(".vtt")?.parse().ok()?,
            },
            (Bucket::Private, ["downloads", video, generation, file]) => Self::Download {
                video: video.parse().ok()?,
                generation: generation.parse().ok()?,
                // The comparison below rejects the extension of the other kind.
                rung: file.rsplit_once('.')?.0.parse().ok()?,
            },
            (Bucket::Media, ["hls", video, "posters", file]) => Self::CustomPoster {
                video: video.parse().ok()?,
                poster: file.strip_suffix(".jpg")?.parse().ok()?,
            },
            (Bucket::Media, ["hls", video, "chapters", file]) => Self::Chapters {
                video: video.parse().ok()?,
                chapters: file.strip_suffix(".json")?.parse().ok()?,
            },
            (Bucket::Media, ["hls", video, "master.m3u8"]) => Self::Master {
                video: video.parse().ok()?,
            },
            (Bucket::Media, ["hls", video, generation, rest @ ..]) => {
                Self::parse_output(video.parse().ok()?, generation.parse().ok()?, rest)?
            }
            _ => return None,
        };
        (key.path() == path).then_some(key)
    }

    fn parse_output(video: VideoId, generation: Generation, rest: &[&str]) -> Option<Self> {
        Some(match rest {
            ["poster.jpg"] => Self::Poster { video, generation },
            [file] => {
                let (stem, extension) = file.split_once('.')?;
                let size = StoryboardSize::ALL
                    .into_iter()
                    .find(|it| it.file_stem() == stem)?;
                match extension {
                    "jpg" => Self::Storyboard {
                        video,
                        generation,
                        size,
                    },
                    "vtt" => Self::StoryboardIndex {
                        video,
                        generation,
                        size,
                    },
                    _ => return None,
                }
            }
            ["thumbs", file] => Self::Thumbnail {
                video,
                generation,
                index: number(file, "thumb_", ".jpg")?,
            },
            ["previews", file] => Self::Preview {
                video,
                generation,
                index: number(file, "preview_", ".webp")?,
            },
            [folder, file] => {
                let rendition: RenditionName = folder.parse().ok()?;
                match file.strip_prefix(folder)? {
                    ".m3u8" => Self::MediaPlaylist {
                        video,
                        generation,
                        rendition,
                    },
                    file => {
                        let (name, extension) = file.strip_prefix('_')?.split_once('.')?;
                        let (index, attempt) = name.split_once('-').unwrap_or((name, "1"));
                        let attempt = attempt.parse().ok()?;
                        if (index, extension) == ("init", "mp4") {
                            return Some(Self::InitSegment {
                                video,
                                generation,
                                rendition,
                                attempt,
                            });
                        }
                        let format = SegmentFormat::of_extension(extension)?;
                        let index = index.parse().ok()?;
                        Self::Segment {
                            video,
                            generation,
                            rendition,
                            index,
                            attempt,
                            format,
                        }
                    }
                }
            }
            _ => return None,
        })
    }
}

/// The number in a file name.
fn number(file: &str, before: &str, after: &str) -> Option<u32> {
    let number = file.strip_prefix(before)?.strip_suffix(after)?;
    number.parse().ok()
}
