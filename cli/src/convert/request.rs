//! The request that creates the video of an object.

use api_types::videos::{CreateVideo, Video};
use domain::ids::hex;
use domain::job::Priority;
use platform::clock;
use sha2::{Digest as _, Sha256};

use super::ConvertOptions;
use crate::api::{Api, ApiError};
use crate::catalogue::{Ids, Item, ItemState};

/// Longest external id of the API in bytes.
const EXTERNAL_ID_LIMIT: usize = 1_000;

/// The request for the video of an object.
pub(super) fn body_of(item: &Item, options: &ConvertOptions) -> CreateVideo {
    let ids = if let ItemState::Waiting(Some(ids)) = &item.state {
        ids.clone()
    } else {
        let is_id = options.keys_are_external_ids && item.key.len() <= EXTERNAL_ID_LIMIT;
        Ids {
            owner: options.owner.clone(),
            external_id: is_id.then(|| item.key.clone()),
        }
    };
    CreateVideo {
        key: Some(item.key.clone()),
        owner: ids.owner,
        external_id: ids.external_id,
        profile: options.profile.clone(),
        mode: options.mode,
        priority: Priority::Bulk,
        ..CreateVideo::default()
    }
}

/// Creates the video of an object, or returns the one that exists.
pub(super) async fn create(api: &Api, body: &CreateVideo, etag: &str) -> Result<Video, ApiError> {
    // The same in every run: if a run is killed, the API finishes its request, and the next run gets the response.
    let key = key_of(body, etag);
    match api.create_video(body, &key).await {
        Ok(video) => match api.video(video.summary.id).await {
            // The response was of an earlier run, and the video was deleted since.
            Err(error) if error.is_missing() => {}
            video => return video,
        },
        // A rejection may be of an earlier run as well: the API keeps it for a day, and the operator may have removed
        // its cause.
        Err(error) if error.is_rejection() => {}
        Err(error) => return Err(error),
    }
    let key = format!("{key}-{}", clock::now().get());
    api.create_video(body, &key).await
}

/// The `Idempotency-Key` of a request for an object with this content.
fn key_of(body: &CreateVideo, etag: &str) -> String {
    // Serialisation cannot fail: all keys are strings.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update((body.len() as u64).to_be_bytes());
    hash.update(body);
    hash.update(etag);
    format!("convert-{}", hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(key: &str) -> CreateVideo {
        CreateVideo {
            key: Some(key.to_owned()),
            ..CreateVideo::default()
        }
    }

    #[test]
    fn requests_for_the_same_content_have_the_same_key() {
        let key = key_of(&body("a.mp4"), "1");
        assert_eq!(key, key_of(&body("a.mp4"), "1"));
        assert!(key.len() <= 200 && key.bytes().all(|it| it.is_ascii_graphic()));
        assert_ne!(key, key_of(&body("a.mp4"), "2"));
        assert_ne!(key, key_of(&body("b.mp4"), "1"));
        let small = CreateVideo {
            profile: Some("small".to_owned()),
            ..body("a.mp4")
        };
        assert_ne!(key, key_of(&small, "1"));
    }
}
