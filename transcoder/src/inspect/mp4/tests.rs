use std::sync::Arc;

use domain::failure::FailureCode;

use super::*;
use crate::ffmpeg::probe::parse_streams;
use crate::stills::InMemory;
use crate::trial::FILM;

/// What ffprobe says of [`FILM`]; `video` and `audio` are the numbers of the streams.
fn found(video: u32, audio: u32) -> Found {
    let json = format!(
        r#"{{"streams": [
            {{"index": {video}, "codec_type": "video", "codec_name": "h264", "width": 320, "height": 180,
              "pix_fmt": "yuv420p", "avg_frame_rate": "25/1", "time_base": "1/12800", "start_pts": 0}},
            {{"index": {audio}, "codec_type": "audio", "codec_name": "aac", "sample_fmt": "fltp", "channels": 2,
              "sample_rate": "48000", "start_time": "0.010000", "duration": "1.900000"}}
        ]}}"#
    );
    parse_streams(&json).unwrap().of_video()
}

fn blocks(bytes: &[u8]) -> Blocks {
    Blocks::new(Arc::new(InMemory(bytes.to_vec().into())))
}

/// The film, of which every `from` became `to`.
fn patched(from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = FILM.to_vec();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|it| it.1 == from)
        .map(|it| it.0)
        .collect();
    assert!(!places.is_empty(), "{from:?}");
    places
        .iter()
        .for_each(|it| bytes[*it..*it + to.len()].copy_from_slice(to));
    bytes
}

async fn read_bytes(bytes: &[u8]) -> Result<Option<Box<Moov>>, FailureCode> {
    read(&blocks(bytes)).await.map_err(|it| it.failure().code)
}

async fn index_of(bytes: &[u8], found: &Found) -> Result<Option<Indexed>, FailureCode> {
    let moov = read_bytes(bytes).await?.unwrap();
    index(&moov, found, &blocks(bytes))
        .await
        .map_err(|it| it.failure().code)
}

#[tokio::test]
async fn an_index_tells_where_frames_are() {
    let found = found(0, 1);
    let Indexed {
        index,
        frame_times,
        video,
        audio,
        unseekable,
        depth,
    } = index_of(FILM, &found).await.unwrap().unwrap();
    assert_eq!(index.keyframes, [0, 90_000]);
    assert_eq!(
        (index.video_start, index.video_end, index.end),
        (0, 180_000, 180_000)
    );
    assert_eq!(
        frame_times,
        (0..50).map(|it| it * 3_600).collect::<Vec<_>>()
    );
    assert_eq!(
        (index.longest_frame, index.closed_gops, index.seeking),
        (3_600, true, Seeking::Indexed)
    );
    assert_eq!(Some(index.gop_bytes.iter().sum()), index.video_bytes);
    assert_eq!(index.gop_bytes.len(), 2);
    assert!((video.start, video.end) == (0.0, 2.0), "{video:?}");
    let audio = audio.unwrap();
    assert!(
        (audio.start - 0.01).abs() < 1e-9 && (audio.end - 1.91).abs() < 1e-9,
        "{audio:?}"
    );
    assert_eq!((unseekable, depth), (None, None));
}

#[tokio::test]
async fn sound_of_unknown_length_says_nothing() {
    let mut found = found(0, 1);
    found.audio[0].duration_seconds = None;
    assert_eq!(index_of(FILM, &found).await.unwrap().unwrap().audio, None);
    found.audio = vec![];
    assert_eq!(index_of(FILM, &found).await.unwrap().unwrap().audio, None);
}

#[tokio::test]
async fn a_file_that_is_cut_off_is_refused() {
    // In its head, in its index, and behind that, in a sample.
    for kept in [30, 1_000, FILM.len() / 2, FILM.len() - 1] {
        let outcome = index_of(&FILM[..kept], &found(0, 1)).await;
        assert_eq!(
            outcome.map(drop),
            Err(FailureCode::Truncated),
            "{kept} bytes"
        );
    }
    assert_eq!(
        read_bytes(&patched(b"moov", b"free")).await.map(drop),
        Err(FailureCode::Truncated),
        "no index"
    );
    assert_eq!(
        read_bytes(b"these are no boxes at all").await.map(drop),
        Err(FailureCode::NotAVideo)
    );
}

#[tokio::test]
async fn protected_tracks_are_refused() {
    let found = found(0, 1);
    for (from, to) in [
        (b"avc1", b"encv"),
        (b"mp4a", b"enca"),
        (b"avc1", b"drmi"),
        (b"mp4a", b"drms"),
    ] {
        // The name stands in the list of brands too; that it changes there is of no matter.
        let outcome = index_of(&patched(from, to), &found).await;
        assert_eq!(
            outcome.map(drop),
            Err(FailureCode::EncryptedSource),
            "{}",
            String::from_utf8_lossy(to)
        );
    }
}

#[tokio::test]
async fn what_the_index_does_not_tell_ffmpeg_finds_out() {
    // ffprobe chose a stream that the index knows as audio, or does not know.
    assert!(index_of(FILM, &found(1, 0)).await.unwrap().is_none());
    assert!(index_of(FILM, &found(7, 1)).await.unwrap().is_none());
    // Fragments follow.
    let mut moov = read_bytes(FILM).await.unwrap().unwrap();
    moov.fragmented = true;
    assert!(
        index(&moov, &found(0, 1), &blocks(FILM))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn sources_that_cannot_be_sought_say_why() {
    let moov = read_bytes(FILM).await.unwrap().unwrap();
    let reason = async |change: &dyn Fn(&mut Track), bytes: &[u8]| {
        let mut moov = moov.clone();
        change(&mut moov.tracks[0]);
        index(&moov, &found(0, 1), &blocks(bytes))
            .await
            .unwrap()
            .unwrap()
            .unseekable
    };
    assert_eq!(reason(&|_| (), FILM).await, None);
    assert_eq!(
        reason(&|it| it.entries = 2, FILM).await,
        Some("the settings of its codec change")
    );
    // The second keyframe becomes an ordinary frame that only begins a gradual refresh.
    let index = VideoIndex::new(&moov.tracks[0]).unwrap();
    let keyframe = &index.keyframes[1];
    let mut gradual = FILM.to_vec();
    let mut at = keyframe.offset as usize;
    let end = at + keyframe.size as usize;
    while at < end {
        let length = u32::from_be_bytes(gradual[at..at + 4].try_into().unwrap()) as usize;
        if gradual[at + 4] & 0x1f == 5 {
            // A slice of type P, not of an IDR frame.
            (gradual[at + 4], gradual[at + 5]) = (0x41, 0x9a);
        }
        at += 4 + length;
    }
    assert_eq!(
        reason(&|_| (), &gradual).await,
        Some("its keyframes do not stand alone")
    );
    assert_eq!(
        reason(&|it| it.entry = None, &gradual).await,
        None,
        "of an unknown codec nothing is read"
    );
}

#[test]
fn errors_are_the_fault_of_the_file_or_left_to_ffmpeg() {
    for (error, expected) in [
        (Mp4Error::NoMoov, Some(SourceProblem::Truncated)),
        (
            Mp4Error::Truncated {
                expected: 9,
                actual: 8,
            },
            Some(SourceProblem::Truncated),
        ),
        (Mp4Error::NotMp4, Some(SourceProblem::NotAVideo)),
        (
            Mp4Error::MoovTooLarge { bytes: 1 << 40 },
            Some(SourceProblem::TooDemanding),
        ),
        (
            Mp4Error::TooManySamples { samples: 1 << 40 },
            Some(SourceProblem::TooDemanding),
        ),
        (Mp4Error::Damaged { what: "stts" }, None),
        (Mp4Error::Compressed, None),
    ] {
        assert_eq!(refusal(&error), expected, "{error:?}");
    }
}
