//! The wallets that a rehearsal's provider has had: what was planned on one finds it again.

use payrun_sandbox::{Settings, WalletSetting};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Notes the wallets that were named, and gives those to start with: the named ones, else all that there were before.
pub(super) fn keep(folder: &Path, named: Vec<WalletSetting>) -> Result<Vec<WalletSetting>, String> {
    let path = folder.join("wallets.json");
    let mut kept = if path.exists() {
        WalletSetting::read_file(&path).map_err(|error| error.to_string())?
    } else {
        Vec::new()
    };
    if !kept.is_empty() && named == Settings::default().wallets {
        return Ok(kept);
    }
    for wallet in &named {
        match kept.iter_mut().find(|other| other.id == wallet.id) {
            Some(other) => other.clone_from(wallet),
            None => kept.push(wallet.clone()),
        }
    }
    write(&path, &kept).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(named)
}

/// All of it or nothing appears under its name.
fn write(path: &Path, wallets: &[WalletSetting]) -> io::Result<()> {
    let lines: Vec<_> = wallets
        .iter()
        .map(|wallet| {
            json!({"id": wallet.id, "name": wallet.name, "currency": wallet.currency,
                   "balance": wallet.balance.to_string(), "country": wallet.country, "active": wallet.active})
        })
        .collect();
    let aside = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(&serde_json::to_vec(&lines)?)?;
    file.sync_all()?;
    fs::rename(aside, path)
}
