//! Every setting with its value and where that comes from.

use super::Table;
use crate::args::SettingsArgs;
use crate::config::{Config, delimiter_word};
use serde_json::{Value, json};
use std::ffi::OsStr;

/// One setting.
pub(crate) struct Setting {
    key: String,
    /// `None` where nothing is set and nothing is usual.
    value: Option<String>,
    from: From,
}

/// Where a value comes from.
enum From {
    Flag(String),
    Environment(&'static str),
    File(usize),
    Usual,
}

impl Setting {
    /// All of them: those that always are, then what the file and the flags add.
    pub(crate) fn all(args: &SettingsArgs, config: &Config) -> Vec<Self> {
        let rules = args.reading.rules(config);
        let mut settings = Vec::new();
        let mut add = |key: &str, value: Option<String>, given: Option<From>| {
            let in_file = || config.line(key).map(From::File);
            let from = given.or_else(in_file).unwrap_or(From::Usual);
            settings.push(Self { key: key.to_owned(), value, from });
        };
        for (key, variable, given, filed) in [
            (
                "organisation",
                "PAYRUN_ORGANISATION",
                args.place.organisation.as_deref().map(OsStr::new),
                config.organisation.as_deref().map(OsStr::new),
            ),
            (
                "state-dir",
                "PAYRUN_STATE_DIR",
                args.place.state_dir.as_deref().map(AsRef::as_ref),
                config.state_dir.as_deref().map(AsRef::as_ref),
            ),
            (
                "gateway-url",
                "PAYRUN_GATEWAY_URL",
                args.provider.gateway_url.as_deref().map(OsStr::new),
                config.gateway_url.as_deref().map(OsStr::new),
            ),
        ] {
            let given = given.filter(|given| !given.is_empty());
            let value = given.or(filed).map(|value| value.to_string_lossy().into_owned());
            add(key, value, given.map(|given| spoken(key, variable, given)));
        }
        let reading = &args.reading;
        let flag = |given: bool, key: &str| given.then(|| From::Flag(format!("--{key}")));
        let delimiter = rules.delimiter.map(delimiter_word);
        add("delimiter", delimiter, flag(reading.delimiter.is_some(), "delimiter"));
        let encoding = rules.encoding.map(|encoding| encoding.to_string());
        add("encoding", encoding, flag(reading.encoding.is_some(), "encoding"));
        add("strict", Some(rules.strict.to_string()), flag(reading.strict.is_some(), "strict"));
        let limits = &rules.limits;
        let given = flag(reading.max_bytes.is_some(), "max-bytes");
        add("limits.max-bytes", Some(limits.bytes_max.to_string()), given);
        let given = flag(reading.max_rows.is_some(), "max-rows");
        add("limits.max-rows", Some(limits.rows_max.to_string()), given);
        add("limits.max-cell-bytes", Some(limits.cell_bytes_max.to_string()), None);
        add("limits.max-record-bytes", Some(limits.record_bytes_max.to_string()), None);
        let count = rules.expected.count.map(|count| count.to_string());
        add("expect.count", count, flag(reading.expect_count.is_some(), "expect-count"));
        for total in &rules.expected.totals {
            let given =
                reading.expect_total.iter().any(|given| given.currency() == total.currency());
            let key = format!("expect.totals.{}", total.currency());
            add(&key, Some(total.text()), flag(given, "expect-total"));
        }
        for said in &config.said {
            if said.key.starts_with("policy.") || said.key.starts_with("columns.") {
                add(&said.key, Some(said.value.clone()), None);
            }
        }
        settings
    }
}

/// From a flag, or from the environment: clap does not say which, but the environment can be looked at.
fn spoken(key: &str, variable: &'static str, given: &OsStr) -> From {
    match std::env::var_os(variable) {
        Some(set) if set == given => From::Environment(variable),
        _ => From::Flag(format!("--{key}")),
    }
}

/// As a table.
pub(crate) fn settings(config: &Config, settings: &[Setting]) -> String {
    let head = match &config.path {
        Some(path) => format!("Settings file: {}", path.display()),
        None => "There is no settings file (payrun.toml).".to_owned(),
    };
    let mut table = Table::new(&["Setting", "Value", "From"]);
    for Setting { key, value, from } in settings {
        let from = match from {
            From::Flag(flag) => flag.clone(),
            From::Environment(variable) => (*variable).to_owned(),
            From::File(line) => format!("file, line {line}"),
            From::Usual if value.is_none() => String::new(),
            From::Usual => "usual".to_owned(),
        };
        table.row([key.as_str(), value.as_deref().unwrap_or("-"), from.as_str()]);
    }
    format!("{head}\n\n{}", table.text())
}

/// `{"config","settings":[{"setting","value","from","line"}]}`; `from`: `flag environment file default`.
pub(crate) fn settings_json(config: &Config, settings: &[Setting]) -> Value {
    let one = |Setting { key, value, from }: &Setting| {
        let (word, line) = match from {
            From::Flag(_) => ("flag", None),
            From::Environment(_) => ("environment", None),
            From::File(line) => ("file", Some(line)),
            From::Usual => ("default", None),
        };
        json!({"setting": key, "value": value, "from": word, "line": line})
    };
    let path = config.path.as_ref().map(|path| path.display().to_string());
    json!({"config": path, "settings": settings.iter().map(one).collect::<Vec<_>>()})
}
