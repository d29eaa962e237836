//! What each answer to a request that moves money means: one table.

use payrun_core::{Clue, Event};
use payrun_ports::{Answer, NotSent};
use std::time::Duration;

/// What the engine does beside recording the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Follow the payment's new state.
    Nothing,
    /// Every task of this key waits so long.
    SlowDown(Option<Duration>),
    /// The provider is out of reach: back off, stop when patience ends.
    GatewayTrouble,
    /// Nothing more can be sent with this key: stop the run.
    StopForKey,
    /// Nothing more is sent from this wallet for now; others go on.
    PauseWallet,
    /// Nothing more is sent to this payee.
    HoldPayee,
    /// Not before the gap between two payments to one payee is over.
    WaitForPayee,
}

/// The event that an answer makes, why, and what else follows.
pub(crate) fn outcome(answer: Answer) -> (Event, Option<String>, Consequence) {
    use Consequence::{
        GatewayTrouble, HoldPayee, Nothing, PauseWallet, SlowDown, StopForKey, WaitForPayee,
    };
    match answer {
        Answer::NotSent(cause) => {
            let reason = Some(cause.reason());
            let consequence = match cause {
                NotSent::NoConnection(_) => GatewayTrouble,
                NotSent::Busy(wait) => SlowDown(wait),
                NotSent::KeyRefused(_) => StopForKey,
                NotSent::PayeeBanned { .. } => HoldPayee,
                NotSent::InsufficientFunds(_) | NotSent::WalletUnusable(_) => PauseWallet,
            };
            (Event::NotSent, reason, consequence)
        }
        Answer::Settled(settlement, reason) => (Event::Answered(settlement), reason, Nothing),
        Answer::Refused(reason) => (Event::Refused, Some(reason), Nothing),
        Answer::Unknown(clue, reason) => (Event::Lost(clue), Some(reason), Nothing),
        Answer::TooSoonForPayee(reason) => (Event::Lost(Clue::Silence), Some(reason), WaitForPayee),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payrun_core::Settlement;

    #[test]
    fn each_answer_has_its_event_and_consequence() {
        let text = || "why".to_owned();
        let wait = Some(Duration::from_secs(3));
        for (answer, event, consequence) in [
            (
                Answer::NotSent(NotSent::NoConnection(text())),
                Event::NotSent,
                Consequence::GatewayTrouble,
            ),
            (Answer::NotSent(NotSent::Busy(wait)), Event::NotSent, Consequence::SlowDown(wait)),
            (Answer::NotSent(NotSent::KeyRefused(text())), Event::NotSent, Consequence::StopForKey),
            (
                Answer::NotSent(NotSent::PayeeBanned { until: text() }),
                Event::NotSent,
                Consequence::HoldPayee,
            ),
            (
                Answer::NotSent(NotSent::InsufficientFunds(text())),
                Event::NotSent,
                Consequence::PauseWallet,
            ),
            (
                Answer::NotSent(NotSent::WalletUnusable(text())),
                Event::NotSent,
                Consequence::PauseWallet,
            ),
            (
                Answer::Settled(Settlement::InFlight, None),
                Event::Answered(Settlement::InFlight),
                Consequence::Nothing,
            ),
            (Answer::Refused(text()), Event::Refused, Consequence::Nothing),
            (
                Answer::Unknown(Clue::Silence, text()),
                Event::Lost(Clue::Silence),
                Consequence::Nothing,
            ),
            (
                Answer::Unknown(Clue::Refused, text()),
                Event::Lost(Clue::Refused),
                Consequence::Nothing,
            ),
            (
                Answer::Unknown(Clue::Duplicate, text()),
                Event::Lost(Clue::Duplicate),
                Consequence::Nothing,
            ),
            (
                Answer::TooSoonForPayee(text()),
                Event::Lost(Clue::Silence),
                Consequence::WaitForPayee,
            ),
        ] {
            let (got, _, follows) = outcome(answer.clone());
            assert_eq!((got, follows), (event, consequence), "{answer:?}");
        }
    }
}
