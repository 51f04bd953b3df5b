use super::*;
use crate::mp4::Moov;

/// 5.1 from FFmpeg keeps its frames and times, and declares itself as FFmpeg does.
#[test]
fn frames_are_the_same() {
    for (codec, kind, name, rate, kbps) in [
        (EsCodec::Ac3, "ac3", "ac-3", 48_000, 384),
        (EsCodec::Ac3, "ac3", "ac-3", 44_100, 448),
        (EsCodec::Eac3, "eac3", "ec-3", 48_000, 256),
        (EsCodec::Eac3, "eac3", "ec-3", 44_100, 384),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = format!(
            "-f lavfi -i sine=f=440:r={rate} -t 8 -c:a {kind} -b:a {kbps}k -ac 6 -ar {rate}"
        );
        let segments = segments(folder.path(), &source, "2");
        let (init, media) = packaged(&segments, codec);
        check_contiguous(&init, &media);
        let folder = folder.path();
        let (joined, file) = (folder.join("joined.ts"), folder.join("joined.mp4"));
        std::fs::write(&joined, segments.concat()).unwrap();
        std::fs::write(&file, [init.clone(), media.concat()].concat()).unwrap();
        assert_eq!(hashes(&file), hashes(&joined), "{name} {rate}");
        let channels = packets_of(&file, "stream=codec_name,channels,sample_rate");
        assert_eq!(channels, format!("{kind},{rate},6"));
        for (segment, media) in segments.iter().zip(&media) {
            let (ts, fmp4) = (measure(segment, None), measure(media, Some(&init)));
            let (ts, fmp4) = (ts.audio.unwrap(), fmp4.audio.unwrap());
            assert_eq!(
                (fmp4.codec.as_deref(), ts.codec.as_deref()),
                (Some(name), Some(name))
            );
            assert_eq!((fmp4.channels, ts.channels), (Some(6), Some(6)));
            assert_eq!(
                (fmp4.frames, fmp4.start_ticks()),
                (ts.frames, ts.start_ticks())
            );
            assert_eq!(ts.samples, ts.frames * 1536);
            assert!(fmp4.duration_ticks().abs_diff(ts.duration_ticks()) <= 1);
        }
    }
}

/// The sample entry and its configuration are those that FFmpeg writes.
#[test]
fn ffmpeg_writes_the_same_configuration() {
    for (codec, kind, name) in [
        (EsCodec::Ac3, "ac3", "ac-3"),
        (EsCodec::Eac3, "eac3", "ec-3"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let source = format!("-f lavfi -i sine -t 1 -ar 48000 -ac 6 -c:a {kind} -b:a 384k");
        let segments = segments(folder.path(), &source, "9");
        let (init, _) = packaged(&segments, codec);
        let (joined, file) = (folder.path().join("a.ts"), folder.path().join("a.mp4"));
        std::fs::write(&joined, &segments[0]).unwrap();
        let text = |it: &Path| it.to_str().unwrap().to_owned();
        let copy = ["-i", &text(&joined), "-c", "copy", &text(&file)];
        run("ffmpeg", &copy);
        let written = std::fs::read(&file).unwrap();
        let moov = Moov::parse(moov_of(&written), written.len() as u64, false).unwrap();
        let theirs = moov.tracks[0].entry.clone().unwrap();
        let read = Init::parse(&init).unwrap();
        let ours = read.moov.tracks[0].entry.clone().unwrap();
        assert_eq!(ours.fourcc, *name.as_bytes().first_chunk().unwrap());
        assert_eq!((ours.fourcc, &ours.config), (theirs.fourcc, &theirs.config));
    }
}

/// The content of the `moov` box at the top level of a file.
fn moov_of(file: &[u8]) -> &[u8] {
    let mut rest = file;
    loop {
        let size = u32::from_be_bytes(*rest.first_chunk().unwrap()) as usize;
        if &rest[4..8] == b"moov" {
            return &rest[8..size];
        }
        rest = &rest[size..];
    }
}

fn packets_of(file: &Path, entries: &str) -> String {
    let file = file.to_str().unwrap();
    let options = ["-show_entries", entries, "-of", "csv=p=0", file];
    let found = run("ffprobe", &options);
    found.trim().trim_end_matches(',').to_owned()
}

#[test]
fn audio_that_changes_is_refused() {
    let of = |options: &str| {
        let folder = tempfile::tempdir().unwrap();
        let source = format!("-f lavfi -i sine -t 1 -ar 48000 -c:a ac3 {options}");
        segments(folder.path(), &source, "9").remove(0)
    };
    let (surround, stereo) = (of("-ac 6 -b:a 384k"), of("-ac 2 -b:a 192k"));
    let both = [surround.clone(), stereo].concat();
    assert_eq!(
        package(&both, EsCodec::Ac3, &Place::default()),
        Err(PackageError::Unsupported(
            "the audio changes its parameters"
        ))
    );
    let aac = package(&surround, EsCodec::AacAdts, &Place::default());
    assert!(matches!(aac, Err(PackageError::Segment(_))), "{aac:?}");
}
