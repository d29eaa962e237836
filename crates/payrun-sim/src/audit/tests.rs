//! A sound case passes, and each change of it is seen.

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
        requests: vec![Request { payment: planned("a"), at_ms: 4, is_unsent: false }; 2],
        ledger: vec![Execution { payment: planned("a"), at_ms: 5 }],
        words: BTreeMap::from([("a".to_owned(), "paid")]),
        reported: vec!["paid".to_owned()],
        journal: vec!["paid".to_owned()],
        books: BTreeMap::from([(("w".to_owned(), "paid".to_owned()), (1, "100".to_owned()))]),
        left: vec![Left {
            process: "the first".to_owned(),
            journal: vec!["submitting".to_owned()],
            paid: BTreeSet::from(["a".to_owned()]),
        }],
        window_ms: Some(60),
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
    let changes: [(&str, Change); 22] = [
        ("paid again", |case| case.ledger.push(case.ledger[0].clone())),
        ("in no plan", |case| case.ledger[0].payment.reference = "b".into()),
        ("planned as", |case| case.ledger[0].payment.amount = "900".into()),
        ("planned as", |case| case.ledger[0].payment.wallet = "v".into()),
        ("reported as", |case| case.reported[0] = "failed".into()),
        ("the provider says paid", |case| case.journal[0] = "rejected".into()),
        ("the provider says nothing", |case| case.words.clear()),
        ("lacks payments", |case| drop(case.journal.pop())),
        ("are allowed", |case| case.calls[2].at_ms = 999),
        ("are allowed", |case| {
            case.limits[0].class = "all";
            case.calls[2] = Call { class: "read", at_ms: 999 };
        }),
        ("paid anew", |case| {
            case.replaces.insert("a".into(), "0".into());
            case.words.insert("0".into(), "paid");
        }),
        ("does not end", |case| case.finished = false),
        ("was cancelled", |case| case.cancelled_ms = Some(3)),
        ("not planned", |case| case.requests[1].payment.amount = "900".into()),
        ("not planned", |case| case.requests[0].payment.payee = "+1".into()),
        ("sent again 61 ms after", |case| case.requests[1].at_ms = 65),
        ("the first left it planned", |case| case.left[0].journal[0] = "planned".into()),
        ("the first left it rejected", |case| case.left[0].journal[0] = "rejected".into()),
        ("the books say", |case| case.books.clear()),
        ("the books say", |case| {
            case.books.values_mut().for_each(|total| total.1 = "100.01".into());
        }),
        ("the books say", |case| case.books.values_mut().for_each(|total| total.0 = 2)),
        ("no fault of the world", |case| case.bugs.push("a state that is none".into())),
    ];
    for (words, change) in changes {
        let mut case = sound();
        change(&mut case);
        assert!(audit(&case).iter().any(|wrong| wrong.contains(words)), "{words}");
    }
}

/// The one payment of the case in this state, by journal and report.
fn standing(mut case: Case, state: &str) -> Case {
    (case.reported[0], case.journal[0]) = (state.to_owned(), state.to_owned());
    let total = ("w".to_owned(), state.to_owned());
    case.books = BTreeMap::from([(total, (1, "100.00".to_owned()))]);
    case
}

const STATES: [&str; 11] = [
    "planned",
    "submitting",
    "accepted",
    "unknown",
    "held",
    "in_doubt",
    "paid",
    "failed",
    "rejected",
    "returned",
    "cancelled",
];

#[test]
fn what_the_provider_says_is_what_may_be_on_record() {
    for (word, allowed) in [
        ("paid", &["paid"][..]),
        ("failed", &["failed"]),
        ("reversed", &["failed", "returned"]),
        ("pending", &["accepted"]),
        ("review", &["in_doubt"]),
    ] {
        for state in STATES {
            let mut case = standing(sound(), state);
            case.words.insert("a".to_owned(), word);
            assert_eq!(audit(&case).is_empty(), allowed.contains(&state), "{word} {state}");
        }
    }
}

#[test]
fn what_never_came_to_the_provider_is_given_up_only_for_a_reason() {
    let nothing = |_: &mut Case| {};
    let cancelled = |case: &mut Case| case.is_cancelled = true;
    let late = |case: &mut Case| case.may_be_late = true;
    let replaced = |case: &mut Case| {
        case.replaces.insert("a".into(), "0".into());
        case.words.insert("0".into(), "paid");
    };
    let refused = |case: &mut Case| case.refused.extend(["a".to_owned()]);
    let reasons: [(Change, &[&str]); 5] = [
        (nothing, &[]),
        (cancelled, &["cancelled", "held", "in_doubt"]),
        (late, &["held", "in_doubt"]),
        (replaced, &["held"]),
        (refused, &["rejected"]),
    ];
    for (number, (reason, allowed)) in reasons.into_iter().enumerate() {
        for state in STATES {
            let mut case = standing(sound(), state);
            (case.ledger, case.left, case.words) = Default::default();
            reason(&mut case);
            assert_eq!(audit(&case).is_empty(), allowed.contains(&state), "{number} {state}");
        }
    }
}

#[test]
fn amounts_are_read_to_the_hundredth_and_no_further() {
    for (text, read) in [("100", Some(10_000)), ("0.5", Some(50)), ("7.05", Some(705))] {
        assert_eq!(cents(text), read, "{text}");
    }
    for text in ["", "1.005", "1e3", "-1", "1,5"] {
        assert_eq!(cents(text), None, "{text}");
    }
}

#[test]
fn a_request_that_is_proven_unsent_starts_no_window() {
    let mut case = sound();
    case.requests[1].at_ms = 65;
    case.requests[0].is_unsent = true;
    assert_eq!(audit(&case), [""; 0]);
}
