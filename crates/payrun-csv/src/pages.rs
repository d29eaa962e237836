//! `docs/problems` is what the codes say. With `PAYRUN_WRITE_DOCS=1` this writes the pages, else it compares them.

use crate::Code;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/problems")
}

fn index() -> String {
    let mut page = "# Problems that `payrun validate` finds\n\n\
        `payrun explain CODE` prints the same. An error keeps its row from being paid, or the whole file; a warning \
        does not.\n\n| Code | | What is wrong |\n|---|---|---|\n"
        .to_owned();
    for code in Code::ALL {
        let (word, severity, title) = (code.word(), code.severity(), code.title());
        writeln!(page, "| [`{word}`]({word}.md) | {severity} | {title} |").unwrap();
    }
    page
}

#[test]
fn the_pages_are_what_the_codes_say() {
    let mut pages: Vec<(String, String)> =
        Code::ALL.iter().map(|code| (format!("{code}.md"), code.page())).collect();
    pages.push(("README.md".to_owned(), index()));
    let folder = folder();
    if std::env::var_os("PAYRUN_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, page) in &pages {
            std::fs::write(folder.join(name), page).unwrap();
        }
    }
    for (name, page) in &pages {
        let written = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(&written, page, "{name}: write the pages anew with PAYRUN_WRITE_DOCS=1");
    }
    let expected: BTreeSet<_> = pages.into_iter().map(|(name, _)| name).collect();
    let there = std::fs::read_dir(folder).unwrap();
    let there: BTreeSet<_> =
        there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, expected);
}
