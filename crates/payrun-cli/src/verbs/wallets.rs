//! `payrun wallets`: balances, and a check of address and key.

use crate::args::{Form, WalletsArgs};
use crate::fault::{Fault, not_begun};
use crate::place::Place;
use crate::provider::Provider;
use crate::screen::Screen;
use crate::show;
use payrun::{Account, Exit, JobError};
use serde_json::json;

/// Asks the provider for the account and its wallets.
pub(super) async fn wallets(args: &WalletsArgs, screen: Screen) -> Result<Exit, Fault> {
    let place = Place::for_the_provider(&args.place)?;
    let provider = Provider::connect(&args.provider.or_settings(&place), &place).await?;
    let gateway = provider.gateway();
    let fault = |error| not_begun(&JobError::Gateway(error), &place);
    let account = Account {
        gateway: gateway.host(),
        id: provider.patiently(screen, gateway.account()).await.map_err(fault)?,
    };
    let wallets = provider.patiently(screen, gateway.wallets()).await.map_err(fault)?;
    if screen.form() == Form::Json {
        let shapes: Vec<_> = wallets
            .iter()
            .map(|wallet| {
                json!({"wallet": wallet.id.as_str(), "name": wallet.name,
                       "currency": wallet.currency().code(), "balance": wallet.balance.text(),
                       "active": wallet.active})
            })
            .collect();
        screen
            .json(&json!({"gateway": account.gateway.as_str(), "account": account.id.as_str(),
                            "wallets": shapes}))?;
    } else {
        screen.data(&format!("Account {account}\n\n{}", show::wallets(&wallets)))?;
    }
    provider.close().await;
    Ok(Exit::Done)
}
