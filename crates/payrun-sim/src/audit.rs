//! Whether a case came out as it must. Knows the plan, the provider's ledger and what was reported, as text and numbers,
//! and nothing of the engine: it names no other module and no other crate.

use std::collections::{BTreeMap, BTreeSet};

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

/// Money that moved, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// What moved: the payment as the provider was told.
    pub payment: Planned,
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
}

/// A call as the provider counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// `money` or `read`.
    pub class: &'static str,
    /// When it was made, in milliseconds from the beginning.
    pub at_ms: u64,
}

/// At most so many calls of a class in every window of this length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// `money` or `read`.
    pub class: &'static str,
    /// How many.
    pub count: usize,
    /// In how long, in milliseconds.
    pub per_ms: u64,
}

/// Everything that is known at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Case {
    /// What was approved.
    pub planned: Vec<Planned>,
    /// What the provider did.
    pub ledger: Vec<Execution>,
    /// The provider's last word on each reference that it knows: `paid`, `failed`, `reversed`, `pending`, `review`.
    pub words: BTreeMap<String, &'static str>,
    /// The state of each payment, in the order of the plan, as its watcher was told.
    pub reported: Vec<String>,
    /// The same as it stands in the journal.
    pub journal: Vec<String>,
    /// Every call that counts against a limit.
    pub calls: Vec<Call>,
    /// The provider's limits.
    pub limits: Vec<Limit>,
    /// Whether the run ended by itself once the faults had stopped.
    pub finished: bool,
    /// What is paid anew: by its reference, that of the payment which finally did not pay.
    pub replaces: BTreeMap<String, String>,
    /// Everything that happened, if it was asked for.
    pub trace: Vec<String>,
}

/// Everything that is wrong with a case; nothing for one that came out as it must.
pub fn audit(case: &Case) -> Vec<String> {
    let mut wrong = Vec::new();
    executions(case, &mut wrong);
    states(case, &mut wrong);
    limits(case, &mut wrong);
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
                wrong.push(format!("{reference}: paid as {payment:?}, planned as {planned:?}"));
            }
            Some(_) => {}
        }
        let before = case.replaces.get(reference);
        if before.is_some_and(|before| case.words.get(before) == Some(&"paid")) {
            wrong.push(format!("{reference}: paid anew although what it replaces was paid"));
        }
    }
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
        let may_be: &[&str] = match word {
            None => &["rejected", "held", "in_doubt", "cancelled"],
            Some("paid") => &["paid", "in_doubt"],
            Some("failed") => &["failed", "in_doubt"],
            Some("reversed") => &["returned", "failed", "in_doubt"],
            Some("pending") => &["accepted", "in_doubt"],
            Some(_) => &["in_doubt"],
        };
        if !may_be.contains(&journal.as_str()) {
            let word = word.unwrap_or("nothing");
            wrong.push(format!("{reference}: {journal} on record, the provider says {word}"));
        }
    }
}

/// No window of a limit's length holds more calls than the limit, wherever it begins.
fn limits(case: &Case, wrong: &mut Vec<String>) {
    for Limit { class, count, per_ms } in &case.limits {
        let mut times: Vec<u64> =
            case.calls.iter().filter(|call| call.class == *class).map(|call| call.at_ms).collect();
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
mod tests {
    use super::*;

    fn planned(reference: &str) -> Planned {
        let text = str::to_owned;
        Planned {
            reference: text(reference),
            amount: text("100"),
            wallet: text("w"),
            payee: text("+254"),
        }
    }

    /// One payment that was made as it should be.
    fn sound() -> Case {
        Case {
            planned: vec![planned("a")],
            ledger: vec![Execution { payment: planned("a"), at_ms: 5 }],
            words: BTreeMap::from([("a".to_owned(), "paid")]),
            reported: vec!["paid".to_owned()],
            journal: vec!["paid".to_owned()],
            calls: [0, 5, 1000].map(|at_ms| Call { class: "money", at_ms }).into(),
            limits: vec![Limit { class: "money", count: 2, per_ms: 1000 }],
            finished: true,
            ..Case::default()
        }
    }

    type Change = fn(&mut Case);

    #[test]
    fn a_sound_case_passes_and_each_change_is_seen() {
        assert_eq!(audit(&sound()), [""; 0]);
        let changes: [(&str, Change); 11] = [
            ("paid again", |case| case.ledger.push(case.ledger[0].clone())),
            ("in no plan", |case| case.ledger[0].payment.reference = "b".into()),
            ("planned as", |case| case.ledger[0].payment.amount = "900".into()),
            ("planned as", |case| case.ledger[0].payment.wallet = "v".into()),
            ("reported as", |case| case.reported[0] = "failed".into()),
            ("the provider says paid", |case| case.journal[0] = "rejected".into()),
            ("the provider says nothing", |case| case.words.clear()),
            ("lacks payments", |case| drop(case.journal.pop())),
            ("are allowed", |case| case.calls[2].at_ms = 999),
            ("paid anew", |case| {
                case.replaces.insert("a".into(), "0".into());
                case.words.insert("0".into(), "paid");
            }),
            ("does not end", |case| case.finished = false),
        ];
        for (words, change) in changes {
            let mut case = sound();
            change(&mut case);
            assert!(audit(&case).iter().any(|wrong| wrong.contains(words)), "{words}");
        }
    }

    #[test]
    fn what_the_provider_says_is_what_may_be_on_record() {
        for (word, allowed) in [
            ("failed", "failed"),
            ("reversed", "returned"),
            ("pending", "accepted"),
            ("review", "in_doubt"),
        ] {
            for state in ["planned", "unknown", "submitting", "paid", "rejected", allowed] {
                let mut case = sound();
                case.words.insert("a".to_owned(), word);
                (case.reported[0], case.journal[0]) = (state.to_owned(), state.to_owned());
                assert_eq!(audit(&case).is_empty(), state == allowed, "{word} {state}");
            }
        }
    }
}
