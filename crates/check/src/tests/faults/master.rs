//! Faults of the master playlist.

use super::*;

/// Faults of the master playlist.
pub(super) const MASTER_FAULTS: &[Fault] = &[
    fault("no AVERAGE-BANDWIDTH", "Apple-9.14", &[], |it| {
        it.remove_attribute(MASTER, "AVERAGE-BANDWIDTH")
    }),
    fault("no CODECS", "Apple-9.1", &["Apple-9.3"], |it| {
        it.remove_attribute(MASTER, "CODECS")
    }),
    fault("CODECS of another profile", "Apple-9.1", &[], |it| {
        it.replace(MASTER, "avc1.4d400c", "avc1.64000c")
    }),
    fault("CODECS of too low a level", "Apple-9.1", &[], |it| {
        it.replace(MASTER, "avc1.4d400c", "avc1.4d400b")
    }),
    fault("CODECS without the audio", "Apple-9.1", &[], |it| {
        it.replace(MASTER, ",mp4a.40.2", "")
    }),
    fault(
        "CODECS with audio that is not there",
        "Apple-9.1",
        &["Apple-1.26", "Apple-1.27"],
        |it| {
            it.replace(MASTER, "mp4a.40.2", "mp4a.40.2,ec-3");
            it.remove_attribute(MASTER, "AUDIO");
        },
    ),
    fault(
        "session data without content",
        "RFC8216-4.3.4.4",
        &[],
        |it| it.session_data("DATA-ID=\"com.example.x\""),
    ),
    fault("session data without an id", "RFC8216-4.3.4.4", &[], |it| {
        it.session_data("VALUE=\"x\"")
    }),
    fault(
        "session data with two contents",
        "RFC8216-4.3.4.4",
        &[],
        |it| it.session_data("DATA-ID=\"com.example.x\",VALUE=\"x\",URI=\"x.json\""),
    ),
    fault("session data twice", "RFC8216-4.3.4.4", &[], |it| {
        it.session_data("DATA-ID=\"com.example.x\",VALUE=\"x\"");
        it.session_data("DATA-ID=\"com.example.x\",VALUE=\"y\"");
    }),
    fault(
        "a place of the viewer that is unknown",
        "Edgereel-viewer",
        &[],
        |it| it.session_data("DATA-ID=\"com.edgereel.viewer\",VALUE=\"behind\""),
    ),
    fault("no RESOLUTION", "Apple-9.2", &["Apple-9.4"], |it| {
        it.remove_attribute(MASTER, "RESOLUTION")
    }),
    fault("another RESOLUTION", "Apple-9.2", &[], |it| {
        it.replace(MASTER, "320x180", "640x360")
    }),
    fault("no FRAME-RATE", "Apple-9.15", &[], |it| {
        it.remove_attribute(MASTER, "FRAME-RATE")
    }),
    fault("another FRAME-RATE", "Apple-9.15", &[], |it| {
        it.replace(MASTER, "25.000", "50.000")
    }),
    fault("FRAME-RATE above 60", "Apple-1.19", &["Apple-9.15"], |it| {
        it.replace(MASTER, "25.000", "120.000")
    }),
    fault(
        "BANDWIDTH too low",
        "Apple-1.27",
        &["RFC8216-4.3.4.2", "RFC8216-4.3.4.3"],
        |it| {
            it.set(MASTER, "INF:BANDWIDTH=", |rate| {
                (rate.parse::<u64>().unwrap() * 4 / 5).to_string()
            });
        },
    ),
    fault("BANDWIDTH too high", "Apple-1.27", &[], |it| {
        it.set(MASTER, "INF:BANDWIDTH=", |rate| {
            (rate.parse::<u64>().unwrap() * 2).to_string()
        });
    }),
    fault("AVERAGE-BANDWIDTH too low", "Apple-1.26", &[], |it| {
        it.set(MASTER, "AVERAGE-BANDWIDTH=", |_| "1000".to_owned())
    }),
    fault(
        "AVERAGE-BANDWIDTH above BANDWIDTH",
        "RFC8216-4.3.4.2",
        &["Apple-1.26"],
        |it| {
            it.set(MASTER, "AVERAGE-BANDWIDTH=", |_| "99000000".to_owned());
        },
    ),
    fault("no BANDWIDTH", "RFC8216-4.3.4.2", &[], |it| {
        let text = it.text(MASTER);
        let line = text
            .lines()
            .find(|it| it.starts_with("#EXT-X-STREAM-INF"))
            .unwrap();
        let value = line.split("INF:").nth(1).unwrap().split_once(',').unwrap();
        it.replace_first(MASTER, &format!("{},", value.0), "");
    }),
    fault("I-frame BANDWIDTH too low", "RFC8216-4.3.4.3", &[], |it| {
        it.set(MASTER, "I-FRAME-STREAM-INF:BANDWIDTH=", |_| {
            "1000".to_owned()
        });
    }),
    fault(
        "an audio group that is not there",
        "RFC8216-4.3.4.2",
        &["Apple-1.26", "Apple-1.27", "Apple-9.1"],
        |it| {
            it.replace(MASTER, "AUDIO=\"audio\"", "AUDIO=\"sound\"");
        },
    ),
    fault("two defaults in a group", "RFC8216-4.3.4.1.1", &[], |it| {
        let text = it.text(MASTER);
        let media = text
            .lines()
            .find(|it| it.starts_with("#EXT-X-MEDIA"))
            .unwrap();
        it.replace(
            MASTER,
            media,
            &format!("{media}\n{}", media.replace("English", "German")),
        );
    }),
    fault("two members of one name", "RFC8216-4.3.4.1.1", &[], |it| {
        let text = it.text(MASTER);
        let media = text
            .lines()
            .find(|it| it.starts_with("#EXT-X-MEDIA"))
            .unwrap();
        it.replace(
            MASTER,
            media,
            &format!("{media}\n{}", media.replace("DEFAULT=YES", "DEFAULT=NO")),
        );
    }),
    fault(
        "a default that may not be selected",
        "RFC8216-4.3.4.1",
        &[],
        |it| {
            it.replace(MASTER, "AUTOSELECT=YES", "AUTOSELECT=NO");
        },
    ),
    fault("no NAME", "RFC8216-4.3.4.1", &[], |it| {
        it.remove_attribute(MASTER, "NAME")
    }),
    fault("no LANGUAGE", "Apple-8.10", &[], |it| {
        it.remove_attribute(MASTER, "LANGUAGE")
    }),
    fault("no CHANNELS", "RFC8216-4.3.4.1-CHANNELS", &[], |it| {
        it.remove_attribute(MASTER, "CHANNELS")
    }),
    fault("CHANNELS of surround", "RFC8216-4.3.4.1", &[], |it| {
        it.replace(MASTER, "CHANNELS=\"2\"", "CHANNELS=\"6\"")
    }),
    fault("a group of other members", "RFC8216-4.3.4.1.1", &[], |it| {
        add_group(it, "English", "German")
    }),
    fault(
        "a member of another language in a group",
        "RFC8216-4.3.4.1.1",
        &[],
        |it| add_group(it, "LANGUAGE=\"en\"", "LANGUAGE=\"de\""),
    ),
    fault(
        "a member that is not the default in a group",
        "RFC8216-4.3.4.1.1",
        &[],
        |it| add_group(it, "DEFAULT=YES", "DEFAULT=NO"),
    ),
    fault("an unused group", "Edgereel-unused-group", &[], |it| {
        let text = it.text(MASTER);
        let media = text
            .lines()
            .find(|it| it.starts_with("#EXT-X-MEDIA"))
            .unwrap();
        it.replace(
            MASTER,
            media,
            &format!("{media}\n{}", media.replace("\"audio\"", "\"other\"")),
        );
    }),
    fault("no I-frame playlist", "Apple-6.1", &[], |it| {
        let text = it.text(MASTER);
        let lines = text.lines().filter(|it| !it.starts_with("#EXT-X-I-FRAME"));
        it.write(
            MASTER,
            lines.map(|it| format!("{it}\n")).collect::<String>(),
        );
    }),
    fault("I-frame variant without CODECS", "Apple-9.3", &[], |it| {
        it.replace(
            MASTER,
            "CODECS=\"avc1.4d400b\",RESOLUTION=160x90,URI",
            "RESOLUTION=160x90,URI",
        );
    }),
    fault(
        "I-frame variant without RESOLUTION",
        "Apple-9.4",
        &[],
        |it| it.replace(MASTER, "RESOLUTION=160x90,URI", "URI"),
    ),
    fault("no INDEPENDENT-SEGMENTS", "Apple-9.11", &[], |it| {
        it.replace(MASTER, "#EXT-X-INDEPENDENT-SEGMENTS\n", "")
    }),
    fault(
        "the same variant twice",
        "Edgereel-duplicate-variant",
        &[],
        |it| {
            let text = it.text(MASTER);
            let start = text.find("#EXT-X-STREAM-INF").unwrap();
            let end = start + text[start..].find(".m3u8\n").unwrap() + 6;
            it.write(MASTER, [&text[..end], &text[start..]].concat());
        },
    ),
    fault("an attribute list that is none", "RFC8216-4.2", &[], |it| {
        it.replace(MASTER, "DEFAULT=YES", "DEFAULT=yes")
    }),
    fault("a tag of the other kind", "RFC8216-4.1", &[], |it| {
        it.write(
            MASTER,
            format!("{}#EXT-X-TARGETDURATION:6\n", it.text(MASTER)),
        );
    }),
    fault("a variant that is not there", "RFC8216-6.2.1", &[], |it| {
        it.remove(LOW)
    }),
    fault("a URI from the root", "Edgereel-absolute-uri", &[], |it| {
        let absolute = format!("{}/{LOW}", it.0.display());
        it.replace(MASTER, &format!("\n{LOW}"), &format!("\n{absolute}"));
    }),
    fault("a token in the query", "Edgereel-credentials", &[], |it| {
        it.replace(MASTER, &format!("\n{LOW}"), &format!("\n{LOW}?token=abc"));
    }),
];

/// Lists the audio in a second group, with a change.
fn add_group(tree: &Tree<'_>, from: &str, to: &str) {
    let text = tree.text(MASTER);
    let mut lines = text.lines();
    let media = lines.find(|it| it.starts_with("#EXT-X-MEDIA")).unwrap();
    let other = media.replace("\"audio\"", "\"other\"").replace(from, to);
    tree.replace(MASTER, media, &format!("{media}\n{other}"));
}
