//! Profiles that choose by measuring, with real sources.

use domain::per_title::{Measure, PerTitle, RungChoice};

use super::sound::{convert_by, ffmpeg};
use super::*;

/// Four rungs for a source with 480 lines, of which the largest two are close to each other.
fn profile() -> Profile {
    let mut profile = Profile::built_in("auto").unwrap();
    profile.encoder.preset = domain::profile::Preset::Superfast;
    for (rung, height) in profile.rungs.iter_mut().rev().zip([180, 270, 432, 480]) {
        rung.enabled = true;
        rung.name = format!("{height}p").parse().unwrap();
        (rung.width, rung.height) = (height * 16 / 9 / 2 * 2, height);
    }
    profile
}

async fn measured(kind: &str, folder: &Path) -> (LocalReport, PerTitle) {
    let input = folder.join(format!("{kind}.mkv"));
    let graph = match kind {
        // Large areas of one colour, which move.
        "cartoon" => {
            "color=c=0x3060a0:s=854x480:r=25[sky];color=c=0xf0c020:s=140x200:r=25[sun];\
             [sky][sun]overlay=x='mod(t*60,700)':y=120"
        }
        _ => "color=c=gray:s=854x480:r=25,noise=c0s=40:c0f=t+u",
    };
    ffmpeg(
        &[
            "-f", "lavfi", "-i", graph, "-t", "6", "-c:v", "mpeg4", "-q:v", "2", "-g", "25",
            "-pix_fmt", "yuv420p",
        ],
        &input,
    );
    let report = convert_by(profile(), &input, &folder.join(kind))
        .await
        .unwrap();
    let choices = report.per_title.clone().unwrap();
    (report, choices)
}

/// The chosen rungs, as the master playlist has them.
fn kept(choices: &PerTitle) -> Vec<&RungChoice> {
    let rungs = choices.rungs.iter();
    rungs.filter(|it| it.same_as.is_none()).collect()
}

#[tokio::test]
async fn a_cartoon_gets_other_rungs_than_noise() {
    let folder = tempfile::tempdir().unwrap();
    let (cartoon_report, cartoon) = measured("cartoon", folder.path()).await;
    let (noise_report, noise) = measured("noise", folder.path()).await;
    for (report, choices) in [(&cartoon_report, &cartoon), (&noise_report, &noise)] {
        assert_eq!((choices.skipped, choices.samples), (None, 1));
        assert_eq!(choices.rungs.len(), 4, "{choices:?}");
        let kept: Vec<_> = kept(choices).iter().map(|it| it.name.to_string()).collect();
        let published: Vec<_> = report.rungs.iter().map(|it| it.name.clone()).collect();
        assert_eq!(kept, published);
        assert!(choices.cpu_ms > 0 && choices.wall_ms > 0);
        for rung in &choices.rungs {
            assert!((20..=34).contains(&rung.crf), "{rung:?}");
            let scores = rung.trials.iter().map(|it| it.score);
            assert!(scores.rev().is_sorted(), "{rung:?}");
            let rates = rung.trials.iter().map(|it| it.kbps);
            assert!(
                rates.rev().is_sorted() && rung.trials[2].kbps > 0,
                "{rung:?}"
            );
        }
    }
    let crf = |it: &PerTitle| it.rungs[0].crf;
    assert!(crf(&cartoon) > crf(&noise), "{cartoon:?} {noise:?}");
    assert!(kept(&cartoon).len() < 4, "{cartoon:?}");
    // FFmpeg 5.1 of Debian has no libvmaf; others may have it.
    assert!(matches!(
        cartoon.measure,
        Some(Measure::Ssim | Measure::Vmaf)
    ));
}
