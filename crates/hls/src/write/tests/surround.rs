use super::*;

/// Each rung is listed with both groups. Whatever their rates, those in stereo come first.
#[test]
fn variants_in_surround_follow_those_in_stereo() {
    let mut spec = master();
    spec.audio.retain(|it| it.group == "audio-96k");
    spec.variants
        .retain(|it| it.audio.as_deref() == Some("audio-96k"));
    let surround = spec.variants.clone().into_iter().map(|it| VariantSpec {
        audio: Some("audio-surround".to_owned()),
        ..it
    });
    spec.variants.extend(surround);
    spec.audio.push(AudioSpec {
        group: "audio-surround".to_owned(),
        uri: "0123456789abcdef/audio-surround/audio-surround.m3u8".to_owned(),
        channels: 6,
        bandwidth: Bandwidth {
            peak: 400_000,
            average: 390_000,
        },
        codecs: "ac-3".to_owned(),
        ..spec.audio[0].clone()
    });
    let text = spec.render();
    insta::assert_snapshot!(text, @r#"
    #EXTM3U
    #EXT-X-VERSION:4
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-96k",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="0123456789abcdef/audio-96k/audio-96k.m3u8"
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-surround",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="6",URI="0123456789abcdef/audio-surround/audio-surround.m3u8"
    #EXT-X-STREAM-INF:BANDWIDTH=1896500,AVERAGE-BANDWIDTH=996000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=854x480,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-96k",CLOSED-CAPTIONS=NONE
    0123456789abcdef/480p/480p.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=3596500,AVERAGE-BANDWIDTH=1846000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-96k",CLOSED-CAPTIONS=NONE
    0123456789abcdef/720p/720p.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=996500,AVERAGE-BANDWIDTH=546000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-96k",CLOSED-CAPTIONS=NONE
    0123456789abcdef/360p/360p.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=3900000,AVERAGE-BANDWIDTH=2140000,CODECS="avc1.64001f,ac-3",RESOLUTION=1280x720,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-surround",CLOSED-CAPTIONS=NONE
    0123456789abcdef/720p/720p.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=2200000,AVERAGE-BANDWIDTH=1290000,CODECS="avc1.64001f,ac-3",RESOLUTION=854x480,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-surround",CLOSED-CAPTIONS=NONE
    0123456789abcdef/480p/480p.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=1300000,AVERAGE-BANDWIDTH=840000,CODECS="avc1.64001f,ac-3",RESOLUTION=640x360,FRAME-RATE=29.970,VIDEO-RANGE=SDR,AUDIO="audio-surround",CLOSED-CAPTIONS=NONE
    0123456789abcdef/360p/360p.m3u8
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=200000,AVERAGE-BANDWIDTH=100000,CODECS="avc1.64000d",RESOLUTION=320x180,VIDEO-RANGE=SDR,URI="0123456789abcdef/iframes/iframes.m3u8"
    "#);
    assert_eq!(MasterPlaylist::parse(&text).problems, []);
    // Without stereo, the rule of the first variant holds for surround.
    spec.variants
        .retain(|it| it.audio.as_deref() == Some("audio-surround"));
    let text = spec.render();
    let first = text.lines().find(|it| it.ends_with(".m3u8")).unwrap();
    assert_eq!(first, "0123456789abcdef/480p/480p.m3u8");
}
