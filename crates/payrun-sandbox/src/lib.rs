//! A local provider that speaks the Kotani Pay API: ledger, limits, reserved numbers and faults.
//!
//! It is what a rehearsal pays through, and what judges crash tests: [`Sandbox::ledger_json`] and
//! `GET /_sandbox/ledger` say what really moved, and how often. **Invariant:** it shares no code with the engine.
//!
//! Amounts are exact decimals on the wire both ways. With [`Settings::state`] everything that was answered is on file before
//! the answer leaves, so that a killed sandbox goes on where it stopped; only a power cut can lose it.
//!
//! # What it answers
//!
//! | Route | |
//! |---|---|
//! | `GET /health`, `GET /_sandbox/ledger` | no key |
//! | `GET /api/v3/integrator` | the id follows from the key; customers and references are each integrator's own, wallets are shared |
//! | `GET /api/v3/wallet/fiat`, `…/{id}` | |
//! | `POST /api/v3/customer/mobile-money`, `GET …/{customer_key}`, `GET …/phone/{phone}` | the same phone is the same customer |
//! | `POST /api/v3/withdraw/mobile-money`, `GET /api/v3/withdraw/status/{reference}` | |
//!
//! Phones that end in 700000010 to 700000013 fail, 700000020 stays pending for ever, 700000021 takes twelve times as long;
//! everything else is paid after [`Settings::settle`]. A wallet is debited when a payment is accepted and credited back when it
//! fails. Not imitated: banks, paybills, deposits, webhooks, request signing, fees, the limit of each source address.
//!
//! # The ledger
//!
//! ```json
//! {"executions": [{"integrator": "…", "reference": "…", "wallet_id": "…", "phone": "+254712345678", "amount": "1500.1",
//!                  "currency": "GHS", "status": "SUCCESSFUL", "count": 1}],
//!  "wallets": [{"id": "…", "currency": "GHS", "opening": "5000", "balance": "3499.9"}],
//!  "rate_limit_violations": 0}
//! ```
//!
//! In the order of references. `count` is how many times money moved for one; it is never above 1 unless
//! [`Settings::allow_duplicate_references`] makes the sandbox pay twice, to prove that a judge would see it.
//!
//! # Files
//!
//! Wallets ([`WalletSetting::read_file`]): only currency and balance are needed, the balance is a number or decimal text.
//!
//! ```json
//! [{"id": "w-kes-1", "name": "Salaries", "currency": "KES", "balance": "250000", "country": "KE", "active": true}]
//! ```
//!
//! Faults ([`Faults::read`]): any members of [`Faults`], chances in thousandths.
//!
//! ```json
//! {"accept_then_drop": 70, "slow_answer": 60, "slow_answer_ms": 150}
//! ```
//!
//! # Example
//!
//! ```
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! use payrun_sandbox::{Sandbox, Settings};
//! let sandbox = Sandbox::start(Settings::default()).await?;
//! assert!(sandbox.url().starts_with("http://127.0.0.1:"));
//! assert!(sandbox.ledger_json().starts_with(r#"{"executions":[],"#));
//! sandbox.stop().await;
//! # Ok::<(), payrun_sandbox::StartError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod currency;
mod fate;
mod faults;
mod hash;
mod ledger;
mod limiter;
mod number;
mod reply;
mod routes;
mod server;
mod settings;
mod store;

pub use faults::Faults;
pub use server::{Sandbox, StartError};
pub use settings::{Limits, Settings, SettingsError, WalletSetting};
