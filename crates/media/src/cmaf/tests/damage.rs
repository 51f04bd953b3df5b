use proptest::prelude::*;

use super::*;
use crate::ts::{PACKET_BYTES, renumber};

fn video(extra: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!(
        "-f lavfi -i testsrc2=s=64x64:r=25 -t 1 -c:v libx264 -bf 2 -pix_fmt yuv420p {extra}"
    );
    segments(folder.path(), &arguments, "99").remove(0)
}

fn audio() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    segments(folder.path(), "-f lavfi -i sine -t 1 -c:a aac", "99").remove(0)
}

/// A cut inside a packet, and a cut inside a PES packet that declares its length.
#[test]
fn truncated_segments_are_refused() {
    for (bytes, codec) in [(video("-sn"), EsCodec::H264), (audio(), EsCodec::AacAdts)] {
        for lost in [1, 100, 187, 188 * 3 + 5] {
            let found = package(&bytes[..bytes.len() - lost], codec, &Place::default());
            let damaged = matches!(
                found,
                Err(PackageError::Segment(SplitError::Damaged { .. }))
            );
            assert!(damaged, "{codec:?} {lost}: {found:?}");
        }
        let mut gap = bytes.clone();
        gap.drain(188 * 5..188 * 6);
        assert!(package(&gap, codec, &Place::default()).is_err());
    }
    let bytes = audio();
    let found = package(
        &bytes[..bytes.len() - 188],
        EsCodec::AacAdts,
        &Place::default(),
    );
    assert!(found.is_err());
}

#[test]
fn other_streams_are_refused() {
    let (video, audio) = (video("-sn"), audio());
    for (bytes, codec, expected) in [
        (
            &video[..],
            EsCodec::AacAdts,
            PackageError::Segment(SplitError::NoStream),
        ),
        (
            &audio,
            EsCodec::H264,
            PackageError::Segment(SplitError::NoStream),
        ),
        (
            &[],
            EsCodec::H264,
            PackageError::Segment(SplitError::NoStream),
        ),
        (
            &video,
            EsCodec::Mpeg2Video,
            PackageError::Unsupported("the codec cannot be packaged"),
        ),
    ] {
        assert_eq!(package(bytes, codec, &Place::default()), Err(expected));
    }
}

#[test]
fn changed_parameters_are_reported() {
    let (small, interlaced) = (video("-sn"), video("-x264-params cabac=0"));
    let mut both = [small.clone(), interlaced].concat();
    renumber(&mut both);
    let found = package(&both, EsCodec::H264, &Place::default());
    assert_eq!(found, Err(PackageError::ChangedParameters));
    let mut same = [small.clone(), small].concat();
    renumber(&mut same);
    assert!(package(&same, EsCodec::H264, &Place::default()).is_ok());
}

#[test]
fn any_damage_is_survived() {
    let hevc = video("-c:v libx265 -x265-params log-level=none");
    let inputs = [
        (video("-sn"), EsCodec::H264),
        (hevc, EsCodec::Hevc),
        (video("-c:v libsvtav1 -preset 12"), EsCodec::Av1),
        (audio(), EsCodec::AacAdts),
    ];
    let packaged = inputs.clone().map(|(bytes, codec)| {
        let packaged = package(&bytes, codec, &Place::default()).unwrap();
        (packaged.init, packaged.media)
    });
    let flips = prop::collection::vec((any::<u32>(), any::<u8>()), 1..30);
    proptest!(|(flips in flips, early in any::<bool>())| {
        let at = |it: u32, len: usize| it as usize % if early { len.min(1_200) } else { len };
        for (bytes, codec) in &inputs {
            let mut bytes = bytes.clone();
            for (place, value) in &flips {
                let place = at(*place, bytes.len());
                bytes[place] = *value;
            }
            let _ = package(&bytes, *codec, &Place::default());
            let _ = package_iframes(&bytes, *codec, &Place::default());
        }
        for (init, media) in &packaged {
            let (mut init, mut media) = (init.clone(), media.clone());
            for (place, value) in &flips {
                let target = if value & 1 == 1 { &mut init } else { &mut media };
                let place = at(*place, target.len());
                target[place] = *value;
            }
            if let Ok(init) = Init::parse(&init) {
                let _ = FragmentSamples::read(&init, &media);
                let mut scanner = Scanner::new(Some(&init));
                let _ = scanner.push(&media);
                let _ = scanner.finish();
                let mut remuxer = crate::remux::Remuxer::new(0, crate::remux::Tracks::Both);
                let _ = remuxer.push_video_fragment(&init, &media);
                let _ = remuxer.push_audio_fragment(&init, &media);
                let _ = remuxer.head(None);
            }
        }
    });
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        mut bytes in prop::collection::vec(any::<u8>(), 0..1200),
        packets in any::<bool>(),
    ) {
        if packets {
            for at in (0..bytes.len()).step_by(PACKET_BYTES) {
                bytes[at] = crate::ts::SYNC_BYTE;
            }
        }
        let video = [EsCodec::H264, EsCodec::Hevc, EsCodec::Av1];
        for codec in [&video[..], &[EsCodec::AacAdts, EsCodec::Ac3, EsCodec::Eac3]].concat() {
            prop_assert!(package(&bytes, codec, &Place::default()).is_err());
        }
    }
}
