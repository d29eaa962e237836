//! Ctrl-C and SIGTERM.
//!
//! Before anything is sent, either ends the command at once. While payments are under way the first asks
//! the run to stop, and the second leaves at once, as a crash would: safe, and found out about by the next start.

use crate::fault::Fault;
use crate::screen::Screen;
use payrun::Exit;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Listens for the wish to stop.
#[derive(Clone)]
pub(crate) struct Stop {
    asked: watch::Receiver<bool>,
    under_way: Arc<AtomicBool>,
}

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(crate) fn listen(screen: Screen) -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (ask, asked) = watch::channel(false);
        let under_way = Arc::new(AtomicBool::new(false));
        let busy = Arc::clone(&under_way);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if !busy.load(Ordering::SeqCst) {
                    if Screen::can_ask() {
                        // Behind a question, or the terminal's own ^C.
                        screen.say("\n");
                    }
                    Fault::interrupted().tell(screen);
                    leave();
                }
                if ask.send_replace(true) {
                    screen
                        .say("\nLeft at once. What was under way is looked up by the next start.");
                    leave();
                }
            }
        });
        Ok(Self { asked, under_way })
    }

    /// From here on a wish to stop is passed on rather than obeyed at once.
    pub(crate) fn take_over(&self) {
        self.under_way.store(true, Ordering::SeqCst);
    }

    /// Returns when somebody asked.
    pub(crate) async fn asked(mut self) {
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn leave() -> ! {
    std::process::exit(i32::from(Exit::Interrupted.code()))
}
