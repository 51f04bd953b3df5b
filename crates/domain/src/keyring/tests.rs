use super::*;

const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[test]
fn several_keys_may_be_live() {
    let keys = PassKeys::parse(&format!("b:{SECRET},a:{SECRET}")).unwrap();
    assert_eq!(keys.current().unwrap().0.as_str(), "b");
    assert!(keys.get(b"a").is_some());
    assert!(keys.get(b"c").is_none());
    assert_eq!(format!("{keys:?}"), "[\"b\", \"a\"]");
}

#[test]
fn public_keys_are_read_bare_and_from_pem_bodies() {
    // The keys of RFC 8037, A.2 and of RFC 7515, A.3.1.
    let ed25519 = (
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    );
    for text in [ed25519.0, ed25519.1] {
        assert_eq!(
            format!(
                "{:?}",
                GrantKeys::parse(&format!("a:EdDSA:{text}")).unwrap()
            ),
            "{\"a\": EdDsa}"
        );
    }
    let coordinates = [
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    ];
    let point = coordinates.iter().fold(vec![4], |point, it| {
        [point, Base64UrlUnpadded::decode_vec(it).unwrap()].concat()
    });
    let spki_head = Base64Unpadded::decode_vec("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA").unwrap();
    for bytes in [point.clone(), [spki_head, point].concat()] {
        let text = format!("a:ES256:{}", Base64::encode_string(&bytes));
        assert_eq!(
            format!("{:?}", GrantKeys::parse(&text).unwrap()),
            "{\"a\": Es256}"
        );
    }
}

#[test]
fn neither_reader_takes_a_weak_key_or_a_compressed_one() {
    let compressed =
        Base64UrlUnpadded::decode_vec("Avg83nczcPbF3UGDy-5v20t7WAczNXvp7xO6z248e9FU").unwrap();
    let mut texts = vec![format!("a:ES256:{}", Base64::encode_string(&compressed))];
    for mut key in grant_keys::WEAK_ED25519 {
        texts.push(format!("a:EdDSA:{}", Base64::encode_string(&key)));
        key[31] |= 0x80;
        texts.push(format!("a:EdDSA:{}", Base64::encode_string(&key)));
    }
    for text in texts {
        assert!(GrantKeys::parse(&text).is_err(), "{text}");
        assert!(GrantKeys::parse_delegating(&text).is_err(), "{text}");
    }
}

#[test]
fn bad_lists_are_refused_with_a_sentence_and_without_the_secret() {
    let mut table = String::new();
    for text in [
        "",
        " , ",
        "a",
        "a:b",
        "a b:HS256:x",
        "a:HS256:AAEC",
        "a:HS256:***",
        "a:none:AAEC",
        "a:ES256:AAEC",
        "a:EdDSA:AAEC",
        "a:EdDSA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "ä:HS256:AAEC",
        &format!("a:HS256:{SECRET},a:HS256:{SECRET}"),
    ] {
        table += &format!("{}\n", GrantKeys::parse(text).unwrap_err());
    }
    table += &format!("{}\n", PassKeys::parse("a:AAEC").unwrap_err());
    insta::assert_snapshot!(table, @"
    there is no key: expected `id:HS256:base64 of at least 32 bytes`, `id:ES256:base64 of the public key` or `id:EdDSA:base64 of the public key`
    there is no key: expected `id:HS256:base64 of at least 32 bytes`, `id:ES256:base64 of the public key` or `id:EdDSA:base64 of the public key`
    key number 1 is not of the form `id:HS256:base64 of at least 32 bytes`, `id:ES256:base64 of the public key` or `id:EdDSA:base64 of the public key`
    key number 1 is not of the form `id:HS256:base64 of at least 32 bytes`, `id:ES256:base64 of the public key` or `id:EdDSA:base64 of the public key`
    key number 1 is not of the form `id:HS256:base64 of at least 32 bytes`, `id:ES256:base64 of the public key` or `id:EdDSA:base64 of the public key`
    key `a` must be 32 to 512 bytes
    key `a` is not base64
    key `a` has an unknown algorithm: expected HS256, ES256 or EdDSA
    key `a` must be a public key on P-256, uncompressed, as SubjectPublicKeyInfo or as a SEC1 point
    key `a` must be an Ed25519 public key, as SubjectPublicKeyInfo or as 32 bytes
    key `a` must be an Ed25519 public key, as SubjectPublicKeyInfo or as 32 bytes
    a key id has 1 to 32 letters, digits, `-` or `_`
    the key id `a` is used twice
    key `a` must be 32 to 512 bytes
    ");
}
