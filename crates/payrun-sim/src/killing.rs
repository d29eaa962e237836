//! A process that is killed between two steps.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

/// `process` until it ends or was woken `steps_max` times; what came of it if it ended, and how often it was woken. Whatever it
/// has not come to by then it never does: its future is dropped, as a process is killed.
pub(crate) async fn killed_after<T>(
    steps_max: u64,
    process: impl Future<Output = T>,
) -> (Option<T>, u64) {
    let mut process = pin!(process);
    let mut steps = 0;
    std::future::poll_fn(|context| {
        if steps == steps_max {
            return Poll::Ready((None, steps));
        }
        steps += 1;
        match process.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready((Some(done), steps)),
            // Woken by what would be its next step, it takes none.
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
