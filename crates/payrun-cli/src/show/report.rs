//! What happened to the money.

use super::{Table, count, next_steps};
use crate::args::Form;
use crate::place::{Place, short};
use crate::screen::wrap;
use payrun::{Exit, JobError, Report, ReportLine, RunState, State};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many payments that did not simply pay are listed; the rest are counted.
const LISTED_MAX: usize = 20;

/// What else is known of a run than what its journal says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    /// Why it stopped: a code, and the words.
    pub(crate) stopped: Option<(&'static str, String)>,
    /// What to do about that.
    pub(crate) hint: String,
    /// Rows of the file that are no payments, and so in no report.
    pub(crate) rejected_rows: u64,
    /// Wallets that pay no more, and why.
    pub(crate) paused_wallets: Vec<(String, String)>,
}

/// The report as a screen.
///
/// # Errors
/// If a sum cannot be held exactly.
pub(crate) fn report(
    report: &Report,
    ending: &Ending,
    exit: Exit,
    place: &Place,
    records: &std::path::Path,
) -> Result<String, JobError> {
    let mut text = headline(report);
    if let Some(why) = report.cautious.as_ref().filter(|_| report.state() != RunState::Finished) {
        text.push_str(&wrap(&format!("Goes on by cautious start: {why}."), "  "));
        text.push('\n');
    }
    if !report.paid_twice.is_empty() {
        text.push_str(&wrap(&paid_twice(report), "! "));
        text.push('\n');
    }
    if ending.rejected_rows > 0 {
        let rows = count(ending.rejected_rows, "row");
        let have =
            if ending.rejected_rows == 1 { "has errors and was" } else { "have errors and were" };
        let said =
            format!("{rows} of the file {have} not paid: `payrun validate` says what is wrong.");
        text.push_str(&wrap(&said, "! "));
        text.push('\n');
    }
    if let Some(holder) = &report.holder {
        text.push_str(&format!("  {holder} works on it now.\n"));
    }
    if let Some((_, why)) = &ending.stopped {
        text.push_str(&wrap(&format!("Stopped: {}.", why.trim_end_matches('.')), "  "));
        text.push('\n');
    }
    for (wallet, why) in &ending.paused_wallets {
        text.push_str(&wrap(&format!("Wallet {wallet} paid no more: {why}."), "  "));
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&money(report)?);
    text.push_str(&not_simply_paid(report));
    text.push_str(&format!("\n  Run      {}\n", short(&report.identity.run)));
    text.push_str(&format!("  Records  {}\n", records.display()));
    let steps = next_steps(report, ending, exit, place);
    if !steps.is_empty() {
        text.push_str("\nNext:\n");
        text.push_str(&steps);
    }
    Ok(text)
}

/// Money left twice: the provider's word on an earlier generation was corrected after the payment had been paid anew.
fn paid_twice(report: &Report) -> String {
    let mut named: Vec<_> = report
        .paid_twice
        .iter()
        .filter_map(|(index, run)| Some((report.plan.payment(*index)?, run)))
        .map(|(planned, run)| format!("{} (run {})", planned.payment.reference, short(run)))
        .take(LISTED_MAX)
        .collect();
    if report.paid_twice.len() > named.len() {
        named.push("...".to_owned());
    }
    let payments = count(report.paid_twice.len() as u64, "payment");
    format!(
        "{payments} paid twice, here and in another run: the provider said that it had failed, and corrected that \
         after it was paid anew. Ask the payee or the provider for one of the two: {}.",
        named.join(", ")
    )
}

fn headline(report: &Report) -> String {
    let paid = report.books.count(State::Paid);
    let all = u64::try_from(report.plan.payments.len()).unwrap_or(u64::MAX);
    let name = short(&report.identity.run);
    let state = report.state();
    let summary = match (state, paid == all) {
        (RunState::Finished, true) => format!("{} paid, none left.", count(all, "payment")),
        _ => format!("{paid} of {} paid.", count(all, "payment")),
    };
    format!("Run {name} is {}: {summary}\n", state.word())
}

/// Count and sum by currency, wallet and state.
fn money(report: &Report) -> Result<String, JobError> {
    let mut table = Table::new(&["Currency", "Wallet", "State", ">Payments", ">Sum"]);
    let mut wallets: Vec<_> = report.books.wallets().collect();
    wallets.sort_by_key(|(id, currency, _)| (*currency, (*id).clone()));
    for (id, currency, states) in wallets {
        let mut first = true;
        for state in State::ALL {
            let Some(total) = states.get(&state) else { continue };
            let (currency, id) = if first { (currency.code(), id.as_str()) } else { ("", "") };
            first = false;
            table.row([
                currency,
                id,
                words(report, state),
                &total.count.to_string(),
                &total.sum.to_string(),
            ]);
        }
    }
    let mut text = table.text();
    let several =
        |code| report.books.wallets().filter(|(_, currency, _)| *currency == code).count() > 1;
    for (currency, states) in report.books.currencies()? {
        if !several(currency) {
            continue;
        }
        let parts: Vec<_> = states
            .iter()
            .map(|(state, total)| {
                format!("{} {} ({})", total.count, words(report, *state), total.sum)
            })
            .collect();
        text.push_str(&wrap(&format!("All {currency}: {}", parts.join(", ")), "  "));
        text.push('\n');
    }
    Ok(text)
}

/// The state for people: `in doubt`. What older records call planned may have been sent since.
fn words(report: &Report, state: State) -> &'static str {
    match state {
        State::InDoubt => "in doubt",
        State::Planned if report.cautious.is_some() => "to be looked up",
        State::Planned => "not sent yet",
        State::Submitting => "being sent",
        other @ (State::Accepted
        | State::Held
        | State::Unknown
        | State::Paid
        | State::Failed
        | State::Rejected
        | State::Returned
        | State::Cancelled) => other.word(),
    }
}

/// Whether a payment is listed by itself, and how soon: what a person has to look at comes first. What is accepted settles by
/// itself while a process works on the run.
fn urgency(state: State, is_over: bool) -> Option<u8> {
    match state {
        State::InDoubt => Some(0),
        State::Unknown | State::Submitting => Some(1),
        State::Held => Some(2),
        State::Rejected | State::Failed | State::Returned => Some(3),
        State::Cancelled => Some(4),
        State::Accepted if is_over => Some(5),
        State::Planned | State::Accepted | State::Paid => None,
    }
}

fn reason(line: &ReportLine<'_>) -> String {
    match (&line.progress.reason, line.progress.standing.state) {
        (Some(reason), _) => reason.clone(),
        (None, State::Accepted) => "not settled yet".to_owned(),
        (None, _) => String::new(),
    }
}

fn not_simply_paid(report: &Report) -> String {
    let is_over = report.holder.is_none();
    let mut lines: Vec<(u8, ReportLine<'_>)> = report
        .lines()
        .filter_map(|line| Some((urgency(line.progress.standing.state, is_over)?, line)))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    lines.sort_by_key(|(urgency, line)| (*urgency, line.planned.payment.row));
    let mut table = Table::new(&[">Row", "Reference", ">Amount", "State", "Reason"]);
    for (_, line) in lines.iter().take(LISTED_MAX) {
        let payment = &line.planned.payment;
        table.row([
            payment.row.to_string(),
            payment.reference.to_string(),
            payment.amount.to_string(),
            words(report, line.progress.standing.state).to_owned(),
            reason(line),
        ]);
    }
    let of = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let mut text =
        format!("\nNot paid, or not certain: {}\n\n{}", count(of, "payment"), table.text());
    if let Some(rest) = lines.len().checked_sub(LISTED_MAX).filter(|rest| *rest > 0) {
        text.push_str(&format!(
            "  ... and {rest} more; `payrun report` with --format csv names them all.\n"
        ));
    }
    text
}

/// What is not among the payments of a run, although the file or the run before it has it.
#[derive(Default)]
pub(crate) struct Apart {
    /// Rows of the file that was read, if one was, that are no payments.
    pub(crate) rejected_rows: Option<u64>,
    /// Payments of the run that is retried, by the reason why they are left out.
    pub(crate) left_out: BTreeMap<String, u64>,
}

/// What `run`, `resume` and `retry` answer: the report with every payment, how it ended, and what is not among them.
///
/// # Errors
/// If a sum cannot be held exactly.
pub(crate) fn run_json(
    report: &Report,
    ending: &Ending,
    exit: Exit,
    apart: &Apart,
) -> Result<Value, JobError> {
    let mut value = report.to_json(true)?;
    if let Some(object) = value.as_object_mut() {
        let stopped =
            ending.stopped.as_ref().map(|(code, why)| json!({"code": code, "message": why}));
        let paused: serde_json::Map<_, _> =
            ending.paused_wallets.iter().map(|(id, why)| (id.clone(), json!(why))).collect();
        object.insert("exit".to_owned(), json!(exit.code()));
        object.insert("rejected_rows".to_owned(), json!(apart.rejected_rows));
        object.insert("left_out".to_owned(), json!(apart.left_out));
        object.insert("stopped".to_owned(), json!(stopped));
        object.insert("paused_wallets".to_owned(), Value::Object(paused));
    }
    Ok(value)
}

/// The report on its own, in whatever form was asked for.
///
/// # Errors
/// If a sum cannot be held exactly.
pub(crate) fn in_form(
    of: &Report,
    form: Form,
    place: &Place,
    records: &std::path::Path,
) -> Result<Vec<u8>, JobError> {
    Ok(match form {
        Form::Text => report(of, &Ending::default(), of.exit(true), place, records)?.into_bytes(),
        Form::Json => format!("{:#}\n", of.to_json(true)?).into_bytes(),
        Form::Csv => {
            let mut bytes = Vec::new();
            of.write_csv(&mut bytes).map_err(|error| JobError::Bug(error.to_string()))?;
            bytes
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::samples;
    use payrun::State::{Accepted, Failed, InDoubt, Paid, Planned, Rejected, Unknown};
    use std::path::Path;

    fn screen(states: &[(State, &str)], ending: &Ending, exit: Exit) -> String {
        let of = samples::report(states);
        let text = report(&of, ending, exit, &samples::place(), Path::new("/var/lib/payrun/acme"))
            .unwrap();
        assert!(
            text.lines().all(|line| line.len() <= 80 || line.starts_with("    payrun ")),
            "{text}"
        );
        text
    }

    #[test]
    fn all_paid() {
        let text = screen(&[(Paid, ""), (Paid, ""), (Paid, "")], &Ending::default(), Exit::Done);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn rows_that_are_no_payments() {
        for (rejected_rows, said) in [
            (0, None),
            (1, Some("! 1 row of the file has errors and was not paid: ")),
            (2, Some("! 2 rows of the file have errors and were not paid: ")),
        ] {
            let ending = Ending { rejected_rows, ..Ending::default() };
            let text = screen(&[(Paid, "")], &ending, Exit::Done);
            let found = text.lines().find(|line| line.starts_with("! "));
            assert_eq!(found.is_some(), said.is_some(), "{text}");
            assert!(found.unwrap_or_default().starts_with(said.unwrap_or_default()), "{text}");
        }
    }

    #[test]
    fn what_was_paid_twice() {
        let mut of = samples::report(&[(Paid, ""), (Paid, "")]);
        let other = "payroll-2026-06.retry-1".parse().unwrap();
        of.paid_twice.push((payrun::PaymentIndex(1), other));
        let place = samples::place();
        let (ending, records) = (Ending::default(), std::path::Path::new("/var/lib/payrun/acme"));
        let exit = of.exit(true);
        insta::assert_snapshot!(report(&of, &ending, exit, &place, records).unwrap());
    }

    #[test]
    fn some_did_not_pay() {
        let states = [
            (Paid, ""),
            (Rejected, "Invalid phone number"),
            (Failed, "Recipient account not found"),
        ];
        insta::assert_snapshot!(screen(&states, &Ending::default(), Exit::SomeUnpaid));
    }

    #[test]
    fn stopped_in_the_middle() {
        let ending = Ending {
            stopped: Some(("interrupted", "interrupted".to_owned())),
            ..Ending::default()
        };
        let states = [(Accepted, ""), (Unknown, "no answer within 30 s"), (Planned, "")];
        insta::assert_snapshot!(screen(&states, &ending, Exit::Interrupted));
    }

    #[test]
    fn a_wallet_ran_dry_and_one_payment_is_in_doubt() {
        let ending = Ending {
            paused_wallets: vec![("w-kes-1".to_owned(), "Insufficient balance".to_owned())],
            ..Ending::default()
        };
        let states = [(Paid, ""), (InDoubt, "the provider asks a person to look"), (Planned, "")];
        insta::assert_snapshot!(screen(&states, &ending, Exit::Gateway));
    }

    #[test]
    fn of_a_cautious_start_nothing_is_called_not_sent_yet() {
        let mut of = samples::report(&[(Paid, ""), (Planned, ""), (Planned, "")]);
        of.cautious = Some("imported".to_owned());
        let path = Path::new("/var/lib/payrun/acme");
        let text =
            report(&of, &Ending::default(), Exit::SomeOpen, &samples::place(), path).unwrap();
        assert!(text.contains("to be looked up") && !text.contains("not sent yet"), "{text}");
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let states: Vec<_> = (0..LISTED_MAX + 5).map(|_| (Failed, "no")).collect();
        let text = screen(&states, &Ending::default(), Exit::SomeUnpaid);
        assert!(text.contains("... and 5 more"), "{text}");
    }

    #[test]
    fn a_run_answers_scripts_with_its_report_and_how_it_ended() {
        let ending = Ending {
            stopped: Some(("interrupted", "interrupted".to_owned())),
            ..Ending::default()
        };
        let value = run_json(
            &samples::report(&[(Paid, ""), (Planned, "")]),
            &ending,
            Exit::Interrupted,
            &Apart { rejected_rows: Some(2), left_out: [("accepted".to_owned(), 3)].into() },
        )
        .unwrap();
        assert_eq!(value["exit"], 130);
        assert_eq!(value["stopped"]["code"], "interrupted");
        assert_eq!(
            (&value["rejected_rows"], &value["left_out"]["accepted"]),
            (&2.into(), &3.into())
        );
        assert_eq!(value["totals"]["KES"]["paid"]["count"], 1);
        assert_eq!(value["payments"].as_array().map(Vec::len), Some(2));
        assert!(!value.to_string().contains("Jane"));
    }
}
