//! Whether a case came out as it must. Knows the plan, the provider's ledger and what was reported, as text and numbers,
//! and nothing of the engine: it names no other module and no other crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A payment that was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The reference at the provider.
    pub reference: String,
    /// Decimal text.
    pub amount: String,
    /// The wallet that pays.
    pub wallet: String,
    /// The phone that is paid.
    pub payee: String,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reference, amount, wallet, payee } = self;
        write!(f, "{reference}: {amount} from {wallet} to {payee}")
    }
}

/// Money that moved, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// What moved: the payment as the provider was told.
    pub payment: Planned,
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
}

/// A request to move money, as the provider was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What was asked for.
    pub payment: Planned,
    /// When it was sent, in milliseconds from the beginning.
    pub at_ms: u64,
    /// The answer proved that it moves no money.
    pub is_unsent: bool,
}

/// A call as the provider counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `money` or `read`.
    pub class: &'static str,
    /// When it was made, in milliseconds from the beginning.
    pub at_ms: u64,
}

/// At most so many calls of a class, or of all, in every window of this length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// `money`, `read` or `all`.
    pub class: &'static str,
    /// How many.
    pub count: usize,
    /// In how long, in milliseconds.
    pub per_ms: u64,
}

/// How a process left the records when it ended, however it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Which process.
    pub process: String,
    /// The state of each payment by the journal, in the order of the plan.
    pub journal: Vec<String>,
    /// What the provider had paid by then.
    pub paid: BTreeSet<String>,
}

/// Everything that is known at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// What was approved.
    pub planned: Vec<Planned>,
    /// Every request that the provider was sent, whatever became of it.
    pub requests: Vec<Request>,
    /// What the provider did.
    pub ledger: Vec<Execution>,
    /// The provider's last word on each reference that it knows: `paid`, `failed`, `reversed`, `pending`, `review`.
    pub words: BTreeMap<String, &'static str>,
    /// What the provider refused for the payment's own fault.
    pub refused: BTreeSet<String>,
    /// The state of each payment, in the order of the plan, as its watcher was told.
    pub reported: Vec<String>,
    /// The same as it stands in the journal.
    pub journal: Vec<String>,
    /// Count and sum by wallet and state, as reported.
    pub books: BTreeMap<(String, String), (u64, String)>,
    /// The records after each process; none where records were lost, which nobody can make up for.
    pub left: Vec<Left>,
    /// Ends of processes that no fault explains.
    pub bugs: Vec<String>,
    /// How long after the first request that may have moved money a payment may be sent again; `None` where the clock did not let anyone tell.
    pub window_ms: Option<u64>,
    /// A person said that nothing more is to be sent.
    pub is_cancelled: bool,
    /// The clock was wrong, or the machine off for a day: whether a payment may still be sent again could not be told, or it
    /// might not.
    pub may_be_late: bool,
    /// When a person's word that nothing more is to be sent was on record.
    pub cancelled_ms: Option<u64>,
    /// Every call that counts against a limit.
    pub calls: Vec<Call>,
    /// The provider's limits.
    pub limits: Vec<Limit>,
    /// Whether the run ended by itself once the faults had stopped.
    pub finished: bool,
    /// What is paid anew: by its reference, that of the payment which finally did not pay.
    pub replaces: BTreeMap<String, String>,
    /// How often the first process was woken until it ended.
    pub steps: u64,
    /// Everything that happened, if it was asked for.
    pub trace: Vec<String>,
}

/// Everything that is wrong with a case; nothing for one that came out as it must.
pub fn audit(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    executions(case, &mut wrong);
    requests(case, &mut wrong);
    states(case, &mut wrong);
    leavings(case, &mut wrong);
    books(case, &mut wrong);
    limits(case, &mut wrong);
    wrong.extend(case.bugs.iter().map(|bug| format!("ended for no fault of the world: {bug}")));
    if !case.finished {
        wrong.push("the run does not end although nothing is wrong any more".to_owned());
    }
    wrong
}

/// Each payment of the plan at once, and nothing else.
fn executions(case: &Case, wrong: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for Execution { payment, at_ms } in &case.ledger {
        let reference = &payment.reference;
        if !seen.insert(reference) {
            wrong.push(format!("{reference}: paid again at {at_ms} ms"));
        }
        match case.planned.iter().find(|planned| planned.reference == *reference) {
            None => wrong.push(format!("{reference}: paid, and in no plan")),
            Some(planned) if planned != payment => {
                wrong.push(format!("paid as {payment}; planned as {planned}"));
            }
            Some(_) => {}
        }
        let before = case.replaces.get(reference);
        if before.is_some_and(|before| case.words.get(before) == Some(&"paid")) {
            wrong.push(format!("{reference}: paid anew although what it replaces was paid"));
        }
    }
}

/// Whatever is asked for is a payment of the plan to the letter, each time, and in its time.
fn requests(case: &Case, wrong: &mut Vec<String>) {
    let mut first = BTreeMap::new();
    for Request { payment, at_ms, is_unsent } in &case.requests {
        let reference = &payment.reference;
        if !case.planned.contains(payment) {
            wrong.push(format!("{payment} is asked for, and not planned"));
        }
        if case.cancelled_ms.is_some_and(|cancelled| *at_ms > cancelled) {
            wrong.push(format!("{reference}: sent at {at_ms} ms although the run was cancelled"));
        }
        // What is proven to move no money leaves nothing that could be paid twice.
        if !is_unsent {
            first.entry(reference).or_insert(*at_ms);
        }
        let age = at_ms - first.get(reference).unwrap_or(at_ms);
        if case.window_ms.is_some_and(|window| age > window) {
            wrong.push(format!("{reference}: sent again {age} ms after it was first"));
        }
    }
}

/// However a process ends, what it sent is on record: nothing that was paid is left as never sent, or as refused.
fn leavings(case: &Case, wrong: &mut Vec<String>) {
    for Left { process, journal, paid } in &case.left {
        for (Planned { reference, .. }, state) in case.planned.iter().zip(journal) {
            let denies = ["planned", "held", "cancelled", "rejected"].contains(&state.as_str());
            if denies && paid.contains(reference) {
                wrong.push(format!("{reference}: paid, and {process} left it {state}"));
            }
        }
    }
}

/// Count and sum of each wallet and state are those of the payments that stand there by the journal.
fn books(case: &Case, wrong: &mut Vec<String>) {
    let mut expected: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for (Planned { wallet, amount, .. }, state) in case.planned.iter().zip(&case.journal) {
        let total = expected.entry((wallet.clone(), state.clone())).or_default();
        total.0 += 1;
        total.1 += cents(amount).unwrap_or_default();
    }
    let reported: BTreeMap<_, _> =
        case.books.iter().map(|(at, (count, sum))| (at.clone(), (*count, cents(sum)))).collect();
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(at, (count, sum))| (at, (count, Some(sum)))).collect();
    if reported != expected {
        wrong.push(format!("the books say {reported:?}, the journal comes to {expected:?}"));
    }
}

/// An amount in hundredths. No amount here has more digits.
fn cents(amount: &str) -> Option<u64> {
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    let part = format!("{part:0<2}");
    let is_exact = part.len() == 2;
    let whole: u64 = whole.parse().ok()?;
    is_exact.then_some(whole.checked_mul(100)?.checked_add(part.parse().ok()?)?)
}

/// What is reported is what is on record, is over, and says what the provider says.
fn states(case: &Case, wrong: &mut Vec<String>) {
    if case.reported.len() != case.planned.len() || case.journal.len() != case.planned.len() {
        wrong.push("the report or the journal lacks payments".to_owned());
    }
    let states = case.reported.iter().zip(&case.journal);
    let replaced_is_paid = |reference| {
        let replaced = case.replaces.get(reference);
        replaced.is_some_and(|replaced| case.words.get(replaced) == Some(&"paid"))
    };
    for (Planned { reference, .. }, (reported, journal)) in case.planned.iter().zip(states) {
        if reported != journal {
            wrong.push(format!("{reference}: reported as {reported}, on record as {journal}"));
        }
        let word = case.words.get(reference).copied();
        let may_be: &[&str] = match word {
            // Nothing came there. It is given up only for a reason that there is.
            None if case.is_cancelled => &["rejected", "cancelled", "held", "in_doubt"],
            None if case.may_be_late => &["rejected", "held", "in_doubt"],
            None if replaced_is_paid(reference) => &["held"],
            None => &["rejected"],
            Some("paid") => &["paid"],
            Some("failed") => &["failed"],
            Some("reversed") => &["returned", "failed"],
            Some("pending") => &["accepted"],
            Some(_) => &["in_doubt"],
        };
        if journal == "rejected" && !case.refused.contains(reference) {
            wrong.push(format!("{reference}: rejected on record, the provider never refused it"));
        }
        if !may_be.contains(&journal.as_str()) {
            let word = word.unwrap_or("nothing");
            wrong.push(format!("{reference}: {journal} on record, the provider says {word}"));
        }
    }
}

/// No window of a limit's length holds more calls than the limit, wherever it begins.
fn limits(case: &Case, wrong: &mut Vec<String>) {
    for Limit { class, count, per_ms } in &case.limits {
        let counts = |call: &&Call| *class == "all" || call.class == *class;
        let mut times: Vec<u64> = case.calls.iter().filter(counts).map(|call| call.at_ms).collect();
        times.sort_unstable();
        for window in times.windows(count + 1) {
            if let [first, .., last] = window
                && last - first < *per_ms
            {
                wrong.push(format!(
                    "{} {class} calls within {} ms at {first} ms: {count} in {per_ms} ms are allowed",
                    count + 1,
                    last - first
                ));
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests;
