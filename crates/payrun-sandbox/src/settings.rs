//! What a sandbox is made from.

use crate::Faults;
use crate::currency::{FIAT, find};
use crate::hash::id24;
use crate::number;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// What every default wallet has: ample, whatever the currency.
const BALANCE: u64 = 1_000_000_000;

/// What a sandbox is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bearer key that it takes; any if none is named.
    pub key: Option<String>,
    /// How long a payment takes to settle.
    pub settle: Duration,
    /// Its wallets.
    pub wallets: Vec<WalletSetting>,
    /// Whether it limits callers.
    pub limits: Limits,
    /// How many times faster its clock runs; at least 1. Limits and delays keep to its clock.
    pub time_scale: u32,
    /// What goes wrong.
    pub faults: Faults,
    /// Which requests it goes wrong for.
    pub seed: u64,
    /// Where it keeps its ledger; in memory only without.
    pub state: Option<PathBuf>,
    /// Pay a repeated reference again, as no provider should: to show that the ledger would tell.
    pub allow_duplicate_references: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key: None,
            settle: Duration::from_millis(200),
            wallets: FIAT.iter().map(|currency| WalletSetting::ample(currency.code)).collect(),
            limits: Limits::None,
            time_scale: 1,
            faults: Faults::none(),
            seed: 0,
            state: None,
            allow_duplicate_references: false,
        }
    }
}

/// Whether callers are limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Limits {
    /// Not at all.
    #[default]
    None,
    /// As Kotani Pay documents: 60 a minute and 20 in 5 s for calls that move money, 20 in 5 s for reads, one payment a minute to
    /// one phone.
    Kotani,
}

impl FromStr for Limits {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        match text {
            "none" => Ok(Self::None),
            "kotani" => Ok(Self::Kotani),
            other => Err(SettingsError::UnknownLimits(other.to_owned())),
        }
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Neither `none` nor `kotani`.
    #[error("'{0}' is no set of limits: use 'none' or 'kotani'")]
    UnknownLimits(String),
    /// A file cannot be read.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// Neither a preset nor a file.
    #[error("'{0}' is neither a preset of faults (there are: none, hostile) nor a file")]
    NoFaults(String),
}

/// A wallet of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletSetting {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    /// What it has at the start.
    pub balance: Decimal,
    /// ISO 3166, where it has one.
    pub country: Option<String>,
    /// Whether it may pay.
    pub active: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WalletLine<'a> {
    id: Option<String>,
    name: Option<String>,
    currency: String,
    /// A number, or quoted decimal text.
    #[serde(borrow)]
    balance: &'a RawValue,
    country: Option<String>,
    active: Option<bool>,
}

impl WalletSetting {
    fn ample(currency: &str) -> Self {
        let country = find(currency).and_then(|fiat| fiat.country);
        Self {
            id: id24(&["wallet", currency]),
            name: format!("{currency} payouts"),
            currency: currency.to_owned(),
            balance: Decimal::from(BALANCE),
            country: country.map(str::to_owned),
            active: true,
        }
    }

    /// Reads a JSON array of wallets; balances are numbers or quoted decimal text, and read exactly.
    ///
    /// # Errors
    /// [`SettingsError::Unreadable`] with the reason.
    pub fn read_file(path: &Path) -> Result<Vec<Self>, SettingsError> {
        let unreadable = |why: String| SettingsError::Unreadable { path: path.to_owned(), why };
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let lines: Vec<WalletLine<'_>> =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        let mut wallets: Vec<Self> = Vec::new();
        for line in lines {
            let wallet = Self::from_line(line).map_err(unreadable)?;
            if wallets.iter().any(|other| other.id == wallet.id) {
                return Err(unreadable(format!("two wallets have the id {}", wallet.id)));
            }
            wallets.push(wallet);
        }
        Ok(wallets)
    }
    fn from_line(line: WalletLine<'_>) -> Result<Self, String> {
        let currencies = || FIAT.map(|fiat| fiat.code).join(", ");
        if find(&line.currency).is_none() {
            return Err(format!("'{}' is none of {}", line.currency, currencies()));
        }
        let balance = number::read(line.balance.get().trim_matches('"'));
        let balance = balance.filter(|balance| *balance >= Decimal::ZERO);
        let balance = balance.ok_or_else(|| format!("{} is no balance", line.balance.get()))?;
        let usual = Self::ample(&line.currency);
        Ok(Self {
            id: line.id.unwrap_or(usual.id),
            name: line.name.unwrap_or(usual.name),
            country: line.country.or(usual.country),
            balance,
            active: line.active.unwrap_or(true),
            currency: line.currency,
        })
    }
}
