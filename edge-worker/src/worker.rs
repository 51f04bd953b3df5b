//! The handlers: what `domain` decides, carried out over Cloudflare's bindings.

mod answer;
mod bindings;
mod cache;
mod events;
mod incoming;
mod playback;
mod signatures;
mod store;

use web_sys::{Request, Response};
use worker::{Context, Env, MessageBatch, event};

/// A request of a viewer.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    playback::answer(&request, &env, &context).await
}

/// A batch of the bucket's events.
#[event(queue)]
async fn queue(batch: MessageBatch<()>, env: Env, _context: Context) -> worker::Result<()> {
    events::carry(&batch, &env).await;
    Ok(())
}
