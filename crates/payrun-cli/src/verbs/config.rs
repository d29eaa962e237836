//! `payrun config`: what the settings are, where each comes from, and whether they can be used.

use crate::args::{ConfigVerb, Form, SettingsArgs};
use crate::config::Config;
use crate::fault::Fault;
use crate::place::Place;
use crate::provider::Provider;
use crate::screen::Screen;
use crate::show::{self, Setting};
use payrun::Exit;
use serde_json::json;

/// Shows the settings, or checks them.
pub(super) async fn config(verb: &ConfigVerb, screen: Screen) -> Result<Exit, Fault> {
    match verb {
        ConfigVerb::Show(args) => show(args, screen),
        ConfigVerb::Check(args) => check(args, screen).await,
    }
}

fn show(args: &SettingsArgs, screen: Screen) -> Result<Exit, Fault> {
    let config = Config::load(&args.place.config)?;
    let settings = Setting::all(args, &config);
    match screen.form() {
        Form::Json => screen.json(&show::settings_json(&config, &settings))?,
        Form::Text | Form::Csv => screen.data(&show::settings(&config, &settings))?,
    }
    Ok(Exit::Done)
}

/// Goes as far as anyone can without asking the provider.
async fn check(args: &SettingsArgs, screen: Screen) -> Result<Exit, Fault> {
    let config = Config::load(&args.place.config)?;
    let file = config.path.as_ref().map(|path| path.display().to_string());
    let mut checked = vec![match &file {
        Some(path) => format!("{path}: every key is known and every value can be used."),
        None => "There is no settings file.".to_owned(),
    }];
    let pays =
        args.place.sandbox || args.place.organisation.is_some() || config.organisation.is_some();
    if pays {
        let place = Place::of(&args.place)?;
        checked.push(format!(
            "Organisation {}, records in {}.",
            place.organisation,
            place.root().display()
        ));
        let provider = args.provider.or_settings(&place);
        if place.sandbox || provider.gateway_url.as_ref().is_some_and(|url| !url.is_empty()) {
            let provider = Provider::connect(&provider, &place).await?;
            checked.push(format!(
                "Gateway {}: address and key can be used; `payrun wallets` asks it.",
                provider.gateway().host()
            ));
            provider.close().await;
        } else {
            checked
                .push("No gateway is named: `payrun plan` and `payrun run` need one.".to_owned());
        }
    } else {
        checked
            .push("No organisation is named: `payrun plan` and `payrun run` need one.".to_owned());
    }
    match screen.form() {
        Form::Json => screen.json(&json!({"config": file, "checked": checked}))?,
        Form::Text | Form::Csv => screen.data(&(checked.join("\n") + "\n"))?,
    }
    Ok(Exit::Done)
}
