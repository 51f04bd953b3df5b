//! A route that does nothing, as a baseline for this machine and this client.

use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context as _;
use axum::routing::get;
use axum::{Json, Router};
use e2e::crowd::{Times, many};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;

use crate::Size;
use crate::routes::Route;

/// Serves the route, until standard input ends.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    let router = Router::new().route("/", get(async || Json(json!({ "status": "ok" }))));
    let ended = async {
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    serve::serve(listener, router, ended).await?;
    Ok(())
}

/// Measures the route, in a separate process like the API.
pub(crate) async fn measure(size: Size) -> anyhow::Result<Route> {
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    let mut server = command
        .arg("bare")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(server.stdout.take().context("its output is ours")?).lines();
    let url: Arc<str> = lines.next_line().await?.context("it listens")?.into();
    let http = e2e::player::Player::new().http;
    let ask = move |_| {
        let (url, http) = (url.clone(), http.clone());
        async move {
            let answer = http.get(&*url).send().await.expect("it answers");
            drop(answer.bytes().await.expect("to its end"));
        }
    };
    let alone: Times = many(1, 200, ask.clone()).await;
    Ok(Route {
        name: "a bare route of axum",
        alone,
        crowd: many(size.callers, size.requests * 5, ask).await,
    })
}
