//! What a payment of a later generation replaces.

use payrun_core::{PlannedPayment, Settlement, State, WalletId};
use payrun_ports::LookUp;

/// An earlier generation of a payment that is paid anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predecessor {
    /// As it was planned then.
    pub payment: PlannedPayment,
    /// The wallet then.
    pub wallet: WalletId,
    /// Where it stands on record.
    pub state: State,
    /// A failure that may still be corrected has rested: its record calls it one, or is older than the time in which
    /// anything is corrected.
    pub has_rested: bool,
}

impl Predecessor {
    /// Why it may not be paid anew yet although it did not pay, if so: the provider calls it correctable, and had another word
    /// for it when that was planned.
    pub fn rests(&self, answer: &LookUp) -> Option<String> {
        (answer.is_correctable() && !self.has_rested)
            .then(|| format!("generation {} may still be corrected", self.payment.generation))
    }

    /// Whether the provider's word proves that it did not pay (I2).
    ///
    /// One that the provider had on record must still be there: that it is not found now proves nothing, and it may
    /// have been corrected to paid. What is on record here can be older than its last word, where a run was imported.
    ///
    /// # Errors
    /// Why it may have paid, or may still.
    pub fn unpaid(&self, answer: &LookUp) -> Result<(), String> {
        match (self.state, answer) {
            // Held where a later one is known: it was adopted after its records were lost, and proven absent then.
            (State::Rejected | State::Cancelled | State::Held, LookUp::NotFound) => Ok(()),
            (
                State::Failed | State::Rejected | State::Cancelled,
                LookUp::Found(Settlement::Failed { .. } | Settlement::Reversed, _),
            ) => Ok(()),
            (State::Paid | State::Returned, LookUp::Found(Settlement::Failed { .. }, _)) => {
                Err(format!("generation {} was paid, and failed there", self.payment.generation))
            }
            (_, LookUp::Found(Settlement::Failed { correctable: false }, _)) => Ok(()),
            (_, LookUp::NotFound) => {
                Err(format!("generation {} is not found any more", self.payment.generation))
            }
            (_, LookUp::Found(settlement, _)) => {
                let word = match settlement {
                    Settlement::InFlight => "under way",
                    Settlement::Paid => "paid",
                    Settlement::Failed { .. } => "failed, and may still be corrected",
                    Settlement::Reversed => "reversed",
                    Settlement::NeedsPerson => "held for a person",
                };
                Err(format!("generation {} is {word} there", self.payment.generation))
            }
            (_, LookUp::Different(what)) => {
                Err(format!("generation {} differs there: {what}", self.payment.generation))
            }
        }
    }
}
