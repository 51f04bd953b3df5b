//! The trace context of a request, as W3C Trace Context writes it in the header `traceparent`, and
//! how work continues it.

use std::fmt;
use std::time::Duration;

use crate::ids::hex;
use crate::time::UnixMillis;

/// Name of the header and of the field that carries a [`TraceParent`].
pub const TRACEPARENT: &str = "traceparent";

/// Until when work is a child of the request that caused it. Later work is a trace of its own, with a
/// link: a trace that spans days can neither be drawn to scale nor be found by its time.
pub const CHILD_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The place of an operation in a trace (W3C Trace Context, 3.2.2): the ids of the trace and of the
/// span, and whether the spans of the trace are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: [u8; 16],
    span: [u8; 8],
    is_sampled: bool,
}

/// A trace context that was stored for later work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredTrace {
    /// The request that caused the work.
    pub parent: TraceParent,
    /// When it was stored.
    pub at_ms: UnixMillis,
}

/// How work continues the trace of the request that caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuation {
    /// Its span is a child of the request's span.
    Child,
    /// Its span begins a trace, and has a link to the request's span.
    Link,
}

impl TraceParent {
    /// The context of a span. `None` if an id consists of zeros, which is invalid (3.2.2.3, 3.2.2.4).
    pub fn new(trace: [u8; 16], span: [u8; 8], is_sampled: bool) -> Option<Self> {
        let is_valid = trace != [0; 16] && span != [0; 8];
        is_valid.then_some(Self {
            trace,
            span,
            is_sampled,
        })
    }

    /// Parses a header. `None` if it is invalid: then the receiver ignores it (3.2.2). Of a version
    /// after 00, only the fields of version 00 are read (4.3).
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(55)?;
        let mut fields = known.split('-');
        let mut field = || fields.next();
        let (version, trace, span, flags) = (field()?, field()?, field()?, field()?);
        let [version] = bytes::<1>(version)?;
        let is_whole = match version {
            0x00 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let [flags] = bytes::<1>(flags)?;
        Self::new(bytes(trace)?, bytes(span)?, flags & 1 == 1).filter(|_| is_whole)
    }

    /// Id of the trace.
    pub fn trace(&self) -> [u8; 16] {
        self.trace
    }

    /// Id of the span.
    pub fn span(&self) -> [u8; 8] {
        self.span
    }

    /// Id of the trace in hexadecimal digits, as logs have it.
    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }

    /// Id of the span in hexadecimal digits, as logs have it.
    pub fn span_id(&self) -> String {
        hex(&self.span)
    }

    /// Whether the spans of the trace are collected.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }
}

impl fmt::Display for TraceParent {
    /// The header in version 00: 55 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{}-{}-{flags:02x}", self.trace_id(), self.span_id())
    }
}

impl StoredTrace {
    /// How work that begins now continues the trace.
    pub fn continuation(&self, now: UnixMillis) -> Continuation {
        if now.since(self.at_ms) < CHILD_FOR {
            Continuation::Child
        } else {
            Continuation::Link
        }
    }
}

/// Exactly `N` bytes in lower-case hexadecimal digits (3.2.1: HEXDIGLC).
fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digit = |it: u8| match it {
        b'0'..=b'9' => Some(it - b'0'),
        b'a'..=b'f' => Some(it - b'a' + 10),
        _ => None,
    };
    let digits = digits.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "1234567812345678";

    #[test]
    fn valid_headers_are_read() {
        for (header, is_sampled) in [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-00"), false),
            (format!("00-{TRACE}-{SPAN}-03"), true),
            (format!("00-{TRACE}-{SPAN}-fe"), false),
            (format!("01-{TRACE}-{SPAN}-01"), true),
            (format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings"), true),
        ] {
            let parent = TraceParent::parse(&header).expect(&header);
            assert_eq!(
                (parent.trace_id(), parent.span_id(), parent.is_sampled()),
                (TRACE.to_owned(), SPAN.to_owned(), is_sampled),
                "{header}"
            );
            let written = format!("00-{TRACE}-{SPAN}-0{}", u8::from(is_sampled));
            assert_eq!(parent.to_string(), written);
        }
    }

    #[test]
    fn invalid_headers_are_ignored() {
        let zeros = "0".repeat(32);
        for header in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-01-extra"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-011"),
            format!("cc-{TRACE}-{SPAN}-01.what"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("0-0{TRACE}-{SPAN}-01"),
            format!("00_{TRACE}_{SPAN}_01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            "\u{e9}".repeat(40),
        ] {
            assert_eq!(TraceParent::parse(&header), None, "{header}");
        }
    }

    #[test]
    fn late_work_has_a_trace_of_its_own() {
        let parent = TraceParent::new([1; 16], [2; 8], true).expect("valid");
        let at_ms = UnixMillis::new(1_700_000_000_000);
        let stored = StoredTrace { parent, at_ms };
        let second = Duration::from_secs(1);
        for (now, expected) in [
            (at_ms, Continuation::Child),
            (at_ms - second, Continuation::Child),
            (at_ms + CHILD_FOR - second, Continuation::Child),
            (at_ms + CHILD_FOR, Continuation::Link),
        ] {
            assert_eq!(stored.continuation(now), expected, "{now:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_danger(text in ".{0,80}") {
            TraceParent::parse(&text);
        }

        #[test]
        fn what_is_written_is_read(trace: [u8; 16], span: [u8; 8], is_sampled: bool) {
            prop_assume!(trace != [0; 16] && span != [0; 8]);
            let parent = TraceParent::new(trace, span, is_sampled).expect("valid");
            let text = parent.to_string();
            prop_assert_eq!(text.len(), 55);
            prop_assert_eq!(TraceParent::parse(&text), Some(parent));
        }
    }
}
