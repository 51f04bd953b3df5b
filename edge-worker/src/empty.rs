//! A Worker that does nothing: measures the cost of every request in Rust without our code.

use web_sys::{Request, Response};
use worker::{Context, Env, MessageBatch, event};

#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> worker::Result<Response> {
    Ok(Response::new_with_opt_str(Some("nothing"))?)
}

#[event(queue)]
async fn queue(_batch: MessageBatch<()>, _env: Env, _context: Context) -> worker::Result<()> {
    Ok(())
}
