//! Plans with a watermark.

use super::*;
use crate::probe::cases::sound;

/// A remuxed stream would have no image in its frames.
#[test]
fn a_watermark_is_encoded_in_both_modes() {
    let image = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x40";
    let text =
        "copy_top = \"until_encoded\"\n[watermark]\nimage = \"logo.png\"\nviewer = \"moving\"";
    let profile = Profile::parse_with_image(text, |_| Ok(image.to_vec())).unwrap();
    let rungs = |mode| {
        let plan = EncodePlan::new(&standard(), &profile, mode).unwrap();
        assert_eq!(plan.copy, CopyDecision::Encode(CopyRefusal::Watermark));
        assert_eq!(plan.watermark, profile.watermark.watermark());
        assert_eq!(plan.viewer_text, ViewerText::Moving);
        assert_eq!(plan.copy_replacement(&standard(), &profile), None);
        let names = plan.rungs.iter().map(|it| it.rendition.name.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(rungs(Mode::Abr), ["1080p", "720p", "480p", "360p"]);
    assert_eq!(rungs(Mode::Copy), ["1080p"]);
    let audio = EncodePlan::new(&sound(), &profile, Mode::Abr).unwrap();
    assert_eq!(
        (audio.watermark, audio.viewer_text),
        (None, ViewerText::Off)
    );
    let viewer = Profile::parse("[watermark]\nviewer = \"corner\"").unwrap();
    let plan = EncodePlan::new(&standard(), &viewer, Mode::Abr).unwrap();
    assert!(plan.copy.is_remux());
    assert_eq!(plan.viewer_text, ViewerText::Corner);
}
