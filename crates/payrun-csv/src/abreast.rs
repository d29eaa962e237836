//! Jobs done side by side, their results taken in order. Nothing that is found depends on how many threads there are.
//!
//! The thread that calls is one of them: it hands out jobs as long as there is room for more, and does one itself where
//! it would have to wait otherwise. So there are no more threads than cores, and nobody is woken for every job.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Jobs that are handed out beyond one for each thread, so that none has to wait.
const AHEAD: u64 = 4;

/// Does every job that `next` gives on one of `threads` threads, each with a `S` of its own, and gives the results to
/// `take` in the order of the jobs, until that has enough. A bounded number of jobs is under way at a time.
///
/// # Errors
/// What `next` or `take` says.
pub(crate) fn in_order<J: Send, R: Send, S: Default>(
    threads: usize,
    mut next: impl FnMut() -> io::Result<Option<J>>,
    work: impl Fn(&mut S, J) -> R + Sync,
    mut take: impl FnMut(R) -> io::Result<ControlFlow<()>>,
) -> io::Result<()> {
    let mut own = S::default();
    let waiting = Waiting::default();
    let (waiting, work) = (&waiting, &work);
    thread::scope(|scope| {
        // However this ends, the others end too.
        let _closing = Closing(waiting);
        let (done, results) = channel::<(u64, Option<R>)>();
        for _ in 1..threads {
            let done = done.clone();
            scope.spawn(move || {
                let mut state = S::default();
                while let Some((number, job)) = waiting.next() {
                    // Whoever waits for a result must hear that there will be none.
                    let result = catch_unwind(AssertUnwindSafe(|| work(&mut state, job)));
                    match result {
                        Ok(result) => drop(done.send((number, Some(result)))),
                        Err(panic) => {
                            drop(done.send((number, None)));
                            resume_unwind(panic)
                        }
                    }
                }
            });
        }
        drop(done);
        let gone = || io::Error::other("a thread that looked at the file has ended too early");
        let ahead = match threads {
            0 | 1 => 1,
            _ => u64::try_from(threads).unwrap_or(1).saturating_add(AHEAD),
        };
        let (mut sent, mut taken, mut is_last) = (0u64, 0u64, false);
        let mut out_of_order = BTreeMap::new();
        loop {
            while !is_last && sent - taken < ahead {
                match next()? {
                    Some(job) => waiting.push((sent, job)),
                    None => {
                        is_last = true;
                        break;
                    }
                }
                sent += 1;
            }
            if sent == taken {
                return Ok(());
            }
            if let Some((number, job)) = waiting.now() {
                out_of_order.insert(number, Some(work(&mut own, job)));
            } else if !out_of_order.contains_key(&taken) {
                let (number, result) = results.recv().map_err(|_| gone())?;
                out_of_order.insert(number, result);
            }
            out_of_order.extend(results.try_iter());
            while let Some(result) = out_of_order.remove(&taken) {
                taken += 1;
                if take(result.ok_or_else(gone)?)?.is_break() {
                    return Ok(());
                }
            }
        }
    })
}

/// Jobs that nobody has begun.
struct Waiting<J> {
    queue: Mutex<Queue<J>>,
    changed: Condvar,
}

struct Queue<J> {
    jobs: VecDeque<J>,
    /// There will be no more, and nobody is to begin those that are left.
    is_closed: bool,
}

impl<J> Default for Waiting<J> {
    fn default() -> Self {
        let queue = Queue { jobs: VecDeque::new(), is_closed: false };
        Self { queue: Mutex::new(queue), changed: Condvar::new() }
    }
}

impl<J> Waiting<J> {
    fn queue(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: J) {
        self.queue().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// The next one, if there is one now.
    fn now(&self) -> Option<J> {
        self.queue().jobs.pop_front()
    }

    /// The next one; `None` when there will be no more.
    fn next(&self) -> Option<J> {
        let mut queue = self.queue();
        loop {
            if queue.is_closed {
                return None;
            }
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends the waiting for jobs.
struct Closing<'w, J>(&'w Waiting<J>);

impl<J> Drop for Closing<'_, J> {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// What `work` makes of each number, in order.
///
/// # Errors
/// The first that `work` says.
pub(crate) fn each<T: Send>(
    numbers: std::ops::Range<usize>,
    threads: usize,
    work: impl Fn(usize) -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    let mut all = Vec::with_capacity(numbers.len());
    let threads = threads.min(numbers.len());
    let mut numbers = numbers.into_iter();
    in_order(
        threads,
        || Ok(numbers.next()),
        |(): &mut (), number| work(number),
        |result| {
            all.push(result?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for threads in 0..5 {
            let mut numbers = 0..1000u32;
            let mut taken = Vec::new();
            in_order(
                threads,
                || Ok(numbers.next()),
                |seen: &mut u32, number| {
                    *seen += 1;
                    number * 2
                },
                |double| {
                    taken.push(double);
                    Ok(if double == 1200 {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    })
                },
            )
            .unwrap();
            assert_eq!(taken, (0..=600).map(|number| number * 2).collect::<Vec<_>>());
            assert_eq!(each(3..7, threads, Ok).unwrap(), [3, 4, 5, 6]);
            let failed = each(0..100, threads, |number| match number {
                50.. => Err(io::Error::other(number.to_string())),
                _ => Ok(number),
            });
            assert_eq!(failed.unwrap_err().to_string(), "50");
        }
    }

    #[test]
    #[should_panic = "a scoped thread panicked"]
    fn a_job_that_panics_ends_the_whole_and_nobody_waits_for_it() {
        let here = thread::current().id();
        // Each waits for the other, so that both have one.
        let both = std::sync::Barrier::new(2);
        let mut numbers = 0..2u32;
        drop(in_order(
            2,
            || Ok(numbers.next()),
            |(): &mut (), _| {
                both.wait();
                assert_eq!(thread::current().id(), here, "this one fails");
            },
            |()| Ok(ControlFlow::Continue(())),
        ));
    }
}
