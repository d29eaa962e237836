//! The provider that a command talks to: the gateway, or a sandbox inside this process.

mod key;
mod local;

pub(crate) use local::settings as local_settings;

use crate::args::ProviderArgs;
use crate::fault::{Fault, not_begun};
use crate::place::Place;
use crate::screen::Screen;
use payrun::kotani::{Kotani, Settings as KotaniSettings};
use payrun::sandbox::Limits;
use payrun::{Gateway, JobError, RateLimits, Rehearsal};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// How long a person is left without a word.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A provider, connected as far as settings go: nothing was asked yet.
pub(crate) struct Provider {
    gateway: Arc<dyn Gateway>,
    rehearsal: Option<Rehearsal>,
}

impl Provider {
    /// Starts the sandbox, or makes the gateway from address and key.
    ///
    /// # Errors
    /// A usage fault for settings that are missing or cannot be used.
    pub(crate) async fn connect(args: &ProviderArgs, place: &Place) -> Result<Self, Fault> {
        if place.sandbox {
            return rehearse(args, place).await;
        }
        let on_this_machine = args.gateway_url.as_deref().is_some_and(is_this_machine);
        if let Some(flag) = args.sandbox.given_for(on_this_machine) {
            return Err(Fault::usage(
                format!("{flag} is for the local provider"),
                "Add --sandbox to rehearse, or leave it out.",
            ));
        }
        let gateway = Kotani::new(live_settings(args)?)
            .map_err(|error| not_begun(&JobError::GatewaySettings(error), place))?;
        Ok(Self { gateway: Arc::new(gateway), rehearsal: None })
    }

    /// The way to it.
    pub(crate) fn gateway(&self) -> Arc<dyn Gateway> {
        Arc::clone(&self.gateway)
    }

    /// Waits for what is asked of it, and says so where that takes long: silence looks like a standstill.
    pub(crate) async fn patiently<T>(&self, screen: Screen, answer: impl Future<Output = T>) -> T {
        tokio::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                () = tokio::time::sleep(SILENCE_MAX) => {
                    screen.say(&format!("Waiting for answers from {}.", self.gateway.host()));
                }
            }
        }
    }

    /// Stops the sandbox, whose ledger stays.
    pub(crate) async fn close(self) {
        if let Some(rehearsal) = self.rehearsal {
            rehearsal.stop().await;
        }
    }
}

async fn rehearse(args: &ProviderArgs, place: &Place) -> Result<Provider, Fault> {
    if let Some(url) = &args.gateway_url
        && std::env::var("PAYRUN_GATEWAY_URL").as_ref() != Ok(url)
    {
        return Err(Fault::usage(
            "--sandbox and --gateway-url exclude each other",
            "The sandbox is a provider of its own. Leave one of them out.",
        ));
    }
    for (given, flag) in [
        (args.request_timeout.is_some(), "--request-timeout"),
        (args.same_payee_gap.is_some(), "--same-payee-gap"),
    ] {
        if given {
            return Err(Fault::usage(
                format!("{flag} is for a gateway, not for --sandbox"),
                "Leave it out, or rehearse against `payrun sandbox` with --gateway-url.",
            ));
        }
    }
    let settings = local::settings(&args.sandbox)?;
    let rehearsal = Rehearsal::start(&place.state_dir, settings, args.pace)
        .await
        .map_err(|error| not_begun(&error, place))?;
    Ok(Provider { gateway: rehearsal.gateway(), rehearsal: Some(rehearsal) })
}

fn live_settings(args: &ProviderArgs) -> Result<KotaniSettings, Fault> {
    let Some(url) = args.gateway_url.as_deref().filter(|url| !url.is_empty()) else {
        return Err(Fault::usage(
            "no gateway is named",
            "Name it with --gateway-url or PAYRUN_GATEWAY_URL, such as https://api.kotanipay.com. To rehearse \
             without real money: --sandbox.",
        ));
    };
    let mut settings = KotaniSettings::new(url, key::from_environment()?);
    let scale = args.sandbox.time_scale.unwrap_or(NonZeroU32::MIN);
    settings.same_payee_gap /= scale.get();
    settings.limits = Some(limits(args, is_this_machine(url), local::limits(&args.sandbox)?));
    if let Some(timeout) = args.request_timeout {
        settings.request_timeout = timeout;
    }
    if let Some(gap) = args.same_payee_gap {
        settings.same_payee_gap = gap;
    }
    Ok(settings)
}

/// The provider's usual limits; on this machine only those for money, so that a rehearsal is not slow, unless the
/// sandbox there was told to keep them.
fn limits(args: &ProviderArgs, on_this_machine: bool, of_sandbox: Limits) -> RateLimits {
    let scale = args.sandbox.time_scale.unwrap_or(NonZeroU32::MIN);
    let usual = KotaniSettings::usual_limits().sped_up(scale);
    let money = args.pace.map_or(usual.money, |pace| vec![pace]);
    if on_this_machine && of_sandbox == Limits::None {
        RateLimits { money, ..RateLimits::default() }
    } else {
        RateLimits { money, ..usual }
    }
}

/// Whether an address is of this machine, as far as its text says.
fn is_this_machine(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, _)) => inner,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_loopback_is_this_machine() {
        for url in
            ["http://127.0.0.1:8080", "http://[::1]:80/", "http://localhost", "http://127.9.9.9"]
        {
            assert!(is_this_machine(url), "{url}");
        }
        for url in [
            "https://api.kotanipay.com",
            "http://10.0.0.1",
            "https://localhost.evil.test",
            "",
            "http://",
        ] {
            assert!(!is_this_machine(url), "{url}");
        }
    }
}
