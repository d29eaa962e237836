//! The live display of a run: a bar on a terminal, else a line now and then. Counts only; who is paid is never shown.

mod board;

use crate::screen::{Screen, wrap};
use crate::show::count;
use crate::stop::Stop;
use board::Board;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use payrun::{Notice, Observer};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

pub(crate) use board::{Beginning, length};

/// How often the bar is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(125);

/// How often a line may be written where there is no bar: often at first, seldom in a long run.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// How long nothing may be written where nothing changes.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How often the same kind of message may come.
const MESSAGE_EVERY: Duration = Duration::from_secs(30);

/// Watches a run and shows how far it is, until [`finish`](Self::finish).
pub(crate) struct Progress {
    watch: Arc<Watch>,
    ticker: JoinHandle<()>,
}

struct Watch {
    screen: Screen,
    stop: Stop,
    bar: Option<ProgressBar>,
    board: Mutex<Board>,
    told: Mutex<Vec<(&'static str, Instant)>>,
    lines: Mutex<Lines>,
}

/// The last line that was written where there is no bar.
struct Lines {
    begun: Instant,
    last: Instant,
    text: String,
}

impl Lines {
    fn new(now: Instant) -> Self {
        Self { begun: now, last: now, text: String::new() }
    }

    /// Whether this line is worth writing now; if so, it is taken for written.
    fn take(&mut self, text: &str, now: Instant) -> bool {
        let age = now.duration_since(self.begun);
        let gap = match age.as_secs() {
            0..30 => LINE_EVERY,
            30..600 => LINE_EVERY * 5,
            _ => SILENCE_MAX,
        };
        // Ticks come a little early or late.
        let silent = now.duration_since(self.last) + DRAW_EVERY;
        let due = silent >= SILENCE_MAX || (silent >= gap && text != self.text);
        if due {
            self.last = now;
            text.clone_into(&mut self.text);
        }
        due
    }
}

impl Progress {
    /// Begins to show a run that stands like this.
    pub(crate) fn begin(beginning: Beginning, screen: Screen, stop: Stop) -> Self {
        let board = Board::new(beginning, Instant::now());
        let bar = bar(board.counts().payments);
        let watch = Arc::new(Watch {
            screen,
            stop,
            bar,
            board: Mutex::new(board),
            told: Mutex::default(),
            lines: Mutex::new(Lines::new(Instant::now())),
        });
        let shown = Arc::clone(&watch);
        let ticker = tokio::spawn(async move {
            let every = if shown.bar.is_some() { DRAW_EVERY } else { LINE_EVERY };
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
            loop {
                ticks.tick().await;
                shown.draw();
            }
        });
        Self { watch, ticker }
    }

    /// Who tells it what happens.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::clone(&self.watch) as Arc<dyn Observer>
    }

    /// Takes the bar away: the report comes instead.
    pub(crate) fn finish(self) {
        self.ticker.abort();
        if let Some(bar) = &self.watch.bar {
            bar.finish_and_clear();
        }
    }
}

/// None where nothing can be drawn over: no terminal, or one that cannot.
fn bar(payments: u64) -> Option<ProgressBar> {
    let target = ProgressDrawTarget::stderr();
    if target.is_hidden() {
        return None;
    }
    let style = ProgressStyle::with_template("[{bar:30}] {msg}\n{prefix}").ok()?;
    Some(
        ProgressBar::with_draw_target(Some(payments), target)
            .with_style(style.progress_chars("#> ")),
    )
}

impl Watch {
    fn draw(&self) {
        let counts = self.board().sample(Instant::now());
        match &self.bar {
            Some(bar) => {
                bar.set_position(counts.done);
                bar.set_message(counts.first_line());
                bar.set_prefix(counts.second_line());
                bar.tick();
            }
            None => {
                let line = counts.one_line();
                let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.take(&line, Instant::now()) {
                    self.screen.say(&line);
                }
            }
        }
    }

    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line that stays, above the bar.
    fn tell(&self, text: &str) {
        let text = wrap(text, "");
        match &self.bar {
            Some(bar) => bar.suspend(|| self.screen.say(&text)),
            None => self.screen.say(&text),
        }
    }

    /// As [`tell`](Self::tell), but not again and again.
    fn tell_now_and_then(&self, kind: &'static str, text: &str) {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: Instant| now.duration_since(at) < MESSAGE_EVERY;
        if told.iter().any(|(same, at)| *same == kind && recent(*at)) {
            return;
        }
        told.retain(|(same, _)| *same != kind);
        told.push((kind, now));
        drop(told);
        self.tell(text);
    }
}

impl Observer for Watch {
    fn notice(&self, notice: &Notice) {
        match notice {
            Notice::Started { unknown, cautious, .. } => {
                // It comes before the first request; what came before that can be left at once.
                self.stop.take_over();
                if *unknown > 0 {
                    let payments = count(u64::from(*unknown), "payment");
                    let were = if *unknown == 1 { "was" } else { "were" };
                    self.tell(&format!(
                        "{payments} {were} being sent when the run last stopped: looked up first."
                    ));
                }
                if let Some(why) = cautious {
                    self.tell(&format!(
                        "Cautious start ({why}): everything is looked up before it is sent."
                    ));
                }
            }
            Notice::Moved { from, to, .. } => self.board().moved(*from, *to),
            Notice::WalletPaused { wallet, reason } => {
                self.tell(&format!("Wallet {wallet} pays no more in this run: {reason}"));
            }
            Notice::Slowed { wait } => {
                let seconds = wait.as_secs_f64().ceil();
                self.tell_now_and_then(
                    "slowed",
                    &format!("The provider asks to wait for {seconds} s."),
                );
            }
            Notice::Unreachable { reason } => {
                self.tell_now_and_then(
                    "unreachable",
                    &format!("The provider cannot be reached, trying again: {reason}"),
                );
            }
            Notice::Left { reason, .. } => {
                self.tell_now_and_then(
                    "left",
                    &format!(
                        "Some payments are left as they are, the next run tries again: {reason}"
                    ),
                );
            }
            Notice::Stopping => {
                let answers = count(self.board().being_sent(), "answer");
                self.tell(&format!(
                    "Stopping: {answers} to wait for. Ctrl-C again leaves at once."
                ));
            }
            // A notice that this version does not know changes no count.
            _ => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ticker.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::board::Counts;
    use super::*;
    use payrun::State;

    #[test]
    fn the_lines_fit_on_a_narrow_terminal() {
        let counts = Counts {
            payments: 1_000_000,
            done: 999_999,
            under_way: 1024,
            paid: 900_000,
            unpaid: 10_000,
            unknown: 1_000,
            awaited: None,
            rate: Some(1234.5),
            left: Some(Duration::from_secs(3_723)),
        };
        let bar = "[##############################] ".len();
        assert!(bar + counts.first_line().len() <= 80, "{}", counts.first_line());
        assert!(counts.second_line().len() <= 80, "{}", counts.second_line());
        assert!(counts.one_line().len() <= 100, "{}", counts.one_line());
    }

    #[test]
    fn what_is_waited_for_is_told_once_all_is_sent() {
        let begun = Instant::now();
        for (wait, states, line) in [
            (
                true,
                vec![(State::Paid, 3), (State::Accepted, 1)],
                "3 of 4    1 open at the provider",
            ),
            (true, vec![(State::Paid, 3), (State::Unknown, 2)], "3 of 5    2 open at the provider"),
            (true, vec![(State::Planned, 3), (State::Accepted, 1)], "0 of 4"),
            (true, vec![(State::Paid, 3), (State::InDoubt, 1)], "3 of 4"),
            (false, vec![(State::Paid, 3), (State::Accepted, 1)], "4 of 4"),
        ] {
            let mut board = Board::new(Beginning { counts: states, wait }, begun);
            assert_eq!(board.sample(begun).first_line(), line);
        }
    }

    #[test]
    fn a_rate_is_that_of_the_last_seconds() {
        let begun = Instant::now();
        let beginning = Beginning { counts: vec![(State::Planned, 100)], wait: true };
        let mut board = Board::new(beginning, begun);
        assert_eq!(board.sample(begun).rate, None);
        for _ in 0..20 {
            board.moved(State::Planned, State::Submitting);
            board.moved(State::Submitting, State::Paid);
        }
        let counts = board.sample(begun + Duration::from_secs(2));
        assert_eq!((counts.done, counts.paid, counts.rate), (20, 20, Some(10.0)));
        assert_eq!(counts.left, Some(Duration::from_secs(8)));
        insta::assert_snapshot!(counts.first_line(), @"20 of 100    10.0/s    8 s left");
        insta::assert_snapshot!(counts.second_line(), @"paid 20   failed 0   unknown 0   under way 0   to send 80");
    }

    #[test]
    fn a_log_is_not_filled_while_nothing_happens() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut lines = Lines::new(begun);
        for (seconds, text, written) in [
            (2, "a", true),
            (4, "a", false),
            (6, "b", true),
            (40, "c", true),
            (42, "d", false),
            (50, "d", true),
            (109, "d", false),
            (110, "d", true),
            (700, "e", true),
            (710, "f", false),
        ] {
            assert_eq!(lines.take(text, at(seconds)), written, "{seconds} {text}");
        }
    }

    #[test]
    fn accepted_is_done_only_where_nobody_waits_for_settlement() {
        for (wait, done) in [(true, 0), (false, 1)] {
            let counts = vec![(State::Accepted, 1), (State::Planned, 1)];
            let mut board = Board::new(Beginning { counts, wait }, Instant::now());
            assert_eq!(board.sample(Instant::now()).done, done);
        }
    }
}
