//! Command lines of audio in stereo and surround.

use domain::loudness::{Gain, Level};

use super::*;

/// A source in 7.1 and one in stereo, for a profile with surround.
fn in_surround(codec: &str) -> Paper {
    let mut probe = standard();
    probe.audio_mut().channels = 8;
    let mut second = probe.audio[0].clone();
    (second.index, second.channels) = (2, 2);
    probe.audio.push(second);
    let settings = format!("[surround]\nenabled = true\ncodec = \"{codec}\"\n");
    Paper::by(Profile::parse(&settings).unwrap(), probe)
}

#[test]
fn surround_is_encoded_from_the_same_samples_as_stereo() {
    let mut paper = in_surround("aac");
    let [first, second] = &paper.plan.audio_chunks.clone()[..] else {
        panic!("two chunks")
    };
    insta::assert_snapshot!(paper.arguments(|it| it.audio(first)), @"
    -copyts -vn -max_pixels 67108864 -max_streams 256 -protocol_whitelist http,tcp -format_whitelist mov
    -f mov -reinit_filter:v 0
    -i SOURCE -map_metadata -1 -map_chapters -1 -sn -dn
    -filter_complex [0:1]asetpts=PTS-(0),
        asplit=2[stereo1][surround1];
        [stereo1]aresample=48000,
        aresample=async=1:min_hard_comp=0.04:first_pts=0,
        aformat=sample_fmts=fltp:channel_layouts=stereo,
        apad,
        atrim=end_pts=2880000,
        asplit=1[audio-128k];
        [surround1]aresample=48000,
        aresample=async=1:min_hard_comp=0.04:first_pts=0,
        aformat=sample_fmts=fltp:channel_layouts=5.1,
        apad,
        atrim=end_pts=2880000,
        asplit=1[audio-surround];
        [0:2]asetpts=PTS-(0),
        aresample=48000,
        aresample=async=1:min_hard_comp=0.04:first_pts=0,
        aformat=sample_fmts=fltp:channel_layouts=stereo,
        apad,
        atrim=end_pts=2880000,
        asplit=1[audio-128k-2]
    -map [audio-128k] -c:a aac -b:a 128k -ac 2 -bsf:a noise=drop='lt(n,1)'
    -f segment -segment_format mpegts -segment_format_options pat_period=3600:sdt_period=3600:mpegts_flags=+initial_discontinuity -segment_times 5.989333,11.989333,17.989333,23.989333,29.989333,35.989333,41.989333,47.989333,53.989333 -segment_start_number 0 -output_ts_offset -0.000000 -initial_offset 9.300000 -avoid_negative_ts disabled -muxdelay 0.35 -muxpreload 0 OUT/audio-128k/%d.ts
    -map [audio-128k-2] -c:a aac -b:a 128k -ac 2 -bsf:a noise=drop='lt(n,1)'
    -f segment -segment_format mpegts -segment_format_options pat_period=3600:sdt_period=3600:mpegts_flags=+initial_discontinuity -segment_times 5.989333,11.989333,17.989333,23.989333,29.989333,35.989333,41.989333,47.989333,53.989333 -segment_start_number 0 -output_ts_offset -0.000000 -initial_offset 9.300000 -avoid_negative_ts disabled -muxdelay 0.35 -muxpreload 0 OUT/audio-128k-2/%d.ts
    -map [audio-surround] -c:a aac -b:a 384k -ac 6 -bsf:a noise=drop='lt(n,1)'
    -f segment -segment_format mpegts -segment_format_options pat_period=3600:sdt_period=3600:mpegts_flags=+initial_discontinuity -segment_times 5.989333,11.989333,17.989333,23.989333,29.989333,35.989333,41.989333,47.989333,53.989333 -segment_start_number 0 -output_ts_offset -0.000000 -initial_offset 9.300000 -avoid_negative_ts disabled -muxdelay 0.35 -muxpreload 0 OUT/audio-surround/%d.ts
    ");
    for it in &mut paper.plan.audio {
        it.gain = it.is_surround().then(|| Gain {
            db: Level::of_tenths(35),
            limit_dbfs: Some(Level::of_tenths(-20)),
        });
    }
    let arguments = paper.raw(|it| it.audio(second));
    let graph = values(&arguments, "-filter_complex")[0];
    insta::assert_snapshot!(graph.replace(';', ";\n"), @"
    [0:1]asetpts=PTS-(0),asplit=2[stereo1][surround1];
    [stereo1]aresample=48000,aresample=async=1:min_hard_comp=0.04:first_pts=571392,aformat=sample_fmts=fltp:channel_layouts=stereo,apad,atrim=end_pts=2880000,asplit=1[audio-128k];
    [surround1]aresample=48000,aresample=async=1:min_hard_comp=0.04:first_pts=571392,aformat=sample_fmts=fltp:channel_layouts=5.1,volume=3.5dB,alimiter=limit=0.7943:attack=5:release=50:level=disabled:latency=1,aformat=sample_fmts=fltp,apad,atrim=end_pts=2880000,asplit=1[audio-surround];
    [0:2]asetpts=PTS-(0),aresample=48000,aresample=async=1:min_hard_comp=0.04:first_pts=571392,aformat=sample_fmts=fltp:channel_layouts=stereo,apad,atrim=end_pts=2880000,asplit=1[audio-128k-2]
    ");
}

/// Units of 1,024 and of 1,536 samples begin at one sample, and each output drops those that come before
/// its first one.
#[test]
fn units_of_both_codecs_begin_together() {
    let paper = in_surround("ac-3");
    let begin = |arguments: &[String]| {
        let graph = values(arguments, "-filter_complex")[0];
        let (_, rest) = graph.split_once("first_pts=").unwrap();
        let digits = rest.split(|it: char| !it.is_ascii_digit()).next().unwrap();
        digits.parse::<u64>().unwrap()
    };
    for (chunk, first, dropped) in [
        (0, 0, ["1", "1", "0"]),
        // 12 s: unit 562 of AAC and unit 375 of AC-3, each with four units before it or more.
        (1, 568_320, ["8", "8", "5"]),
    ] {
        let chunk = paper.plan.audio_chunks[chunk].clone();
        let arguments = paper.raw(|it| it.audio(&chunk));
        assert_eq!(values(&arguments, "-c:a"), ["aac", "aac", "ac3"]);
        assert_eq!(values(&arguments, "-ac"), ["2", "2", "6"]);
        assert_eq!(values(&arguments, "-b:a"), ["128k", "128k", "384k"]);
        assert_eq!(begin(&arguments), first);
        let filters = values(&arguments, "-bsf:a");
        let expected = dropped.map(|it| format!("noise=drop='lt(n,{it})'"));
        assert_eq!(filters, expected, "{chunk:?}");
    }
}
