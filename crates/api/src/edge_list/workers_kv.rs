//! The list of the edge worker, in a namespace of Cloudflare's Workers KV, written through Cloudflare's API.
//!
//! Unlike a request to the edge, this works before the Worker is deployed and needs no HS256 key. The API token needs the
//! permission *Workers KV Storage: Edit*.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use config::KvNamespace;

use super::Revocations;

/// Timeout of a request to Cloudflare's API.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The minimum of KV, seconds.
const LEAST_SECONDS: u64 = 60;

#[derive(Debug)]
pub(super) struct WorkersKv {
    namespace: KvNamespace,
    client: reqwest::Client,
}

impl WorkersKv {
    pub(super) fn new(namespace: KvNamespace) -> Self {
        Self {
            namespace,
            client: reqwest::Client::new(),
        }
    }

    async fn put(&self, name: &str, seconds: u64) -> anyhow::Result<()> {
        let KvNamespace {
            api,
            account,
            namespace,
            token,
        } = &self.namespace;
        // The name has one character that a path cannot contain as it is.
        let name = name.replace('/', "%2F");
        let url = format!(
            "{}/accounts/{account}/storage/kv/namespaces/{namespace}/values/{name}?expiration_ttl={}",
            api.trim_end_matches('/'),
            seconds.max(LEAST_SECONDS)
        );
        let request = self.client.put(url).bearer_auth(token.expose()).body("1");
        let answer = request
            .timeout(TIMEOUT)
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .context("cannot reach Cloudflare's API")?;
        let status = answer.status();
        if !status.is_success() {
            // The body has Cloudflare's code and message, and no secret.
            let text = answer.text().await.unwrap_or_default();
            let text: String = text.chars().take(300).collect();
            anyhow::bail!("Cloudflare's API did not store a revocation: {status}: {text}");
        }
        Ok(())
    }
}

#[async_trait]
impl Revocations for WorkersKv {
    async fn revoke(&self, names: &[String], seconds: u64) -> anyhow::Result<()> {
        for name in names {
            self.put(name, seconds).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::Request;
    use axum::routing::any;
    use http::StatusCode;
    use platform::secret::Secret;

    use super::*;

    #[tokio::test]
    async fn entries_are_written_through_the_api_of_cloudflare() {
        let seen = Arc::new(Mutex::new(vec![]));
        let (log, listener) = (
            seen.clone(),
            tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(),
        );
        let api = format!("http://{}/client/v4/", listener.local_addr().unwrap());
        let handler = any(move |request: Request| {
            let line = format!("{} {}", request.method(), request.uri());
            let token = request.headers()["authorization"]
                .to_str()
                .unwrap()
                .to_owned();
            log.lock().unwrap().push(line);
            async move {
                match token.as_str() {
                    "Bearer right" => (StatusCode::OK, "{\"success\":true}"),
                    _ => (StatusCode::FORBIDDEN, "{\"errors\":[{\"code\":10000}]}"),
                }
            }
        });
        let server = axum::serve(listener, Router::new().fallback(handler));
        let server = tokio::spawn(async move { server.await });
        let list = |token: &str| {
            WorkersKv::new(KvNamespace {
                api: api.clone(),
                account: "acc".to_owned(),
                namespace: "ns".to_owned(),
                token: Secret::new(token),
            })
        };
        let names = ["video/a".to_owned(), "viewer/b".to_owned()];
        list("right").revoke(&names, 5).await.unwrap();
        assert_eq!(
            *seen.lock().unwrap(),
            [
                "PUT /client/v4/accounts/acc/storage/kv/namespaces/ns/values/video%2Fa?expiration_ttl=60",
                "PUT /client/v4/accounts/acc/storage/kv/namespaces/ns/values/viewer%2Fb?expiration_ttl=60",
            ]
        );
        let refused = list("wrong").revoke(&names, 600).await.unwrap_err();
        let refused = format!("{refused:#}");
        assert!(
            refused.contains("403") && refused.contains("10000") && !refused.contains("wrong"),
            "{refused}"
        );
        server.abort();
    }
}
