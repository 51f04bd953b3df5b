//! Whole files: tables, snapshots and properties.

use proptest::prelude::*;

use super::*;

/// The WebVTT of a file, and its warnings; or its error.
fn read(file: &str) -> String {
    match parse(file.as_bytes()) {
        Ok(parsed) => {
            let mut out = parsed.track.to_vtt();
            for warning in &parsed.warnings {
                out.push_str(&format!("! {warning}\n"));
            }
            out
        }
        Err(error) => format!("!! {error}"),
    }
}

#[test]
fn subrip_becomes_webvtt() {
    let file = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i> & welcome\r\n\r\n\
        2\r\n0:0:03,5 --> 0:00:05  X1:10 X2:20\r\n{\\an8}At the top\r\n\r\nand on\r\n\r\n\r\n\
        00:00:06,000 --> 00:00:07,000\r\n-->\r\n7\r\n00:00:07,000 --> 00:00:06,000\r\nbackwards\r\n";
    insta::assert_snapshot!(read(file), @"
    WEBVTT

    00:00:01.000 --> 00:00:02.500
    <i>Hello</i> &amp; welcome

    00:00:03.500 --> 00:00:05.000 line:0
    At the top
    and on

    00:00:06.000 --> 00:00:07.000
    --&gt;
    ! line 6: markup that WebVTT does not have was removed or escaped
    ! line 15: a cue that ends before it begins was left out
    ");
}

#[test]
fn webvtt_is_cleaned() {
    let file = "\u{feff}WEBVTT - a title\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n\
        NOTE a note\nof two lines\n\nSTYLE\n::cue { color: red }\n\n\
        intro\n00:05.000 --> 00:06.000 line:0 colour:red\nsecond\n\n\
        00:01.000 --> 00:02.000 align:left\n<v Mary>first<br>line\n\n\
        stray\n\n00:07.000 --> 00:08.000\n<i></i>\n";
    insta::assert_snapshot!(read(file), @"
    WEBVTT

    00:00:01.000 --> 00:00:02.000 align:left
    <v Mary>first
    line</v>

    00:00:05.000 --> 00:00:06.000 line:0
    second
    ! line 2: X-TIMESTAMP-MAP was ignored: times count from the start of the video
    ! line 7: the block `STYLE` was removed
    ! line 11: invalid cue settings were left out
    ! line 14: markup that WebVTT does not have was removed or escaped
    ! line 17: text without a time line was left out
    ! line 19: a cue without text was left out
    ! cues that were not in the order of their times were sorted
    ");
}

#[test]
fn ttml_becomes_webvtt() {
    let file = r#"<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling"
    xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25" ttp:timeBase="media">
  <head>
    <styling><style xml:id="loud" tts:fontWeight="bold"/></styling>
    <layout>
      <region xml:id="above" tts:origin="10% 10%" tts:displayAlign="before"/>
      <region xml:id="below"><style tts:displayAlign="after"/></region>
    </layout>
  </head>
  <body><div begin="10s">
    <p begin="00:00:01.000" end="00:00:02:05" region="below">one <span tts:fontStyle="italic">two</span>
      &amp; three<br/>four</p>
    <p begin="3s" dur="500ms" region="above" style="loud">at the top &#228;</p>
    <p><span begin="5s" end="6s">in</span><br/><span begin="6s" end="7s">parts</span></p>
    <p begin="8s">endless</p>
    <p begin="9s" end="10s"><metadata>hidden</metadata> </p>
  </div></body>
</tt>"#;
    insta::assert_snapshot!(read(file), @"
    WEBVTT

    00:00:11.000 --> 00:00:12.200
    one <i>two</i> &amp; three
    four

    00:00:13.000 --> 00:00:13.500 line:0
    <b>at the top </b><b>ä</b>

    00:00:15.000 --> 00:00:16.000
    in

    00:00:16.000 --> 00:00:17.000
    parts
    ! line 16: a paragraph without an end was left out
    ");
}

#[test]
fn unusable_files_name_line_and_reason() {
    let bomb = "<!DOCTYPE tt [<!ENTITY a \"aaaa\">]><tt><body>&a;</body></tt>";
    let deep = format!("<tt>{}", "<div>".repeat(70));
    let files = [
        "",
        "\u{feff} \n",
        "hello",
        "WEBVTT",
        "WEBVTTX\n\n00:01.000 --> 00:02.000\nx",
        "WEBVTT\n\n00:01.000 --> 00:61.000\nx",
        "1\n00:00:01,000 --> never\nx",
        "1\n00:00:01,000 --> 00:00:02,000\nx\n\n2\n00:00:0x,000 --> 00:00:02,000\nx",
        "intro\n\n1\n00:00:01,000 --> 00:00:02,000\nx",
        "[Script Info]\nTitle: x",
        "{1}{25}x",
        "# VobSub index file, v7",
        "<html><body>x</body></html>",
        "<tt><body><p begin=\"1s\" end=\"x\">x</p></body></tt>",
        "<tt>\n<body>\n<p begin=\"1s\" end=\"2s\">x</body></tt>",
        "<tt><body><p begin=\"1s\" end=\"2s\">x",
        "<tt><body><p begin=\"1s\" end=\"2s\">&nbsp;</p></body></tt>",
        "<tt><body><div begin=\"1s\" end=\"2s\" smpte:backgroundImage=\"#a\"/></body></tt>",
        bomb,
        &deep,
    ];
    let table: String = files
        .iter()
        .map(|it| format!("{}\n", read(it).trim_end()))
        .collect();
    insta::assert_snapshot!(table, @"
    !! the file has no cue with a text
    !! the file has no cue with a text
    !! the file is not SRT, WebVTT or TTML
    !! the file has no cue with a text
    !! line 1: expected a cue, such as `00:00:01,000 --> 00:00:04,000` and a line of text
    !! line 3: `00:01.000 --> 00:61.000` is not a time such as `00:00:01.000 --> 00:00:04.000`
    !! line 2: `00:00:01,000 --> never` is not a time such as `00:00:01,000 --> 00:00:04,000`
    !! line 6: `00:00:0x,000 --> 00:00:02,000` is not a time such as `00:00:01,000 --> 00:00:04,000`
    !! line 1: expected a cue, such as `00:00:01,000 --> 00:00:04,000` and a line of text
    !! SubStation Alpha cannot be read: convert the file to SRT, WebVTT or TTML
    !! MicroDVD cannot be read: convert the file to SRT, WebVTT or TTML
    !! VobSub (DVD) subtitles are images, which cannot be converted to text
    !! the file is not SRT, WebVTT or TTML
    !! line 1: `x` is not a time such as `00:00:01.000` or `1.5s`
    !! line 3: the XML is not well-formed: ill-formed document: expected `</p>`, but `</body>` was found
    !! line 1: the XML is not well-formed: the end of the file is missing
    !! line 1: the XML has a reference to an entity, which is not accepted
    !! IMSC image subtitles are images, which cannot be converted to text
    !! line 1: the XML has a document type definition, which is not accepted
    !! line 1: the XML is not well-formed: more than 64 nested elements
    ");
    assert_eq!(
        parse(b"PG\0\xff\0").unwrap_err().to_string(),
        "PGS (Blu-ray) subtitles are images, which cannot be converted to text"
    );
}

#[test]
fn limits_are_errors() {
    let cue = |text: &str| format!("1\n00:00:01,000 --> 00:00:02,000\n{text}\n\n");
    let error = |file: &str| parse(file.as_bytes()).unwrap_err();
    assert_eq!(
        error(&cue(&"x".repeat(MAX_CUE_CHARACTERS + 1))).reason,
        Reason::CueTooLong
    );
    assert!(parse(cue(&"x".repeat(MAX_CUE_CHARACTERS)).as_bytes()).is_ok());
    assert_eq!(
        error(&cue("x").repeat(MAX_CUES + 1)).reason,
        Reason::TooManyCues
    );
    assert_eq!(error(&" ".repeat(MAX_BYTES + 1)).reason, Reason::TooLarge);
    let many = parse(cue("<font>x</font>").repeat(200).as_bytes()).unwrap();
    assert_eq!(many.warnings.len(), 50);
    assert_eq!(many.warnings[49].to_string(), "151 more corrections");
}

fn track() -> Track {
    let cue = |start_ms, end_ms, text: &str| Cue {
        start_ms,
        end_ms,
        settings: String::new(),
        text: text.to_owned(),
    };
    Track {
        cues: vec![
            cue(0, 1_000, "Où est la <i>Gare</i>\ndu Nord?"),
            cue(29_500, 61_000, "Straße"),
            cue(59_000, 80_000, "the end"),
            cue(90_000, 91_000, "after the end"),
        ],
    }
}

#[test]
fn segments_repeat_cues_that_span_them() {
    let segments = Segments {
        total_ms: 65_500,
        length_ms: 30_000,
        begins_at_ticks: 900_000,
    };
    assert_eq!(segments.count(), 3);
    assert_eq!(segments.range(2), (60_000, 65_500));
    insta::assert_snapshot!(segments.cut(&track()).join("=====\n"), @"
    WEBVTT
    X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

    00:00:00.000 --> 00:00:01.000
    Où est la <i>Gare</i>
    du Nord?

    00:00:29.500 --> 00:01:01.000
    Straße
    =====
    WEBVTT
    X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

    00:00:29.500 --> 00:01:01.000
    Straße

    00:00:59.000 --> 00:01:05.500
    the end
    =====
    WEBVTT
    X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

    00:00:29.500 --> 00:01:01.000
    Straße

    00:00:59.000 --> 00:01:05.500
    the end
    ");
}

#[test]
fn segments_are_read() {
    let segments = Segments {
        total_ms: 65_500,
        length_ms: 30_000,
        begins_at_ticks: 900_000,
    };
    let read = |text: &str| read_segment(text.as_bytes());
    let counts = segments.cut(&track()).into_iter().map(|text| {
        let segment = read(&text).unwrap();
        assert_eq!(segment.map, Some((900_000, 0)));
        segment.cues.len()
    });
    assert_eq!(counts.collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(read("WEBVTT\n"), Ok(ReadSegment::default()));
    let other = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:01.500, MPEGTS:7\n";
    assert_eq!(read(other).unwrap().map, Some((7, 1_500)));
    for wrong in [
        "",
        "1\n00:00:01,000 --> 00:00:02,000\nx",
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:x,LOCAL:00:00.000\n",
        "WEBVTT\n\n00:01 --> x\ny",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_presentation_has_a_segment() {
    let of = |total_ms| Segments {
        total_ms,
        length_ms: 30_000,
        begins_at_ticks: 0,
    };
    assert_eq!(
        [0, 1, 30_000, 30_001].map(|it| of(it).cut(&track()).len()),
        [1, 1, 1, 2]
    );
}

#[test]
fn searches_ignore_case_accents_and_line_ends() {
    let track = track();
    let at =
        |text: &str| -> Vec<u64> { track.find(text, 10).iter().map(|it| it.start_ms).collect() };
    assert_eq!(at("gare DU nord"), [0]);
    assert_eq!(at("ou est"), [0]);
    assert_eq!(at("strasse"), [29_500]);
    assert_eq!(
        at("nord? straße the"),
        [0],
        "a text may go on in the next cue"
    );
    assert_eq!(at("end"), [59_000, 90_000]);
    assert_eq!(at("i"), Vec::<u64>::new(), "tags are not words");
    assert_eq!(at("  "), Vec::<u64>::new());
    assert_eq!(track.find("e", 2).len(), 2);
    assert_eq!(track.find("gare", 1)[0].text, "Où est la Gare du Nord?");
    assert_eq!(
        track.search_text(1_000),
        "ou est la gare du nord? strasse the end after the end"
    );
    assert_eq!(track.search_text(30), "ou est la gare du nord?");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_mixture_comes_back(
        head in prop::sample::select(vec!["WEBVTT\n\n", "", "1\n", "<tt><body><p begin='1s' end='2s'>"]),
        parts in prop::collection::vec(prop::sample::select(vec![
            "00:01.000 --> 00:02.000 line:0\n", "00:00:03,000 --> 00:00:04,000\n", "\n", "\n\n", "x", "<i>",
            "</i>", "&amp;", "&#123;", "\\an8}", "{\\an8}", "<v A>", "<00:01.000>", "-->", "7\n", "é", "NOTE\n",
            "<p begin='1s' dur='1s'>", "</p>", "<br/>", "</body></tt>", " ", "\u{a0}", "&lt;",
        ]), 0..30),
    ) {
        let file = format!("{head}{}", parts.concat());
        if let Ok(parsed) = parse(file.as_bytes()) {
            let again = parse(parsed.track.to_vtt().as_bytes()).unwrap();
            prop_assert_eq!(again.track, parsed.track);
            prop_assert_eq!(again.warnings, vec![]);
        }
    }
}
