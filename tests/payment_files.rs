//! Payment files as people really have them, through the command: how they are read, what is said of them, and what is
//! written back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use payrun_tests::{Ended, Home, Provider, Terminal, payroll};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const HEADER: &str = "name,email,phone,amount,currency,reference\n";

/// A file of one valid row for each name.
fn file(names: &[&str]) -> String {
    let mut text = HEADER.to_owned();
    for (row, name) in names.iter().enumerate() {
        text +=
            &format!("{name},p{row}@example.com,+25471234567{row},{},KES,EMP-{row}\n", 1500 + row);
    }
    text
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}"
        .chars()
        .chain(text.chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn validate(home: &Home, name: &str, bytes: impl AsRef<[u8]>, flags: &[&str]) -> Ended {
    home.file(name, bytes);
    home.run(&[&["validate", name], flags].concat())
}

#[track_caller]
fn has(ended: &Ended, words: &[&str]) {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    for word in words {
        assert!(said.contains(word), "'{word}' is missing: {said}");
    }
}

fn private(path: &Path) -> String {
    assert_eq!(
        fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o600,
        "{}",
        path.display()
    );
    fs::read_to_string(path).unwrap()
}

#[test]
fn every_usual_form_of_one_file_comes_to_the_same() {
    let home = Home::new();
    let text = file(&["Renée Mushi", "Ann Lee"]);
    let semicolons = text.replace(',', ";");
    let forms: [(&str, Vec<u8>, &[&str]); 9] = [
        ("plain.csv", text.clone().into_bytes(), &[]),
        ("bom.csv", format!("\u{feff}{text}").into_bytes(), &[]),
        ("crlf.csv", text.replace('\n', "\r\n").into_bytes(), &[]),
        ("utf16.csv", utf16(&text), &[]),
        ("latin1.csv", latin1(&text), &["--encoding", "latin1"]),
        ("semicolon.csv", semicolons.clone().into_bytes(), &[]),
        ("told.csv", semicolons.into_bytes(), &["--delimiter", ";"]),
        ("june.csv.gz", gzip(&text), &[]),
        ("june.csv.zst", zstd::encode_all(text.as_bytes(), 1).unwrap(), &[]),
    ];
    for (name, bytes, flags) in forms {
        let ended = validate(&home, name, bytes, &[flags, &["--json"]].concat()).expect(0);
        let json = ended.json();
        assert_eq!(json["rows"], 2, "{name}: {json}");
        assert_eq!(json["totals"]["KES"]["sum"], "3001", "{name}: {json}");
    }
    let ended = home.run_with_input(&["validate", "-", "--json"], &gzip(&text)).expect(0);
    assert_eq!(ended.json()["file"], "standard input");
    has(&home.run(&["validate", "semicolon.csv"]).expect(0), &["separated by semicolons"]);
    has(&home.run(&["validate", "utf16.csv"]).expect(0), &["read as utf-16le"]);
}

#[test]
fn what_is_no_utf8_text_or_no_text_is_named_with_the_way_out() {
    let home = Home::new();
    let latin = latin1(&file(&["Ann Lee", "Renée Mushi"]));
    let ended = validate(&home, "latin1.csv", latin, &[]).expect(3);
    has(&ended, &["file-not-utf8", "--encoding windows-1252", "line 3"]);
    for (name, bytes, words) in [
        (
            "june.xlsx",
            &b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml xl/workbook.xml"[..],
            &["file-not-csv", "CSV"][..],
        ),
        ("june.pdf", b"%PDF-1.7\n", &["file-not-csv", "PDF"]),
        ("june.csv.gz", &gzip(&file(&["Ann Lee"]))[..20], &["file-archive-damaged"]),
        ("empty.csv", b"", &["file-empty"]),
        ("header.csv", HEADER.as_bytes(), &["file-without-payments"]),
    ] {
        has(&validate(&home, name, bytes, &[]).expect(3), words);
    }
    has(
        &validate(&home, "a.csv", "x", &["--encoding", "ebcdic"]).expect(2),
        &["no encoding 'ebcdic'"],
    );
    has(&validate(&home, "a.csv", "x", &["--delimiter", "/"]).expect(2), &["';'", "tab"]);
}

#[test]
fn the_corrected_file_is_the_payers_own_with_two_more_columns_and_validates_to_the_same() {
    let home = Home::new();
    let text = file(&["Ann Lee", "Bo Li", "Cy Mo"]).replace("1501", "1.501");
    let ended = validate(&home, "june.csv", &text, &["--corrected", "out.csv"]).expect(3);
    has(&ended, &["1.501", "out.csv"]);
    let corrected = private(&home.path().join("out.csv"));
    let lines: Vec<_> = corrected.lines().collect();
    assert_eq!(lines[0], format!("{},payrun_problems,payrun_suggestion", HEADER.trim()));
    assert!(lines[2].contains("can be read as 1501 or as 1.501"), "{corrected}");
    let again = home.run(&["validate", "out.csv", "--json"]).expect(3).json();
    assert_eq!((&again["errors"], &again["rejected_rows"]), (&1.into(), &1.into()));
    // Put right there, it is valid, and corrected once more it is itself.
    home.file("out.csv", corrected.replacen("1.501", "1501", 1));
    home.run(&["validate", "out.csv", "--corrected", "last.csv"]).expect(0);
    let last = private(&home.path().join("last.csv"));
    assert!(last.lines().skip(1).all(|line| line.ends_with(",,")), "{last}");
}

#[test]
fn a_copy_of_a_file_in_another_encoding_is_never_read_as_that_again() {
    let home = Home::new();
    let bytes = latin1(&file(&["Renée Mushi", "Ann Lee"]).replace("1501", "1.501"));
    let flags = ["--encoding", "latin1", "--corrected", "out.csv", "--split", "apart"];
    has(
        &validate(&home, "june.csv", bytes, &flags).expect(3),
        &["payrun validate out.csv --encoding"],
    );
    for copy in ["out.csv", "apart/valid.csv"] {
        assert!(private(&home.path().join(copy)).starts_with("\u{feff}name,"));
        let again = home.run(&["validate", copy, "--encoding", "latin1", "--json"]).json();
        assert_eq!(again["encoding"], "utf-8", "{again}");
    }
    assert!(private(&home.path().join("apart/valid.csv")).contains("Renée Mushi"));
}

#[test]
fn valid_and_invalid_rows_are_written_apart() {
    let home = Home::new();
    let text = file(&["Ann Lee", "Bo Li", "Cy Mo"]).replace("1501", "1.501");
    validate(&home, "june.csv", &text, &["--split", "apart"]).expect(3);
    let folder = home.path().join("apart");
    let (valid, invalid) =
        (private(&folder.join("valid.csv")), private(&folder.join("invalid.csv")));
    assert_eq!(valid.lines().count(), 3, "{valid}");
    assert!(invalid.contains("EMP-1") && invalid.contains("payrun_problems"), "{invalid}");
    home.run(&["validate", "apart/valid.csv"]).expect(0);
    // Never over what is there, unless asked.
    has(
        &home.run(&["validate", "june.csv", "--split", "apart"]).expect(2),
        &["valid.csv is there already", "--force"],
    );
    home.run(&["validate", "june.csv", "--split", "apart", "--force"]).expect(3);
    // Not into itself.
    let into_itself = home.run(&["validate", "apart/valid.csv", "--split", "apart", "--force"]);
    has(&into_itself.expect(2), &["the payment file itself"]);
    assert_eq!(private(&folder.join("valid.csv")), valid);
}

#[test]
fn a_copy_that_cannot_be_written_is_one_clear_error_and_leaves_nothing() {
    let home = Home::new();
    home.file("june.csv", file(&["Ann Lee"]));
    home.file("there.csv", "mine");
    for (out, words) in [
        ("june.csv", &["the payment file itself"][..]),
        ("there.csv", &["is there already", "--force"]),
        ("nowhere/out.csv", &["there is no folder nowhere"]),
        ("/dev/full", &["not a file"]),
        ("/proc/out.csv", &["/proc/out.csv cannot be written"]),
    ] {
        let ended = home.run(&["validate", "june.csv", "--corrected", out, "--json"]).expect(2);
        let json = ended.json();
        let said = format!("{} {}", json["error"]["message"], json["error"]["hint"]);
        for word in words {
            assert!(said.contains(word), "{out}: {said}");
        }
    }
    assert_eq!(fs::read_to_string(home.path().join("there.csv")).unwrap(), "mine");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    // There is nothing to write back of what is no file of rows: said, and the file's own error stays the answer.
    let ended = validate(&home, "june.pdf", "%PDF-1.7\n", &["--corrected", "out.csv"]).expect(3);
    has(&ended, &["file-not-csv", "out.csv was not written"]);
    assert!(!home.path().join("out.csv").exists());
}

#[test]
fn warnings_are_errors_under_strict_rules_and_nothing_is_paid_past_them() {
    let (home, provider) = (Home::new(), Provider::start(&[]));
    // A Ugandan number for Kenyan money.
    let text = file(&["Ann Lee"]).replace("+254712345670", "+256772345678");
    has(&validate(&home, "june.csv", &text, &[]).expect(0), &["Valid, with 1 warning"]);
    has(&validate(&home, "june.csv", &text, &["--strict"]).expect(3), &["Not valid: 1 warning"]);
    home.file("payrun.toml", "strict = true\n");
    home.run(&["validate", "june.csv"]).expect(3);
    home.run(&["validate", "june.csv", "--strict=false"]).expect(0);
    for flags in [&[][..], &["--skip-invalid"]] {
        let args = [&["run", "june.csv", "--yes", "--run-key", "june"], flags].concat();
        has(
            &home.run_against(&provider, &args).expect(3),
            &["strict", "Nothing was sent by this command."],
        );
    }
    assert!(provider.ledger().executions.is_empty());
}

#[test]
fn control_totals_that_differ_stop_the_run_whatever_else_is_skipped() {
    let (home, provider) = (Home::new(), Provider::start(&[]));
    home.file("june.csv", file(&["Ann Lee", "Bo Li"]));
    let said = ["--expect-count", "2", "--expect-total", "KES=3001"];
    has(&home.run(&[&["validate", "june.csv"][..], &said].concat()).expect(0), &["agrees"]);
    for said in [
        &["--expect-count", "3"][..],
        &["--expect-total", "KES=3000"],
        &["--expect-total", "UGX=1"],
    ] {
        let ended = home.run(&[&["validate", "june.csv"], said].concat()).expect(3);
        has(&ended, &["differs", "DIFFERS"]);
        let args =
            [&["run", "june.csv", "--yes", "--run-key", "june", "--skip-invalid"], said].concat();
        has(
            &home.run_against(&provider, &args).expect(3),
            &["Nothing was sent by this command.", "the file as a whole"],
        );
        let args = [&["plan", "june.csv"], said].concat();
        home.run_against(&provider, &args).expect(3);
    }
    assert!(provider.ledger().executions.is_empty());
    home.file("payrun.toml", "[expect]\ncount = 2\n[expect.totals]\nKES = \"3002\"\n");
    has(&home.run(&["validate", "june.csv"]).expect(3), &["total-differs"]);
    home.run(&["validate", "june.csv", "--expect-total", "KES=3001"]).expect(0);
    for wrong in ["KES", "KES=1,000", "KES=1.5", "KSH=5"] {
        home.run(&["validate", "june.csv", "--expect-total", wrong]).expect(2);
    }
}

#[test]
fn limits_refuse_what_is_larger() {
    let home = Home::new();
    let text = file(&["Ann Lee", "Bo Li", "Cy Mo"]);
    has(
        &validate(&home, "june.csv", &text, &["--max-rows", "2"]).expect(3),
        &["file-too-many-rows"],
    );
    has(
        &validate(&home, "june.csv", &text, &["--max-bytes", "100"]).expect(3),
        &["file-too-large"],
    );
    validate(&home, "june.csv", &text, &["--max-rows", "3", "--max-bytes", "1KiB"]).expect(0);
    validate(&home, "june.csv", &text, &["--max-bytes", "much"]).expect(2);
    // What was packed counts as text.
    let packed = gzip(&file(&["Ann Lee"]).repeat(1000));
    assert!(packed.len() < 10_000);
    has(
        &validate(&home, "june.csv.gz", packed, &["--max-bytes", "10KB"]).expect(3),
        &["file-too-large"],
    );
    home.file("payrun.toml", "[limits]\nmax-rows = 3\nmax-cell-bytes = 3\n");
    has(&home.run(&["validate", "june.csv"]).expect(3), &["cell-too-long"]);
}

#[test]
fn the_settings_file_is_obeyed_and_a_wrong_key_in_it_stops_everything() {
    let home = Home::new();
    let text = file(&["Ann Lee"]).replace("reference", "Emp No");
    validate(&home, "june.csv", &text, &[]).expect(3);
    home.file("payrun.toml", "[columns]\n\"Emp No\" = \"reference\"\n\n[policy.KES]\nmax = 1499\n");
    has(&home.run(&["validate", "june.csv"]).expect(3), &["amount-above-policy", "KES 1,499"]);
    home.file(
        "acme.toml",
        "[columns]\n\"Emp No\" = \"reference\"\n[policy.KES.mobile_money]\nmax = \"1500\"\n",
    );
    home.run(&["validate", "june.csv", "--config", "acme.toml"]).expect(0);
    let mut named = home.command(&["validate", "june.csv"]);
    assert!(named.env("PAYRUN_CONFIG", "acme.toml").status().unwrap().success());
    home.file("payrun.toml", "delimiter = \",\"\n[polycy.KES]\nmax = 1499\n");
    for args in [
        &["validate", "june.csv"][..],
        &["plan", "june.csv", "--sandbox"],
        &["status"],
        &["config", "show"],
    ] {
        has(&home.run(args).expect(2), &["payrun.toml:2: 'polycy' is no setting", "'policy'"]);
    }
    has(
        &home.run(&["validate", "june.csv", "--config", "gone.toml"]).expect(2),
        &["gone.toml cannot be read"],
    );
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let home = Home::new();
    home.file("payrun.toml", "organisation = \"filed\"\nstate-dir = \"records\"\n");
    let organisation = |flags: &[&str], variable: Option<&str>| {
        let mut command = home.command(&[&["config", "show", "--json"], flags].concat());
        command.env_remove("PAYRUN_ORGANISATION").env_remove("PAYRUN_STATE_DIR");
        command.envs(variable.map(|value| ("PAYRUN_ORGANISATION", value)));
        let output = command.output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let find = |key: &str| {
            let all = json["settings"].as_array().unwrap();
            all.iter().find(|setting| setting["setting"] == key).unwrap().clone()
        };
        let state_dir = find("state-dir");
        assert!(state_dir["value"].as_str().unwrap().ends_with("/records"), "{state_dir}");
        let found = find("organisation");
        (found["value"].as_str().unwrap().to_owned(), found["from"].as_str().unwrap().to_owned())
    };
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());
    assert_eq!(organisation(&[], None), pair("filed", "file"));
    assert_eq!(organisation(&[], Some("set")), pair("set", "environment"));
    assert_eq!(organisation(&["--organisation", "said"], Some("set")), pair("said", "flag"));
    // The file is enough for a whole rehearsal.
    home.file("june.csv", payroll("JUNE", 2));
    let mut command = home.command(&["run", "june.csv", "--sandbox", "--pace", "400/s"]);
    let output =
        command.env_remove("PAYRUN_ORGANISATION").env_remove("PAYRUN_STATE_DIR").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(home.path().join("records/sandbox/filed").exists());
}

#[test]
fn a_file_from_a_pipe_is_run_once_under_its_hash() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let text = payroll("JUNE", 3);
    let run = || {
        let input = fs::File::open(home.file("input", &text)).unwrap();
        let args = ["run", "-", "--yes", "--pace", "400/s", "--same-payee-gap", "0s", "--json"];
        let output = home.against(&provider, &args).stdin(input).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let (first, second) = (run(), run());
    assert_eq!(first["run"], second["run"]);
    assert_eq!(first["run"].as_str().unwrap().len(), 64);
    assert_eq!(provider.ledger().executions.len(), 3);
}

#[test]
fn every_problem_is_explained_and_a_slip_is_recognised() {
    let home = Home::new();
    let list = home.run(&["explain", "--json"]).expect(0).json();
    let codes = list["codes"].as_array().unwrap();
    assert!(codes.len() > 50);
    for code in codes {
        let word = code["code"].as_str().unwrap();
        let page = home.run(&["explain", word]).expect(0);
        has(&page, &[word, "Wrong:", "Right:"]);
        assert!(
            page.stdout.lines().all(|line| line.chars().count() <= 80 || line.starts_with("    ")),
            "{}",
            page.stdout
        );
    }
    has(&home.run(&["explain", "amount_ambigous"]).expect(2), &["payrun explain amount-ambiguous"]);
    has(&home.run(&["explain", "weather"]).expect(2), &["payrun explain"]);
}

#[test]
fn the_screen_is_the_same_on_a_terminal_and_in_a_pipe() {
    let home = Home::new();
    let piped = validate(&home, "june.csv", file(&["Ann Lee", ""]), &[]).expect(3).stdout;
    let last = "payrun validate june.csv --corrected corrected.csv";
    assert!(piped.ends_with(&format!("{last}\n")), "{piped}");
    for no_color in [None, Some("1")] {
        let mut terminal = Terminal::open();
        let mut command = home.command(&["validate", "june.csv"]);
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        let mut child = command.stdout(terminal.stdio()).spawn().unwrap();
        let shown = terminal.read_until(last);
        child.wait().unwrap();
        assert_eq!(shown.replace("\r\n", "\n").trim_end(), piped.trim_end());
    }
}

#[test]
fn a_hostile_file_cannot_move_the_cursor_or_hide_what_it_says() {
    let home = Home::new();
    let name = "Ann\u{1b}[2J\u{202e}eeL";
    let text = format!(
        "{},\"n\u{1b}]0;x\u{7}ote\"\n{name},p,+254712345670,1500,KES,E 1,x\n",
        HEADER.trim()
    );
    let ended = validate(&home, "june.csv", text, &[]).expect(3);
    let said = ended.stdout + &ended.stderr;
    assert!(!said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
    assert!(said.is_ascii(), "{said:?}");
}
