//! Encoders that know 8 bits only, as some builds of x265: HDR needs 10.

use domain::failure::SourceProblem;
use domain::plan::{Codec, EncodePlan};
use domain::profile::Profile;

use super::Tools;
use super::arguments::{Av1Library, TEN_BITS};
use crate::error::TranscodeError;

impl Tools {
    /// Checks that the encoders of all HDR rungs of a plan know 10 bits. For that, FFmpeg runs once
    /// for each codec of them.
    ///
    /// # Errors
    /// [`SourceProblem::MissingCapability`]
    pub(crate) async fn check_depth(&self, plan: &EncodePlan) -> Result<(), TranscodeError> {
        let kept = plan.rungs.iter().filter(|it| it.hdr.is_some());
        let mut codecs: Vec<Codec> = vec![];
        for codec in kept.map(|it| it.rendition.codec) {
            if !codecs.contains(&codec) {
                codecs.push(codec);
            }
        }
        let tools = self.clone();
        let asking = tokio::task::spawn_blocking(move || tools.eight_bits_only(&codecs));
        match asking.await.unwrap_or_default().first() {
            None => Ok(()),
            Some(encoder) => Err(SourceProblem::MissingCapability {
                need: "HDR".to_owned(),
                capability: format!("10 bits in the encoder `{encoder}`"),
            }
            .into()),
        }
    }

    /// The encoders of rungs of a profile that keep HDR, but know 8 bits only.
    pub(crate) fn missing_depth(&self, profile: &Profile) -> Vec<&'static str> {
        let kept = profile.enabled_rungs().filter(|it| it.keeps_hdr());
        let codecs: std::collections::BTreeSet<_> = kept.map(|it| it.codec).collect();
        let codecs: Vec<Codec> = codecs.into_iter().map(Codec::from).collect();
        self.eight_bits_only(&codecs)
    }

    /// The encoders of these codecs that do not list the pixel format of HDR. If FFmpeg does not
    /// answer, they count as able: the segments are verified.
    fn eight_bits_only(&self, codecs: &[Codec]) -> Vec<&'static str> {
        let encoders = codecs.iter().filter_map(|it| match it {
            Codec::H264 | Codec::Aac | Codec::Ac3 | Codec::Eac3 => None,
            Codec::Hevc => Some("libx265"),
            Codec::Av1 => Some(match self.av1_library() {
                Av1Library::Svt => "libsvtav1",
                Av1Library::Aom => "libaom-av1",
            }),
        });
        let lacks = |encoder: &&str| {
            let help = self.ask(
                "ffmpeg",
                &["-hide_banner", "-h", &format!("encoder={encoder}")],
            );
            help.is_ok_and(|it| !it.split_whitespace().any(|it| it == TEN_BITS))
        };
        encoders.filter(lacks).collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::job::Mode;
    use domain::probe::HighDynamicRange;

    use super::*;
    use crate::testing::foreign;

    const RUNGS: &str = "segment_format = \"fmp4\"\n
        [[rung]]\nname = \"a\"\nwidth = 640\nheight = 360\nvideo_kbps = 300\naudio_kbps = 64\n
        [[rung]]\nname = \"b\"\ncodec = \"hevc\"\nwidth = 640\nheight = 360\nvideo_kbps = 300\naudio_kbps = 64\n
        [[rung]]\nname = \"c\"\ncodec = \"av1\"\nwidth = 640\nheight = 360\nvideo_kbps = 300\naudio_kbps = 64\n";

    /// Tools whose FFmpeg is a shell script.
    fn scripted(folder: &std::path::Path, script: &str) -> Tools {
        use std::os::unix::fs::PermissionsExt as _;
        let program = folder.join("ffmpeg");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        Tools {
            ffmpeg: program,
            ..Tools::bare()
        }
    }

    #[tokio::test]
    async fn an_encoder_for_8_bits_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::parse(RUNGS).unwrap();
        let mut probe = foreign();
        let sdr = EncodePlan::new(&probe, &profile, Mode::Abr).unwrap();
        probe.video_mut().hdr = Some(HighDynamicRange::Pq);
        let hdr = EncodePlan::new(&probe, &profile, Mode::Abr).unwrap();
        let formats = "Supported pixel formats: yuv420p";
        for (script, missing) in [
            (format!("echo '{formats} yuv420p10le gray10le'"), &[][..]),
            (
                format!("echo '{formats} yuv422p10le'"),
                &["libx265", "libsvtav1"],
            ),
            (
                format!(
                    "case $3 in *265) echo '{formats}';; *) echo '{formats} yuv420p10le';; esac"
                ),
                &["libx265"],
            ),
            ("exit 1".to_owned(), &[]),
        ] {
            let tools = scripted(folder.path(), &script);
            assert_eq!(tools.missing_depth(&profile), missing, "{script}");
            assert!(tools.check_depth(&sdr).await.is_ok(), "{script}");
            let found = tools.check_depth(&hdr).await.map_err(|it| it.to_string());
            match missing.first() {
                None => assert_eq!(found, Ok(())),
                Some(encoder) => {
                    let problem = found.unwrap_err();
                    let expected = format!("lacks 10 bits in the encoder `{encoder}`");
                    assert!(problem.contains(&expected), "{problem}");
                }
            }
        }
    }
}
