//! The server: accepts connections on this machine, and drops them where a fault says so.

use crate::Settings;
use crate::clock::{Clock, Mark, wall};
use crate::faults::Draw;
use crate::ledger::Ledger;
use crate::reply::Dropped;
use crate::routes::{Provider, router};
use crate::store::{FORMAT, Line, Store};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// The system's words.
        error: io::Error,
    },
    /// Its folder cannot be used, or another sandbox has it.
    #[error("{path}: {error}")]
    State {
        /// Which.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
}

/// A running sandbox. Dropping it stops it.
pub struct Sandbox {
    address: SocketAddr,
    provider: Arc<Provider>,
    server: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Sandbox {
    /// Starts one.
    ///
    /// # Errors
    /// [`StartError`] with the reason.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let (ledger, mark) = open(&settings)?;
        let unavailable = |error| StartError::Listen { address: settings.listen, error };
        let listener = TcpListener::bind(settings.listen).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let provider = Arc::new(Provider {
            clock: Clock::start(mark),
            draw: Draw::new(settings.seed),
            ledger: Mutex::new(ledger),
            settings,
        });
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve(listener, router(Arc::clone(&provider)), stopped));
        Ok(Self { address, provider, server, stop: Some(stop) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What really moved, as `GET /_sandbox/ledger` says it.
    pub fn ledger_json(&self) -> String {
        self.provider.ledger_json()
    }

    /// Stops it and breaks off what it is answering. Its file stays, and another sandbox may have it from now on.
    pub async fn stop(mut self) {
        // Dropping the sender is what asks it to stop.
        drop(self.stop.take());
        // It ends by itself: there is nothing that it could say.
        let _ = (&mut self.server).await;
    }

    /// Serves until the process ends.
    pub async fn wait(mut self) {
        let _ = (&mut self.server).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn open(settings: &Settings) -> Result<(Ledger, Mark), StartError> {
    let scale = settings.time_scale.max(1);
    let Some(folder) = &settings.state else {
        return Ok((
            Ledger::new(settings.wallets.clone(), None, Vec::new()),
            Mark::first(wall(), scale),
        ));
    };
    let fault = |error| StartError::State { path: folder.clone(), error };
    let (mut store, lines) = Store::open(folder).map_err(fault)?;
    let mark = mark(&lines, scale);
    store.append(&Line::Start { format: FORMAT, mark }).map_err(fault)?;
    Ok((Ledger::new(settings.wallets.clone(), Some(store), lines), mark))
}

/// The clock goes on where the last start's would stand, and never before what is on record.
fn mark(lines: &[Line], scale: u32) -> Mark {
    let mut last = None;
    let mut floor = crate::clock::Moment(0);
    for line in lines {
        match line {
            Line::Start { mark, .. } => {
                last = Some(*mark);
                floor = floor.max(mark.clock);
            }
            Line::Accepted(acceptance) => floor = floor.max(acceptance.at),
            Line::Customer { .. } => {}
        }
    }
    last.map_or(Mark::first(wall(), scale), |mark| mark.next(wall(), floor, scale))
}

/// How long to wait when no connection can be taken, for want of descriptors for instance.
const PAUSE: Duration = Duration::from_millis(10);

/// Accepts connections until the other end of `stopped` is gone, then breaks them all off and waits for their end.
async fn serve(listener: TcpListener, router: Router, mut stopped: oneshot::Receiver<()>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                match accepted {
                    Ok((stream, _)) => drop(connections.spawn(connection(stream, router.clone()))),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
            _ = &mut stopped => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let answer = hyper::service::service_fn(move |request: Request<Incoming>| {
        let answer = service.call(request);
        async move { keep(answer.await) }
    });
    // A connection that its peer broke off is no fault of ours.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

/// An error instead of an answer closes the connection without a byte.
fn keep(
    answer: Result<Response<Body>, std::convert::Infallible>,
) -> Result<Response<Body>, io::Error> {
    match answer {
        Ok(response) if response.extensions().get::<Dropped>().is_some() => {
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}
