//! The handlers: what `domain` decides, carried out over Cloudflare's bindings.

mod answer;
mod bindings;
mod cache;
mod events;
mod incoming;
mod playback;
mod signatures;
mod store;

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Request, Response};
use worker::worker_sys::MessageBatch;
use worker::{Context, Env, event};

/// A request of a viewer.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    playback::answer(&request, &env, &context).await
}

/// A batch of the bucket's events. Without the macro of `worker`, whose messages can be told when to come again only by way
/// of `serde`: that alone would be a hundredth of the script.
#[wasm_bindgen]
#[expect(unreachable_pub, reason = "exported to the runtime")]
pub async fn queue(batch: MessageBatch, env: Env) {
    events::carry(&batch, &env).await;
}
