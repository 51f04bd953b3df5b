//! Listings: pages, prefixes, delimiters.

use crate::support::{BUCKET, World, code};

async fn with(keys: &[&str]) -> World {
    let world = World::new().await;
    for key in keys {
        world.put(key, b"x").await;
    }
    world
}

const KEYS: [&str; 9] = ["a", "a/1", "a/2", "a/b/3", "a0", "b/1", "b/2", "c", "ü"];

#[tokio::test]
async fn pages_hold_each_object_once() {
    let world = with(&KEYS).await;
    for page_size in 1..=10 {
        let mut pages = world
            .client
            .list_objects_v2()
            .bucket(BUCKET)
            .into_paginator()
            .page_size(page_size)
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(
                page.contents()
                    .iter()
                    .all(|it| it.e_tag().is_some() && it.size() == Some(1))
            );
            keys.extend(
                page.contents()
                    .iter()
                    .filter_map(|it| it.key())
                    .map(str::to_owned),
            );
        }
        assert_eq!(keys, KEYS, "pages of {page_size}");
    }
}

/// Lists with a delimiter, page by page: objects and common prefixes in the order of arrival.
async fn grouped(world: &World, prefix: &str, page_size: i32) -> (Vec<String>, Vec<String>) {
    let mut pages = world
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .prefix(prefix)
        .delimiter("/")
        .into_paginator()
        .page_size(page_size)
        .send();
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.key_count().unwrap() <= page_size);
        keys.extend(
            page.contents()
                .iter()
                .filter_map(|it| it.key())
                .map(str::to_owned),
        );
        prefixes.extend(
            page.common_prefixes()
                .iter()
                .filter_map(|it| it.prefix())
                .map(str::to_owned),
        );
    }
    (keys, prefixes)
}

#[tokio::test]
async fn a_delimiter_puts_folders_together() {
    let world = with(&KEYS).await;
    for page_size in [1, 2, 3, 1000] {
        let (keys, prefixes) = grouped(&world, "", page_size).await;
        assert_eq!(
            (keys, prefixes),
            (
                ["a", "a0", "c", "ü"].map(str::to_owned).to_vec(),
                vec!["a/".into(), "b/".into()]
            )
        );
        let (keys, prefixes) = grouped(&world, "a/", page_size).await;
        assert_eq!(
            (keys, prefixes),
            (
                ["a/1", "a/2"].map(str::to_owned).to_vec(),
                vec!["a/b/".into()]
            )
        );
    }
}

#[tokio::test]
async fn listings_start_after_a_key() {
    let world = with(&KEYS).await;
    let list = |after: &str, prefix: &str| {
        world
            .client
            .list_objects_v2()
            .bucket(BUCKET)
            .start_after(after)
            .prefix(prefix)
            .send()
    };
    let keys = |page: aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output| -> Vec<String> {
        page.contents()
            .iter()
            .filter_map(|it| it.key())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(
        keys(list("a/2", "").await.unwrap()),
        ["a/b/3", "a0", "b/1", "b/2", "c", "ü"]
    );
    assert_eq!(keys(list("a/1x", "a/").await.unwrap()), ["a/2", "a/b/3"]);
    assert_eq!(keys(list("ü", "").await.unwrap()), [] as [&str; 0]);
    assert_eq!(keys(list("b", "a/").await.unwrap()), [] as [&str; 0]);
}

#[tokio::test]
async fn the_first_version_of_the_listing_works_too() {
    let world = with(&KEYS).await;
    let (mut keys, mut marker) = (Vec::new(), None);
    loop {
        let list = world
            .client
            .list_objects()
            .bucket(BUCKET)
            .delimiter("/")
            .max_keys(2)
            .set_marker(marker);
        let page = list.send().await.unwrap();
        keys.extend(
            page.contents()
                .iter()
                .filter_map(|it| it.key())
                .map(str::to_owned),
        );
        keys.extend(
            page.common_prefixes()
                .iter()
                .filter_map(|it| it.prefix())
                .map(str::to_owned),
        );
        if !page.is_truncated().unwrap() {
            break;
        }
        marker = page.next_marker;
    }
    keys.sort_unstable();
    assert_eq!(keys, ["a", "a/", "a0", "b/", "c", "ü"]);
}

#[tokio::test]
async fn odd_questions_have_an_answer() {
    let world = with(&KEYS).await;
    let list = || world.client.list_objects_v2().bucket(BUCKET);
    assert_eq!(
        code(list().continuation_token("rubbish").send().await),
        "InvalidArgument"
    );
    assert_eq!(code(list().max_keys(-1).send().await), "InvalidArgument");
    let nothing = list().max_keys(0).send().await.unwrap();
    assert_eq!(
        (nothing.contents().len(), nothing.is_truncated()),
        (0, Some(false))
    );
    assert_eq!(
        list()
            .prefix("no/such")
            .send()
            .await
            .unwrap()
            .contents()
            .len(),
        0
    );
}
