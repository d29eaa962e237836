//! A local provider inside the process, with its own records beside the real ones.

mod wallets;

use crate::{JobError, Refusal};
use payrun_core::{Account, GatewayHost};
use payrun_kotani::{Kotani, Settings as KotaniSettings};
use payrun_ports::{Gateway, RateLimit, RateLimits};
use payrun_sandbox::{Limits, Sandbox, Settings, StartError};
use payrun_store::{Lock, LockError};
use std::fs::DirBuilder;
use std::io;
use std::num::NonZeroU32;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The pace of calls that move money, a second, unless told otherwise: slow enough to watch.
const PACE: u32 = 20;

/// What a request to the local provider may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// What stands for the gateway's host in the records of rehearsals, whose port is another each time. No host is called so:
/// an address has a scheme.
const GATEWAY: &str = "sandbox";

/// How long the folder's lock is tried before its holder is named.
const LOCK_PATIENCE: Duration = Duration::from_millis(100);

/// The folder in a state directory where rehearsals keep everything, their provider's ledger too.
pub fn rehearsal_root(state_dir: &Path) -> PathBuf {
    state_dir.join("sandbox")
}

/// Whether runs from this account are rehearsals.
pub(crate) fn is_of(account: &Account) -> bool {
    account.gateway.as_str() == GATEWAY
}

/// A local provider that keeps its ledger and its wallets from one process to the next, and the gateway to it.
pub struct Rehearsal {
    sandbox: Sandbox,
    gateway: Arc<dyn Gateway>,
    /// Let go after the sandbox.
    _lock: Lock,
}

impl Rehearsal {
    /// Starts the provider on a free port of this machine, with its ledger under [`rehearsal_root`]. `pace` limits the
    /// calls that move money, to 20 a second if it is not given; under [`Limits::Kotani`] the provider's usual limits and its
    /// gap between two payments to one phone hold for everything else, and for money too if no pace is given; both by the
    /// sandbox's clock.
    ///
    /// Settings with the usual wallets mean those that it had before, if it had any.
    ///
    /// # Errors
    /// [`Refusal::Held`] if another process has it; [`JobError::Sandbox`] if the folder cannot be used.
    pub async fn start(
        state_dir: &Path,
        settings: Settings,
        pace: Option<RateLimit>,
    ) -> Result<Self, JobError> {
        let folder = rehearsal_root(state_dir).join("provider");
        let lock = hold(&folder)?;
        let wallets = wallets::keep(&folder, settings.wallets).map_err(JobError::Sandbox)?;
        let (limits, scale) = (settings.limits, settings.time_scale);
        let settings = Settings { state: Some(folder), wallets, ..settings };
        let sandbox = Sandbox::start(settings).await.map_err(start_error)?;
        let gateway =
            Arc::new(Kotani::new(local(&sandbox.url(), "sandbox", (limits, scale), pace)?)?);
        Ok(Self { sandbox, gateway, _lock: lock })
    }

    /// The gateway to it.
    pub fn gateway(&self) -> Arc<dyn Gateway> {
        Arc::clone(&self.gateway)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.sandbox.url()
    }

    /// Stops it. Its ledger stays.
    pub async fn stop(self) {
        self.sandbox.stop().await;
    }
}

/// The sandbox locks its ledger too, but cannot say who has it.
fn hold(folder: &Path) -> Result<Lock, JobError> {
    let unusable = |error: io::Error| JobError::Sandbox(format!("{}: {error}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
    Lock::acquire(&folder.join("LOCK"), LOCK_PATIENCE).map_err(|error| match error {
        LockError::Held(holder) => {
            Refusal::Held(format!("a rehearsal in this state directory is held by {holder}")).into()
        }
        LockError::Io(error) => unusable(error),
    })
}

fn start_error(error: StartError) -> JobError {
    match &error {
        StartError::State { error: io, .. } if io.kind() == io::ErrorKind::ResourceBusy => {
            Refusal::Held(error.to_string()).into()
        }
        StartError::State { .. } | StartError::Listen { .. } => {
            JobError::Sandbox(error.to_string())
        }
    }
}

fn local(
    url: &str,
    key: &str,
    (limits, scale): (Limits, u32),
    pace: Option<RateLimit>,
) -> Result<KotaniSettings, JobError> {
    let key = key.parse().map_err(|error| JobError::Bug(format!("the sandbox's key: {error}")))?;
    let mut settings = KotaniSettings::new(url, key);
    settings.label = Some(GatewayHost::new(GATEWAY));
    settings.request_timeout = REQUEST_TIMEOUT;
    let usual = match limits {
        Limits::Kotani => {
            let scale = NonZeroU32::new(scale).unwrap_or(NonZeroU32::MIN);
            settings.same_payee_gap /= scale.get();
            KotaniSettings::usual_limits().sped_up(scale)
        }
        Limits::None => {
            settings.same_payee_gap = Duration::ZERO;
            let money = vec![RateLimit::per_seconds(PACE, 1)];
            RateLimits { money, ..RateLimits::default() }
        }
    };
    let money = pace.map_or(usual.money, |pace| vec![pace]);
    settings.limits = Some(RateLimits { money, ..usual });
    Ok(settings)
}
