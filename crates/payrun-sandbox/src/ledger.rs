//! What moved: customers, wallets, withdrawals. The truth that the judge reads.

use crate::clock::Moment;
use crate::fate::{self, Status, Verdict};
use crate::hash::id24;
use crate::limiter::Limiter;
use crate::number::{self, Text};
use crate::settings::WalletSetting;
use crate::store::{Acceptance, Line, Store};
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io;

/// A customer of an integrator.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) key: String,
    pub(crate) phone: String,
    pub(crate) network: Option<String>,
    pub(crate) country: String,
}

/// Everything that moved under one reference.
#[derive(Debug, Clone)]
pub(crate) struct Execution {
    pub(crate) first: Acceptance,
    /// How many times money moved.
    pub(crate) count: u64,
    pub(crate) number: u64,
}

impl Execution {
    pub(crate) fn status(&self, now: Moment) -> Status {
        let age = now.since_ms(self.first.at);
        let delay = self.first.settles.map(|settles| settles.since_ms(self.first.at));
        fate::status(fate::verdict(&self.first.phone), delay, age)
    }
}

/// The provider's books.
#[derive(Debug)]
pub(crate) struct Ledger {
    wallets: Vec<WalletSetting>,
    customers: HashMap<(String, String), Customer>,
    executions: BTreeMap<(String, String), Execution>,
    pub(crate) limiter: Limiter,
    pub(crate) violations: u64,
    /// When a phone was last paid, by integrator.
    last_paid: HashMap<(String, String), Moment>,
    /// By wallet id.
    debits: HashMap<String, Debits>,
    store: Option<Store>,
}

/// What was taken from a wallet, and what comes back when it fails.
#[derive(Debug, Default)]
struct Debits {
    taken: Decimal,
    failing: Vec<(Moment, Decimal)>,
}

/// Why a withdrawal is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAccepted {
    Duplicate,
    Denied,
    Insufficient,
    Store,
}

impl Ledger {
    pub(crate) fn new(wallets: Vec<WalletSetting>, store: Option<Store>, lines: Vec<Line>) -> Self {
        let mut ledger = Self {
            wallets,
            customers: HashMap::new(),
            executions: BTreeMap::new(),
            limiter: Limiter::default(),
            violations: 0,
            last_paid: HashMap::new(),
            debits: HashMap::new(),
            store,
        };
        lines.into_iter().for_each(|line| ledger.apply(line));
        ledger
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::Start { .. } => {}
            Line::Customer { integrator, key, phone, network, country } => {
                let customer = Customer { key: key.clone(), phone, network, country };
                self.customers.insert((integrator, key), customer);
            }
            Line::Accepted(acceptance) => {
                let number = u64::try_from(self.executions.len()).unwrap_or(u64::MAX) + 1;
                let phone = (acceptance.integrator.clone(), acceptance.phone.clone());
                self.last_paid.insert(phone, acceptance.at);
                let debits = self.debits.entry(acceptance.wallet.clone()).or_default();
                debits.taken += acceptance.amount.0;
                let fails = matches!(fate::verdict(&acceptance.phone), Verdict::Failed(_));
                if let Some(settles) = acceptance.settles.filter(|_| fails) {
                    debits.failing.push((settles, acceptance.amount.0));
                }
                let key = (acceptance.integrator.clone(), acceptance.reference.clone());
                self.executions
                    .entry(key)
                    .and_modify(|execution| execution.count += 1)
                    .or_insert(Execution { first: acceptance, count: 1, number });
            }
        }
    }

    fn write(&mut self, line: Line) -> io::Result<()> {
        if let Some(store) = &mut self.store {
            store.append(&line)?;
        }
        self.apply(line);
        Ok(())
    }

    pub(crate) fn wallets(&self) -> &[WalletSetting] {
        &self.wallets
    }

    pub(crate) fn wallet(&self, id: &str) -> Option<&WalletSetting> {
        self.wallets.iter().find(|wallet| wallet.id == id)
    }

    /// What a wallet has now: what failed is credited back.
    pub(crate) fn balance(&self, wallet: &WalletSetting, now: Moment) -> Decimal {
        let Some(debits) = self.debits.get(&wallet.id) else { return wallet.balance };
        let back = debits.failing.iter().filter(|(settles, _)| *settles <= now);
        back.fold(wallet.balance - debits.taken, |left, (_, amount)| left + amount)
    }

    pub(crate) fn customer(&self, integrator: &str, key: &str) -> Option<&Customer> {
        self.customers.get(&(integrator.to_owned(), key.to_owned()))
    }

    pub(crate) fn customer_of(&self, integrator: &str, phone: &str) -> Option<&Customer> {
        self.customer(integrator, &id24(&["customer", integrator, phone]))
    }

    /// Makes a customer known; the same phone is the same customer.
    pub(crate) fn add_customer(
        &mut self,
        integrator: &str,
        phone: &str,
        network: Option<String>,
        country: &str,
    ) -> io::Result<Customer> {
        if let Some(known) = self.customer_of(integrator, phone) {
            return Ok(known.clone());
        }
        let key = id24(&["customer", integrator, phone]);
        let customer = Customer {
            key: key.clone(),
            phone: phone.to_owned(),
            network: network.clone(),
            country: country.to_owned(),
        };
        self.write(Line::Customer {
            integrator: integrator.to_owned(),
            key,
            phone: phone.to_owned(),
            network,
            country: country.to_owned(),
        })?;
        Ok(customer)
    }

    pub(crate) fn execution(&self, integrator: &str, reference: &str) -> Option<&Execution> {
        self.executions.get(&(integrator.to_owned(), reference.to_owned()))
    }

    /// How many references there are.
    pub(crate) fn references(&self) -> usize {
        self.executions.len()
    }

    /// Moves money, unless something stands against it.
    pub(crate) fn accept(
        &mut self,
        acceptance: Acceptance,
        guards: Guards,
    ) -> Result<Execution, NotAccepted> {
        let (integrator, reference) = (acceptance.integrator.clone(), acceptance.reference.clone());
        if !guards.duplicates_allowed && self.execution(&integrator, &reference).is_some() {
            return Err(NotAccepted::Duplicate);
        }
        let last = self.last_paid.get(&(integrator.clone(), acceptance.phone.clone()));
        if guards.once_a_minute && last.is_some_and(|last| last.minute() == acceptance.at.minute())
        {
            return Err(NotAccepted::Denied);
        }
        let wallet = self.wallet(&acceptance.wallet).ok_or(NotAccepted::Insufficient)?;
        if self.balance(wallet, acceptance.at) < acceptance.amount.0 {
            return Err(NotAccepted::Insufficient);
        }
        self.write(Line::Accepted(acceptance)).map_err(|_| NotAccepted::Store)?;
        self.execution(&integrator, &reference).cloned().ok_or(NotAccepted::Store)
    }

    /// What really moved, for the judge.
    pub(crate) fn json(&self, now: Moment) -> String {
        let executions = self.executions.values().map(|execution| ExecutionLine {
            integrator: &execution.first.integrator,
            reference: &execution.first.reference,
            wallet_id: &execution.first.wallet,
            phone: &execution.first.phone,
            amount: number::text(execution.first.amount.0),
            currency: self.wallet(&execution.first.wallet).map(|wallet| wallet.currency.as_str()),
            status: execution.status(now).word(),
            count: execution.count,
        });
        let wallets = self.wallets.iter().map(|wallet| WalletLine {
            id: &wallet.id,
            currency: &wallet.currency,
            opening: Text(wallet.balance),
            balance: Text(self.balance(wallet, now)),
        });
        let mut executions: Vec<_> = executions.collect();
        executions.sort_by_key(|line| line.reference);
        let shape = Shape {
            executions,
            wallets: wallets.collect(),
            rate_limit_violations: self.violations,
        };
        serde_json::to_string(&shape).unwrap_or_default()
    }
}

/// What stands against accepting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guards {
    pub(crate) duplicates_allowed: bool,
    pub(crate) once_a_minute: bool,
}

#[derive(Serialize)]
struct Shape<'a> {
    executions: Vec<ExecutionLine<'a>>,
    wallets: Vec<WalletLine<'a>>,
    rate_limit_violations: u64,
}

#[derive(Serialize)]
struct ExecutionLine<'a> {
    integrator: &'a str,
    reference: &'a str,
    wallet_id: &'a str,
    phone: &'a str,
    amount: String,
    currency: Option<&'a str>,
    status: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct WalletLine<'a> {
    id: &'a str,
    currency: &'a str,
    opening: Text,
    balance: Text,
}
