//! What a sandbox is made from.

use crate::Faults;
use crate::currency::{FIAT, find};
use crate::hash::id24;
use crate::number::Text;
use rust_decimal::Decimal;
use serde::Deserialize;
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
    #[error("'{0}' is neither a preset of faults (there is: hostile) nor a file")]
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
struct WalletLine {
    id: Option<String>,
    name: Option<String>,
    currency: String,
    balance: Text,
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

    /// Reads a JSON array of wallets; balances are quoted decimal text.
    ///
    /// # Errors
    /// [`SettingsError::Unreadable`] with the reason.
    pub fn read_file(path: &Path) -> Result<Vec<Self>, SettingsError> {
        let unreadable = |why: String| SettingsError::Unreadable { path: path.to_owned(), why };
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let lines: Vec<WalletLine> =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        Ok(lines.into_iter().map(Self::from).collect())
    }
}

impl From<WalletLine> for WalletSetting {
    fn from(line: WalletLine) -> Self {
        let usual = Self::ample(&line.currency);
        Self {
            id: line.id.unwrap_or(usual.id),
            name: line.name.unwrap_or(usual.name),
            country: line.country.or(usual.country),
            balance: line.balance.0,
            active: line.active.unwrap_or(true),
            currency: line.currency,
        }
    }
}
