use captions::CaptionChannel;
use domain::probe::{HdrColors, HdrMatrix, HdrPrimaries, HighDynamicRange, LightLevels};

use super::*;

/// The streams of a source that has video.
fn of_video(json: &str) -> Found {
    parse_streams(json).unwrap().of_video()
}

#[test]
fn what_ffprobe_says_is_understood() {
    let json = r#"{"streams":[
        {"index":0,"codec_type":"audio","codec_name":"aac","sample_fmt":"fltp","profile":"LC","channels":6,"sample_rate":"48000",
         "start_time":"0.043991","duration":"1.0","bit_rate":"192580","tags":{"language":"und"}},
        {"index":1,"codec_type":"video","codec_name":"mjpeg","width":300,"height":300,"disposition":{"attached_pic":1}},
        {"index":2,"codec_type":"video","codec_name":"hevc","width":1920,"height":1080,"pix_fmt":"yuv420p10le",
         "sample_aspect_ratio":"1:1","field_order":"tt","color_transfer":"arib-std-b67","color_primaries":"bt2020",
         "r_frame_rate":"30000/1001","avg_frame_rate":"30000/1001","time_base":"1/90000","start_pts":3003,
         "side_data_list":[{"side_data_type":"Display Matrix","rotation":-90}]}],
        "format":{"duration":"12.5"}}"#;
    let streams = of_video(json);
    assert_eq!(
        (streams.video.index, streams.video.rotation, streams.fields),
        (2, 90, Some(true))
    );
    assert_eq!(streams.video.hdr, Some(HighDynamicRange::Hlg));
    assert_eq!(
        (streams.video.start_pts, streams.video.pixel_aspect),
        (3003, None)
    );
    assert_eq!(streams.duration_seconds, Some(12.5));
    let audio = &streams.audio[0];
    assert_eq!(
        (audio.index, audio.channels, audio.language.as_deref()),
        (0, 6, None)
    );
}

#[test]
fn text_streams_have_a_language_and_a_kind() {
    let json = r#"{"streams":[
        {"index":0,"codec_type":"video","codec_name":"h264","width":320,"height":180,"pix_fmt":"yuv420p"},
        {"index":2,"codec_type":"subtitle","codec_name":"subrip","tags":{"language":"eng","title":" Full\u0007 "}},
        {"index":3,"codec_type":"subtitle","codec_name":"ass","disposition":{"hearing_impaired":1},"tags":{"language":"eng"}},
        {"index":4,"codec_type":"subtitle","codec_name":"mov_text","disposition":{"forced":1},"tags":{"language":"eng"}},
        {"index":5,"codec_type":"subtitle","codec_name":"webvtt","tags":{"language":"eng","title":""}},
        {"index":6,"codec_type":"subtitle","codec_name":"subrip","tags":{"language":"eng"}},
        {"index":7,"codec_type":"subtitle","codec_name":"subrip"},
        {"index":8,"codec_type":"subtitle","codec_name":"hdmv_pgs_subtitle","tags":{"language":"eng"}}]}"#;
    let found = parse_streams(json).unwrap().of_video().subtitles;
    let tracks: Vec<_> = found
        .tracks
        .iter()
        .map(|it| {
            (
                it.index,
                it.language.as_str(),
                it.title.as_deref(),
                it.forced,
                it.sdh,
            )
        })
        .collect();
    assert_eq!(
        tracks,
        [
            (2, "en", Some("Full"), false, false),
            (3, "en", None, false, true),
            (4, "en", None, true, false),
            (5, "en-x-2", None, false, false),
            (6, "en-x-3", None, false, false),
            (7, "und", None, false, false),
        ]
    );
    assert!(found.others, "images");
    let without = r#"{"streams":[{"index":0,"codec_type":"video","codec_name":"vp9","width":320,"height":180}]}"#;
    assert_eq!(
        parse_streams(without).unwrap().of_video().subtitles,
        Subtitles::default()
    );
}

#[test]
fn channels_of_closed_captions_are_tracks_beside_the_text_streams() {
    let of = |codec: &str, tags: &str| {
        let json = format!(
            r#"{{"streams":[{{"index":3,"codec_type":"video","codec_name":"{codec}","width":320,"height":180{tags}}},
            {{"index":4,"codec_type":"subtitle","codec_name":"subrip","tags":{{"language":"eng"}}}},
            {{"index":5,"codec_type":"subtitle","codec_name":"subrip"}}]}}"#
        );
        let found = parse_streams(&json).unwrap().of_video().subtitles;
        let tracks = found
            .closed_captions(&[CaptionChannel::Cea608(1), CaptionChannel::Cea708(2)])
            .into_iter();
        let tracks = tracks.map(|it| (it.index, it.language.to_string(), it.title));
        tracks.collect::<Vec<_>>()
    };
    let tracks = |first: &str, second: &str| {
        let track = |language: &str, name: &str| (3, language.to_owned(), Some(name.to_owned()));
        vec![track(first, "CC1"), track(second, "Service 2")]
    };
    assert_eq!(of("h264", ""), tracks("und-x-2", "und-x-3"));
    let english = r#","tags":{"language":"eng"}"#;
    assert_eq!(of("hevc", english), tracks("en-x-2", "und-x-2"));
    let german = r#","tags":{"language":"deu"}"#;
    assert_eq!(of("mpeg2video", german), tracks("de", "und-x-2"));
    assert_eq!(of("vp9", english), []);
}

#[test]
fn chapters_have_a_start_and_a_title() {
    let json = r#"{"streams":[{"index":0,"codec_type":"video","codec_name":"h264","width":320,"height":180}],
        "chapters":[{"start_time":"0.000000","tags":{"title":"One"}},{"start_time":"61.500000","tags":{"title":"Two"}},
        {"start_time":"90.0"},{"tags":{"title":"No time"}},{"start_time":"inf","tags":{"title":"Never"}}]}"#;
    assert_eq!(
        parse_streams(json).unwrap().of_video().chapters,
        [(0.0, "One".to_owned()), (61.5, "Two".to_owned())]
    );
}

#[test]
fn what_cannot_be_used_says_why() {
    let of = |json: &str| parse_streams(json).unwrap_err();
    assert_eq!(of("{}"), SourceProblem::NoVideoStream);
    assert_eq!(of("rubbish"), SourceProblem::NotAVideo);
    assert_eq!(
        of(r#"{"streams":[{"index":0,"codec_type":"video","codec_tag_string":"encv"}]}"#),
        SourceProblem::EncryptedSource
    );
    assert_eq!(
        of(
            r#"{"streams":[{"index":0,"codec_type":"video","codec_tag_string":"vvc1","width":1,"height":1}]}"#
        ),
        SourceProblem::UnsupportedCodec {
            codec: "vvc1".to_owned()
        }
    );
    for (colors, name) in [
        (
            r#""side_data_list":[{"side_data_type":"DOVI configuration record","dv_profile":5,"dv_bl_signal_compatibility_id":0}]"#,
            "Dolby Vision profile 5",
        ),
        (r#""color_space":"ictcp""#, "ICTCP"),
    ] {
        let json = format!(
            r#"{{"streams":[{{"index":0,"codec_type":"video","codec_name":"hevc","width":1,"height":1,{colors}}}]}}"#
        );
        assert_eq!(
            of(&json),
            SourceProblem::UnsupportedCodec {
                codec: name.to_owned()
            }
        );
    }
    let compatible = r#"{"streams":[{"index":0,"codec_type":"video","codec_name":"hevc","width":2,"height":2,
        "side_data_list":[{"dv_profile":8,"dv_bl_signal_compatibility_id":4}]}]}"#;
    assert!(parse_streams(compatible).is_ok());
    assert_eq!(
        of(r#"{"streams":[{"index":0,"codec_type":"audio","sample_rate":"1000000000"}]}"#),
        SourceProblem::Damaged
    );
}

fn chosen(streams: &str) -> (u32, Option<u32>) {
    let found = of_video(&format!(r#"{{"streams":[{streams}]}}"#));
    (found.video.index, found.audio.first().map(|it| it.index))
}

#[test]
fn streams_that_play_are_chosen() {
    let video =
        r#""codec_type":"video","codec_name":"h264","width":640,"height":360,"pix_fmt":"yuv420p""#;
    let audio = r#""codec_type":"audio","codec_name":"aac","channels":2,"sample_rate":"48000","sample_fmt":"fltp""#;
    let default = r#""disposition":{"default":1}"#;
    // An empty programme in front, and a language that is only announced.
    let empty = r#"{"index":0,"codec_type":"video","codec_name":"h264","width":0,"height":0}"#;
    let silent =
        r#"{"index":2,"codec_type":"audio","codec_name":"aac","channels":0,"sample_rate":"0"}"#;
    let text = format!("{empty},{{\"index\":1,{video}}},{silent},{{\"index\":3,{audio}}}");
    assert_eq!(chosen(&text), (1, Some(3)));
    // A default track that nothing decodes.
    let spatial = r#"{"index":1,"codec_type":"audio","channels":4,"sample_rate":"48000","disposition":{"default":1}}"#;
    let text = format!("{{\"index\":0,{video}}},{spatial},{{\"index\":2,{audio}}}");
    assert_eq!(chosen(&text), (0, Some(2)));
    // The container's choice among those that play.
    let text = format!(
        "{{\"index\":0,{video}}},{{\"index\":1,{audio}}},{{\"index\":2,{audio},{default}}}"
    );
    assert_eq!(chosen(&text), (0, Some(2)));
}

#[test]
fn sound_comes_from_the_programme_of_the_picture() {
    let json = r#"{"programs":[{"streams":[{"index":0}]},{"streams":[{"index":1},{"index":2}]}],"streams":[
        {"index":0,"codec_type":"audio","codec_name":"aac","channels":2,"sample_rate":"48000","sample_fmt":"fltp"},
        {"index":1,"codec_type":"video","codec_name":"h264","width":640,"height":360,"pix_fmt":"yuv420p"},
        {"index":2,"codec_type":"audio","codec_name":"aac","channels":2,"sample_rate":"48000","sample_fmt":"fltp"}]}"#;
    assert_eq!(of_video(json).audio[0].index, 2);
}

#[test]
fn a_matrix_turns_and_mirrors() {
    let of = |rows: [[i64; 2]; 2], rotation: f64| {
        let text = format!(
            "\n00000000: {} {} 0\n00000001: {} {} 0\n00000002: 0 0 1073741824\n",
            rows[0][0], rows[0][1], rows[1][0], rows[1][1]
        );
        orientation(&[SideData {
            displaymatrix: Some(text),
            rotation: Some(rotation),
            ..SideData::default()
        }])
    };
    assert_eq!(of([[65536, 0], [0, 65536]], 0.0), (0, false));
    assert_eq!(of([[0, 65536], [-65536, 0]], -90.0), (90, false));
    assert_eq!(of([[-65536, 0], [0, -65536]], 180.0), (180, false));
    assert_eq!(of([[65536, 0], [0, -65536]], 0.0), (0, true));
    assert_eq!(of([[-65536, 0], [0, 65536]], 180.0), (0, true));
    assert_eq!(of([[0, 65536], [65536, 0]], 90.0), (90, true));
    assert_eq!(orientation(&[]), (0, false));
}

/// One line for each track, and whether others are left out.
fn listed(found: &[AudioStream], left_out: bool) -> String {
    let line = |it: &AudioStream| format!("{} {:?} {:?}", it.index, it.language, it.purpose);
    let lines: Vec<_> = found.iter().map(line).collect();
    format!("{} left out: {left_out}", lines.join("; "))
}

#[test]
fn all_tracks_of_the_video_are_found() {
    let video = r#"{"index":0,"codec_type":"video","codec_name":"h264","width":640,"height":360,"pix_fmt":"yuv420p"}"#;
    let audio = |index: u32, more: &str| {
        format!(
            r#"{{"index":{index},"codec_type":"audio","codec_name":"aac","channels":2,"sample_rate":"48000","sample_fmt":"fltp"{more}}}"#
        )
    };
    let list = |streams: &[String]| {
        let json = format!(r#"{{"streams":[{video},{}]}}"#, streams.join(","));
        let found = of_video(&json);
        listed(&found.audio, found.left_out)
    };
    let streams = [
        audio(
            1,
            r#","tags":{"language":"eng","title":"Stereo"},"disposition":{"comment":1}"#,
        ),
        audio(
            2,
            r#","tags":{"language":"deu"},"disposition":{"default":1}"#,
        ),
        audio(3, r#","disposition":{"visual_impaired":1}"#),
        audio(4, r#","disposition":{"descriptions":1}"#),
        audio(5, r#","disposition":{"hearing_impaired":1}"#),
    ];
    insta::assert_snapshot!(list(&streams), @r#"2 Some("deu") Main; 1 Some("eng") Commentary; 3 None Descriptions; 4 None Descriptions; 5 None HearingImpaired left out: false"#);
    // A track without a decoder, and one that is only announced.
    let spatial = r#"{"index":2,"codec_type":"audio","channels":4,"sample_rate":"48000"}"#;
    let silent =
        r#"{"index":3,"codec_type":"audio","codec_name":"aac","channels":0,"sample_rate":"0"}"#;
    let streams = [audio(1, ""), spatial.to_owned(), silent.to_owned()];
    insta::assert_snapshot!(list(&streams), @"1 None Main left out: true");
    let many: Vec<_> = (1..=9).map(|it| audio(it, "")).collect();
    assert!(list(&many[..8]).ends_with("left out: false"));
    assert!(
        list(&many).ends_with("8 None Main left out: true"),
        "{}",
        list(&many)
    );
}

#[test]
fn audio_alone_is_found_beside_a_cover() {
    let found = |json: &str| match parse_streams(json) {
        Ok(Streams::Audio(found)) => Ok((found.tracks[0].index, found.duration_seconds)),
        Ok(Streams::Video(found)) => panic!("it has no video: {found:?}"),
        Err(problem) => Err(problem),
    };
    let song = r#"{"streams":[
        {"index":0,"codec_type":"audio","codec_name":"mp3","channels":2,"sample_rate":"44100","sample_fmt":"fltp"},
        {"index":1,"codec_type":"video","codec_name":"mjpeg","width":300,"height":300,"disposition":{"attached_pic":1}}],
        "format":{"duration":"9.5"}}"#;
    assert_eq!(found(song), Ok((0, Some(9.5))));
    let unknown = r#"{"streams":[{"index":0,"codec_type":"audio","codec_tag_string":"owma","channels":2,"sample_rate":"44100"}]}"#;
    let unsupported = SourceProblem::UnsupportedCodec {
        codec: "owma".to_owned(),
    };
    assert_eq!(found(unknown), Err(unsupported));
    let announced =
        r#"{"streams":[{"index":0,"codec_type":"audio","codec_name":"aac","sample_rate":"0"}]}"#;
    assert_eq!(found(announced), Err(SourceProblem::Damaged));
    let cover =
        r#"{"streams":[{"index":0,"codec_type":"video","disposition":{"attached_pic":1}}]}"#;
    assert_eq!(found(cover), Err(SourceProblem::NoVideoStream));
}

/// A text stream of a file without video becomes captions, as it does beside video.
#[test]
fn audio_alone_has_subtitles() {
    let json = r#"{"streams":[
        {"index":0,"codec_type":"audio","codec_name":"aac","channels":2,"sample_rate":"48000","sample_fmt":"fltp"},
        {"index":1,"codec_type":"subtitle","codec_name":"subrip","tags":{"language":"ger"}},
        {"index":2,"codec_type":"subtitle","codec_name":"hdmv_pgs_subtitle"}]}"#;
    let Ok(Streams::Audio(found)) = parse_streams(json) else {
        panic!("it has only audio");
    };
    let languages: Vec<&str> = found
        .subtitles
        .tracks
        .iter()
        .map(|it| it.language.as_str())
        .collect();
    assert_eq!(languages, ["de"]);
    assert!(found.subtitles.others && found.subtitles.captioned.is_none());
}

/// Dolby Vision with a compatible base layer is HDR10 or HLG for everyone else.
#[test]
fn the_colours_of_hdr() {
    let of = |colors: &str| {
        of_video(&format!(
            r#"{{"streams":[{{"index":0,"codec_type":"video","codec_name":"hevc","width":320,"height":180,
                "pix_fmt":"yuv420p10le",{colors}}}]}}"#
        ))
        .video
    };
    let phone = of(
        r#""color_range":"tv","color_transfer":"arib-std-b67","color_primaries":"bt2020",
        "color_space":"bt2020nc","side_data_list":[{"side_data_type":"DOVI configuration record",
        "dv_profile":8,"dv_bl_signal_compatibility_id":4}]"#,
    );
    assert_eq!(phone.hdr, Some(HighDynamicRange::Hlg));
    assert_eq!(phone.hdr_colors, HdrColors::default());
    let film = of(
        r#""color_range":"pc","color_transfer":"smpte2084","color_primaries":"smpte432",
        "color_space":"bt2020c","side_data_list":[{"dv_profile":8,"dv_bl_signal_compatibility_id":1},
        {"side_data_type":"Content light level metadata","max_content":900,"max_average":0}]"#,
    );
    assert_eq!(film.hdr, Some(HighDynamicRange::Pq));
    let expected = HdrColors {
        primaries: HdrPrimaries::DisplayP3,
        matrix: HdrMatrix::Bt2020Constant,
        full_range: true,
        mastering_display: None,
        light_levels: Some(LightLevels {
            max_content: 900,
            max_average: 0,
        }),
    };
    assert_eq!(film.hdr_colors, expected);
    let sdr = of(
        r#""color_range":"pc","color_transfer":"bt2020-10","color_primaries":"bt2020",
        "color_space":"bt2020nc","side_data_list":[{"max_content":900,"max_average":0}]"#,
    );
    assert_eq!((sdr.hdr, sdr.hdr_colors), (None, HdrColors::default()));
}
