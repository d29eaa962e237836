//! A local provider inside the process, with its own records beside the real ones.

use crate::JobError;
use payrun_kotani::{Kotani, Settings as KotaniSettings};
use payrun_ports::{Gateway, RateLimit, RateLimits};
use payrun_sandbox::{Sandbox, Settings};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The pace of calls that move money, unless told otherwise: slow enough to watch.
pub const REHEARSAL_PACE: u32 = 20;

/// What a request to the local provider may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The folder in a state directory where rehearsals keep everything, their provider's ledger too.
pub fn rehearsal_root(state_dir: &Path) -> PathBuf {
    state_dir.join("sandbox")
}

/// A local provider that keeps its ledger from one process to the next, and the gateway to it.
pub struct Rehearsal {
    sandbox: Sandbox,
    gateway: Arc<dyn Gateway>,
}

impl Rehearsal {
    /// Starts the provider on a free port of this machine, with its ledger under [`rehearsal_root`]. `pace` limits the
    /// calls that move money.
    ///
    /// # Errors
    /// [`JobError::Sandbox`] if another process has it, or the folder cannot be used.
    pub async fn start(
        state_dir: &Path,
        settings: Settings,
        pace: RateLimit,
    ) -> Result<Self, JobError> {
        let folder = rehearsal_root(state_dir).join("provider");
        let settings = Settings { state: Some(folder), ..settings };
        let sandbox =
            Sandbox::start(settings).await.map_err(|error| JobError::Sandbox(error.to_string()))?;
        let gateway = Arc::new(Kotani::new(local(&sandbox.url(), "sandbox", pace)?)?);
        Ok(Self { sandbox, gateway })
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

fn local(url: &str, key: &str, pace: RateLimit) -> Result<KotaniSettings, JobError> {
    let key = key.parse().map_err(|error| JobError::Bug(format!("the sandbox's key: {error}")))?;
    let mut settings = KotaniSettings::new(url, key);
    settings.label = Some(payrun_core::GatewayHost::new("sandbox"));
    settings.request_timeout = REQUEST_TIMEOUT;
    settings.same_payee_gap = Duration::ZERO;
    settings.limits = Some(RateLimits { money: vec![pace], ..RateLimits::default() });
    Ok(settings)
}
