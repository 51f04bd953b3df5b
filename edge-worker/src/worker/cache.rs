//! The cache of the location where the Worker runs: objects that one viewer requested are served to
//! the next one from nearby.
//!
//! Read only after the decision, and by the object's path, without the pass. It has its own
//! namespace: objects in the default one could be fetched without the Worker, if a zone routes only
//! some paths to it.
//!
//! Renewals of sessions are stored here too, in addition to KV: the page that renews and its player
//! reach the same location, where the renewal is visible at once; KV may take a minute.

use js_sys::futures::JsFuture;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Cache, Headers, ReadableStream, Response, ResponseInit, WorkerGlobalScope};

const NAMESPACE: &str = "edgereel";
/// A week. The content keys of a replaced generation are kept for longer than that. If the same
/// generation is made again later, it has the same paths, but other keys.
const LIFE: &str = "public, max-age=604800, immutable";

/// The object with this key, if it is cached.
pub(super) async fn find(key: &str) -> Option<Response> {
    let found = JsFuture::from(open().await?.match_with_str(key))
        .await
        .ok()?;
    found.dyn_into().ok()
}

/// Caches an object that never changes. A failure is harmless.
pub(super) async fn store_object(key: &str, body: &ReadableStream, content_type: &str, etag: &str) {
    let response = || -> Result<Response, JsValue> {
        let (headers, init) = (Headers::new()?, ResponseInit::new());
        headers.set("content-type", content_type)?;
        headers.set("etag", etag)?;
        headers.set("cache-control", LIFE)?;
        init.set_headers(&headers);
        Response::new_with_opt_readable_stream_and_init(Some(body), &init)
    };
    put(key, response()).await;
}

/// The value of an entry, if it is cached.
pub(super) async fn find_entry(key: &str) -> Option<String> {
    JsFuture::from(find(key).await?.text().ok()?)
        .await
        .ok()?
        .as_string()
}

/// Caches the value of an entry for `seconds`. If that fails, KV has it.
pub(super) async fn store_entry(key: &str, value: &str, seconds: u64) {
    let response = || -> Result<Response, JsValue> {
        let (headers, init) = (Headers::new()?, ResponseInit::new());
        headers.set("cache-control", &format!("max-age={seconds}"))?;
        init.set_headers(&headers);
        Response::new_with_opt_str_and_init(Some(value), &init)
    };
    put(key, response()).await;
}

async fn put(key: &str, response: Result<Response, JsValue>) {
    if let (Some(cache), Ok(response)) = (open().await, response) {
        let _ = JsFuture::from(cache.put_with_str(key, &response)).await;
    }
}

async fn open() -> Option<Cache> {
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    JsFuture::from(scope.caches().ok()?.open(NAMESPACE))
        .await
        .ok()?
        .dyn_into()
        .ok()
}
