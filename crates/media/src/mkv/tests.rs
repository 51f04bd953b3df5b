use std::process::Command;

use proptest::prelude::*;

use super::*;

fn make(extra: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mkv");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args([
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=25",
        "-f",
        "lavfi",
        "-i",
        "sine",
        "-t",
        "6",
    ]);
    ffmpeg.args([
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-g",
        "50",
        "-sc_threshold",
        "0",
        "-c:a",
        "aac",
    ]);
    assert!(ffmpeg.args(extra).arg(&path).status().unwrap().success());
    std::fs::read(path).unwrap()
}

fn walk(bytes: &[u8]) -> Result<(MkvIndex, usize), MkvError> {
    let mut walker = MkvWalker::new(bytes.len() as u64);
    for requests in 0.. {
        assert!(requests < 1000, "the walker does not end");
        match walker.step()? {
            MkvStep::Done(index) => return Ok((*index, requests)),
            MkvStep::Need { offset, len } => {
                assert!(len > 0 && offset + len <= bytes.len() as u64);
                walker.supply(offset, &bytes[offset as usize..(offset + len) as usize]);
            }
        }
    }
    unreachable!()
}

#[test]
fn cues_name_the_keyframes() {
    for args in [
        &["-g", "50"][..],
        &["-cues_to_front", "1", "-reserve_index_space", "4096"],
    ] {
        let (index, requests) = walk(&make(args)).unwrap();
        let video = index.video().unwrap();
        assert_eq!(
            (video.codec_id.as_str(), video.width, video.height),
            ("V_MPEG4/ISO/AVC", 160, 90)
        );
        assert_eq!(video.frame_ns, Some(40_000_000));
        assert!((index.duration_s().unwrap() - 6.0).abs() < 0.1);
        let keyframes = index.keyframes_ns().unwrap();
        assert_eq!(keyframes.len(), 3);
        assert_eq!(keyframes[1] - keyframes[0], 2_000_000_000);
        assert!(crate::h264::Sps::from_avcc(video.codec_private.as_ref().unwrap()).is_some());
        assert!(requests <= 3, "{requests}");
    }
}

#[test]
fn a_live_file_has_no_cues_and_no_length() {
    let (index, _) = walk(&make(&["-live", "1"])).unwrap();
    assert_eq!(
        (index.cues.clone(), index.keyframes_ns(), index.duration),
        (None, None, None)
    );
    assert_eq!(index.tracks.len(), 2);
}

#[test]
fn a_cut_file_keeps_its_head() {
    let bytes = make(&[]);
    let (index, _) = walk(&bytes[..bytes.len() / 2]).unwrap();
    assert_eq!((index.tracks.len(), index.cues), (2, None));
    assert_eq!(walk(&bytes[..60]), Err(MkvError::Truncated));
    assert_eq!(walk(b"hello"), Err(MkvError::NotMatroska));
    assert_eq!(walk(b""), Err(MkvError::NotMatroska));
}

#[test]
fn any_mutation_is_survived() {
    let bytes = make(&["-t", "1"]);
    proptest!(|(flips in proptest::collection::vec((0usize..1000, any::<u8>()), 1..20), from_end in any::<bool>())| {
        let mut mutated = bytes.clone();
        for (at, value) in flips {
            let at = if from_end { mutated.len() - 1 - at % 200 } else { at };
            mutated[at] = value;
        }
        if let Ok((index, _)) = walk(&mutated) {
            let _ = index.keyframes_ns();
        }
    });
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = walk(&bytes);
        let _ = walk(&[&b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff"[..], &bytes].concat());
    }
}
