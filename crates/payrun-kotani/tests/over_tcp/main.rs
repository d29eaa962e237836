//! The gateway over real sockets, against a server that does whatever the test tells it to.

// `cfg(test)` is always so here; it tells the lints that the helpers are tests too.
#[cfg(test)]
mod calls;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod server;
