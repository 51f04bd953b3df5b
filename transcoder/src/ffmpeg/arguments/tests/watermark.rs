//! Command lines with a watermark.

use super::*;

/// A profile with an image of 400x100 pixels, and these settings.
fn marked(settings: &str) -> Profile {
    let image = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x90\0\0\0\x64".to_vec();
    let text = format!("[watermark]\nimage = \"logo.png\"\n{settings}");
    Profile::parse_with_image(&text, |_| Ok(image)).unwrap()
}

/// What is drawn, without the frames before it.
fn drawn(arguments: &str) -> String {
    let text = arguments.replace("\n    ", "");
    let from = text.find("[1:v]").unwrap_or(text.len());
    let end = text[from..].find("-map").unwrap_or(text.len() - from);
    text[from..from + end].trim().replace(';', ";\n")
}

/// Once, in the largest rung: the others and the I-frames are scaled from it.
#[test]
fn the_image_is_drawn_into_the_largest_rung() {
    let paper = Paper::by(marked(""), standard());
    let chunk = paper.plan.encode_chunks[..1].to_vec();
    let text = paper.arguments(|it| it.encode(Lane::Encode, &chunk, 1));
    let input = text.lines().find(|it| it.contains("LOGO")).unwrap();
    insta::assert_snapshot!(input, @"-i LOGO.image -map_metadata -1 -map_chapters -1 -sn -dn -filter_complex_threads 1");
    insta::assert_snapshot!(drawn(&text), @r#"
    [1:v]format=rgba,colorchannelmixer=aa=0.700,format=gbrap,premultiply=inplace=1,scale=230:58:flags=bicubic,unpremultiply=inplace=1,scale=out_color_matrix=bt709:out_range=tv,format=yuva420p,setsar=1,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709[_mark];
    [_bare][_mark]overlay=x=1632:y=964,split=2[1080p][to-720p];
    [to-720p]scale=1280:720:flags=bicubic,setsar=1,split=2[720p][to-360p];
    [to-360p]scale=640:360:flags=bicubic,setsar=1,split=2[360p][to-iframes];
    [to-iframes]select='not(mod(n\,30))'[iframes]
    "#);
    assert_eq!(text.matches("overlay").count(), 1);
}

#[test]
fn the_first_rung_and_the_poster_have_it_too() {
    let paper = Paper::by(marked("corner = \"top-left\"\nopacity = 1"), standard());
    let first = paper.arguments(|it| it.encode(Lane::First, &it.plan.first_chunks, 2));
    insta::assert_snapshot!(drawn(&first), @"
    [1:v]format=rgba,colorchannelmixer=aa=1.000,format=gbrap,premultiply=inplace=1,scale=102:26:flags=bicubic,unpremultiply=inplace=1,scale=out_color_matrix=bt709:out_range=tv,format=yuva420p,setsar=1,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709[_mark];
    [_bare][_mark]overlay=x=26:y=26[480p]
    ");
    let poster = paper.arguments(|it| {
        let video = it.probe.video.as_ref().unwrap();
        it.poster(
            video,
            540_000,
            Size {
                width: 1280,
                height: 720,
            },
        )
    });
    insta::assert_snapshot!(drawn(&poster), @"
    [1:v]format=rgba,colorchannelmixer=aa=1.000,format=gbrap,premultiply=inplace=1,scale=154:38:flags=bicubic,unpremultiply=inplace=1,scale=out_color_matrix=bt709:out_range=tv,format=yuva420p,setsar=1,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709[_mark];
    [_bare][_mark]overlay=x=38:y=38,scale=1280:720:flags=bicubic:out_color_matrix=bt601:out_range=tv,format=yuv420p,setparams=range=tv:colorspace=bt470bg[poster]
    ");
}

/// The I-frames are made alone if only the first rung is re-encoded, in their own size.
#[test]
fn iframes_without_a_rung_have_it() {
    let mut paper = Paper::by(marked(""), standard());
    let first = paper.plan.first.clone().unwrap();
    paper.plan = paper.plan.only(&[first]);
    let chunk = paper.plan.encode_chunks[..1].to_vec();
    let text = paper.arguments(|it| it.encode(Lane::Encode, &chunk, 1));
    insta::assert_snapshot!(drawn(&text), @"
    [1:v]format=rgba,colorchannelmixer=aa=0.700,format=gbrap,premultiply=inplace=1,scale=76:20:flags=bicubic,unpremultiply=inplace=1,scale=out_color_matrix=bt709:out_range=tv,format=yuva420p,setsar=1,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709[_mark];
    [_bare][_mark]overlay=x=544:y=320[iframes]
    ");
}

/// An image is SDR: it is drawn after the conversion of an HDR source, in the colours of the output.
#[test]
fn it_is_drawn_after_tone_mapping() {
    let mut probe = standard();
    probe.video_mut().hdr = Some(HighDynamicRange::Pq);
    let paper = Paper::by(marked("width = 50\nmargin = 0"), probe);
    let chunk = paper.plan.encode_chunks[..1].to_vec();
    let text = paper.arguments(|it| it.encode(Lane::Encode, &chunk, 1));
    let (table, overlay) = (text.find("lut3d"), text.find("overlay"));
    assert!(table.is_some() && table < overlay, "{text}");
    assert!(text.contains("scale=960:240:flags=bicubic"), "{text}");
}

/// Runs that decode no video have one input.
#[test]
fn audio_has_no_image() {
    let paper = Paper::by(marked(""), crate::testing::foreign());
    let text = paper.arguments(|it| it.audio(&it.plan.audio_chunks[0]));
    assert!(!text.contains("LOGO"), "{text}");
}
