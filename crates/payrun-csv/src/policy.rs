//! The least and the most that the payer's own policy lets a payment be.

use crate::Code;
use crate::problem::Fault;
use crate::rules::Bound;
use payrun_core::{Amount, Currency, RailKind};

/// Refuses an amount out of bounds.
pub(crate) fn check(amount: Amount, rail: RailKind, policy: &[Bound]) -> Result<(), Fault> {
    if let Some(least) = bound(amount.currency(), rail, policy, |bound| bound.least)
        && amount < least
    {
        return Err(Fault::new(
            Code::AmountBelowPolicy,
            format!("{amount} is less than the {least} that the policy asks for."),
            "Compare the amount with what is owed; if it is right, change the policy.",
        ));
    }
    if let Some(most) = bound(amount.currency(), rail, policy, |bound| bound.most)
        && amount > most
    {
        return Err(Fault::new(
            Code::AmountAbovePolicy,
            format!("{amount} is more than the {most} that the policy allows."),
            "Compare the amount with what is owed; if it is right, change the policy.",
        ));
    }
    Ok(())
}

/// The bound of this rail before that of every rail.
pub(crate) fn bound(
    currency: Currency,
    rail: RailKind,
    policy: &[Bound],
    side: impl Fn(&Bound) -> Option<Amount>,
) -> Option<Amount> {
    let of = |wanted: Option<RailKind>| {
        policy
            .iter()
            .filter(|bound| bound.currency == currency && bound.rail == wanted)
            .find_map(&side)
    };
    of(Some(rail)).or_else(|| of(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str, code: &str) -> Amount {
        Amount::parse(text, code.parse().unwrap()).unwrap()
    }

    fn bound(code: &str, rail: Option<RailKind>, least: &str, most: &str) -> Bound {
        let side = |text: &str| (!text.is_empty()).then(|| amount(text, code));
        Bound { currency: code.parse().unwrap(), rail, least: side(least), most: side(most) }
    }

    #[test]
    fn amounts_stay_between_the_bounds_of_their_currency_and_rail() {
        let policy = [
            bound("KES", None, "10", "150000"),
            bound("KES", Some(RailKind::Bank), "", "1000000"),
            bound("GHS", None, "0.5", ""),
        ];
        use Code::{AmountAbovePolicy, AmountBelowPolicy};
        use RailKind::{Bank, MobileMoney, Till};
        for (text, code, rail, expected) in [
            ("9", "KES", MobileMoney, Some(AmountBelowPolicy)),
            ("10", "KES", MobileMoney, None),
            ("150000", "KES", Till, None),
            ("150001", "KES", Till, Some(AmountAbovePolicy)),
            ("150001", "KES", Bank, None),
            ("1000001", "KES", Bank, Some(AmountAbovePolicy)),
            ("9", "KES", Bank, Some(AmountBelowPolicy)),
            ("0.49", "GHS", MobileMoney, Some(AmountBelowPolicy)),
            ("999999", "GHS", MobileMoney, None),
            ("1", "UGX", MobileMoney, None),
        ] {
            let found = check(amount(text, code), rail, &policy).err().map(|fault| fault.code);
            assert_eq!(found, expected, "{text} {code} {rail}");
        }
    }

    #[test]
    fn the_message_names_amount_and_bound() {
        let fault =
            check(amount("5", "KES"), RailKind::Bank, &[bound("KES", None, "10", "")]).unwrap_err();
        assert_eq!(fault.message, "KES 5 is less than the KES 10 that the policy asks for.");
    }
}
