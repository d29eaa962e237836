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

fn request(at_ms: u64) -> Request {
    Request { payment: planned("a"), process: 1, at_ms, is_unsent: false }
}

/// One payment that was made as it should be.
fn sound() -> Case {
    Case {
        planned: vec![planned("a")],
        requests: vec![request(4); 2],
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
        calls: [0, 5, 1000].map(|at_ms| Call { class: "money", process: 1, at_ms }).into(),
        limits: vec![Limit { class: "money", count: 2, per_ms: 1000 }],
        finished: true,
        ..Case::default()
    }
}

type Change = fn(&mut Case);

#[test]
fn a_sound_case_passes_and_each_change_is_seen() {
    assert_eq!(audit(&sound()), [""; 0]);
    let changes: [(&str, Change); 23] = [
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
            case.calls[2] = Call { class: "read", process: 1, at_ms: 999 };
        }),
        ("nobody may pay", |case| {
            case.bans.push(Ban { payee: "+254".to_owned(), process: 1, at_ms: 3 });
        }),
        ("4 ms after a was", |case| {
            case.same_payee_gap_ms = 5;
            let mut other = request(8);
            other.payment.reference = "b".to_owned();
            case.requests.push(other);
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
        *case = replacing(std::mem::take(case));
        case.corrected.insert("0".into(), 900_000);
    };
    let unrested = |case: &mut Case| {
        case.replaces.insert("a".into(), vec!["0".into()]);
        case.unrested.insert("0".into());
        case.requests.clear();
    };
    let banned = |case: &mut Case| {
        case.bans.push(Ban { payee: "+254".to_owned(), process: 1, at_ms: 9 });
    };
    let refused = |case: &mut Case| case.refused.extend(["a".to_owned()]);
    let reasons: [(Change, &[&str]); 7] = [
        (nothing, &[]),
        (cancelled, &["cancelled", "held", "in_doubt"]),
        (late, &["held", "in_doubt"]),
        (replaced, &["held", "in_doubt"]),
        (unrested, &["planned"]),
        (banned, &["held"]),
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

/// The same, paid anew after two that are known to have failed.
fn replacing(mut case: Case) -> Case {
    case.replaces.insert("a".into(), vec!["0".into(), "1".into()]);
    let question = |reference: &str, asked_ms| Question {
        reference: reference.into(),
        process: 1,
        asked_ms,
        answered_ms: asked_ms + 1,
        is_answered: true,
        says_paid: false,
    };
    case.requests = vec![request(400_000)];
    case.questions = vec![question("0", 100_000), question("1", 300_000)];
    case
}

#[test]
fn what_is_paid_anew_was_asked_about_before_and_did_not_pay_as_far_as_anyone_could_know() {
    let callback = |at_ms| Callback { reference: "1".to_owned(), process: 1, at_ms };
    assert_eq!(audit(&replacing(sound())), [""; 0]);
    let mut lately = replacing(sound());
    lately.corrected.insert("1".into(), 300_002);
    assert_eq!(audit(&lately), [""; 0], "nobody could know");
    // A word about the other one, one that came before, one that came to another process, one that came too late.
    lately.callbacks = vec![
        Callback { reference: "0".to_owned(), ..callback(300_003) },
        callback(300_002),
        Callback { process: 2, ..callback(300_003) },
        callback(400_000),
    ];
    assert_eq!(audit(&lately), [""; 0], "nobody could know");
    let changes: [(&str, Change); 8] = [
        ("was not asked about", |case| case.questions[0].asked_ms = 99_999),
        ("was not asked about", |case| case.questions[0].process = 2),
        ("was not asked about", |case| case.questions[0].is_answered = false),
        ("was not asked about", |case| case.questions[1].answered_ms = 400_001),
        ("had said", |case| case.questions[1].says_paid = true),
        ("did not rest", |case| case.unrested.extend(["0".into()])),
        ("was paid at", |case| case.corrected.extend([("0".into(), 99_999)])),
        ("a callback came", |case| {
            case.corrected.insert("1".into(), 300_002);
            let (reference, at_ms) = ("1".to_owned(), 300_003);
            case.callbacks.push(Callback { reference, process: 1, at_ms });
        }),
    ];
    for (words, change) in changes {
        let mut case = replacing(sound());
        change(&mut case);
        assert!(audit(&case).iter().any(|wrong| wrong.contains(words)), "{words}");
    }
    // After three readings because of callbacks it is not asked about again.
    lately.callbacks.push(callback(300_003));
    for asked_ms in [300_004, 310_000, 320_000] {
        lately.questions.push(Question { asked_ms, ..lately.questions[0].clone() });
    }
    lately.questions.iter_mut().for_each(|question| question.answered_ms = question.asked_ms);
    assert_eq!(audit(&lately), [""; 0], "forged, for all that anyone knows");
}

#[test]
fn whoever_is_asked_to_wait_waits() {
    let mut asked = sound();
    asked.waits = vec![Wait { order: 5, process: 1, of_run: true, at_ms: 2000, wait_ms: 9000 }];
    asked.leaves = vec![Leave { order: 4, at_ms: 2000 }, Leave { order: 6, at_ms: 11_000 }];
    asked.calls.extend([2002, 11_000].map(|at_ms| Call { class: "read", process: 1, at_ms }));
    asked.is_answered_in_order = true;
    assert_eq!(audit(&asked), [""; 0]);
    for (words, change) in [
        ("leave to call 8999 ms", (|case| case.leaves[1].at_ms -= 1) as Change),
        ("leave to call 0 ms", |case| (case.leaves[0].order, case.leaves[1].order) = (6, 7)),
        ("a call 8999 ms", |case| case.calls[4].at_ms -= 1),
    ] {
        let mut case = asked.clone();
        change(&mut case);
        assert!(audit(&case).iter().any(|wrong| wrong.contains(words)), "{words}");
    }
    let not_judged: [Change; 3] = [
        |case| case.losses.push(6),
        |case| case.waits[0].of_run = false,
        |case| case.waits[0].wait_ms = 0,
    ];
    for change in not_judged {
        let mut case = asked.clone();
        case.leaves[1] = Leave { order: 7, at_ms: 2001 };
        change(&mut case);
        assert_eq!(audit(&case), [""; 0]);
    }
}

#[test]
fn nobody_says_that_nothing_was_answered_while_something_was() {
    use Came::{Answer, Busy, NoConnection, Nothing};
    for (heard, is_true) in [
        (&[][..], false),
        (&[(Nothing, 0), (Nothing, 30)], true),
        (&[(Nothing, 0), (Nothing, 29)], false),
        // Told to wait for five milliseconds, which are none in which it could try.
        (&[(Nothing, 0), (Busy, 10), (Nothing, 30)], false),
        (&[(Nothing, 0), (Busy, 10), (Busy, 12), (Nothing, 36)], false),
        (&[(Nothing, 0), (Busy, 10), (Busy, 12), (Nothing, 37)], true),
        (&[(Nothing, 0), (Answer, 10), (Nothing, 30)], false),
        (&[(Nothing, 0), (NoConnection, 30)], true),
        (&[(NoConnection, 0), (Nothing, 10), (NoConnection, 30)], true),
        (&[(Busy, 0), (Busy, 30)], false),
    ] {
        let heard =
            heard.iter().map(|(came, at_ms)| Heard { came: *came, process: 1, at_ms: *at_ms });
        let mut case = Case { heard: heard.collect(), patience_ms: Some(30), ..sound() };
        let told = case.heard.iter().filter(|heard| heard.came == Busy);
        let wait = |heard: &Heard| Wait {
            order: 0,
            process: 1,
            of_run: false,
            at_ms: heard.at_ms,
            wait_ms: 5,
        };
        case.waits = told.map(wait).collect();
        case.ends.push(End { process: 1, is_unanswered: true });
        assert_eq!(audit(&case).is_empty(), is_true, "{:?}", case.heard);
        case.patience_ms = None;
        assert_eq!(audit(&case), [""; 0]);
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
