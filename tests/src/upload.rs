//! The client's side of an upload.

use api_types::uploads::{CreatedUpload, SignedRequest, UploadInstructions};
use domain::ids::VideoId;
use serde_json::Value;

/// Sends the bytes of a small file to the store. `created`: the response of `POST /v1/uploads`. Returns the id of the
/// video.
///
/// # Panics
/// If the store rejects them, or the file needs several requests.
pub async fn send_source(http: &reqwest::Client, created: Value, bytes: Vec<u8>) -> VideoId {
    let created: CreatedUpload = serde_json::from_value(created).expect("a new upload");
    let UploadInstructions::Single { request } = created.upload else {
        panic!("a small file needs one request")
    };
    send(http, request, bytes).await;
    created.video
}

/// Sends a presigned request, as a browser does: the HTTP client sets the length.
///
/// # Panics
/// If the store rejects it.
pub async fn send(http: &reqwest::Client, request: SignedRequest, bytes: Vec<u8>) {
    let mut put = http.put(request.url);
    for (name, value) in request.headers.iter().filter(|it| it.0 != "content-length") {
        put = put.header(name, value);
    }
    let response = put.body(bytes).send().await.expect("the store responds");
    assert!(response.status().is_success(), "{}", response.status());
}
