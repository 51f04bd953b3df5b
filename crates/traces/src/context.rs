//! Trace contexts: from the client to the span of its request, from there to the database, and on to the spans of jobs
//! and deliveries.

use std::str::FromStr as _;

use domain::trace::{Continuation, TRACEPARENT, TraceParent};
use http::HeaderMap;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Longest `tracestate` that is read (W3C Trace Context, 3.3.1.5: at least 512 characters must be passed on).
const STATE_LIMIT: usize = 512;

tokio::task_local! {
    static CURRENT: Option<TraceParent>;
}

/// The trace context that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    parent: TraceParent,
    state: TraceState,
}

impl Incoming {
    /// Reads the headers `traceparent` and `tracestate`. `None` if the first is missing, invalid or sent twice; an
    /// invalid `tracestate` is left out (W3C Trace Context, 3.2 and 3.3).
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else {
            return None;
        };
        let parent = TraceParent::parse(parent.to_str().ok()?)?;
        let states = headers.get_all("tracestate").iter();
        let states: Option<Vec<_>> = states.map(|it| it.to_str().ok()).collect();
        let state = states
            .map(|it| it.join(","))
            .filter(|it| it.len() <= STATE_LIMIT);
        let state = state.and_then(|it| TraceState::from_str(&it).ok());
        Some(Self {
            parent,
            state: state.unwrap_or_default(),
        })
    }
}

/// Connects the span of a request with the trace of its client; without one, the span begins a trace. Call it right
/// after the span was created: a span that was entered keeps its parent.
///
/// Returns the context to continue: that of the span if spans are exported; otherwise that of the client, if it
/// collects the trace. The span gets the fields `trace_id` and `span_id`, which it must declare.
pub fn begin(span: &Span, incoming: Option<&Incoming>) -> Option<TraceParent> {
    if let Some(Incoming { parent, state }) = incoming {
        let context = remote(*parent, state.clone());
        // Fails if traces are off.
        let parent = opentelemetry::Context::new().with_remote_span_context(context);
        let _ = span.set_parent(parent);
    }
    note(span, incoming.map(|it| it.parent))
}

/// Connects the span of a job or of a delivery with the request that caused it, which was stored. Otherwise as
/// [`begin`].
pub fn resume(span: &Span, cause: Option<(TraceParent, Continuation)>) -> Option<TraceParent> {
    let Some((parent, continuation)) = cause else {
        return note(span, None);
    };
    let context = remote(parent, TraceState::default());
    match continuation {
        Continuation::Child => {
            let parent = opentelemetry::Context::new().with_remote_span_context(context);
            // Fails if traces are off.
            let _ = span.set_parent(parent);
        }
        Continuation::Link => span.add_link(context),
    }
    note(span, Some(parent))
}

/// Runs a request whose work continues `context`: see [`current`].
pub async fn within<F: Future>(context: Option<TraceParent>, request: F) -> F::Output {
    CURRENT.scope(context, request).await
}

/// The context that work of the current request continues; `None` outside of [`within`], and if the trace is not
/// collected anywhere.
pub fn current() -> Option<TraceParent> {
    CURRENT.try_with(|it| *it).ok().flatten()
}

fn remote(parent: TraceParent, state: TraceState) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(parent.is_sampled());
    SpanContext::new(
        TraceId::from_bytes(parent.trace()),
        SpanId::from_bytes(parent.span()),
        flags,
        true,
        state,
    )
}

/// Records the ids of the trace for logs, and returns the context to continue.
fn note(span: &Span, cause: Option<TraceParent>) -> Option<TraceParent> {
    if let Some(own) = own(span) {
        span.record("trace_id", own.trace_id())
            .record("span_id", own.span_id());
        return Some(own);
    }
    let cause = cause?;
    span.record("trace_id", cause.trace_id());
    Some(cause).filter(TraceParent::is_sampled)
}

/// The context of a span that is exported.
fn own(span: &Span) -> Option<TraceParent> {
    let context = span.context();
    let span = context.span();
    let context = span.span_context();
    let (trace, span) = (context.trace_id().to_bytes(), context.span_id().to_bytes());
    TraceParent::new(trace, span, context.is_sampled())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-1234567812345678-01";
    const UNSAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-1234567812345678-00";

    fn headers(sent: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn span() -> Span {
        tracing::info_span!("request", trace_id = Empty, span_id = Empty)
    }

    #[test]
    fn invalid_headers_are_ignored() {
        let parent = TraceParent::parse(PARENT);
        for (sent, expected, state) in [
            (&[][..], None, ""),
            (&[("traceparent", "00-0-0-01")], None, ""),
            (&[("tracestate", "a=1")], None, ""),
            (
                &[("traceparent", PARENT), ("traceparent", PARENT)],
                None,
                "",
            ),
            (&[("traceparent", PARENT)], parent, ""),
            (
                &[
                    ("traceparent", PARENT),
                    ("tracestate", "a=1"),
                    ("tracestate", "b=2"),
                ],
                parent,
                "a=1,b=2",
            ),
            (&[("traceparent", PARENT), ("tracestate", "?")], parent, ""),
        ] {
            let found = Incoming::of(&headers(sent));
            assert_eq!(found.as_ref().map(|it| it.parent), expected, "{sent:?}");
            let found = found.map(|it| it.state.header()).unwrap_or_default();
            assert_eq!(found, state, "{sent:?}");
        }
    }

    #[test]
    fn without_an_exporter_the_context_of_the_client_is_continued() {
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::with_default(subscriber, || {
            for (sent, expected) in [(PARENT, Some(PARENT)), (UNSAMPLED, None)] {
                let incoming = Incoming::of(&headers(&[("traceparent", sent)]));
                let continued = begin(&span(), incoming.as_ref());
                let expected = expected.and_then(TraceParent::parse);
                assert_eq!(continued, expected, "{sent}");
            }
            assert_eq!(begin(&span(), None), None);
        });
    }

    #[test]
    fn exported_spans_continue_the_trace_they_belong_to() {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let parent = TraceParent::parse(PARENT).unwrap();
            for sent in [PARENT, UNSAMPLED] {
                let incoming = Incoming::of(&headers(&[("traceparent", sent)]));
                let own = begin(&span(), incoming.as_ref()).unwrap();
                assert_eq!(own.trace(), parent.trace());
                assert_ne!(own.span(), parent.span());
                assert_eq!(own.is_sampled(), sent == PARENT);
            }
            let child = resume(&span(), Some((parent, Continuation::Child))).unwrap();
            assert_eq!(child.trace(), parent.trace());
            let linked = resume(&span(), Some((parent, Continuation::Link))).unwrap();
            assert_ne!(linked.trace(), parent.trace());
            let alone = begin(&span(), None).unwrap();
            assert_ne!(alone.trace(), parent.trace());
        });
    }

    #[tokio::test]
    async fn the_work_of_a_request_knows_its_context() {
        let parent = TraceParent::parse(PARENT);
        assert_eq!(current(), None);
        assert_eq!(within(parent, async { current() }).await, parent);
        assert_eq!(within(None, async { current() }).await, None);
    }
}
