//! Requests to the API, and its responses.

use api_types::uploads::SignedRequest;
use axum::body::Body;
use domain::ids::VideoId;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde::Deserialize as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{TOKEN, World};

/// A complete response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn video(&self) -> VideoId {
        self.body["video"].as_str().unwrap().parse().unwrap()
    }

    /// The status and code of a problem.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, &str) {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.body
        );
        let code = self.body["code"].as_str().unwrap();
        assert_eq!(self.body["type"], format!("urn:edgereel:problem:{code}"));
        assert_eq!(self.body["status"], self.status.as_u16());
        assert!(!self.body["detail"].as_str().unwrap().is_empty());
        (self.status.as_u16(), code)
    }
}

impl World {
    /// Sends a request and validates the response against the document.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        if parts
            .headers
            .get("content-type")
            .is_some_and(|it| it == "text/event-stream")
        {
            // It does not end by itself.
            let answer = Answer {
                status: parts.status,
                headers: parts.headers,
                body: json!({}),
            };
            crate::document::check(&method, &path, &answer);
            return answer;
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            // Captions are the only response that is not JSON.
            let is_text = parts
                .headers
                .get("content-type")
                .is_some_and(|it| it == "text/vtt");
            match is_text {
                true => Value::from(String::from_utf8(bytes.to_vec()).unwrap()),
                false => serde_json::from_slice(&bytes).unwrap(),
            }
        };
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        };
        crate::document::check(&method, &path, &answer);
        answer
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_as(TOKEN, method, path, body).await
    }

    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let body = body.map_or(Body::empty(), |it| Body::from(it.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"));
        self.send(request.body(body).unwrap()).await
    }

    /// Starts an upload in one request, like Uppy before version 6.
    pub(crate) async fn uppy_params(&self, token: &str, query: &str) -> Answer {
        let request = Request::get(format!("/v1/s3/params?{query}"))
            .header("authorization", format!("Bearer {token}"))
            .header("uppy-versions", "@uppy/aws-s3=5.1.0");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Sends a presigned request like a browser: with the length of the body.
    pub(crate) async fn put(&self, request: &Value, body: Vec<u8>) -> reqwest::Response {
        let SignedRequest {
            method,
            url,
            headers,
        } = SignedRequest::deserialize(request).unwrap();
        assert_eq!(method, "PUT");
        assert!(headers.contains_key("content-length"), "the size is signed");
        let mut put = self.http.put(url);
        for (name, value) in headers.iter().filter(|it| it.0 != "content-length") {
            put = put.header(name, value);
        }
        put.body(body).send().await.unwrap()
    }
}
