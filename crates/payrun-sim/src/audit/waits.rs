//! Whoever is asked to wait waits, and nobody gives up for want of answers that came.

use super::{Came, Case, Heard, Wait};

/// What had its leave just before the answer came may be under way still.
const UNDER_WAY_MS: u64 = 50;

/// No leave to call is given to any process, and nothing is called, before the wait is over that was asked for.
pub(super) fn waits(case: &Case, wrong: &mut Vec<String>) {
    for wait in &case.waits {
        let Wait { order, at_ms, wait_ms, .. } = wait;
        let lost = case.losses.iter().find(|lost| *lost > order).unwrap_or(&u64::MAX);
        let is_early = |time: u64| time < at_ms + wait_ms;
        let from = case.leaves.partition_point(|leave| leave.order < *order);
        let next = case.leaves.get(from).filter(|_| wait.of_run);
        if let Some(leave) = next.filter(|leave| leave.order < *lost && is_early(leave.at_ms)) {
            let after = leave.at_ms - at_ms;
            wrong.push(format!(
                "leave to call {after} ms after a wait of {wait_ms} ms was asked for"
            ));
        }
        let from = case.calls.partition_point(|call| call.at_ms <= at_ms + UNDER_WAY_MS);
        let next = case.calls[from..].first().filter(|_| case.is_answered_in_order);
        if let Some(call) = next.filter(|call| call.process == wait.process && is_early(call.at_ms))
        {
            let after = call.at_ms - at_ms;
            wrong.push(format!("a call {after} ms after a wait of {wait_ms} ms was asked for"));
        }
    }
}

/// A process says that no call was answered only where calls came to nothing all the time that it is patient for. The time in
/// which it was asked to wait is none in which it could try.
pub(super) fn ends(case: &Case, wrong: &mut Vec<String>) {
    let Some(patience_ms) = case.patience_ms else { return };
    for end in case.ends.iter().filter(|end| end.is_unanswered) {
        let heard = || case.heard.iter().filter(|heard| heard.process == end.process);
        let waits = || case.waits.iter().filter(|wait| wait.process == end.process);
        let all_failed = longest(heard(), waits(), &[Came::Nothing, Came::NoConnection]);
        let none_sent = longest(heard(), waits(), &[Came::NoConnection]);
        if all_failed.max(none_sent) < patience_ms {
            let process = end.process;
            wrong.push(format!("process {process} says that no call was answered, and some were"));
        }
    }
}

/// The longest time from one of these to another with no answer in between, in milliseconds, without the waits that were
/// asked for.
fn longest<'a>(
    heard: impl Iterator<Item = &'a Heard>,
    waits: impl Iterator<Item = &'a Wait> + Clone,
    these: &[Came],
) -> u64 {
    let (mut first, mut longest) = (None, 0);
    for Heard { came, at_ms, .. } in heard {
        if these.contains(came) {
            let first = *first.get_or_insert(*at_ms);
            longest = longest.max(at_ms - first - waited(waits.clone(), first, *at_ms));
        } else if *came == Came::Answer {
            first = None;
        }
    }
    longest
}

/// How much of the time between these two moments was asked to be waited.
fn waited<'a>(waits: impl Iterator<Item = &'a Wait>, from_ms: u64, to_ms: u64) -> u64 {
    let (mut until, mut sum) = (from_ms, 0);
    for Wait { at_ms, wait_ms, .. } in waits {
        let (begin, end) = ((*at_ms).clamp(until, to_ms), (at_ms + wait_ms).clamp(from_ms, to_ms));
        sum += end.saturating_sub(begin);
        until = until.max(end);
    }
    sum
}
