//! The problems there are, and the page about each: what `docs/problems` has, for a terminal.

use crate::screen::{hang, wrap};
use payrun::csv::{Code, Example, Severity};
use serde_json::{Value, json};

/// Every code with its title; errors before warnings.
pub(crate) fn codes() -> String {
    let mut text = String::new();
    for (severity, heading) in [
        (Severity::Error, "Errors: what they are about is not paid until it is put right"),
        (Severity::Warning, "Warnings: the row is paid all the same, unless --strict is given"),
    ] {
        text.push_str(&format!("{heading}\n\n"));
        for code in Code::ALL.iter().filter(|code| code.severity() == severity) {
            let line = hang(code.title(), &format!("  {:<27} ", code.word())) + "\n";
            text.push_str(&line);
        }
        text.push('\n');
    }
    text + "More about one:\n  payrun explain amount-ambiguous\n"
}

/// The page about one.
pub(crate) fn page(code: Code) -> String {
    let Example { bad, good } = code.example();
    let effect = match code.severity() {
        Severity::Error => "An error: what it is about is not paid until it is put right.",
        Severity::Warning => "A warning: the row is paid all the same, unless --strict is given.",
    };
    let example = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "{}\n\n{effect}\n\n{}\n\n  Wrong:\n{}\n  Right:\n{}\n{}\n",
        wrap(&format!("{} ({code})", code.title()), ""),
        wrap(code.explanation(), ""),
        example(bad),
        example(good),
        wrap(code.remedy(), "")
    )
}

/// `{"codes":[{"code","severity","title"}]}`
pub(crate) fn codes_json() -> Value {
    let one = |code: &Code| json!({"code": code.word(), "severity": code.severity().word(), "title": code.title()});
    json!({"codes": Code::ALL.iter().map(one).collect::<Vec<_>>()})
}

/// `{"code","severity","title","explanation","example":{"wrong","right"},"remedy"}`
pub(crate) fn page_json(code: Code) -> Value {
    let Example { bad, good } = code.example();
    json!({"code": code.word(), "severity": code.severity().word(), "title": code.title(),
           "explanation": code.explanation(), "example": {"wrong": bad, "right": good},
           "remedy": code.remedy()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_is_wrong_and_what_to_do() {
        insta::assert_snapshot!(page(Code::AmountAmbiguous));
        for code in Code::ALL {
            let text = page(*code);
            assert!(text.contains(code.remedy().split(' ').next().unwrap()), "{code}");
        }
    }

    #[test]
    fn the_list_fits_the_screen_and_leaves_none_out() {
        let text = codes();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        for code in Code::ALL {
            assert!(text.contains(&format!("  {} ", code.word())), "{code}");
        }
    }
}
