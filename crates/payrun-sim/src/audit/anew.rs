//! What is paid anew: only what none of its earlier generations paid, as far as anyone could know.
//!
//! The provider may correct an earlier generation to paid at any time. Between the last question about it and the request a
//! little time always goes by, and a correction that comes then pays twice: nobody can help that. So what is judged is what
//! was known or should have been: each earlier generation is asked about by the same process, at most five minutes before
//! the request, however long the questions about the others take; what was answered counts from then on; and a callback
//! that comes after the correction has it asked about once more, unless callbacks have had that done three times.

use super::{Case, Request};

/// For so long an answer holds, counted from its question.
const HOLDS_MS: u64 = 300_000;

/// So often it is asked about once more because of callbacks, in one process: they may be forged.
const HEARD_MAX: usize = 3;

/// No request is made for a payment of which an earlier generation is, or should be, known to have paid.
pub(super) fn anew(case: &Case, wrong: &mut Vec<String>) {
    for request in &case.requests {
        let (reference, at_ms) = (&request.payment.reference, request.at_ms);
        let replaced = case.replaces.get(reference).map(Vec::as_slice).unwrap_or_default();
        for before in replaced {
            let mut say = |why: String| {
                wrong.push(format!(
                    "{reference}: sent at {at_ms} ms to be paid anew although {why}"
                ));
            };
            let corrected = case.corrected.get(before).filter(|corrected| **corrected < at_ms);
            if let Some(corrected) = corrected {
                if at_ms - corrected > HOLDS_MS {
                    say(format!("{before} was paid at {corrected} ms"));
                }
                if was_heard(case, request, replaced, before, *corrected) {
                    say(format!("a callback came after {before} was paid at {corrected} ms"));
                }
            }
            if case.unrested.contains(before) {
                say(format!("{before} may be corrected, and did not rest"));
            }
            let mut told = case.questions.iter().filter(|question| {
                question.process == request.process
                    && question.reference == *before
                    && question.is_answered
                    && question.answered_ms <= at_ms
            });
            if told.clone().any(|question| question.says_paid) {
                say(format!("the provider had said that {before} was paid"));
            }
            if !told.any(|question| question.asked_ms + HOLDS_MS >= at_ms) {
                say(format!("{before} was not asked about in the five minutes before"));
            }
        }
    }
}

/// Whether a callback that came to the process after the correction, and before the request, had to be heeded.
fn was_heard(
    case: &Case,
    request: &Request,
    replaced: &[String],
    before: &String,
    corrected: u64,
) -> bool {
    let (process, at_ms) = (request.process, request.at_ms);
    let mut heard = case.callbacks.iter().filter(|callback| {
        callback.process == process
            && replaced.contains(&callback.reference)
            && callback.at_ms < at_ms
    });
    let first_ms = heard.clone().map(|callback| callback.at_ms).min();
    // Each reading begins with the first of them.
    let readings = case.questions.iter().filter(|question| {
        question.process == process
            && Some(&question.reference) == replaced.first()
            && Some(question.asked_ms) >= first_ms
            && question.asked_ms <= at_ms
    });
    let is_news = heard.any(|heard| heard.reference == *before && heard.at_ms > corrected);
    is_news && readings.count() < HEARD_MAX
}

/// How a payment may stand in the end that never came to the provider, because of what it replaces.
pub(super) fn given_up(case: &Case, reference: &String) -> Vec<&'static str> {
    let mut may_be = Vec::new();
    let replaced = case.replaces.get(reference).map(Vec::as_slice).unwrap_or_default();
    if may_have_paid(case, reference) {
        // It may have been on its way, by the records, when that was seen.
        may_be.extend(["held", "in_doubt"]);
    }
    if replaced.iter().any(|before| case.unrested.contains(before)) {
        may_be.push("planned");
    }
    may_be
}

/// Whether the provider corrected an earlier generation of it, or said once that one differs from what is on record.
pub(super) fn may_have_paid(case: &Case, reference: &String) -> bool {
    let replaced = case.replaces.get(reference).map(Vec::as_slice).unwrap_or_default();
    let may_have =
        |before: &String| case.corrected.contains_key(before) || case.differed.contains(before);
    replaced.iter().any(may_have)
}
