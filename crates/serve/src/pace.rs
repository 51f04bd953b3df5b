//! A body with a minimum pace.
//!
//! Only the time spent waiting for the client counts: a handler that is busy storing data does not
//! use up the client's time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use super::ServeLimits;
use super::io::Timer;

/// The body of a request arrived too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body of the request comes too slowly")]
pub struct TooSlow;

/// A body with a deadline for its next bytes and a minimum rate overall.
pub(super) struct Paced {
    body: Body,
    limits: ServeLimits,
    too_slow: Arc<AtomicBool>,
    timer: Timer,
    waiting_since: Option<Instant>,
    /// Of the current window: time spent waiting, and bytes received.
    waited: Duration,
    bytes: u64,
}

impl Paced {
    /// Sets `too_slow` when it aborts the body.
    pub(super) fn new(body: Body, limits: ServeLimits, too_slow: Arc<AtomicBool>) -> Self {
        let timer = Timer::default();
        Self {
            body,
            limits,
            too_slow,
            timer,
            waiting_since: None,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Ends the window if its time is over; `false` if too few bytes arrived in it.
    fn is_quick_enough(&mut self) -> bool {
        if self.waited < self.limits.rate_window {
            return true;
        }
        let enough = self.bytes >= self.limits.least_bytes;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        enough
    }

    fn give_up<T>(&self) -> Poll<Option<Result<T, BoxError>>> {
        self.too_slow.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(TooSlow.into())))
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waited += this
                .waiting_since
                .take()
                .map_or(Duration::ZERO, |it| it.elapsed());
            let data = frame.as_ref().and_then(|it| it.as_ref().ok()?.data_ref());
            this.bytes += data.map_or(0, |it| it.len() as u64);
            let more = data.is_some();
            if more && !this.is_quick_enough() {
                return this.give_up();
            }
            return Poll::Ready(frame.map(|it| it.map_err(Into::into)));
        }
        loop {
            let since = *this.waiting_since.get_or_insert_with(Instant::now);
            let rest_of_window = this.limits.rate_window.saturating_sub(this.waited);
            let stalls = this.limits.stall <= rest_of_window;
            ready!(
                this.timer
                    .poll(context, since + this.limits.stall.min(rest_of_window))
            );
            this.waited += since.elapsed();
            this.waiting_since = None;
            if stalls || !this.is_quick_enough() {
                return this.give_up();
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::StreamExt as _;
    use http_body_util::BodyExt as _;

    use super::*;

    const fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    /// The result of reading a body of `parts` parts of `bytes` bytes, one every `every`, by a
    /// reader that is `busy` after each.
    async fn read(
        parts: usize,
        bytes: usize,
        every: Duration,
        busy: Duration,
    ) -> Result<usize, BoxError> {
        let sent = futures::stream::iter(0..parts).then(move |_| async move {
            tokio::time::sleep(every).await;
            Ok::<_, Infallible>(Bytes::from(vec![0; bytes]))
        });
        let limits = ServeLimits {
            stall: ms(400),
            rate_window: ms(1000),
            least_bytes: 1000,
            ..ServeLimits::default()
        };
        let too_slow = Arc::new(AtomicBool::new(false));
        let paced = Paced::new(Body::from_stream(sent), limits, Arc::clone(&too_slow));
        let mut paced = std::pin::pin!(paced);
        let mut read = 0;
        while let Some(frame) = paced.frame().await {
            match frame {
                Ok(frame) => read += frame.data_ref().map_or(0, Bytes::len),
                Err(error) => {
                    assert!(too_slow.load(Ordering::Relaxed));
                    return Err(error);
                }
            }
            tokio::time::sleep(busy).await;
        }
        Ok(read)
    }

    #[tokio::test]
    async fn a_body_that_drips_is_given_up_and_a_slow_one_is_not() {
        // One byte each 100 ms never exceeds the stall limit.
        let began = Instant::now();
        assert!(
            read(10_000, 1, ms(100), ms(0))
                .await
                .unwrap_err()
                .is::<TooSlow>()
        );
        assert!(
            (ms(900)..ms(3000)).contains(&began.elapsed()),
            "{:?}",
            began.elapsed()
        );
        let began = Instant::now();
        assert!(
            read(2, 1_000_000, ms(2000), ms(0))
                .await
                .unwrap_err()
                .is::<TooSlow>()
        );
        assert!(
            (ms(350)..ms(1900)).contains(&began.elapsed()),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(read(30, 400, ms(50), ms(0)).await.unwrap(), 12_000);
        assert_eq!(
            read(5, 10, ms(50), ms(0)).await.unwrap(),
            50,
            "small bodies end within a window"
        );
    }

    #[tokio::test]
    async fn a_busy_reader_is_not_the_fault_of_the_client() {
        assert_eq!(read(4, 100, ms(10), ms(700)).await.unwrap(), 400);
    }
}
