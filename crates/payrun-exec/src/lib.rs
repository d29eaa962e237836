//! The run loop: pays a plan, each payment once, at the provider's pace, whatever crashes.
//!
//! [`Engine::run`] is the loop. It decides nothing: the private `agenda` module does, without any I/O, and the loop performs
//! what it says. What an answer means stands in one table (`outcome`), what may follow what in
//! [`payrun_core::transition()`].
//!
//! **Invariants kept here:** intent before request (I1), one body per payment (I2), unknown is looked up and resent only
//! on proof of absence (I3), the pace (I8), cautious start (I11).
//! **Absent:** HTTP, files, printing, the system's clock and chance.

mod absence;
mod agenda;
mod backoff;
mod books;
mod callbacks;
mod case;
mod engine;
mod finish;
mod late;
mod notice;
mod outcome;
mod pace;
mod payees;
mod predecessor;
mod probe;
mod settings;
mod successors;

pub use books::Books;
pub use callbacks::Callbacks;
pub use engine::{Engine, SUCCESSOR_KNOWN};
pub use finish::{Finish, StopCause};
pub use notice::{Notice, Observer};
pub use pace::Pace;
pub use payrun_ports::CallClass;
pub use predecessor::Predecessor;
pub use probe::probe;
pub use settings::{AbsenceRule, Settings};
pub use successors::successors;
