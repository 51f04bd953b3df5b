//! The handlers: execute the decisions of `domain` with Cloudflare's bindings.

mod bindings;
mod cache;
mod events;
mod playback;
mod request;
mod response;
mod signatures;
mod store;
mod views;

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};
use worker::worker_sys::MessageBatch;
use worker::{Context, Env, event};

/// Handles a request of a viewer.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    playback::respond(&request, &env, &context).await
}

/// Handles a batch of the bucket's events. Without the macro of `worker`, because its messages
/// accept a retry delay only by `serde`, which alone would be a hundredth of the script.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "exported to the runtime")]
pub async fn queue(batch: MessageBatch, env: Env) {
    events::handle_batch(&batch, &env).await;
}
