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
    /// Which process sent it.
    pub process: u64,
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
    /// Which process made it.
    pub process: u64,
    /// When it was made, in milliseconds from the beginning.
    pub at_ms: u64,
}

/// The answer that whoever uses the key is to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Its place among waits, leaves and losses.
    pub order: u64,
    /// Which process was told.
    pub process: u64,
    /// It was told while it had the run, not when it was still to be decided whether there is one.
    pub of_run: bool,
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
    /// How long, in milliseconds.
    pub wait_ms: u64,
}

/// Leave to call the provider, as it is on record for all who use the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    /// Its place among waits, leaves and losses.
    pub order: u64,
    /// When it was given, in milliseconds from the beginning.
    pub at_ms: u64,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// A request that moves money was answered, or may have been.
    Answer,
    /// The limiter turned it away.
    Busy,
    /// A request that moves money found no connection.
    NoConnection,
    /// A question came to nothing.
    Nothing,
}

/// What came of a call, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What.
    pub came: Came,
    /// Which process called.
    pub process: u64,
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Which.
    pub process: u64,
    /// It said that no call was answered for too long a time.
    pub is_unanswered: bool,
}

/// A question about a payment that one of the plan replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whose.
    pub reference: String,
    /// Which process asked.
    pub process: u64,
    /// When it asked, in milliseconds from the beginning.
    pub asked_ms: u64,
    /// When the answer was there, or that none came.
    pub answered_ms: u64,
    /// One came.
    pub is_answered: bool,
    /// It was `paid`.
    pub says_paid: bool,
}

/// The answer that a payee may not be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Whose phone.
    pub payee: String,
    /// Which process was told.
    pub process: u64,
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
}

/// What the provider said unasked of a payment that one of the plan replaces. It says nothing but that there is news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Whose.
    pub reference: String,
    /// Which process it came to.
    pub process: u64,
    /// When, in milliseconds from the beginning.
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
    /// Nothing that was on record was lost, or put back from an older copy.
    pub records_are_whole: bool,
    /// Ends of processes that no fault explains.
    pub bugs: Vec<String>,
    /// How long after the first request that may have moved money a payment may be sent again; `None` where the clock did not let anyone tell.
    pub window_ms: Option<u64>,
    /// A person said that nothing more is to be sent.
    pub is_cancelled: bool,
    /// The clock was wrong, or the machine off for a day, or what stood still took as long: whether a payment may still be sent
    /// again could not be told, or it might not.
    pub may_be_late: bool,
    /// When a person's word that nothing more is to be sent was on record.
    pub cancelled_ms: Option<u64>,
    /// Every answer that a payee may not be paid.
    pub bans: Vec<Ban>,
    /// For so long the provider refuses another payment to one payee.
    pub same_payee_gap_ms: u64,
    /// Every call that counts against a limit.
    pub calls: Vec<Call>,
    /// The provider's limits.
    pub limits: Vec<Limit>,
    /// Every answer that asks to wait.
    pub waits: Vec<Wait>,
    /// Every leave to call that is on record. None where there are no limits.
    pub leaves: Vec<Leave>,
    /// Where among them what is on record was lost.
    pub losses: Vec<u64>,
    /// What came of calls, but for questions that were answered.
    pub heard: Vec<Heard>,
    /// How each process ended.
    pub ends: Vec<End>,
    /// No process stood still between its leave to call and the call.
    pub is_answered_in_order: bool,
    /// How long a process waits for an answer before it may say that there is none; `None` where answers may be of no use.
    pub patience_ms: Option<u64>,
    /// Whether the run ended by itself once the faults had stopped.
    pub finished: bool,
    /// What is paid anew: by its reference, those of the payments which finally did not pay, the first one first.
    pub replaces: BTreeMap<String, Vec<String>>,
    /// Of these, what the provider called paid after all, and since when, in milliseconds from the beginning.
    pub corrected: BTreeMap<String, u64>,
    /// What the provider once said to differ from what was asked about.
    pub differed: BTreeSet<String>,
    /// Of these, what the provider calls correctable, and has called so for too short a time.
    pub unrested: BTreeSet<String>,
    /// Every question about these.
    pub questions: Vec<Question>,
    /// Every callback about these.
    pub callbacks: Vec<Callback>,
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
    payees(case, &mut wrong);
    anew::anew(case, &mut wrong);
    states(case, &mut wrong);
    leavings(case, &mut wrong);
    books(case, &mut wrong);
    limits(case, &mut wrong);
    waits::waits(case, &mut wrong);
    waits::ends(case, &mut wrong);
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
    }
}

/// Whatever is asked for is a payment of the plan to the letter, each time, and in its time.
fn requests(case: &Case, wrong: &mut Vec<String>) {
    let mut first = BTreeMap::new();
    for Request { payment, at_ms, is_unsent, .. } in &case.requests {
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

/// One process sends nothing more to whom it was told not to pay, and leaves the gap between two payments to one payee.
fn payees(case: &Case, wrong: &mut Vec<String>) {
    let mut last = BTreeMap::new();
    for Request { payment: Planned { reference, payee, .. }, process, at_ms, .. } in &case.requests
    {
        let is_told =
            |ban: &Ban| ban.payee == *payee && ban.process == *process && ban.at_ms < *at_ms;
        if case.bans.iter().any(is_told) {
            wrong.push(format!("{reference}: sent at {at_ms} ms to {payee}, whom nobody may pay"));
        }
        let before = last.insert((process, payee), (reference, at_ms));
        if let Some((other, before)) = before
            && other != reference
            && at_ms - before < case.same_payee_gap_ms
        {
            let gap = at_ms - before;
            wrong.push(format!("{reference}: sent to {payee} {gap} ms after {other} was"));
        }
    }
}

/// Whether the provider said of its payee that nobody may pay it.
fn is_banned(case: &Case, reference: &String) -> bool {
    let planned = case.planned.iter().find(|planned| planned.reference == *reference);
    planned.is_some_and(|planned| case.bans.iter().any(|ban| ban.payee == planned.payee))
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
    for (Planned { reference, .. }, (reported, journal)) in case.planned.iter().zip(states) {
        if reported != journal {
            wrong.push(format!("{reference}: reported as {reported}, on record as {journal}"));
        }
        let word = case.words.get(reference).copied();
        let given_up = &given_up(case, reference);
        let may_be: &[&str] = match word {
            // Nothing came there. It is given up only for a reason that there is.
            None => given_up,
            Some("paid") => &["paid"],
            Some("failed") => &["failed"],
            Some("reversed") => &["returned", "failed"],
            Some("pending") => &["accepted"],
            Some(_) => &["in_doubt"],
        };
        if journal == "rejected" && !case.refused.contains(reference) {
            wrong.push(format!("{reference}: rejected on record, the provider never refused it"));
        }
        // An older copy of the records did not say that it was sent, and nobody asks about what may not be sent.
        let is_as_before = journal == "held"
            && !case.records_are_whole
            && (is_banned(case, reference) || anew::may_have_paid(case, reference));
        if !may_be.contains(&journal.as_str()) && !is_as_before {
            let word = word.unwrap_or("nothing");
            wrong.push(format!("{reference}: {journal} on record, the provider says {word}"));
        }
    }
}

/// How a payment may stand in the end that never came to the provider.
fn given_up(case: &Case, reference: &String) -> Vec<&'static str> {
    let mut may_be = vec!["rejected"];
    if case.is_cancelled {
        may_be.extend(["cancelled", "held", "in_doubt"]);
    }
    if case.may_be_late {
        may_be.extend(["held", "in_doubt"]);
    }
    if is_banned(case, reference) {
        may_be.push("held");
    }
    may_be.extend(anew::given_up(case, reference));
    may_be
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

mod anew;
#[cfg(test)]
mod tests;
mod waits;
