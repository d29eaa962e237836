//! `payrun sandbox`: a local provider that others can pay through.

use crate::args::SandboxArgs;
use crate::fault::Fault;
use crate::provider::local_settings;
use crate::screen::Screen;
use crate::stop::Stop;
use payrun::Exit;
use payrun::sandbox::Sandbox;

/// Serves until it is asked to stop.
pub(super) async fn sandbox(
    args: &SandboxArgs,
    screen: Screen,
    stop: &Stop,
) -> Result<Exit, Fault> {
    let settings = local_settings(&args.faults)?;
    let sandbox = Sandbox::start(settings).await.map_err(|error| Fault::usage(error, ""))?;
    stop.take_over();
    screen.data(&format!("{}\n", sandbox.url()))?;
    screen.say("The sandbox is ready. Ctrl-C stops it.");
    stop.clone().asked().await;
    sandbox.stop().await;
    Ok(Exit::Done)
}
