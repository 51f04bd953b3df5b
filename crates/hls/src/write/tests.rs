use proptest::prelude::*;

use super::*;
use crate::Ratio;
use crate::attributes::Resolution;
use crate::bandwidth::Bandwidth;
use crate::parse::{ByteRange, MasterPlaylist, MediaPlaylist, Parsed};
use crate::rewrite::{Edit, ReferenceKind, rewrite};

mod surround;

fn segment(index: u32, ticks: u64, key: Option<&str>) -> SegmentSpec {
    SegmentSpec {
        uri: format!("720p_{index:05}.ts"),
        duration: ticks,
        byte_range: None,
        map: None,
        key: key.map(str::to_owned),
    }
}

#[test]
fn a_finished_playlist_names_a_key_where_it_begins_to_hold() {
    let segments = vec![
        segment(0, 540_000, Some("720p.key")),
        segment(1, 540_540, Some("720p.key")),
        segment(2, 90_001, None),
        segment(3, 90_000, None),
    ];
    let text = MediaPlaylistSpec {
        target_duration: 6,
        kind: MediaPlaylistKind::Vod,
        iframes_only: false,
        segments,
    }
    .render();
    insta::assert_snapshot!(text, @r#"
    #EXTM3U
    #EXT-X-VERSION:3
    #EXT-X-TARGETDURATION:6
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-PLAYLIST-TYPE:VOD
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-KEY:METHOD=AES-128,URI="720p.key"
    #EXTINF:6.000000,
    720p_00000.ts
    #EXTINF:6.006000,
    720p_00001.ts
    #EXT-X-KEY:METHOD=NONE
    #EXTINF:1.000011,
    720p_00002.ts
    #EXTINF:1.000000,
    720p_00003.ts
    #EXT-X-ENDLIST
    "#);
}

#[test]
fn a_growing_playlist_begins_at_its_start() {
    let segments = vec![segment(0, 540_000, None)];
    let spec = MediaPlaylistSpec {
        target_duration: 6,
        kind: MediaPlaylistKind::Event,
        iframes_only: false,
        segments,
    };
    let text = spec.render();
    insta::assert_snapshot!(text, @"
    #EXTM3U
    #EXT-X-VERSION:3
    #EXT-X-TARGETDURATION:6
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-PLAYLIST-TYPE:EVENT
    #EXT-X-START:TIME-OFFSET=0.01
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXTINF:6.000000,
    720p_00000.ts
    ");
    let mut longer = spec;
    longer.segments.push(segment(1, 10, None));
    assert!(
        longer.render().starts_with(&text),
        "an EVENT playlist only ever grows at its end"
    );
}

#[test]
fn an_iframe_playlist_has_ranges_that_are_encrypted_one_by_one() {
    let range = |offset| {
        Some(ByteRange {
            length: 1008,
            offset,
        })
    };
    let iframe = |offset| SegmentSpec {
        uri: "iframes_00000.ts".to_owned(),
        duration: 180_000,
        byte_range: range(offset),
        map: None,
        key: Some("iframes.key".to_owned()),
    };
    let segments = vec![iframe(0), iframe(1008)];
    let spec = MediaPlaylistSpec {
        target_duration: 6,
        kind: MediaPlaylistKind::Vod,
        iframes_only: true,
        segments,
    };
    insta::assert_snapshot!(spec.render(), @r#"
    #EXTM3U
    #EXT-X-VERSION:4
    #EXT-X-TARGETDURATION:6
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-PLAYLIST-TYPE:VOD
    #EXT-X-I-FRAMES-ONLY
    #EXT-X-KEY:METHOD=AES-128,URI="iframes.key",IV=0x00000000000000000000000000000000
    #EXTINF:2.000000,
    #EXT-X-BYTERANGE:1008@0
    iframes_00000.ts
    #EXT-X-KEY:METHOD=AES-128,URI="iframes.key",IV=0x00000000000000000000000000000001
    #EXTINF:2.000000,
    #EXT-X-BYTERANGE:1008@1008
    iframes_00000.ts
    #EXT-X-ENDLIST
    "#);
}

fn master() -> MasterPlaylistSpec {
    let variant = |name: &str, width, height, peak, audio: &str| VariantSpec {
        uri: format!("0123456789abcdef/{name}/{name}.m3u8"),
        bandwidth: Bandwidth {
            peak,
            average: peak / 2,
        },
        codecs: "avc1.64001f".to_owned(),
        video: Some(VideoSpec {
            size: Resolution { width, height },
            frame_rate: Ratio {
                num: 30_000,
                den: 1001,
            },
            range: VideoRange::Sdr,
        }),
        audio: Some(audio.to_owned()),
    };
    let audio = |kbps: u64| AudioSpec {
        group: format!("audio-{kbps}k"),
        name: "Audio".to_owned(),
        language: (kbps == 128).then(|| "en".to_owned()),
        uri: format!("0123456789abcdef/audio-{kbps}k/audio-{kbps}k.m3u8"),
        channels: 2,
        default: true,
        auto_select: true,
        characteristics: None,
        bandwidth: Bandwidth {
            peak: kbps * 1000 + 500,
            average: kbps * 1000,
        },
        codecs: "mp4a.40.2".to_owned(),
    };
    MasterPlaylistSpec {
        growing: false,
        data: vec![],
        variants: vec![
            variant("1080p", 1920, 1080, 6_000_000, "audio-128k"),
            variant("720p", 1280, 720, 3_500_000, "audio-96k"),
            variant("480p", 854, 480, 1_800_000, "audio-96k"),
            variant("360p", 640, 360, 900_000, "audio-96k"),
        ],
        audio: vec![audio(128), audio(96)],
        iframes: vec![IFramesSpec {
            uri: "0123456789abcdef/iframes/iframes.m3u8".to_owned(),
            bandwidth: Bandwidth {
                peak: 200_000,
                average: 100_000,
            },
            codecs: "avc1.64000d".to_owned(),
            size: Resolution {
                width: 320,
                height: 180,
            },
        }],
    }
}

#[test]
fn the_variant_near_two_megabits_comes_first() {
    let text = master().render();
    insta::assert_snapshot!(text, @r#"
    #EXTM3U
    #EXT-X-VERSION:4
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-128k",NAME="Audio",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="0123456789abcdef/audio-128k/audio-128k.m3u8"
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-96k",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="0123456789abcdef/audio-96k/audio-96k.m3u8"
    #EXT-X-STREAM-INF:BANDWIDTH=1896500,AVERAGE-BANDWIDTH=996000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=854x480,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-96k",CLOSED-CAPTIONS=NONE
    0123456789abcdef/480p/480p.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=6128500,AVERAGE-BANDWIDTH=3128000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-128k",CLOSED-CAPTIONS=NONE
    0123456789abcdef/1080p/1080p.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=3596500,AVERAGE-BANDWIDTH=1846000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-96k",CLOSED-CAPTIONS=NONE
    0123456789abcdef/720p/720p.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=996500,AVERAGE-BANDWIDTH=546000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-96k",CLOSED-CAPTIONS=NONE
    0123456789abcdef/360p/360p.m3u8
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=100000,CODECS="avc1.64000d",RESOLUTION=320x180,VIDEO-RANGE=SDR,URI="0123456789abcdef/iframes/iframes.m3u8"
    "#);
    assert_eq!(MasterPlaylist::parse(&text).problems, []);
}

/// Apple's players choose among the variants of the best range that the display has.
#[test]
fn an_sdr_variant_comes_before_hdr_ones() {
    let mut spec = master();
    spec.audio.clear();
    spec.iframes.clear();
    // The one that is nearest to two megabits is HDR.
    for (variant, range) in spec.variants.iter_mut().zip([
        VideoRange::Sdr,
        VideoRange::Hlg,
        VideoRange::Pq,
        VideoRange::Sdr,
    ]) {
        variant.audio = None;
        variant.video = variant.video.map(|it| VideoSpec { range, ..it });
    }
    let ranges = |spec: &MasterPlaylistSpec| {
        let parsed = MasterPlaylist::parse(&spec.render());
        assert_eq!(parsed.problems, []);
        let variants = parsed.playlist.variants.into_iter();
        let described = variants.map(|it| {
            let height = it.resolution.map_or(0, |it| it.height);
            format!("{height} {}", it.video_range.unwrap_or_default())
        });
        described.collect::<Vec<_>>()
    };
    assert_eq!(ranges(&spec), ["360 SDR", "1080 SDR", "720 HLG", "480 PQ"]);
    spec.variants
        .retain(|it| it.video.is_some_and(|it| it.range != VideoRange::Sdr));
    assert_eq!(ranges(&spec), ["480 PQ", "720 HLG"]);
}

/// Values come before the renditions, and have no character that would end them.
#[test]
fn values_are_session_data() {
    let value = |id: &str, value: &str| SessionValue {
        id: id.to_owned(),
        value: value.to_owned(),
    };
    let spec = MasterPlaylistSpec {
        data: vec![
            value("com.example.a", "corner"),
            value("com.example.b", "\"\n"),
        ],
        ..master()
    };
    let text = spec.render();
    let lines: Vec<_> = text.lines().skip(3).take(2).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    #EXT-X-SESSION-DATA:DATA-ID="com.example.a",VALUE="corner"
    #EXT-X-SESSION-DATA:DATA-ID="com.example.b",VALUE="__"
    "#);
    let Parsed { playlist, problems } = MasterPlaylist::parse(&text);
    assert_eq!((playlist.session_data.len(), problems), (2, vec![]));
    // Captions and chapters are added without regard to them.
    let chapters = with_chapters(&text, Some("chapters/1.json"));
    assert!(chapters.contains(&lines.join("\n")), "{chapters}");
}

#[test]
fn players_begin_a_growing_video_at_its_beginning() {
    let finished = master();
    let growing = MasterPlaylistSpec {
        growing: true,
        ..finished.clone()
    };
    let text = growing.render();
    // After the variants: FFmpeg takes the tag for a variant.
    assert_eq!(
        text,
        format!("{}#EXT-X-START:TIME-OFFSET=0.01\n", finished.render())
    );
    let Parsed { playlist, problems } = MasterPlaylist::parse(&text);
    assert_eq!(problems, []);
    let start = playlist.start.unwrap().value;
    // Without PRECISE, players show all of the first segment; Shaka Player takes 0 for no offset.
    assert!(start.time_offset > 0.0 && !start.precise, "{start:?}");
    let media = MediaPlaylistSpec {
        target_duration: 6,
        kind: MediaPlaylistKind::Event,
        iframes_only: false,
        segments: vec![segment(0, 540_000, None)],
    };
    let of_media = MediaPlaylist::parse(&media.render())
        .playlist
        .start
        .unwrap()
        .value;
    assert_eq!(of_media, start, "RFC 8216, 4.3.5: the same value in both");
    let rewritten = rewrite(&text, &[], |it, out| {
        out.push_str("/s/pass/");
        if it.kind == ReferenceKind::Media {
            Edit::Keep
        } else {
            Edit::Replace
        }
    });
    assert!(
        rewritten.ends_with("\n#EXT-X-START:TIME-OFFSET=0.01\n"),
        "the edge passes it on: {rewritten}"
    );
}

#[test]
fn a_silent_video_has_no_audio_group() {
    let mut spec = master();
    spec.audio.clear();
    spec.iframes.clear();
    spec.variants.truncate(1);
    spec.variants[0].audio = None;
    insta::assert_snapshot!(spec.render(), @r#"
    #EXTM3U
    #EXT-X-VERSION:4
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-STREAM-INF:BANDWIDTH=6000000,AVERAGE-BANDWIDTH=3000000,CODECS="avc1.64001f",RESOLUTION=1920x1080,FRAME-RATE=29.970,VIDEO-RANGE=SDR,CLOSED-CAPTIONS=NONE
    0123456789abcdef/1080p/1080p.m3u8
    "#);
}

#[test]
fn the_target_duration_is_the_longest_rounded() {
    assert_eq!(target_duration([]), 1);
    assert_eq!(target_duration([540_000, 540_540]), 6);
    assert_eq!(target_duration([584_999]), 6);
    assert_eq!(target_duration([585_000]), 7);
    assert_eq!(target_duration([u64::MAX]), u32::MAX);
}

#[test]
fn an_initialisation_section_is_never_encrypted() {
    let segment = |index: u32, map: &str| SegmentSpec {
        uri: format!("720p_{index:05}.m4s"),
        map: Some(map.to_owned()),
        ..segment(index, 540_000, Some("720p.key"))
    };
    let (first, second) = ("720p_init.mp4", "720p_init-2.mp4");
    let spec = MediaPlaylistSpec {
        target_duration: 6,
        kind: MediaPlaylistKind::Vod,
        iframes_only: false,
        segments: vec![segment(0, first), segment(1, first), segment(2, second)],
    };
    insta::assert_snapshot!(spec.render(), @r#"
    #EXTM3U
    #EXT-X-VERSION:6
    #EXT-X-TARGETDURATION:6
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-PLAYLIST-TYPE:VOD
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-MAP:URI="720p_init.mp4"
    #EXT-X-KEY:METHOD=AES-128,URI="720p.key"
    #EXTINF:6.000000,
    720p_00000.m4s
    #EXTINF:6.000000,
    720p_00001.m4s
    #EXT-X-KEY:METHOD=NONE
    #EXT-X-MAP:URI="720p_init-2.mp4"
    #EXT-X-KEY:METHOD=AES-128,URI="720p.key"
    #EXTINF:6.000000,
    720p_00002.m4s
    #EXT-X-ENDLIST
    "#);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        durations in prop::collection::vec((1_u64..900_000, any::<bool>(), prop::option::of((0_u64..1 << 40, 0_u64..1 << 40)), 1..3), 0..20),
        mapped in any::<bool>(),
        vod in any::<bool>(),
        iframes_only in any::<bool>(),
    ) {
        let segments: Vec<_> = durations
            .iter()
            .enumerate()
            .map(|(index, (duration, encrypted, range, map))| SegmentSpec {
                uri: format!("a_{index:05}.ts"),
                duration: *duration,
                byte_range: range.map(|(length, offset)| ByteRange { length, offset }),
                map: mapped.then(|| format!("a_init-{map}.mp4")),
                key: encrypted.then(|| "a.key".to_owned()),
            })
            .collect();
        let kind = if vod { MediaPlaylistKind::Vod } else { MediaPlaylistKind::Event };
        let spec = MediaPlaylistSpec { target_duration: 10, kind, iframes_only, segments };
        let parsed = MediaPlaylist::parse(&spec.render());
        prop_assert_eq!(&parsed.problems, &[]);
        let playlist = parsed.playlist;
        prop_assert_eq!(playlist.end_list.is_some(), vod);
        prop_assert_eq!(playlist.iframes_only.is_some(), iframes_only);
        let again: Vec<_> = playlist
            .segments
            .iter()
            .map(|it| SegmentSpec {
                uri: it.uri.clone(),
                duration: (it.duration.unwrap().value * 90_000.0).round() as u64,
                byte_range: it.byte_range.map(|it| it.value),
                map: it.map.map(|it| playlist.maps[it].uri.clone()),
                key: playlist.key_of(it).and_then(|key| key.uri.clone()),
            })
            .collect();
        prop_assert_eq!(again, spec.segments);
        // No key applies to an initialisation section.
        for map in &playlist.maps {
            let keys = map.keys.iter().filter_map(|it| playlist.keys[*it].uri.as_ref());
            prop_assert_eq!(keys.count(), 0);
        }
        for segment in &playlist.segments {
            if let Some(key) = playlist.key_of(segment) {
                prop_assert_eq!(key.iv_at(segment.sequence), u128::from(segment.sequence).to_be_bytes());
            }
        }
    }
}
