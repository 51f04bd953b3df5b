use proptest::prelude::*;

use super::*;
use crate::grant::Geo;

const NOW: u64 = 1_800_000_000;
const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW: &str = "new:HxAREhMUFRYXGBkaGxwdHgABAgMEBQYHCAkKCwwNDg8=";

fn keys(text: &str) -> PassKeys {
    PassKeys::parse(text).unwrap()
}

fn pass() -> Pass {
    Pass {
        purpose: Purpose::Stream,
        video: VideoId::new(1_700_000_000_000, [7; 10]),
        generation: Generation::of("e", "p"),
        session: Fingerprint::of("session"),
        viewer: Fingerprint::of("anna"),
        expires: NOW + 60,
        renditions: None,
        limits: Limits::default(),
    }
}

fn limited() -> Pass {
    let limits = Limits {
        max_height: Some(480),
        check_segments: true,
        ip: vec![
            "192.0.2.0/24".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ],
        geo: Some(Geo::Deny(vec![
            "DE".parse().unwrap(),
            "US".parse().unwrap(),
        ])),
        origins: vec!["https://a.example".parse().unwrap()],
    };
    let renditions = Some(vec!["480p".parse().unwrap(), "audio-96k".parse().unwrap()]);
    Pass {
        purpose: Purpose::Key,
        renditions,
        limits,
        ..pass()
    }
}

#[test]
fn a_signed_pass_verifies_and_says_the_same() {
    for pass in [pass(), limited()] {
        let text = pass.sign(&keys(OLD)).unwrap();
        assert_eq!(Pass::verify(&text, pass.purpose, &keys(OLD), NOW), Ok(pass));
    }
}

#[test]
fn the_form_is_frozen_and_short() {
    let text = pass().sign(&keys(OLD)).unwrap();
    insta::assert_snapshot!(text, @"AXMDb2xkAYvP5WgAdweHBwcHBwcHBzAjNZgv1PqNPzrx7Ou9FBBVV5tVeJbQzgAAAABrSdI8AAAAAACHwlY7Ty-DQL-SNn3rcqlq");
}

#[test]
fn a_pass_opens_one_thing_until_it_expires() {
    let text = pass().sign(&keys(OLD)).unwrap();
    let verify = |purpose, now| Pass::verify(&text, purpose, &keys(OLD), now).err();
    assert_eq!(verify(Purpose::Stream, NOW + 59), None);
    assert_eq!(
        verify(Purpose::Stream, NOW + 60),
        Some(Refusal::PassExpired)
    );
    assert_eq!(verify(Purpose::Key, NOW), Some(Refusal::PassPurpose));
    assert!(limited().opens(&"480p".parse().unwrap()));
    assert!(!limited().opens(&"1080p".parse().unwrap()));
    assert!(pass().opens(&"1080p".parse().unwrap()));
}

#[test]
fn a_session_is_that_of_one_video_viewer_and_set_of_limits() {
    let name = |pass: &Pass| pass.session_name().unwrap();
    let limits = |limits: Limits| Pass {
        limits,
        ..limited()
    };
    let all = [
        pass(),
        limited(),
        Pass {
            video: VideoId::new(1, [7; 10]),
            ..pass()
        },
        Pass {
            session: Fingerprint::of("another"),
            ..pass()
        },
        Pass {
            viewer: Fingerprint::default(),
            ..pass()
        },
        limits(Limits {
            max_height: Some(720),
            ..limited().limits
        }),
        limits(Limits {
            max_height: None,
            ..limited().limits
        }),
        limits(Limits {
            check_segments: false,
            ..limited().limits
        }),
        limits(Limits {
            ip: vec!["192.0.2.0/25".parse().unwrap()],
            ..limited().limits
        }),
        limits(Limits {
            geo: Some(Geo::Allow(vec![
                "DE".parse().unwrap(),
                "US".parse().unwrap(),
            ])),
            ..limited().limits
        }),
        limits(Limits {
            origins: vec![],
            ..limited().limits
        }),
    ];
    let names: std::collections::HashSet<SessionName> = all.iter().map(name).collect();
    assert_eq!(names.len(), all.len());
    // A pass for a key, of other renditions, of another encoding or with another end belongs to the same session.
    let same = Pass {
        purpose: Purpose::Stream,
        generation: Generation::of("x", "p"),
        expires: NOW,
        renditions: None,
        ..limited()
    };
    assert_eq!(name(&same), name(&limited()));
    assert_eq!(name(&pass()).to_string().len(), 32);
}

#[test]
fn keys_rotate_without_cutting_a_session() {
    let text = pass().sign(&keys(OLD)).unwrap();
    let both = keys(&format!("{NEW},{OLD}"));
    assert!(Pass::verify(&text, Purpose::Stream, &both, NOW).is_ok());
    assert_eq!(
        Pass::verify(&text, Purpose::Stream, &keys(NEW), NOW),
        Err(Refusal::PassKeyUnknown)
    );
    let newer = pass().sign(&both).unwrap();
    assert!(Pass::verify(&newer, Purpose::Stream, &keys(NEW), NOW).is_ok());
}

#[test]
fn no_bit_of_a_pass_can_be_changed() {
    let bytes = Base64UrlUnpadded::decode_vec(&limited().sign(&keys(OLD)).unwrap()).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut forged = bytes.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let text = Base64UrlUnpadded::encode_string(&forged);
        assert!(
            Pass::verify(&text, Purpose::Key, &keys(OLD), NOW).is_err(),
            "bit {bit}"
        );
    }
    for length in 0..bytes.len() {
        let text = Base64UrlUnpadded::encode_string(&bytes[..length]);
        assert!(
            Pass::verify(&text, Purpose::Key, &keys(OLD), NOW).is_err(),
            "{length} bytes"
        );
    }
}

proptest! {
    #[test]
    fn any_text_is_judged(text in "\\PC{0,200}|[A-Za-z0-9_-]{0,200}", now in any::<u64>()) {
        prop_assert!(Pass::verify(&text, Purpose::Stream, &keys(OLD), now).is_err());
    }

    #[test]
    fn any_signed_bytes_are_judged(payload in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = codec::decode(&payload);
        let _ = codec::key_id(&payload);
        let head = [&[1, b's', 3][..], b"old", &payload].concat();
        let _ = codec::decode(&head);
    }
}
