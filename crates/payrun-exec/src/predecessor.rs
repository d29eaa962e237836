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
}

impl Predecessor {
    /// Whether the provider's word proves that it did not pay (I2).
    ///
    /// One that the provider had on record must still be there: that it is not found now proves nothing, and it may
    /// have been corrected to paid.
    ///
    /// # Errors
    /// Why it may have paid, or may still.
    pub fn unpaid(&self, answer: &LookUp) -> Result<(), String> {
        match (self.state, answer) {
            (State::Rejected | State::Cancelled, LookUp::NotFound) => Ok(()),
            (
                State::Failed | State::Rejected | State::Cancelled,
                LookUp::Found(Settlement::Failed { .. } | Settlement::Reversed, _),
            ) => Ok(()),
            (_, LookUp::NotFound) => {
                Err(format!("generation {} is not found any more", self.payment.generation))
            }
            (_, LookUp::Found(settlement, _)) => {
                Err(format!("generation {} is {settlement:?} there", self.payment.generation))
            }
            (_, LookUp::Different(what)) => {
                Err(format!("generation {} differs there: {what}", self.payment.generation))
            }
        }
    }
}
