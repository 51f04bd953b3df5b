//! Selects the rung that is encoded ahead of the others.

use crate::job::Mode;
use crate::object_key::RenditionName;
use crate::plan::{Codec, RungPlan};
use crate::probe::Seeking;

/// The first rung is at most as high as this, pixels: larger ones take too long.
const HIGHEST: u32 = 480;

/// Encoding the first rung alone decodes the source once more. That is worth it if all rungs
/// together have at least this many times its pixels, so that viewers wait much longer for them.
const LEAST_GAIN: u64 = 3;

/// The first rung; `None`: the rungs grow together. If the source cannot be sought, it is decoded
/// only once.
pub(super) fn rung(
    rungs: &[RungPlan],
    mode: Mode,
    copied: bool,
    seeking: Seeking,
) -> Option<RenditionName> {
    if copied || mode == Mode::Copy || seeking == Seeking::Sequential {
        return None;
    }
    // The codec that every player plays.
    let mut playable = rungs.iter().filter(|it| it.rendition.codec == Codec::H264);
    let low = playable.clone().find(|it| it.size.short_side() <= HIGHEST);
    let first = low.or(playable.next_back())?;
    let pixels = |it: &RungPlan| u64::from(it.size.width) * u64::from(it.size.height);
    let all: u64 = rungs.iter().map(pixels).sum();
    (all >= pixels(first) * LEAST_GAIN).then(|| first.rendition.name.clone())
}

#[cfg(test)]
mod tests {
    use crate::job::Mode;
    use crate::plan::EncodePlan;
    use crate::probe::cases::standard;
    use crate::probe::{Probe, Seeking};
    use crate::profile::Profile;
    use crate::segment::Lane;

    /// A source of this size that cannot be remuxed.
    fn source(width: u32, height: u32) -> Probe {
        let mut probe = standard();
        probe.video_mut().codec = "hevc".to_owned();
        let video = probe.video_mut();
        (video.width, video.height) = (width, height);
        probe
    }

    fn plan(probe: &Probe, profile: &str, mode: Mode) -> EncodePlan {
        EncodePlan::new(probe, &Profile::parse(profile).unwrap(), mode).unwrap()
    }

    fn first(probe: &Probe, profile: &str, mode: Mode) -> Option<String> {
        plan(probe, profile, mode).first.map(|it| it.to_string())
    }

    #[test]
    fn the_rung_nearest_below_480p_goes_first() {
        let only = |name: &str, width, height| {
            format!(
                "[[rung]]\nname = \"{name}\"\nwidth = {width}\nheight = {height}\nvideo_kbps = 1000\naudio_kbps = 128\n"
            )
        };
        let large = only("1080p", 1920, 1080) + &only("540p", 960, 540);
        for (width, height, profile, expected) in [
            (3840, 2160, "", Some("480p")),
            (1920, 1080, "", Some("480p")),
            (1080, 1920, "", Some("480p")),
            (1280, 720, "", Some("480p")),
            // The whole ladder takes hardly longer.
            (854, 480, "", None),
            (320, 180, "", None),
            // The smallest, if all are larger.
            (1920, 1080, large.as_str(), Some("540p")),
            (1920, 1080, &only("1080p", 1920, 1080), None),
        ] {
            let found = first(&source(width, height), profile, Mode::Abr);
            assert_eq!(found.as_deref(), expected, "{width}x{height} {profile}");
        }
    }

    #[test]
    fn it_needs_a_second_pass_over_the_source() {
        let probe = source(1920, 1080);
        assert_eq!(
            first(&standard(), "", Mode::Abr),
            None,
            "the remuxed rung is first"
        );
        assert_eq!(first(&probe, "", Mode::Copy), None, "one rung is requested");
        let mut stream = probe;
        stream.index.seeking = Seeking::Sequential;
        assert_eq!(first(&stream, "", Mode::Abr), None);
    }

    #[test]
    fn each_rung_is_in_one_lane() {
        let plan = plan(&source(1920, 1080), "", Mode::Abr);
        let names = |lane| -> Vec<String> {
            let renditions = plan.renditions(lane).into_iter();
            renditions.map(|it| it.name.to_string()).collect()
        };
        assert_eq!(names(Lane::First), ["480p"]);
        assert_eq!(names(Lane::Encode), ["1080p", "720p", "360p", "iframes"]);
        let segments =
            |lane| -> usize { plan.chunks(lane).iter().map(|it| it.segments.len()).sum() };
        assert_eq!(segments(Lane::First), segments(Lane::Encode));
        assert_eq!(plan.first_chunks[0].segments, 0..4, "viewers wait for it");
    }
}
