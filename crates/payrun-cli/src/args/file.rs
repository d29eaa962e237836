//! How a payment file is to be read, and what is to be in it.

use crate::config::{Config, delimiter, delimiter_word, size};
use crate::place::quoted;
use clap::Args;
use payrun::csv::{Encoding, Rules};
use payrun::{Amount, Currency};

/// How a payment file is to be read, and what is to be in it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Payment file")]
pub(crate) struct FileArgs {
    /// What separates the columns: ',' ';' '|' or tab. [default: what the header shows]
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// What the text is read as, such as windows-1252. [default: utf-8, or what a byte order mark says]
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<Encoding>,
    /// How many payments there are to be; any other number is an error.
    #[arg(long, value_name = "N")]
    pub(crate) expect_count: Option<u64>,
    /// What the payments of a currency are to come to; any other sum is an error. Once for each currency.
    #[arg(long, value_name = "KES=1250000", value_parser = total)]
    pub(crate) expect_total: Vec<Amount>,
    /// Warnings are errors.
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) strict: Option<bool>,
    /// How many rows a file may have. [default: 100000000]
    #[arg(long, value_name = "N")]
    pub(crate) max_rows: Option<u64>,
    /// How large a file may be, unpacked: 2GiB, 500MB. [default: 16GiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_bytes: Option<u64>,
}

impl FileArgs {
    /// The rules that hold: what the settings say, and the flags before them.
    pub(crate) fn rules(&self, config: &Config) -> Rules {
        let mut rules = config.rules.clone();
        rules.delimiter = self.delimiter.or(rules.delimiter);
        rules.encoding = self.encoding.or(rules.encoding);
        rules.strict = self.strict.unwrap_or(rules.strict);
        rules.limits.rows_max = self.max_rows.unwrap_or(rules.limits.rows_max);
        rules.limits.bytes_max = self.max_bytes.unwrap_or(rules.limits.bytes_max);
        rules.expected.count = self.expect_count.or(rules.expected.count);
        let totals = &mut rules.expected.totals;
        for total in &self.expect_total {
            totals.retain(|other| other.currency() != total.currency());
            totals.push(*total);
        }
        rules
    }

    /// The flags once more, each behind a blank, for a command to paste.
    pub(crate) fn flags(&self) -> String {
        let mut flags = String::new();
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                flags.push_str(&format!(" --{name} {}", quoted(&value)));
            }
        };
        flag("delimiter", self.delimiter.map(delimiter_word));
        flag("encoding", self.encoding.map(|encoding| encoding.to_string()));
        flag("expect-count", self.expect_count.map(|count| count.to_string()));
        for total in &self.expect_total {
            flag("expect-total", Some(format!("{}={}", total.currency(), total.text())));
        }
        flag("max-rows", self.max_rows.map(|rows| rows.to_string()));
        flag("max-bytes", self.max_bytes.map(|bytes| bytes.to_string()));
        match self.strict {
            None => {}
            Some(true) => flags.push_str(" --strict"),
            Some(false) => flags.push_str(" --strict=false"),
        }
        flags
    }
}

/// `KES=1250000`
fn total(text: &str) -> Result<Amount, String> {
    let (code, sum) = text.split_once('=').ok_or("write the currency and its sum: KES=1250000")?;
    let currency: Currency =
        code.parse().map_err(|error: payrun::UnknownCurrency| error.to_string())?;
    Amount::parse_balance(sum, currency).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_before_the_settings_and_can_be_pasted() {
        let mut config = Config::default();
        config.rules.strict = true;
        config.rules.delimiter = Some(b'|');
        config.rules.expected.totals = vec![total("KES=1").unwrap(), total("UGX=2").unwrap()];
        let args = FileArgs {
            delimiter: Some(b';'),
            expect_total: vec![total("KES=3").unwrap()],
            strict: Some(false),
            ..FileArgs::default()
        };
        let rules = args.rules(&config);
        assert_eq!((rules.delimiter, rules.strict), (Some(b';'), false));
        let totals: Vec<_> = rules.expected.totals.iter().map(|total| total.to_string()).collect();
        assert_eq!(totals, ["UGX 2", "KES 3"]);
        assert_eq!(args.flags(), " --delimiter ';' --expect-total KES=3 --strict=false");
    }

    #[test]
    fn a_total_is_a_currency_and_its_exact_sum() {
        for text in ["1250000", "KES", "KSH=5", "KES=1,250,000", "KES=1.5", "KES=1e6", "KES=-1"] {
            assert!(total(text).is_err(), "{text}");
        }
        assert_eq!(total("GHS=0.50").unwrap().text(), "0.5");
    }
}
