//! A process that is frozen for a while, and then goes on as if nothing had been.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::time::{Duration, Instant, sleep_until};

/// `process`, which does nothing from `from` on for `length`; what it has begun goes on without it.
pub(crate) async fn frozen<T>(
    process: impl Future<Output = T>,
    from: Instant,
    length: Duration,
) -> T {
    let mut process = pin!(process);
    let mut begin = pin!(sleep_until(from));
    let mut end = pin!(sleep_until(from + length));
    std::future::poll_fn(|context| {
        let woken = |sleep: Pin<&mut tokio::time::Sleep>, context: &mut _| sleep.poll(context);
        if woken(begin.as_mut(), context).is_ready() && woken(end.as_mut(), context).is_pending() {
            return Poll::Pending;
        }
        process.as_mut().poll(context)
    })
    .await
}
