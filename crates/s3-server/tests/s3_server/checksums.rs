//! Checksums that a client declares are verified before the object changes.

use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};

use crate::support::{BUCKET, World, client, code};

#[tokio::test]
async fn the_sdks_own_checksums_are_understood() {
    let world = World::new().await;
    let careful = client(
        &world.server.endpoint,
        RequestChecksumCalculation::WhenSupported,
    );
    let put = careful
        .put_object()
        .bucket(BUCKET)
        .key("header")
        .body(ByteStream::from_static(b"checksummed"));
    assert_eq!(put.send().await.unwrap().checksum_crc32(), Some("xjIjIw=="));
}

#[tokio::test]
async fn a_file_comes_in_chunks_with_a_trailer() {
    let world = World::new().await;
    let careful = client(
        &world.server.endpoint,
        RequestChecksumCalculation::WhenSupported,
    );
    let file = world.folder.path().join("film.bin");
    std::fs::write(&file, vec![7; 3_000_000]).unwrap();
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let put = careful
            .put_object()
            .bucket(BUCKET)
            .key("trailer")
            .checksum_algorithm(algorithm.clone());
        put.body(ByteStream::from_path(&file).await.unwrap())
            .send()
            .await
            .unwrap();
        let head = careful
            .head_object()
            .bucket(BUCKET)
            .key("trailer")
            .checksum_mode(ChecksumMode::Enabled);
        let head = head.send().await.unwrap();
        assert_eq!(head.content_length(), Some(3_000_000));
        assert_eq!(
            head.content_encoding(),
            None,
            "aws-chunked describes the transfer only"
        );
        let stored = [
            head.checksum_crc32(),
            head.checksum_crc32_c(),
            head.checksum_crc64_nvme(),
            head.checksum_sha1(),
            head.checksum_sha256(),
        ];
        assert_eq!(
            stored.iter().flatten().count(),
            1,
            "{algorithm:?}: {stored:?}"
        );
    }
    assert!(world.get("trailer").await == vec![7; 3_000_000]);
}

#[tokio::test]
async fn a_wrong_claim_leaves_the_old_object() {
    let world = World::new().await;
    world.put("a", b"good").await;
    let put = || {
        world
            .client
            .put_object()
            .bucket(BUCKET)
            .key("a")
            .body(ByteStream::from_static(b"evil"))
    };
    assert_eq!(
        code(put().checksum_crc32("AAAAAA==").send().await),
        "BadDigest"
    );
    assert_eq!(
        code(put().checksum_crc32_c("AAAAAA==").send().await),
        "BadDigest"
    );
    assert_eq!(
        code(put().checksum_crc64_nvme("AAAAAAAAAAA=").send().await),
        "BadDigest"
    );
    assert_eq!(
        code(
            put()
                .checksum_sha1("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
                .send()
                .await
        ),
        "BadDigest"
    );
    assert_eq!(
        code(
            put()
                .checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
                .send()
                .await
        ),
        "BadDigest"
    );
    assert_eq!(
        code(put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==").send().await),
        "BadDigest"
    );
    assert_eq!(world.get("a").await, b"good");
    world.has_files(1).await;
}

#[tokio::test]
async fn right_claims_are_accepted_and_given_back() {
    let world = World::new().await;
    let put = world
        .client
        .put_object()
        .bucket(BUCKET)
        .key("a")
        .body(ByteStream::from_static(b"hello"));
    put.content_md5("XUFAKrxLKna5cZ2REBfFkg==")
        .checksum_crc32("NhCmhg==")
        .send()
        .await
        .unwrap();
    let get = || world.client.get_object().bucket(BUCKET).key("a");
    let asked = get()
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(asked.checksum_crc32(), Some("NhCmhg=="));
    assert_eq!(
        get().send().await.unwrap().checksum_crc32(),
        None,
        "only to who asks"
    );
    let part = get()
        .checksum_mode(ChecksumMode::Enabled)
        .range("bytes=0-1")
        .send()
        .await
        .unwrap();
    assert_eq!(part.checksum_crc32(), None, "it is of the whole");
}
