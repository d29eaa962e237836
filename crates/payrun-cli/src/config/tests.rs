use super::*;
use payrun::csv::Column;

fn read(text: &str) -> Result<Config, String> {
    Reader::new(Path::new("payrun.toml"), text)
        .config()
        .map_err(|fault| format!("{} {}", fault.message, fault.hint).trim().to_owned())
}

#[test]
fn everything_that_can_be_set_is_read() {
    let config = read(
        r#"
organisation = "acme"
state-dir = "records"
gateway-url = "https://api.kotanipay.com"
delimiter = "tab"
encoding = "latin1"
strict = true

[columns]
"Emp No" = "reference"

[limits]
max-bytes = "2GiB"
max-rows = 1_000_000
max-cell-bytes = "4KiB"
max-record-bytes = 65536

[policy.KES]
min = 100
max = "150000"

[policy.KES.bank]
max = "999999"

[policy.GHS]
min = "0.50"

[expect]
count = 44

[expect.totals]
KES = "1250000"
"#,
    )
    .unwrap();
    assert_eq!(config.organisation.as_deref(), Some("acme"));
    let rules = &config.rules;
    assert_eq!((rules.delimiter, rules.strict), (Some(b'\t'), true));
    assert_eq!(rules.encoding.unwrap().to_string(), "windows-1252");
    assert_eq!(rules.columns, [("Emp No".to_owned(), Column::Reference)]);
    let limits = &rules.limits;
    assert_eq!((limits.bytes_max, limits.rows_max), (2 << 30, 1_000_000));
    assert_eq!((limits.cell_bytes_max, limits.record_bytes_max), (4096, 65536));
    let bounds: Vec<_> = rules
        .policy
        .iter()
        .map(|bound| {
            let text = |amount: Option<payrun::Amount>| amount.map(|amount| amount.text());
            (bound.currency.code(), bound.rail, text(bound.least), text(bound.most))
        })
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(bounds.len(), 3);
    assert!(bounds.contains(&("KES", None, some("100"), some("150000"))));
    assert!(bounds.contains(&("KES", Some(payrun::RailKind::Bank), None, some("999999"))));
    assert!(bounds.contains(&("GHS", None, some("0.5"), None)));
    assert_eq!(rules.expected.count, Some(44));
    assert_eq!(rules.expected.totals[0].text(), "1250000");
    assert_eq!(config.line("limits.max-rows"), Some(14));
    assert_eq!(config.line("policy.KES.bank.max"), Some(23));
}

#[test]
fn the_documented_example_can_be_used() {
    let page = include_str!("../../../../docs/settings.md");
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = read(example).unwrap();
    assert_eq!((config.rules.policy.len(), config.rules.expected.totals.len()), (3, 2));
}

#[test]
fn whatever_is_wrong_is_named_with_its_line_and_what_was_probably_meant() {
    for (text, said) in [
        ("delimeter = \",\"", "payrun.toml:1: 'delimeter' is no setting Did you mean 'delimiter'?"),
        (
            "[limits]\nmax_rows = 3",
            "payrun.toml:2: 'limits.max_rows' is no setting Did you mean 'limits.max-rows'?",
        ),
        ("[policy.KEZ]\nmin = 1", "payrun.toml:1: there is no currency 'KEZ' Did you mean 'KES'?"),
        (
            "[policy.KES.banc]\nmin = 1",
            "payrun.toml:1: 'policy.KES.banc' is no setting Did you mean 'policy.KES.bank'?",
        ),
        (
            "[policy.KES]\n\nmin = 100.5",
            "payrun.toml:3: policy.KES.min: put quotation marks around an amount with a point: \"100.5\"",
        ),
        (
            "[policy.KES]\nmin = \"9\"\nmax = \"5\"",
            "payrun.toml:1: policy.KES: the least, KES 9, is more than the most, KES 5",
        ),
        (
            "[columns]\n\"Emp No\" = \"referense\"",
            "payrun.toml:2: there is no column 'referense' Did you mean 'reference'?",
        ),
        (
            "delimiter = \"/\"",
            "payrun.toml:1: delimiter: columns can be separated by ',' ';' '|' or 'tab'",
        ),
        (
            "[limits]\nmax-bytes = \"much\"",
            "payrun.toml:2: limits.max-bytes: a size is written as 2GiB, 500MB or 1048576",
        ),
        ("[limits]\nmax-rows = 0", "payrun.toml:2: limits.max-rows: it is a whole number above 0"),
        ("limits = 3", "payrun.toml:1: limits: it is a table: [limits]"),
        ("strict = \"yes\"", "payrun.toml:1: strict: it is true or false"),
        ("organisation = \"\"", "payrun.toml:1: organisation: it is empty; leave it out"),
    ] {
        assert_eq!(read(text).unwrap_err(), said, "{text}");
    }
    for (text, part) in [
        ("[policy.KES]\nmax = \"1500.50\"", "payrun.toml:2: policy.KES.max: "),
        ("[policy.KES]\nmin = -5", "payrun.toml:2: policy.KES.min: "),
        ("\nencoding = \"ebcdic\"", "payrun.toml:2: encoding: there is no encoding 'ebcdic'"),
        ("a = 1\na = 2", "payrun.toml:2: "),
        ("strict", "payrun.toml:1: "),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.starts_with(part), "{text}: {said}");
    }
}

#[test]
fn sizes_are_read_with_their_unit() {
    for (text, bytes) in
        [("2GiB", 2 << 30), ("500MB", 500_000_000), ("1048576", 1 << 20), ("1 KiB", 1024)]
    {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    for text in ["", "0", "-1", "much", "2 GiBB"] {
        assert!(size(text).is_err(), "{text}");
    }
}
