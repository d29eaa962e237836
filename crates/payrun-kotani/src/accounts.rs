//! The account that the key opens, and its wallets.

use crate::calls;
use crate::gateway::Kotani;
use crate::number;
use crate::wire::{FiatWallet, Integrator, object, payload, text};
use payrun_core::{AccountId, Amount, Currency, Wallet, WalletId};
use payrun_ports::CallError;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::value::RawValue;

const INTEGRATOR: &str = "/integrator";
const WALLETS: &str = "/wallet/fiat";

impl Kotani {
    pub(crate) async fn integrator(&self) -> Result<AccountId, CallError> {
        let body = self.read(INTEGRATOR).await?;
        let integrator: Option<Integrator<'_>> = payload(&body).and_then(object);
        integrator
            .and_then(|found| found.id.and_then(text))
            .map(AccountId::new)
            .ok_or_else(|| calls::unreadable("the account has no id"))
    }

    pub(crate) async fn fiat_wallets(&self) -> Result<Vec<Wallet>, CallError> {
        let body = self.read(WALLETS).await?;
        payload(&body)
            .and_then(wallets)
            .ok_or_else(|| calls::unreadable("the wallets cannot be read"))
    }

    async fn read(&self, path: &str) -> Result<Vec<u8>, CallError> {
        let words = self.words(None);
        let reply = self
            .edge
            .get(path)
            .await
            .map_err(|failure| calls::failure(failure, self.rules.request_timeout, &words))?;
        if calls::is_success(&reply) { Ok(reply.body) } else { Err(calls::error(&reply, &words)) }
    }
}

/// All wallets that payrun could pay from; `None` if one of those cannot be read, since a wallet that is
/// silently missing looks like one that does not exist.
fn wallets(json: &str) -> Option<Vec<Wallet>> {
    let rows: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let all: Option<Vec<Option<Wallet>>> = rows.into_iter().map(wallet).collect();
    Some(all?.into_iter().flatten().collect())
}

/// `Some(None)` for a wallet that is none of ours: crypto, or of a currency that is not known.
fn wallet(row: &RawValue) -> Option<Option<Wallet>> {
    let row: FiatWallet<'_> = object(row.get())?;
    let is_crypto = row.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("crypto"));
    let currency = row.currency?.to_ascii_uppercase().parse::<Currency>();
    let (false, Ok(currency)) = (is_crypto, currency) else {
        return Some(None);
    };
    let id = text(row.id?)?;
    Some(Some(Wallet {
        name: row.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| id.clone()),
        id: WalletId::new(id),
        balance: balance(row.balance?, currency)?,
        // The field is optional; a wallet that cannot pay says so.
        active: row.status.is_none_or(|status| status.eq_ignore_ascii_case("active")),
    }))
}

/// What can be paid out of a balance: cut **down** to the currency's digits, so that neither a fraction that
/// cannot be paid nor the noise of a float (`0.036000000000000004`) ever adds to it. An overdrawn wallet can
/// pay nothing. Only balances are cut; what is paid never is.
fn balance(raw: &RawValue, currency: Currency) -> Option<Amount> {
    let value = number::cut(&text(raw)?)?.max(Decimal::ZERO);
    let payable = value.round_dp_with_strategy(currency.digits(), RoundingStrategy::ToZero);
    Amount::from_decimal(payable, currency).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_are_cut_down_to_what_can_be_paid() {
        for (number, code, payable) in [
            ("1500", "KES", "1500"),
            ("1500.99", "KES", "1500"),
            ("0.036000000000000004", "GHS", "0.03"),
            ("1499.9999999999998", "GHS", "1499.99"),
            ("5.684341886080802e-14", "GHS", "0"),
            ("\"250.50\"", "GHS", "250.5"),
            ("-3.5", "GHS", "0"),
            ("0", "UGX", "0"),
        ] {
            let raw: &RawValue = serde_json::from_str(number).unwrap();
            assert_eq!(
                balance(raw, code.parse().unwrap()).unwrap().text(),
                payable,
                "{number} {code}"
            );
        }
    }

    #[test]
    fn wallets_of_other_kinds_are_left_out_and_a_broken_one_hides_none() {
        let found = wallets(
            r#"[{"id":"w-1","name":"Kenya","type":"fiat","currency":"KES","status":"active","balance":10.5},
                {"id":"w-2","name":"Coins","type":"crypto","currency":"KES","balance":"?"},
                {"id":"w-3","name":"Tether","currency":"USDT","balance":1},
                {"id":7,"currency":"ghs","status":"suspended","balance":2.25}]"#,
        )
        .unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|wallet| {
                format!("{} {} {} {}", wallet.id, wallet.name, wallet.balance.text(), wallet.active)
            })
            .collect();
        assert_eq!(shown, ["w-1 Kenya 10 true", "7 7 2.25 false"]);
        for broken in [
            r#"[{"name":"x","currency":"KES","balance":1}]"#,
            r#"[{"id":"w","currency":"KES"}]"#,
            r#"[{"id":"w","currency":"KES","balance":"much"}]"#,
            r#"[{"id":"w","balance":1}]"#,
            r#"[["w","x"]]"#,
            r#"{"id":"w"}"#,
        ] {
            assert!(wallets(broken).is_none(), "{broken}");
        }
        assert!(wallets("[]").unwrap().is_empty());
    }
}
