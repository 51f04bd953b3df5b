//! One request and its response, on the connection that they belong to.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::serve::IncomingStream;
use http::{StatusCode, header};
use http_body::{Frame, SizeHint};

use super::ServeLimits;
use super::activity::{Activity, InFlight};
use super::connections::Gate;
use super::pace::Paced;

/// The client of a connection.
#[derive(Clone)]
pub(super) struct Peer {
    address: SocketAddr,
    activity: Arc<Activity>,
}

impl Connected<IncomingStream<'_, Gate>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        Self {
            address: *stream.remote_addr(),
            activity: Arc::clone(stream.io().activity()),
        }
    }
}

/// Counts the request until its response is sent, and aborts it if its body arrives too slowly.
pub(super) async fn exchange(limits: ServeLimits, mut request: Request, next: Next) -> Response {
    let Some(ConnectInfo(peer)) = request.extensions_mut().remove::<ConnectInfo<Peer>>() else {
        return next.run(request).await;
    };
    let in_flight = peer.activity.begin();
    request.extensions_mut().insert(ConnectInfo(peer.address));
    let too_slow = Arc::new(AtomicBool::new(false));
    let noting = Arc::clone(&too_slow);
    let response = next
        .run(request.map(|body| Body::new(Paced::new(body, limits, noting))))
        .await;
    let response =
        if too_slow.load(Ordering::Relaxed) && response.status() != StatusCode::REQUEST_TIMEOUT {
            // Replaces the handler's response to an incomplete body.
            (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")]).into_response()
        } else {
            response
        };
    response.map(|body| {
        Body::new(Answering {
            body,
            _in_flight: in_flight,
        })
    })
}

/// The body of a response that is being sent.
struct Answering {
    body: Body,
    _in_flight: InFlight,
}

impl http_body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
