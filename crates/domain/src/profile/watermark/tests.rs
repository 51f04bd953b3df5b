use super::*;
use crate::job::Mode;

/// The header of a PNG, and more bytes.
fn png(width: u32, height: u32, more: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend(more);
    bytes
}

/// An extended WebP of 640x360 with these flags.
fn webp(flags: u8) -> Vec<u8> {
    [
        b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0",
        &[flags][..],
        b"\0\0\0\x7f\x02\0\x67\x01\0",
    ]
    .concat()
}

fn profile(settings: &str, image: Vec<u8>) -> Result<Profile, InvalidProfile> {
    let text = format!("[watermark]\nimage = \"logo.png\"\n{settings}");
    Profile::parse_with_image(&text, |name| {
        assert_eq!(name, "logo.png");
        Ok(image)
    })
}

fn fingerprint(settings: &str, image: Vec<u8>) -> String {
    profile(settings, image).unwrap().fingerprint(Mode::Abr)
}

#[test]
fn settings_out_of_range_are_named() {
    let mut table = String::new();
    for text in [
        "image = \"../logo.png\"",
        "image = \"marks/logo.png\"",
        "image = \"marks\\\\logo.png\"",
        "image = \".logo.png\"",
        "image = \"logo\\u0000.png\"",
        "width = 0.5",
        "width = 51",
        "width = nan",
        "margin = -1",
        "margin = 26",
        "opacity = 0",
        "opacity = 1.1",
        "corner = \"middle\"",
        "viewer = \"always\"",
        "image_sha256 = \"00\"",
        "image = \"logo.png\"",
    ] {
        let error = Profile::parse(&format!("[watermark]\n{text}")).unwrap_err();
        table += &format!("{error}\n");
    }
    insta::assert_snapshot!(table, @"
    `watermark.image` must be the name of a file in the directory of the profile, without a path
    `watermark.image` must be the name of a file in the directory of the profile, without a path
    `watermark.image` must be the name of a file in the directory of the profile, without a path
    `watermark.image` must be the name of a file in the directory of the profile, without a path
    `watermark.image` must be the name of a file in the directory of the profile, without a path
    `watermark.width` must be 1 to 50 (percent of the width of the frame)
    `watermark.width` must be 1 to 50 (percent of the width of the frame)
    `watermark.width` must be 1 to 50 (percent of the width of the frame)
    `watermark.margin` must be 0 to 25 (percent of the width of the frame)
    `watermark.margin` must be 0 to 25 (percent of the width of the frame)
    `watermark.opacity` must be above 0, and at most 1
    `watermark.opacity` must be above 0, and at most 1
    the profile cannot be read: unknown variant `middle`, expected one of `top-left`, `top-right`, `bottom-left`, `bottom-right` in `watermark.corner`
    the profile cannot be read: unknown variant `always`, expected one of `off`, `corner`, `moving` in `watermark.viewer`
    the profile cannot be read: unknown field `image_sha256`, expected one of `image`, `corner`, `width`, `margin`, `opacity`, `viewer` in `watermark`
    `watermark.image`: `logo.png` cannot be used: a profile that is not in a file has no image
    ");
    // Whole numbers are numbers, too.
    assert!(Profile::parse("[watermark]\nwidth = 20\nmargin = 0\nopacity = 1").is_ok());
}

#[test]
fn unusable_images_are_refused() {
    let mut table = String::new();
    for image in [
        b"GIF89a".to_vec(),
        b"\xff\xd8\xff\xc0\0\x11\x08\x01\x00\x01\x00".to_vec(),
        png(640, 360, b"")[..20].to_vec(),
        webp(0x12),
        png(4097, 16, b""),
        png(8, 8, b""),
        png(640, 360, &vec![0; LARGEST_WATERMARK as usize]),
    ] {
        table += &format!("{}\n", profile("", image).unwrap_err());
    }
    let missing = Profile::parse_with_image("[watermark]\nimage = \"no.png\"", |_| {
        Err("No such file".to_owned())
    });
    table += &format!("{}\n", missing.unwrap_err());
    insta::assert_snapshot!(table, @"
    `watermark.image`: `logo.png` cannot be used: it is not a PNG or WebP image
    `watermark.image`: `logo.png` cannot be used: it is not a PNG or WebP image
    `watermark.image`: `logo.png` cannot be used: its header is damaged: export the image again
    `watermark.image`: `logo.png` cannot be used: it is animated: use a single image
    `watermark.image`: `logo.png` cannot be used: it has 4097x16 pixels: each side must have 16 to 4096
    `watermark.image`: `logo.png` cannot be used: it has 8x8 pixels: each side must have 16 to 4096
    `watermark.image`: `logo.png` cannot be used: it has more than 2097152 bytes: reduce the image
    `watermark.image`: `no.png` cannot be used: No such file
    ");
    assert!(profile("", webp(0x10)).is_ok());
}

/// An image over a frame of HDR would need its colours and its brightness.
#[test]
fn hdr_rungs_have_no_image() {
    let rung = |name: &str, more: &str| {
        format!(
            "[[rung]]\nname = \"{name}\"\nwidth = 1280\nheight = 720\nvideo_kbps = 3000\naudio_kbps = 128\n{more}\n"
        )
    };
    let with = |more: &str, image: &str| {
        let rungs = rung("720p", "") + &rung("720p-hevc", more);
        let text =
            format!("segment_format = \"fmp4\"\n[watermark]\n{image}viewer = \"moving\"\n{rungs}");
        let parsed = Profile::parse_with_image(&text, |_| Ok(png(64, 64, b"")));
        parsed.map(drop).map_err(|it| it.to_string())
    };
    let (named, hevc) = ("image = \"logo.png\"\n", "codec = \"hevc\"");
    insta::assert_snapshot!(with(hevc, named).unwrap_err(), @r#"`watermark.image` needs `hdr = "tone_map"` in every rung with "hevc" and "av1": the image is SDR"#);
    assert_eq!(with(hevc, ""), Ok(()));
    assert_eq!(with(&format!("{hevc}\nhdr = \"tone_map\""), named), Ok(()));
    assert_eq!(with(&format!("{hevc}\nenabled = false"), named), Ok(()));
}

#[test]
fn the_content_of_the_image_is_part_of_the_generation() {
    let of = |image: &[u8]| fingerprint("", png(64, 64, image));
    assert_eq!(of(b"a"), of(b"a"));
    assert_ne!(of(b"a"), of(b"b"));
    // Its name is not.
    let renamed = "[watermark]\nimage = \"other.png\"";
    let renamed = Profile::parse_with_image(renamed, |_| Ok(png(64, 64, b"a")));
    assert_eq!(renamed.unwrap().fingerprint(Mode::Abr), of(b"a"));
    let settings = [
        "",
        "corner = \"top-left\"",
        "width = 20",
        "margin = 5",
        "opacity = 1",
        "viewer = \"corner\"",
        "viewer = \"moving\"",
    ];
    let mut all: Vec<_> = settings
        .iter()
        .map(|it| fingerprint(it, png(64, 64, b"a")))
        .collect();
    all.push(Profile::default().fingerprint(Mode::Abr));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), settings.len() + 1);
}

/// A generation that exists is found again after an update.
#[test]
fn a_profile_without_a_watermark_keeps_its_generation() {
    let text = "[watermark]\nimage = \"\"\ncorner = \"top-left\"\nwidth = 20\nviewer = \"off\"";
    let profile = Profile::parse(text).unwrap();
    assert_eq!(
        profile.fingerprint(Mode::Abr),
        Profile::default().fingerprint(Mode::Abr)
    );
    assert!(
        !serde_json::to_string(&profile)
            .unwrap()
            .contains("watermark")
    );
    assert_eq!(profile.watermark.watermark(), None);
}

#[test]
fn an_image_in_a_log_is_short() {
    let profile = profile("", png(64, 64, &[0; 10_000])).unwrap();
    let text = format!("{:?}", profile.watermark);
    assert!(text.len() < 400, "{text}");
}
