use proptest::prelude::*;

use super::*;

#[track_caller]
fn media(text: &str) -> MediaPlaylist {
    let parsed = MediaPlaylist::parse(text);
    assert_eq!(parsed.problems, []);
    parsed.playlist
}

#[test]
fn keys_maps_and_ranges_hold_until_they_change() {
    let playlist = media(
        "#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"800@0\"
#EXT-X-KEY:METHOD=AES-128,URI=\"a.key\",IV=0x07
#EXT-X-BYTERANGE:100@800
#EXTINF:6.006,First
all.mp4
#EXT-X-BYTERANGE:50
#EXTINF:6
all.mp4
#EXT-X-DISCONTINUITY
#EXT-X-KEY:METHOD=AES-128,URI=\"b.key\"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z
#EXTINF:3.5,
last.mp4
#EXT-X-KEY:METHOD=NONE
#EXTINF:1,
clear.mp4
#EXT-X-ENDLIST
",
    );
    let ranges: Vec<_> = playlist
        .segments
        .iter()
        .map(|it| it.byte_range.map(|it| it.value.offset))
        .collect();
    assert_eq!(ranges, [Some(800), Some(900), None, None]);
    let keys: Vec<_> = playlist
        .segments
        .iter()
        .map(|it| playlist.key_of(it).and_then(|it| it.uri.as_deref()))
        .collect();
    assert_eq!(keys, [Some("a.key"), Some("a.key"), Some("b.key"), None]);
    let sequences: Vec<_> = playlist.segments.iter().map(|it| it.sequence).collect();
    assert_eq!(sequences, [7, 8, 9, 10]);
    assert_eq!(playlist.segments[0].title.as_deref(), Some("First"));
    assert_eq!(playlist.segments[2].discontinuity, Some(14));
    assert!(playlist.segments[2].program_date_time.is_some());
    assert_eq!(playlist.keys[0].iv, Some(7_u128.to_be_bytes()));
    assert!(playlist.maps[0].keys.is_empty());
    assert_eq!(playlist.duration(), 16.506);
}

#[test]
fn a_master_playlist_says_what_there_is() {
    let text = "#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-DEFINE:NAME=\"host\",VALUE=\"a\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=2000,AVERAGE-BANDWIDTH=1000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"a\",CLOSED-CAPTIONS=NONE
v.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100,URI=\"i.m3u8\",RESOLUTION=1280x720
#EXT-X-SESSION-DATA:DATA-ID=\"title\",VALUE=\"x\"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"
";
    let parsed = Playlist::parse(text);
    assert_eq!(parsed.problems, []);
    let Playlist::Master(master) = parsed.playlist else {
        panic!("a master playlist")
    };
    assert_eq!(
        (master.variants[0].line, master.variants[0].uri_line),
        (5, 6)
    );
    assert_eq!(master.variants[0].uri, "v.m3u8");
    assert_eq!(master.variants[0].closed_captions.as_deref(), Some("NONE"));
    assert_eq!(master.variants[0].frame_rate, Some(29.97));
    assert_eq!(master.iframes[0].uri, "i.m3u8");
    assert_eq!(master.media[0].language.as_deref(), Some("en"));
    assert_eq!(master.session_data[0].value.as_deref(), Some("x"));
    assert_eq!(master.session_keys[0].uri.as_deref(), Some("k"));
    assert_eq!(
        master.defines[0].value,
        Define::Value("host".to_owned(), "a".to_owned())
    );
}

#[test]
fn faults_are_collected_with_line_and_rule() {
    let mut table = String::new();
    for text in [
        "",
        "\u{feff}#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-TARGETDURATION:7\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:six\n#EXTINF:-1,\na b.ts\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\nx.ts\n#EXTINF:6,\n#EXT-X-BYTERANGE:9\n#EXTINF:6,\ny.ts\n#EXTINF:1,\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-KEY:URI=\"a\"\n#EXT-X-MAP:BYTERANGE=\"1\"\n#EXT-X-PLAYLIST-TYPE:LIVE\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA:TYPE=AUDIO\n#EXT-X-START:PRECISE=YES\n",
        "#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=1x\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\nb.m3u8\n#EXTINF:1,\n",
        "#EXTM3U\n#EXT-X-MEDIA:TYPE=SOUND,DEFAULT=TRUE\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1\n\u{1}\n",
    ] {
        table += &format!("{:?}\n", text.chars().take(40).collect::<String>());
        for problem in Playlist::parse(text).problems {
            table += &format!("  {problem}\n");
        }
    }
    insta::assert_snapshot!(table, @r##"
    ""
      #EXT-X-TARGETDURATION is missing (RFC 8216, 4.3.3.1)
      line 1, column 1: the first line must be #EXTM3U (RFC 8216, 4.3.1.1)
    "\u{feff}#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-"
      line 1, column 1: a playlist must not begin with a byte order mark (RFC 8216, 4.1)
      line 3, column 1: #EXT-X-TARGETDURATION is there more than once (RFC 8216, 4.3.3.1)
    "#EXTM3U\n#EXT-X-TARGETDURATION:six\n#EXTIN"
      #EXT-X-TARGETDURATION is missing (RFC 8216, 4.3.3.1)
      line 2, column 23: #EXT-X-TARGETDURATION needs a decimal integer (RFC 8216, 4.3.3.1)
      line 3, column 9: #EXTINF needs a decimal number of seconds (RFC 8216, 4.3.2.1)
      line 4, column 2: a URI must not hold white space (RFC 8216, 4.1)
    "#EXTM3U\n#EXT-X-TARGETDURATION:6\nx.ts\n#EX"
      line 3, column 1: a segment needs an #EXTINF before its URI (RFC 8216, 4.3.2.1)
      line 4, column 1: #EXTINF must be followed by a URI (RFC 8216, 4.3.2.1)
      line 5, column 1: a byte range without an offset must follow a range of the same file (RFC 8216, 4.3.2.2)
      line 8, column 1: #EXTINF must be followed by a URI (RFC 8216, 4.3.2.1)
    "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-K"
      line 3, column 1: #EXT-X-KEY needs METHOD (RFC 8216, 4.3.2.4)
      line 4, column 1: #EXT-X-MAP needs URI (RFC 8216, 4.3.2.5)
      line 5, column 22: #EXT-X-PLAYLIST-TYPE needs EVENT or VOD (RFC 8216, 4.3.3.5)
    "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-M"
      line 3, column 1: #EXT-X-MEDIA does not belong into a media playlist (RFC 8216, 4.1)
      line 4, column 1: #EXT-X-START needs TIME-OFFSET (RFC 8216, 4.3.5.2)
    "#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=1x\n"
      line 2, column 1: #EXT-X-STREAM-INF needs BANDWIDTH (RFC 8216, 4.3.4.2)
      line 2, column 1: #EXT-X-STREAM-INF must be followed by a URI (RFC 8216, 4.3.4.2)
      line 2, column 30: RESOLUTION of #EXT-X-STREAM-INF must be a resolution such as 1920x1080 (RFC 8216, 4.2)
      line 5, column 1: a variant needs an #EXT-X-STREAM-INF before its URI (RFC 8216, 4.3.4.2)
      line 6, column 1: #EXTINF does not belong into a master playlist (RFC 8216, 4.1)
    "#EXTM3U\n#EXT-X-MEDIA:TYPE=SOUND,DEFAULT="
      line 2, column 1: #EXT-X-MEDIA needs GROUP-ID (RFC 8216, 4.3.4.1)
      line 2, column 1: #EXT-X-MEDIA needs NAME (RFC 8216, 4.3.4.1)
      line 2, column 19: TYPE of #EXT-X-MEDIA must be AUDIO, VIDEO, SUBTITLES or CLOSED-CAPTIONS (RFC 8216, 4.2)
      line 2, column 33: DEFAULT of #EXT-X-MEDIA must be YES or NO (RFC 8216, 4.2)
      line 3, column 1: #EXT-X-I-FRAME-STREAM-INF needs URI (RFC 8216, 4.3.4.3)
      line 4, column 1: a playlist must not hold control characters (RFC 8216, 4.1)
      line 4, column 1: a variant needs an #EXT-X-STREAM-INF before its URI (RFC 8216, 4.3.4.2)
    "##);
}

proptest! {
    #[test]
    fn any_text_is_read(text in "((#EXT(M3U|INF:|-X-(KEY|MAP|BYTERANGE|STREAM-INF|MEDIA|START|DEFINE|I-FRAME-STREAM-INF):)|[A-Z=\",0-9@x.-]|\\PC){0,12}\r?\n){0,12}") {
        let _ = Playlist::parse(&text);
        let _ = MasterPlaylist::parse(&text);
        let _ = MediaPlaylist::parse(&text);
    }
}
