//! Jobs done side by side, their results taken in order. Nothing that is found depends on how many threads there are.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
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
    if threads < 2 {
        let mut state = S::default();
        while let Some(job) = next()? {
            if take(work(&mut state, job))?.is_break() {
                break;
            }
        }
        return Ok(());
    }
    thread::scope(|scope| {
        let (jobs, waiting) = channel::<(u64, J)>();
        let (done, results) = channel::<(u64, R)>();
        let (waiting, work) = (Mutex::new(waiting), &work);
        let waiting = std::sync::Arc::new(waiting);
        for _ in 0..threads {
            let (waiting, done) = (std::sync::Arc::clone(&waiting), done.clone());
            scope.spawn(move || {
                let mut state = S::default();
                loop {
                    let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((number, job)) = job else { return };
                    if done.send((number, work(&mut state, job))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        // When this ends, however it does, `jobs` goes, and without jobs the threads end.
        let gone = || io::Error::other("a thread that looked at the file has ended too early");
        let ahead = u64::try_from(threads).unwrap_or(1).saturating_add(AHEAD);
        let (mut sent, mut taken, mut is_last) = (0u64, 0u64, false);
        let mut out_of_order = BTreeMap::new();
        loop {
            while !is_last && sent - taken < ahead {
                match next()? {
                    Some(job) => jobs.send((sent, job)).map_err(|_| gone())?,
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
            let (number, result) = results.recv().map_err(|_| gone())?;
            out_of_order.insert(number, result);
            while let Some(result) = out_of_order.remove(&taken) {
                taken += 1;
                if take(result)?.is_break() {
                    return Ok(());
                }
            }
        }
    })
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
}
