//! What a gateway of AWS knows of a request beside the request.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use lambda_http::request::RequestContext;

/// Tells who asks, as a listener would: behind a gateway there is no connection to look at, and headers are what
/// anybody writes into them. A layer for whoever serves the router on Lambda.
pub async fn tell_address(mut request: Request, next: Next) -> Response {
    let source = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    if let Some(address) = source.and_then(|it| it.parse::<IpAddr>().ok()) {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 0)));
    }
    next.run(request).await
}
