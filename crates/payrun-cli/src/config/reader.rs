//! The text of a settings file, walked key by key, so that whatever is wrong has its line.

use super::{Config, Said, delimiter, size};
use crate::fault::Fault;
use crate::nearest::nearest;
use payrun::csv::{Bound, Column};
use payrun::{Amount, Currency, RailKind};
use std::fmt::Display;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const TOP: [&str; 10] = [
    "organisation",
    "state-dir",
    "gateway-url",
    "delimiter",
    "encoding",
    "strict",
    "columns",
    "limits",
    "policy",
    "expect",
];
const LIMITS: [&str; 4] = ["max-bytes", "max-rows", "max-cell-bytes", "max-record-bytes"];
const EXPECT: [&str; 2] = ["count", "totals"];
const BOUND: [&str; 2] = ["min", "max"];

type Value<'t> = Spanned<DeValue<'t>>;

/// A file on its way to settings.
pub(super) struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
    config: Config,
}

impl<'t> Reader<'t> {
    pub(super) fn new(path: &'t Path, text: &'t str) -> Self {
        Self { path, text, config: Config::default() }
    }

    /// The settings; the first thing that is wrong ends it.
    pub(super) fn config(mut self) -> Result<Config, Fault> {
        let table = DeTable::parse(self.text)
            .map_err(|error| self.fault(error.span().unwrap_or(0..0), error.message(), ""))?;
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "organisation" => {
                    self.config.organisation = Some(self.string("organisation", value)?);
                }
                "state-dir" => {
                    self.config.state_dir = Some(self.string("state-dir", value)?.into());
                }
                "gateway-url" => self.config.gateway_url = Some(self.string("gateway-url", value)?),
                "delimiter" => {
                    let word = self.string("delimiter", value)?;
                    let byte =
                        delimiter(&word).map_err(|why| self.wrong("delimiter", value, why))?;
                    self.config.rules.delimiter = Some(byte);
                }
                "encoding" => {
                    let name = self.string("encoding", value)?;
                    let encoding = name.parse();
                    let encoding = encoding.map_err(|why| self.wrong("encoding", value, why))?;
                    self.config.rules.encoding = Some(encoding);
                }
                "strict" => {
                    let DeValue::Boolean(strict) = value.get_ref() else {
                        return Err(self.wrong("strict", value, "it is true or false"));
                    };
                    self.note("strict", strict, value);
                    self.config.rules.strict = *strict;
                }
                "columns" => self.columns(value)?,
                "limits" => self.limits(value)?,
                "policy" => self.policy(value)?,
                "expect" => self.expect(value)?,
                other => return Err(self.unknown("", other, key.span(), TOP)),
            }
        }
        self.config.said.sort_by_key(|said| said.line);
        Ok(self.config)
    }

    /// Names of the payer's own for columns.
    fn columns(&mut self, value: &Value<'t>) -> Result<(), Fault> {
        for (key, value) in self.table("columns", value)? {
            let own = key.get_ref();
            let path = format!("columns.\"{own}\"");
            let name = self.string(&path, value)?;
            let Some(column) = Column::ALL.into_iter().find(|column| column.name() == name) else {
                let names = Column::ALL.map(Column::name);
                let hint = match nearest(&name, names) {
                    Some(near) => format!("Did you mean '{near}'?"),
                    None => format!("Columns are {}.", names.join(", ")),
                };
                return Err(self.fault(
                    value.span(),
                    format!("there is no column '{name}'"),
                    &hint,
                ));
            };
            self.config.rules.columns.push((own.to_string(), column));
        }
        Ok(())
    }

    fn limits(&mut self, value: &Value<'t>) -> Result<(), Fault> {
        for (key, value) in self.table("limits", value)? {
            let name = key.get_ref().as_ref();
            let path = format!("limits.{name}");
            match name {
                "max-bytes" => self.config.rules.limits.bytes_max = self.size(&path, value)?,
                "max-rows" => self.config.rules.limits.rows_max = self.number(&path, value)?,
                "max-cell-bytes" => {
                    self.config.rules.limits.cell_bytes_max = self.memory(&path, value)?;
                }
                "max-record-bytes" => {
                    self.config.rules.limits.record_bytes_max = self.memory(&path, value)?;
                }
                other => return Err(self.unknown("limits.", other, key.span(), LIMITS)),
            }
        }
        Ok(())
    }

    /// The least and the most of each currency, and of its rails.
    fn policy(&mut self, value: &Value<'t>) -> Result<(), Fault> {
        for (key, value) in self.table("policy", value)? {
            let currency = self.currency(key)?;
            self.bound(currency, None, value)?;
        }
        Ok(())
    }

    fn bound(
        &mut self,
        currency: Currency,
        rail: Option<RailKind>,
        value: &Value<'t>,
    ) -> Result<(), Fault> {
        let mut path = format!("policy.{currency}");
        if let Some(rail) = rail {
            path.push_str(&format!(".{rail}"));
        }
        let mut bound = Bound { currency, rail, least: None, most: None };
        for (key, value) in self.table(&path, value)? {
            let name = key.get_ref().as_ref();
            let inner = format!("{path}.{name}");
            match (name, rail) {
                ("min", _) => bound.least = Some(self.amount(&inner, value, currency)?),
                ("max", _) => bound.most = Some(self.amount(&inner, value, currency)?),
                (other, None) => match other.parse() {
                    Ok(rail) => self.bound(currency, Some(rail), value)?,
                    Err(_) => {
                        let known = BOUND.into_iter().chain(RailKind::ALL.map(RailKind::word));
                        return Err(self.unknown(&format!("{path}."), other, key.span(), known));
                    }
                },
                (other, Some(_)) => {
                    return Err(self.unknown(&format!("{path}."), other, key.span(), BOUND));
                }
            }
        }
        if let (Some(least), Some(most)) = (bound.least, bound.most)
            && least > most
        {
            return Err(self.wrong(
                &path,
                value,
                format!("the least, {least}, is more than the most, {most}"),
            ));
        }
        if bound.least.is_some() || bound.most.is_some() {
            self.config.rules.policy.push(bound);
        }
        Ok(())
    }

    /// Control totals.
    fn expect(&mut self, value: &Value<'t>) -> Result<(), Fault> {
        for (key, value) in self.table("expect", value)? {
            match key.get_ref().as_ref() {
                "count" => {
                    self.config.rules.expected.count = Some(self.number("expect.count", value)?);
                }
                "totals" => {
                    for (key, value) in self.table("expect.totals", value)? {
                        let currency = self.currency(key)?;
                        let path = format!("expect.totals.{currency}");
                        let text = self.decimal(&path, value)?;
                        let total = Amount::parse_balance(&text, currency)
                            .map_err(|why| self.wrong(&path, value, why))?;
                        self.config.rules.expected.totals.push(total);
                    }
                }
                other => return Err(self.unknown("expect.", other, key.span(), EXPECT)),
            }
        }
        Ok(())
    }

    fn currency(&self, key: &Spanned<std::borrow::Cow<'_, str>>) -> Result<Currency, Fault> {
        let code = key.get_ref().as_ref();
        code.parse().map_err(|_| {
            let payable: Vec<_> = Currency::payable().map(Currency::code).collect();
            let hint = match nearest(code, payable.iter().copied()) {
                Some(near) => format!("Did you mean '{near}'?"),
                None => format!("Paid are {}.", payable.join(", ")),
            };
            self.fault(key.span(), format!("there is no currency '{code}'"), &hint)
        })
    }

    fn amount(
        &mut self,
        path: &str,
        value: &Value<'t>,
        currency: Currency,
    ) -> Result<Amount, Fault> {
        let text = self.decimal(path, value)?;
        Amount::parse(&text, currency).map_err(|why| self.wrong(path, value, why))
    }

    /// Decimal text, as it stands there. A number with a point is refused: programs make binary fractions of it.
    fn decimal(&mut self, path: &str, value: &Value<'t>) -> Result<String, Fault> {
        let cell = value.get_ref();
        let text = if let DeValue::String(text) = cell {
            text.to_string()
        } else if let Some(number) = cell.as_integer().filter(|number| number.radix() == 10) {
            number.as_str().to_owned()
        } else if let DeValue::Float(number) = cell {
            let why = format!(
                "put quotation marks around an amount with a point: \"{}\"",
                number.as_str()
            );
            return Err(self.wrong(path, value, why));
        } else {
            return Err(self.wrong(path, value, "it is an amount, such as \"1500\""));
        };
        self.note(path, &text, value);
        Ok(text)
    }

    fn number(&mut self, path: &str, value: &Value<'t>) -> Result<u64, Fault> {
        let number = whole(value).filter(|number| *number > 0);
        let number =
            number.ok_or_else(|| self.wrong(path, value, "it is a whole number above 0"))?;
        self.note(path, number, value);
        Ok(number)
    }

    fn size(&mut self, path: &str, value: &Value<'t>) -> Result<u64, Fault> {
        let DeValue::String(text) = value.get_ref() else { return self.number(path, value) };
        let bytes = size(text).map_err(|why| self.wrong(path, value, why))?;
        self.note(path, text, value);
        Ok(bytes)
    }

    /// A size that has to fit into memory.
    fn memory(&mut self, path: &str, value: &Value<'t>) -> Result<usize, Fault> {
        let bytes = self.size(path, value)?;
        usize::try_from(bytes).map_err(|_| self.wrong(path, value, "it is too large"))
    }

    fn string(&mut self, path: &str, value: &Value<'t>) -> Result<String, Fault> {
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.wrong(path, value, "it is text between quotation marks"));
        };
        if text.is_empty() {
            return Err(self.wrong(path, value, "it is empty; leave it out"));
        }
        self.note(path, text, value);
        Ok(text.to_string())
    }

    fn table<'v>(&self, path: &str, value: &'v Value<'t>) -> Result<&'v DeTable<'t>, Fault> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong(path, value, format!("it is a table: [{path}]")))
    }

    fn note(&mut self, key: &str, value: impl Display, at: &Value<'_>) {
        let said = Said {
            key: key.to_owned(),
            value: value.to_string(),
            line: self.line(at.span().start),
        };
        self.config.said.push(said);
    }

    fn unknown<'c>(
        &self,
        table: &str,
        key: &str,
        at: Range<usize>,
        known: impl IntoIterator<Item = &'c str>,
    ) -> Fault {
        let known: Vec<_> = known.into_iter().collect();
        let hint = match nearest(key, known.iter().copied()) {
            Some(near) => format!("Did you mean '{table}{near}'?"),
            None => format!("Known here are {}.", known.join(", ")),
        };
        self.fault(at, format!("'{table}{key}' is no setting"), &hint)
    }

    fn wrong(&self, key: &str, value: &Value<'_>, why: impl Display) -> Fault {
        self.fault(value.span(), format!("{key}: {why}"), "")
    }

    fn fault(&self, at: Range<usize>, what: impl Display, hint: &str) -> Fault {
        Fault::usage(format!("{}:{}: {what}", self.path.display(), self.line(at.start)), hint)
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

fn whole(value: &Value<'_>) -> Option<u64> {
    value
        .get_ref()
        .as_integer()
        .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
}
