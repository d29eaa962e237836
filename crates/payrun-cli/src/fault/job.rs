//! What the library's errors mean for the person at the terminal.

use super::Fault;
use crate::place::{Place, short};
use payrun::{
    CallError, Exit, ExportError, JobError, PlanError, PlanFileError, ReadRunError, Records,
    Refusal, Report, RunKey, State, StoreError,
};

/// An error of a command that has not begun to send.
pub(crate) fn not_begun(error: &JobError, place: &Place) -> Fault {
    let flags = place.flags();
    let (code, hint) = code_and_hint(error, &flags);
    Fault::new(error.exit(), code, error, hint)
}

/// What the ledger knows of these runs is all that is left of them, as far as can be seen here.
pub(crate) fn history_lost(runs: &[RunKey]) -> Fault {
    let names: Vec<_> = runs.iter().take(5).map(|run| format!("'{}'", short(run))).collect();
    let (names, more) = (names.join(", "), if runs.len() > 5 { ", ..." } else { "" });
    let message = match runs {
        [_] => format!("run {names} had begun before, and its records are gone"),
        _ => format!("runs {names}{more} had begun before, and their records are gone"),
    };
    Fault::new(Exit::Refused, HISTORY_LOST, message, HISTORY_LOST_HINT)
}

/// An error of a run that was started: the records say which payments are in question, and `adopt` that records are lost.
pub(crate) fn under_way(
    error: &JobError,
    key: &RunKey,
    adopt: bool,
    records: &Records,
    place: &Place,
) -> Fault {
    let fault = not_begun(error, place);
    let money = match (records.identity(key), records.report(key)) {
        // It was refused before it had records.
        (Ok(None), _) => return fault,
        (_, Ok(report)) => money_of(&report, adopt || report.cautious.is_some()),
        (_, Err(_)) => {
            "Some payments may have been sent, and the run's records cannot be read now. \
                        Nothing is lost, but pay none of them another way before it is known."
                .to_owned()
        }
    };
    Fault { money, ..fault }
}

/// An error of a command whose run has ended: what came of it can be told, if not shown as it was asked for.
pub(crate) fn ended(error: &JobError, report: &Report, place: &Place) -> Fault {
    Fault { money: money_of(report, report.cautious.is_some()), ..not_begun(error, place) }
}

/// What of the money of a run that ended in an error. In a cautious start, what is not on record as sent may have been sent.
fn money_of(report: &Report, cautious: bool) -> String {
    let planned = if cautious { report.books.count(State::Planned) } else { 0 };
    let is_open = |state| {
        matches!(state, State::Submitting | State::Unknown | State::InDoubt)
            || (cautious && state == State::Planned)
    };
    let open = State::ALL.into_iter().filter(|state| is_open(*state));
    let in_question: u64 = open.map(|state| report.books.count(state)).sum();
    let lines = report.lines().filter(|line| is_open(line.progress.standing.state));
    let references: Vec<_> =
        lines.take(5).map(|line| line.planned.payment.reference.as_str().to_owned()).collect();
    let paid = report.books.count(State::Paid);
    let accepted = report.books.count(State::Accepted);
    let more = if in_question > 5 { ", ..." } else { "" };
    let mut money = format!("{paid} payments are paid and {accepted} accepted");
    money.push_str(&match in_question {
        0 => "; of none is it unknown what became of it.".to_owned(),
        n => format!(". In question: {n} ({}{more}).", references.join(", ")),
    });
    if planned > 0 {
        money.push_str(&format!(
            " Of these, {planned} are not on record as sent, and may have been: they are looked up before they are sent."
        ));
    }
    money
}

/// A journal that is damaged or gone: nothing else says what was sent but the provider.
pub(crate) const JOURNAL_HINT: &str = "Put the run's folder back from a copy. Without one, move it out of the state directory \
                                       and start the run again with its file and --adopt: the provider is asked about \
                                       everything first.";

/// A plan's file that is damaged or gone.
pub(crate) const PLAN_HINT: &str = "Look at the disk of the state directory. Put the plan's file back from a copy: its name \
                                    is the SHA-256 of its bytes. Without one, move the folder of the run that it is of out \
                                    of the state directory, and start that run again with its file and --adopt: the \
                                    provider is asked about everything first. A plan that was never run: move the file \
                                    away, and make it anew with `payrun plan FILE`.";

/// A run that the ledger knows, and that is not there.
const HISTORY_LOST: &str = "history-lost";

/// The run that is gone may be another one than the command is about, such as the one before a retry: `--adopt` has to
/// be given to what begins that one.
const HISTORY_LOST_HINT: &str = "Put the run's folder back into the state directory, from a copy. If it is really gone, first \
                                 start the command that began that run once more, with --adopt: every payment is looked up \
                                 before it is sent.";

fn code_and_hint(error: &JobError, flags: &str) -> (&'static str, String) {
    match error {
        JobError::Unreadable(_) => ("file-unreadable", "Check the name and the rights of the file.".into()),
        JobError::Invalid { .. } => (
            "file-invalid",
            "`payrun validate FILE` lists every problem. Correct the file, or pass --skip-invalid to \
             pay the valid rows only."
                .into(),
        ),
        JobError::Plan(error) => plan(error),
        JobError::PlanFile(PlanFileError::Prefix(_) | PlanFileError::Ambiguous(_)) => {
            ("usage", "`payrun plan FILE` prints a plan's digest; eight of its digits or more name it.".into())
        }
        JobError::PlanFile(
            PlanFileError::Damaged { .. } | PlanFileError::Missing(_) | PlanFileError::Io { .. },
        )
        | JobError::PlanDecode(_)
        | JobError::Export(ExportError::Plan(_)) => ("plan-unreadable", PLAN_HINT.into()),
        JobError::Ledger(_) => (
            "ledger",
            format!(
                "Keep the state directory as it is. `payrun rebuild --ledger{flags}` puts the claims of every run \
                 back on record; a damaged ledger is set aside for it."
            ),
        ),
        JobError::Export(ExportError::Output(_)) => {
            ("output", "Check the folder, its rights and the room on the disk.".into())
        }
        JobError::NoSuch(_) => ("no-such-run", format!("`payrun status{flags}` lists the runs that there are.")),
        JobError::Shortfall(_) => (
            "shortfall",
            "Top the wallet up, or pass --allow-shortfall to pay as far as the money goes.".into(),
        ),
        JobError::Refused(refusal) => refused(refusal, flags),
        JobError::StateDir(_) | JobError::Listing { .. } => (
            "state-dir",
            "Name a local folder that you may write to: --state-dir DIR, or PAYRUN_STATE_DIR.".into(),
        ),
        JobError::ReadRun(ReadRunError::Foreign { organisation, .. })
        | JobError::Export(ExportError::Journal(ReadRunError::Foreign { organisation, .. })) => (
            "other-organisation",
            format!(
                "Payments are identified by their organisation, and would be paid once more under another name. If \
                 this folder was renamed, give it its name '{organisation}' back; if it is a copy, move it out of the \
                 state directory. Then name --organisation {organisation}."
            ),
        ),
        JobError::Create(_)
        | JobError::OpenRun(_)
        | JobError::ReadRun(_)
        | JobError::Export(ExportError::Journal(_)) => (
            "records",
            format!(
                "Keep the state directory as it is. `payrun verify RUN{flags}` says what is wrong; \
                 `payrun rebuild RUN{flags}` makes the checkpoint anew from the journal. If the journal itself is damaged \
                 or gone: {JOURNAL_HINT}"
            ),
        ),
        JobError::Import(_) => (
            "export-damaged",
            "Take another copy of it: only a whole export, as `payrun export` wrote it, is imported.".into(),
        ),
        JobError::Store(error) => store(error, flags),
        JobError::Gateway(error) => gateway(error),
        JobError::GatewaySettings(_) => (
            "gateway-settings",
            "Give scheme, host and port only: --gateway-url https://api.kotanipay.com".into(),
        ),
        JobError::Sandbox(_) => (
            "sandbox",
            "If another rehearsal runs in this state directory, wait for it, or name another with --state-dir.".into(),
        ),
        JobError::Sum(_) => ("sum", "Split the file: its sum cannot be held exactly.".into()),
        JobError::Bug(_) => ("bug", "Please report it; the line above holds no personal data.".into()),
    }
}

fn plan(error: &PlanError) -> (&'static str, String) {
    match error {
        PlanError::NoWallet(_) => (
            "no-wallet",
            "`payrun wallets` shows the account's wallets. Open one in that currency at the provider, \
             or take these payments out of the file."
                .into(),
        ),
        PlanError::Rows(_) => ("rows", "Correct these rows in the file.".into()),
        PlanError::Rails(_) => (
            "rails",
            "Only mobile money is paid so far: take these rows out of the file, and pay them another way.".into(),
        ),
        PlanError::Empty => ("empty", "There is nothing to pay in the file.".into()),
        PlanError::TooMany => ("too-many", "Split the file.".into()),
        PlanError::Sum(_) => ("sum", "Split the file: its sum cannot be held exactly.".into()),
    }
}

fn refused(refusal: &Refusal, flags: &str) -> (&'static str, String) {
    match refusal {
        Refusal::OtherFile { run, .. } => (
            "other-file",
            format!(
                "To go on with that run: payrun resume {run}{flags}. To pay another file, give it another \
                 --run-key."
            ),
        ),
        Refusal::OtherAccount { .. } => (
            "other-account",
            "Use the gateway and the key with which the run was begun.".into(),
        ),
        Refusal::OtherOrganisation { .. } => (
            "other-organisation",
            "Name the organisation of the export with --organisation: its payments are identified by it.".into(),
        ),
        Refusal::OtherKind { .. } => (
            "other-kind",
            "A rehearsal is imported with --sandbox, a run of real payments without it.".into(),
        ),
        Refusal::PredecessorMissing { run } => (
            "predecessor-missing",
            format!("Export run '{run}' too, and import it first: what it paid is looked at before anything is paid anew."),
        ),
        Refusal::KnownAtProvider { .. } => (
            "known-at-provider",
            "It was paid, or tried, from elsewhere or before these records were lost. Name the right --state-dir; \
             if the records are really gone, --adopt looks every payment up before it is sent."
                .into(),
        ),
        Refusal::HistoryLost { .. } => (HISTORY_LOST, HISTORY_LOST_HINT.into()),
        Refusal::AdoptsLess { .. } => (
            HISTORY_LOST,
            "Adopt it with the file that it was begun with, with all of its rows. What is to be paid otherwise is \
             corrected after that, with `payrun retry`."
                .into(),
        ),
        Refusal::Claimed(_) => (
            "claimed",
            format!(
                "Another run pays these references. `payrun status{flags}` lists the runs; \
                 `payrun retry RUN{flags}` pays anew what finally did not pay."
            ),
        ),
        Refusal::Held(_) => (
            "held",
            format!("`payrun status{flags}` shows how far it is. Let it finish, or go on with it."),
        ),
        Refusal::NothingToRetry { .. } => (
            "nothing-to-retry",
            "Only payments that were rejected, failed or cancelled, and have rested, are paid anew. If the records of a \
             retry are lost, --adopt takes over what the provider knows of it."
                .into(),
        ),
    }
}

/// A code and a hint for what the store answered.
pub(super) fn store(error: &StoreError, flags: &str) -> (&'static str, String) {
    match error {
        StoreError::NearlyFull { .. } => (
            "disk-full",
            format!("Make room on the disk of the state directory, then: payrun resume{flags}"),
        ),
        StoreError::Io { .. } | StoreError::Poisoned(_) => (
            "records",
            format!(
                "Look at the disk of the state directory. Then `payrun verify RUN{flags}`, and `payrun resume{flags}`."
            ),
        ),
        StoreError::Damaged(_) => (
            "records-damaged",
            format!(
                "Keep the state directory as it is. `payrun verify RUN{flags}` says what is wrong."
            ),
        ),
        StoreError::Illegal(_) => {
            ("bug", "Please report it; the line above holds no personal data.".into())
        }
    }
}

/// A code and a hint for what the provider answered.
pub(crate) fn gateway(error: &CallError) -> (&'static str, String) {
    match error {
        CallError::Unreachable(_) | CallError::Timeout(_) => (
            "gateway-unreachable",
            "Check the address (--gateway-url) and the network, then start the same command again.".into(),
        ),
        CallError::Busy(_) => ("gateway-busy", "Wait a minute, then start the same command again.".into()),
        CallError::KeyRefused(_) => (
            "key-refused",
            "Check PAYRUN_API_KEY or PAYRUN_API_KEY_FILE, and that the key belongs to this gateway: keys of \
             its sandbox do not open its live host."
                .into(),
        ),
        CallError::Refused(_) => ("gateway-refused", "Check the account at the provider.".into()),
        CallError::Unreadable(_) => (
            "gateway-unreadable",
            "Check that --gateway-url is the provider's API; if it is, start the same command again later.".into(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::samples;

    #[test]
    fn what_is_planned_is_in_question_in_a_cautious_start_only() {
        let report = samples::report(&[(State::Paid, ""), (State::Planned, "")]);
        let usual = money_of(&report, false);
        assert!(usual.contains("1 payments are paid") && usual.contains("of none"), "{usual}");
        let cautious = money_of(&report, true);
        assert!(cautious.contains("In question: 1 (EMP-002)."), "{cautious}");
        assert!(cautious.contains("looked up before they are sent"), "{cautious}");
    }
}
