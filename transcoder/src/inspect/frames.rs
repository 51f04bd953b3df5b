//! Properties that only decoded frames have: interlacing, changes of the size, and whether decoding
//! can start at the container's keyframes.

use std::collections::HashMap;

use domain::segment::seconds;

use crate::error::TranscodeError;
use crate::ffmpeg::Tools;
use crate::ffmpeg::probe::{Found, FrameFacts, key_frames};
use crate::inspect::Indexed;

/// The result of inspecting some frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether some of them are interlaced.
    pub(super) interlaced: bool,
    /// The largest coded size.
    pub(super) canvas: (u32, u32),
    /// The reason why runs cannot start in the middle of the source.
    pub(super) unseekable: Option<&'static str>,
}

/// Maximum number of keyframes that are decoded.
const MOST_FRAMES: usize = 32;

/// Maximum size of a file that is read completely for its keyframes, bytes.
const MOST_BYTES: u64 = 128 << 20;

/// Inspects keyframes from all parts of the source, if they can provide information.
pub(super) async fn look(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    found: &Found,
    indexed: &Indexed,
    size: u64,
) -> Result<Look, TranscodeError> {
    let video = &found.video;
    let keyframes = &indexed.index.keyframes;
    // In MP4, the headers of these codecs are in the sample entry, and declare interlacing.
    let told_by_headers = matches!(video.codec.as_str(), "h264" | "hevc" | "av1" | "vp9");
    if demuxer == "mov" && told_by_headers && found.fields == Some(false) {
        return Ok(Look {
            interlaced: false,
            canvas: (video.width, video.height),
            unseekable: None,
        });
    }
    if keyframes.len() <= MOST_FRAMES && size <= MOST_BYTES {
        let facts = key_frames(tools, demuxer, url, video.index, &[]).await?;
        return Ok(judge(found, &facts, keyframes.len()));
    }
    let chosen =
        (1..MOST_FRAMES).filter_map(|it| keyframes.get(it * keyframes.len() / MOST_FRAMES));
    let moments: Vec<f64> = chosen
        .map(|it| indexed.video.start + seconds(*it))
        .collect();
    let facts = key_frames(tools, demuxer, url, video.index, &moments).await?;
    Ok(judge(found, &facts, moments.len() + 1))
}

/// Inspects all keyframes.
pub(super) async fn all(
    tools: &Tools,
    demuxer: &str,
    url: &str,
    found: &Found,
) -> Result<Look, TranscodeError> {
    Ok(judge(
        found,
        &key_frames(tools, demuxer, url, found.video.index, &[]).await?,
        0,
    ))
}

/// `expected`: the number of keyframes that there should be.
fn judge(found: &Found, facts: &[FrameFacts], expected: usize) -> Look {
    let mut sizes: HashMap<(u32, u32), usize> = HashMap::new();
    for it in facts {
        *sizes.entry(it.size).or_default() += 1;
    }
    let declared = (found.video.width, found.video.height);
    let canvas = sizes
        .keys()
        .copied()
        .max_by_key(|it| u64::from(it.0) * u64::from(it.1))
        .unwrap_or(declared);
    let unseekable = if sizes.len() > 1 {
        Some("the size of its frames changes")
    } else if facts.len() < expected / 2 {
        Some("its keyframes do not stand alone")
    } else {
        None
    };
    let interlaced = found.fields == Some(true) || facts.iter().any(|it| it.interlaced);
    Look {
        interlaced,
        canvas,
        unseekable,
    }
}

#[cfg(test)]
mod tests {
    use domain::probe::Extent;
    use domain::probe::cases::standard;

    use super::*;
    use crate::ffmpeg::probe::parse_streams;
    use crate::testing::world::World;

    fn found(codec: &str, field_order: &str) -> Found {
        let json = format!(
            r#"{{"streams": [{{"index": 0, "codec_type": "video", "codec_name": "{codec}", "width": 640, "height": 480,
              "pix_fmt": "yuv420p", "field_order": "{field_order}", "avg_frame_rate": "25/1"}}]}}"#
        );
        parse_streams(&json).unwrap().of_video()
    }

    fn indexed(keyframes: u64) -> Indexed {
        let mut index = standard().index;
        index.keyframes = (0..keyframes).map(|it| it * 90_000).collect();
        let video = Extent {
            start: 5.0,
            end: 5.0 + keyframes as f64,
        };
        Indexed {
            index,
            frame_times: vec![],
            video,
            audio: None,
            unseekable: None,
            depth: None,
        }
    }

    fn frames(sizes: &[(u32, u32)], interlaced: bool) -> Vec<FrameFacts> {
        sizes
            .iter()
            .map(|size| FrameFacts {
                size: *size,
                interlaced,
            })
            .collect()
    }

    #[test]
    fn frames_are_judged_together() {
        let progressive = found("h264", "progressive");
        let (small, large, tall) = ((640, 480), (1280, 720), (720, 1280));
        let still = Look {
            interlaced: false,
            canvas: small,
            unseekable: None,
        };
        let changes = Some("the size of its frames changes");
        let gradual = Some("its keyframes do not stand alone");
        for (facts, expected, look) in [
            (frames(&[small; 8], false), 8, still),
            (
                frames(&[small; 8], true),
                8,
                Look {
                    interlaced: true,
                    ..still
                },
            ),
            (frames(&[small; 4], false), 8, still),
            (
                frames(&[small; 3], false),
                8,
                Look {
                    unseekable: gradual,
                    ..still
                },
            ),
            (
                frames(&[], false),
                8,
                Look {
                    unseekable: gradual,
                    ..still
                },
            ),
            (frames(&[], false), 1, still),
            (frames(&[], false), 0, still),
            (
                frames(&[small, large, small], false),
                3,
                Look {
                    canvas: large,
                    unseekable: changes,
                    ..still
                },
            ),
            (
                frames(&[large, large], false),
                2,
                Look {
                    canvas: large,
                    ..still
                },
            ),
            (
                frames(&[small, tall], false),
                9,
                Look {
                    canvas: tall,
                    unseekable: changes,
                    ..still
                },
            ),
        ] {
            assert_eq!(
                judge(&progressive, &facts, expected),
                look,
                "{facts:?} of {expected}"
            );
        }
        let declared = judge(&found("h264", "tt"), &frames(&[small], false), 1);
        assert!(declared.interlaced, "the container says so");
        let one_of_them = [frames(&[small], false), frames(&[small], true)].concat();
        assert!(judge(&progressive, &one_of_them, 2).interlaced);
    }

    #[tokio::test]
    async fn headers_of_mp4_save_a_look() {
        // The stand-in fails whenever it is asked.
        let tools = World::new().fake.tools();
        let url = "http://127.0.0.1:9/source";
        let ask = async |demuxer: &str, found: &Found| {
            look(&tools, demuxer, url, found, &indexed(4), 1 << 20).await
        };
        for codec in ["h264", "hevc", "av1", "vp9"] {
            assert!(
                ask("mov", &found(codec, "progressive")).await.is_ok(),
                "{codec}"
            );
        }
        assert!(
            ask("mov", &found("mpeg4", "progressive")).await.is_err(),
            "its headers do not say it"
        );
        assert!(ask("mov", &found("h264", "unknown")).await.is_err());
        assert!(
            ask("matroska", &found("h264", "progressive"))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn of_long_sources_some_keyframes_are_looked_at() {
        let world = World::new();
        let arguments = world.folder().join("arguments");
        let frame = "echo 'width=640|height=480|interlaced_frame=1'";
        world.fake.probe_says(
            "frames",
            &format!("echo \"$*\" > '{}'; {frame}", arguments.display()),
        );
        let found = found("mpeg2video", "unknown");
        let asked = async |keyframes: u64, size: u64| {
            let url = "http://127.0.0.1:9/source";
            let seen = look(
                &world.fake.tools(),
                "mpegts",
                url,
                &found,
                &indexed(keyframes),
                size,
            )
            .await
            .unwrap();
            assert!(seen.interlaced);
            let text = std::fs::read_to_string(&arguments).unwrap();
            text.split_once("-read_intervals ")
                .map(|it| it.1.split(' ').next().unwrap().to_owned())
        };
        assert_eq!(asked(32, MOST_BYTES).await, None, "all of them");
        let intervals = asked(33, 1).await.unwrap();
        assert_eq!(intervals.split(',').count(), 32);
        assert!(
            intervals.starts_with("%+#1,6.000%+#1,"),
            "on the clock of the container: {intervals}"
        );
        let intervals = asked(4, MOST_BYTES + 1).await.unwrap();
        assert!(
            intervals.split(',').all(|it| it.ends_with("%+#1")),
            "{intervals}"
        );
    }
}
