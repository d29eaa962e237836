//! `payrun sandbox`: a local provider that others can pay through.

use crate::args::{Form, SandboxArgs};
use crate::fault::Fault;
use crate::provider::local_settings;
use crate::screen::Screen;
use crate::stop::Stop;
use payrun::Exit;
use payrun::sandbox::Sandbox;
use serde_json::json;
use std::fs;

/// Serves until it is asked to stop.
pub(super) async fn sandbox(
    args: &SandboxArgs,
    screen: Screen,
    stop: &Stop,
) -> Result<Exit, Fault> {
    if !args.listen.ip().is_loopback() {
        return Err(Fault::usage(
            format!("{} is not an address of this machine alone", args.listen),
            "Listen on a loopback address, such as 127.0.0.1:8080.",
        ));
    }
    let mut settings = local_settings(&args.faults)?;
    settings.listen = args.listen;
    settings.state.clone_from(&args.state);
    settings.key = key(args)?;
    let sandbox = Sandbox::start(settings).await.map_err(|error| {
        let hint =
            "Port 0 takes a free one; a folder named by --state is of one sandbox at a time.";
        Fault::new(
            Exit::Gateway,
            "sandbox",
            format!("the sandbox cannot be started: {error}"),
            hint,
        )
    })?;
    stop.take_over();
    // One line in either form: who reads it waits for its end, not for that of the output.
    let ready = match screen.form() {
        Form::Json => json!({"url": sandbox.url()}).to_string(),
        Form::Text | Form::Csv => sandbox.url(),
    };
    screen.data(&format!("{ready}\n"))?;
    screen.say("The sandbox is ready; no real money moves. Ctrl-C stops it.");
    stop.clone().asked().await;
    sandbox.stop().await;
    Ok(Exit::Done)
}

/// The key that callers must show, if one is named.
fn key(args: &SandboxArgs) -> Result<Option<String>, Fault> {
    let key = match (&args.key, &args.key_file) {
        (Some(key), _) => key.clone(),
        (None, Some(path)) => fs::read_to_string(path)
            .map_err(|error| Fault::usage(format!("{}: {error}", path.display()), ""))?,
        (None, None) => return Ok(None),
    };
    let key = key.trim();
    if key.is_empty() {
        return Err(Fault::usage("the sandbox's key is empty", "Leave it out to take any key."));
    }
    Ok(Some(key.to_owned()))
}
