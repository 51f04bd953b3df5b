use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn key(text: &str) -> [u8; 16] {
    from_hex(text).try_into().unwrap()
}

/// NIST SP 800-38A, F.2.1 and F.2.2: CBC-AES128. The test vectors have no padding, so our output
/// has one block more.
#[test]
fn nist_vectors() {
    let key = key("2b7e151628aed2a6abf7158809cf4f3c");
    let iv: [u8; 16] = from_hex("000102030405060708090a0b0c0d0e0f")
        .try_into()
        .unwrap();
    let clear = from_hex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
    );
    let expected = from_hex(
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    );
    let mut encryptor = SegmentEncryptor::new(&key, 0);
    encryptor.cipher = cbc::Encryptor::new((&key).into(), &iv.into());
    let mut out = vec![];
    encryptor.update(&clear, &mut out);
    assert_eq!(out, expected);
    encryptor.finish(&mut out);
    assert_eq!(SegmentDecryptor::decrypt(&key, iv, &out), Ok(clear));
}

/// The IV is the sequence number, so `openssl enc` with that IV gives the same bytes.
#[test]
fn openssl_gives_the_same_bytes() {
    let openssl = |clear: &[u8], sequence: u64| -> Option<Vec<u8>> {
        let iv = format!(
            "{:032x}",
            u128::from_be_bytes(initialisation_vector(sequence))
        );
        let mut child = Command::new("openssl")
            .args([
                "enc",
                "-aes-128-cbc",
                "-K",
                "2b7e151628aed2a6abf7158809cf4f3c",
                "-iv",
                &iv,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        child.stdin.take()?.write_all(clear).ok()?;
        Some(child.wait_with_output().ok()?.stdout)
    };
    if openssl(b"", 0).is_none() {
        eprintln!("openssl is not installed: nothing to compare with");
        return;
    }
    let key = key("2b7e151628aed2a6abf7158809cf4f3c");
    for (length, sequence) in [
        (0, 0),
        (1, 1),
        (15, 2),
        (16, 3),
        (17, 1 << 40),
        (376, 7),
        (100_000, 12_345),
    ] {
        let clear: Vec<u8> = (0..length).map(|it: u32| (it * 31) as u8).collect();
        let expected = openssl(&clear, sequence).unwrap();
        assert_eq!(
            SegmentEncryptor::encrypt(&key, sequence, &clear),
            expected,
            "{length} bytes"
        );
    }
}

#[test]
fn foreign_segments_are_refused() {
    let (right, wrong) = ([1; 16], [2; 16]);
    let out = SegmentEncryptor::encrypt(&right, 1, &[0x47; 188]);
    let iv = initialisation_vector(1);
    assert_eq!(
        SegmentDecryptor::decrypt(&wrong, iv, &out),
        Err(DecryptError::Padding)
    );
    assert_eq!(
        SegmentDecryptor::decrypt(&right, iv, &out[..out.len() - 1]),
        Err(DecryptError::Length)
    );
    assert_eq!(
        SegmentDecryptor::decrypt(&right, iv, &[]),
        Err(DecryptError::Length)
    );
}

#[test]
fn no_two_segments_share_a_vector() {
    let key = [1; 16];
    assert_ne!(
        SegmentEncryptor::encrypt(&key, 1, b"same"),
        SegmentEncryptor::encrypt(&key, 2, b"same")
    );
    assert_eq!(initialisation_vector(258)[14..], [1, 2]);
}

proptest! {
    #[test]
    fn however_it_is_cut_it_is_the_same(
        clear in prop::collection::vec(any::<u8>(), 0..200),
        cuts in prop::collection::vec(0_usize..40, 0..20),
        sequence in any::<u64>(),
    ) {
        let key = [9; 16];
        let whole = SegmentEncryptor::encrypt(&key, sequence, &clear);
        prop_assert_eq!(whole.len() as u64, SegmentEncryptor::encrypted_length(clear.len() as u64));
        let (mut encryptor, mut out) = (SegmentEncryptor::new(&key, sequence), vec![]);
        in_pieces(&clear, &cuts, |it| encryptor.update(it, &mut out));
        encryptor.finish(&mut out);
        prop_assert_eq!(&out, &whole);
        let (mut decryptor, mut again) = (SegmentDecryptor::new(&key, initialisation_vector(sequence)), vec![]);
        in_pieces(&whole, &cuts, |it| decryptor.update(it, &mut again));
        prop_assert_eq!(decryptor.finish(&mut again), Ok(()));
        prop_assert_eq!(again, clear);
    }
}

fn in_pieces(mut bytes: &[u8], cuts: &[usize], mut take: impl FnMut(&[u8])) {
    for cut in cuts {
        let (now, later) = bytes.split_at((*cut).min(bytes.len()));
        take(now);
        bytes = later;
    }
    take(bytes);
}
