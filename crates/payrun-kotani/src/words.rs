//! The provider's words, made fit for a journal and a report: no personal data, no key, nothing that moves a
//! terminal's cursor, and not endless.

use crate::ApiKey;
use payrun_core::{Payee, PhoneNumber};

/// The longest text that is passed on, in characters.
const LENGTH_MAX: usize = 300;

/// What is put where something was.
const HIDDEN: &str = "•••";

/// A key shorter than this is no secret (a local sandbox takes any), and hiding it would garble every text.
const KEY_LENGTH_MIN: usize = 8;

/// So many last digits in common make a number in a text the payee's phone, however its beginning is written.
pub(crate) const PHONE_TAIL: usize = 7;

/// What has to be hidden in a text.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// The key of the account.
    pub(crate) key: &'a ApiKey,
    /// Whom the call is about.
    pub(crate) payee: Option<&'a Payee>,
}

impl Words<'_> {
    /// The text as it may be kept: the payee's phone, e-mail and name masked, the key and control characters
    /// gone, cut at [`LENGTH_MAX`] characters.
    pub(crate) fn fit(&self, text: &str) -> String {
        let mut text = visible(text);
        let key = self.key.expose();
        if key.len() >= KEY_LENGTH_MIN {
            text = text.replace(key, HIDDEN);
        }
        if let Some(payee) = self.payee {
            text = hide_email(&text, &payee.email);
            text = hide_phone(&text, &payee.phone);
            text = hide_name(&text, &payee.name);
        }
        if text.chars().count() > LENGTH_MAX {
            text = text.chars().take(LENGTH_MAX.saturating_sub(1)).chain(['…']).collect();
        }
        text.trim().to_owned()
    }
}

/// Line ends become blanks; other control characters, and those that are invisible or turn the direction of
/// writing, are dropped: they could hide a number from the masks, or a text from its reader.
fn visible(text: &str) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars()
        .map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c })
        .filter(|c| !invisible(*c))
        .collect()
}

/// Whole e-mail address, upper or lower case.
fn hide_email(text: &str, email: &str) -> String {
    if email.is_empty() {
        return text.to_owned();
    }
    // ASCII case folding keeps every byte's place.
    let (folded, wanted) = (text.to_ascii_lowercase(), email.to_ascii_lowercase());
    let mut shown = String::new();
    let mut done = 0;
    for (start, found) in folded.match_indices(&wanted) {
        shown.push_str(text.get(done..start).unwrap_or_default());
        shown.push_str(HIDDEN);
        done = start.saturating_add(found.len());
    }
    shown.push_str(text.get(done..).unwrap_or_default());
    shown
}

/// Any number, in whatever grouping, in which the phone's last digits stand.
fn hide_phone(text: &str, phone: &PhoneNumber) -> String {
    let between = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
    let tail = tail(phone.as_str());
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit() && !between(c)).unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        let bare = number.trim_end_matches(between);
        if digits(bare).contains(&tail) {
            shown.push_str(before.trim_end_matches('+'));
            shown.push_str(&phone.masked());
            shown.push_str(number.get(bare.len()..).unwrap_or_default());
        } else {
            shown.push_str(before);
            shown.push_str(number);
        }
        rest = after;
    }
    shown + rest
}

/// The digits of a number.
pub(crate) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// The last [`PHONE_TAIL`] digits of a number, or all if there are fewer.
fn tail(number: &str) -> String {
    let digits = digits(number);
    let start = digits.len().saturating_sub(PHONE_TAIL);
    digits.get(start..).unwrap_or_default().to_owned()
}

/// Every word of the name, wherever it stands as a word of its own.
fn hide_name(text: &str, name: &str) -> String {
    let parts = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect()
    };
    let hidden: Vec<String> =
        parts(name).into_iter().filter(|word| word.chars().count() >= 2).collect();
    let mut shown = String::new();
    let mut word = String::new();
    for c in text.chars().map(Some).chain([None]) {
        match c {
            Some(c) if c.is_alphanumeric() => word.push(c),
            other => {
                if hidden.contains(&word.to_lowercase()) {
                    shown.extend(word.chars().next());
                    shown.push_str(HIDDEN);
                } else {
                    shown.push_str(&word);
                }
                word.clear();
                shown.extend(other);
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(text: &str) -> String {
        let payee = Payee {
            name: "Jane O'Brien Wanjikũ".into(),
            email: "Jane.W@example.com".into(),
            phone: PhoneNumber::from_e164("+254712345678").unwrap(),
        };
        let key = "secret-key-1234".parse().unwrap();
        Words { key: &key, payee: Some(&payee) }.fit(text)
    }

    #[test]
    fn what_is_said_of_the_payee_is_masked_and_the_rest_is_verbatim() {
        for (text, fitted) in [
            ("Insufficient funds in fiat wallet", "Insufficient funds in fiat wallet"),
            ("no such number +254712345678.", "no such number +2547••••••78."),
            ("0712 345 678 is wrong", "+2547••••••78 is wrong"),
            ("254-712-345-678", "+2547••••••78"),
            ("254712345678 1500 KES", "+2547••••••78 KES"),
            ("\u{202e}2547\u{200b}12345678", "+2547••••••78"),
            ("amount 1500 exceeds 1000", "amount 1500 exceeds 1000"),
            ("+254799999999 is another", "+254799999999 is another"),
            ("JANE WANJIKŨ is not Janet", "J••• W••• is not Janet"),
            ("name O'brien", "name O'b•••"),
            ("mail <jane.w@EXAMPLE.com> bounced", "mail <•••> bounced"),
            ("key secret-key-1234 is wrong", "key ••• is wrong"),
            ("a\u{1b}[31mred\u{7}\nline", "a[31mred line"),
        ] {
            assert_eq!(fit(text), fitted);
        }
    }

    #[test]
    fn a_long_text_is_cut_after_masking() {
        let long = fit(&format!("{}+254712345678", "x".repeat(290)));
        assert_eq!(long.chars().count(), 300);
        assert!(!long.contains("712345"));
    }
}
