//! Most rows are clean, and one look tells: no allocation, no message, no rule that a clean row cannot break.
//!
//! **Invariant:** a row that passes here has no problem under [`judge`](crate::row::judge), and weighs what that says.
//! A row that does not pass here may still be clean; it is looked at closely. Tests hold the two against each other.

use crate::description::DESCRIPTION_CHARS_MAX;
use crate::header::Header;
use crate::metadata::METADATA_BYTES_MAX;
use crate::name::NAME_CHARS_MAX;
use crate::numbering::mobile_code;
use crate::phone::DIGITS;
use crate::rules::{Bound, Rules};
use crate::scan::{Cells, alphanumeric, bits, is, undouble};
use crate::text::visible;
use crate::weight::{self, Weight};
use crate::{Column, currency, formula, metadata};
use payrun_core::{AMOUNT_MAX_UNITS, Currency, REFERENCE_LENGTH_MAX, RailKind};

/// What a glance needs to know of the file.
pub(crate) struct Glance {
    name: usize,
    email: usize,
    phone: usize,
    amount: usize,
    currency: usize,
    reference: usize,
    /// Places of all other cells.
    others: Vec<(usize, Other)>,
    width: usize,
    cell_bytes_max: usize,
    /// The codes of `payable`, in its order.
    codes: Vec<u32>,
    payable: Vec<Payable>,
}

/// A cell that a clean payment by mobile money may have.
#[derive(Clone, Copy)]
enum Other {
    Description,
    Metadata,
    /// A network or `mobile_money`; looked at closely where it is another.
    Word(fn(&[u8]) -> bool),
    /// Kept as it is.
    Text,
    /// Something that only other rails or doubtful rows have.
    Blank,
}

/// A currency, and what its amounts and numbers may be.
struct Payable {
    code: u32,
    currency: Currency,
    digits: u32,
    /// In hundredths.
    least: u64,
    most: u64,
    calling_codes: Vec<u16>,
}

impl Glance {
    /// `None` for a header that lacks a column: no row is clean then.
    pub(crate) fn new(header: &Header, rules: &Rules) -> Option<Self> {
        if !header.is_usable() {
            return None;
        }
        let required = [
            Column::RecipientName,
            Column::RecipientEmail,
            Column::RecipientPhone,
            Column::Amount,
            Column::Currency,
            Column::Reference,
        ]
        .map(|column| header.place(column));
        let [Some(name), Some(email), Some(phone), Some(amount), Some(currency), Some(reference)] =
            required
        else {
            return None;
        };
        let known = |place: usize| {
            Column::ALL.into_iter().find(|column| header.place(*column) == Some(place))
        };
        let others = (0..header.width()).filter(|place| !required.contains(&Some(*place)));
        let others = others.map(|place| (place, known(place).map_or(Other::Text, Other::of)));
        let payable: Vec<Payable> = Currency::payable()
            .filter_map(|currency| Payable::new(currency, &rules.policy))
            .collect();
        Some(Self {
            name,
            email,
            phone,
            amount,
            currency,
            reference,
            others: others.collect(),
            width: header.width(),
            cell_bytes_max: rules.limits.cell_bytes_max,
            codes: payable.iter().map(|payable| payable.code).collect(),
            payable,
        })
    }

    /// What the row weighs, if it is clean at a glance. `room` is used for cells with doubled quotation marks.
    #[inline]
    pub(crate) fn row(&self, text: &[u8], cells: &Cells, room: &mut Vec<u8>) -> Option<Weight> {
        let length = cells.end.saturating_sub(cells.start);
        if cells.is_intricate || cells.len() != self.width || length > self.cell_bytes_max {
            return None;
        }
        let plain = |place: usize| {
            let cell = cells.cell(text, place);
            (!cells.is_doubled(place)).then_some(cell)
        };
        let name = plain(self.name)?;
        let is_name = is_bare(name)
            && name.len() <= NAME_CHARS_MAX
            && begins_with_a_letter(name)
            && (!cells.is_odd || is_readable(name));
        let reference = plain(self.reference)?;
        let is_reference = match cells.lane(text, self.reference) {
            Some(lane) if reference.len() <= SHORT => is_short_reference(lane, reference.len()),
            _ => is_reference(reference),
        };
        let email = plain(self.email)?;
        let marks = match email.len() {
            0..=32 => others::<32>(cells.lane(text, self.email)?),
            33..64 => others::<64>(cells.lane(text, self.email)?),
            _ => return None,
        };
        if !is_name || !is_reference || !is_email(email, marks) {
            return None;
        }
        let payable = self.payable(plain(self.currency)?)?;
        let hundredths = payable.hundredths(plain(self.amount)?)?;
        let digits = plain(self.phone)?.strip_prefix(b"+")?;
        if !DIGITS.contains(&digits.len()) {
            return None;
        }
        let calling_code = mobile_code(digits)?;
        if !payable.calling_codes.is_empty() && !payable.calling_codes.contains(&calling_code) {
            return None;
        }
        for (place, other) in &self.others {
            let cell = cells.cell(text, *place);
            if cell.is_empty() {
                continue;
            }
            if cells.is_doubled(*place) {
                room.clear();
                undouble(cell, |part| room.extend_from_slice(part));
                other.holds(room, cells.is_odd).then_some(())?;
            } else {
                other.holds(cell, cells.is_odd).then_some(())?;
            }
        }
        Some(Weight {
            reference: weight::reference(reference),
            payee: weight::mobile(digits),
            name: weight::name(name),
            currency: payable.currency,
            code: payable.code,
            hundredths,
        })
    }

    #[inline]
    fn payable(&self, code: &[u8]) -> Option<&Payable> {
        let place = self.codes.iter().position(|other| *other == weight::code(code))?;
        self.payable.get(place)
    }
}

impl Other {
    fn of(column: Column) -> Self {
        match column {
            Column::Description => Self::Description,
            Column::Metadata => Self::Metadata,
            Column::Network => Self::Word(is_network),
            Column::Method => Self::Word(is_mobile_money),
            Column::Wallet => Self::Text,
            Column::BankCode
            | Column::AccountNumber
            | Column::AccountName
            | Column::AccountReference
            | Column::Country
            | Column::RecipientName
            | Column::RecipientEmail
            | Column::RecipientPhone
            | Column::Amount
            | Column::Currency
            | Column::Reference => Self::Blank,
        }
    }

    /// Whether a cell that is not empty is clean at a glance.
    fn holds(self, cell: &[u8], is_odd: bool) -> bool {
        let is_text = || is_bare(cell) && (!is_odd || is_readable(cell)) && !begins_a_formula(cell);
        match self {
            Self::Description => cell.len() <= DESCRIPTION_CHARS_MAX && is_text(),
            Self::Metadata => {
                cell.len() <= METADATA_BYTES_MAX
                    && is_text()
                    && std::str::from_utf8(cell).is_ok_and(metadata::is_json)
            }
            Self::Word(is_known) => is_known(cell),
            Self::Text => is_text(),
            Self::Blank => false,
        }
    }
}

impl Payable {
    fn new(currency: Currency, policy: &[Bound]) -> Option<Self> {
        let bound = |side: fn(&Bound) -> Option<payrun_core::Amount>| {
            crate::policy::bound(currency, RailKind::MobileMoney, policy, side)
        };
        let least = bound(|bound| bound.least).map_or(Some(1), weight::hundredths)?;
        let most = bound(|bound| bound.most).map_or(Some(u64::MAX), weight::hundredths)?;
        let codes = currency::calling_codes(currency).filter_map(|code| code.parse().ok());
        Some(Self {
            code: weight::code(currency.code().as_bytes()),
            currency,
            digits: currency.digits(),
            least: least.max(1),
            most: most.min(AMOUNT_MAX_UNITS.saturating_mul(100)),
            calling_codes: codes.collect(),
        })
    }

    /// The amount in hundredths, if it is written as most are.
    #[inline]
    fn hundredths(&self, cell: &[u8]) -> Option<u64> {
        // Up to a million million. What has three decimals, such as 1.000, is looked at closely.
        if cell.len() > 16 || !cell.first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let (mut number, mut decimals) = (0u64, None);
        for byte in cell {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                number = number * 10 + u64::from(digit);
                decimals = decimals.map(|decimals| decimals + 1);
            } else if *byte == b'.' && decimals.is_none() {
                decimals = Some(0);
            } else {
                return None;
            }
        }
        let hundredths = match decimals {
            None => number * 100,
            Some(1) => number * 10,
            Some(2) => number,
            Some(_) => return None,
        };
        let is_whole = self.digits >= 2 || hundredths % 100 == 0;
        (is_whole && (self.least..=self.most).contains(&hundredths)).then_some(hundredths)
    }
}

/// No blanks around it.
#[inline]
fn is_bare(cell: &[u8]) -> bool {
    let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    !is_blank(cell.first()) && !is_blank(cell.last())
}

#[inline]
fn begins_with_a_letter(cell: &[u8]) -> bool {
    match cell.first() {
        Some(first) if first.is_ascii() => first.is_ascii_alphabetic(),
        Some(_) => {
            std::str::from_utf8(cell).is_ok_and(|text| text.starts_with(char::is_alphabetic))
        }
        None => false,
    }
}

/// UTF-8 whose every character can be seen.
fn is_readable(cell: &[u8]) -> bool {
    // The letters of Europe with their accents, U+00C0 to U+033F, begin with these bytes, and all of them can be seen.
    let is_latin = |byte: &u8| !matches!(byte, 0xc2 | 0xcd..);
    std::str::from_utf8(cell).is_ok_and(|text| cell.iter().all(is_latin) || visible(text).is_ok())
}

#[inline]
fn begins_a_formula(cell: &[u8]) -> bool {
    match cell.first() {
        Some(first) if first.is_ascii_alphanumeric() || matches!(first, b'{' | b'[') => false,
        Some(_) => std::str::from_utf8(cell).is_ok_and(formula::is_formula),
        None => false,
    }
}

#[inline]
fn is_reference(cell: &[u8]) -> bool {
    // A first `-` or the like may be a formula.
    cell.first().is_some_and(u8::is_ascii_alphanumeric)
        && cell.len() <= REFERENCE_LENGTH_MAX
        && cell.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:#".contains(byte))
}

/// Bytes of a reference that is short enough for one comparison of all its bytes.
const SHORT: usize = 32;

/// As [`is_reference`], of the first `length` bytes.
#[inline]
fn is_short_reference(lane: &[u8; SHORT], length: usize) -> bool {
    let known = bits(lane, |lane| {
        b"._-/:#".iter().fold(alphanumeric(lane), |known, mark| known | is(lane, *mark))
    });
    let is_word = lane.first().is_some_and(u8::is_ascii_alphanumeric);
    length > 0 && is_word && known & below(length) == below(length)
}

/// `letters.and-digits@example.com`: a part of what an address may be, and nearly all that are met. `marks` has a bit for
/// each of its bytes that is neither a letter nor a digit. The address has fewer than 64 bytes, so no part is too long.
#[inline]
fn is_email(cell: &[u8], marks: u64) -> bool {
    let mut marks = marks & below(cell.len());
    let last = below(cell.len()) ^ below(cell.len().saturating_sub(1));
    // Letters or digits at both ends, and between any two marks.
    if cell.is_empty() || marks & (1 | last) != 0 || marks & (marks << 1) != 0 {
        return false;
    }
    let (mut in_domain, mut has_point) = (false, false);
    while marks != 0 {
        let place = usize::try_from(marks.trailing_zeros()).unwrap_or(usize::MAX);
        marks &= marks.wrapping_sub(1);
        match cell.get(place) {
            Some(b'@') if !in_domain => in_domain = true,
            Some(b'.') => has_point |= in_domain,
            Some(b'-') => {}
            Some(b'_' | b'+') if !in_domain => {}
            _ => return false,
        }
    }
    in_domain && has_point
}

/// A bit for each byte that is neither a letter nor a digit.
#[inline]
fn others<const N: usize>(lane: &[u8; N]) -> u64 {
    bits(lane, |lane| !alphanumeric(lane))
}

/// The lowest `length` bits.
#[inline(always)]
fn below(length: usize) -> u64 {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    1u64.checked_shl(length).map_or(u64::MAX, |bit| bit - 1)
}

fn is_network(cell: &[u8]) -> bool {
    cell.len() <= 32 && cell.iter().all(u8::is_ascii_uppercase)
}

fn is_mobile_money(cell: &[u8]) -> bool {
    cell == RailKind::MobileMoney.word().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use payrun_core::Amount;
    use proptest::prelude::*;

    /// The text with something behind it.
    fn lane<const N: usize>(text: &str) -> Option<[u8; N]> {
        let padded = format!("{text}{}", ",x".repeat(N));
        (text.len() <= N).then(|| *padded.as_bytes().first_chunk().unwrap())
    }

    fn is_address(text: &str) -> bool {
        let marks = lane::<32>(text).map(|lane| others(&lane));
        let wide = lane::<64>(text).map(|lane| others(&lane));
        let of = |marks: Option<u64>| marks.map(|marks| is_email(text.as_bytes(), marks));
        assert!(of(marks).is_none_or(|narrow| Some(narrow) == of(wide)));
        of(wide).unwrap()
    }

    fn is_short(text: &str) -> bool {
        lane(text).is_some_and(|lane| is_short_reference(&lane, text.len()))
    }

    proptest! {
        #[test]
        fn amounts_are_those_of_the_close_look(
            text in "[0-9]{0,14}(\\.[0-9]{0,4})?",
            code in prop::sample::select(vec!["KES", "GHS", "UGX", "XOF", "ZMW"]),
        ) {
            let currency: Currency = code.parse().unwrap();
            let payable = Payable::new(currency, &[]).unwrap();
            if let Some(hundredths) = payable.hundredths(text.as_bytes()) {
                let amount = crate::amount::read(&text, Some(currency)).unwrap().unwrap();
                prop_assert_eq!(weight::hundredths(amount), Some(hundredths), "{}", text);
                prop_assert_eq!(Amount::parse(&text, currency), Ok(amount));
            }
        }

        #[test]
        fn addresses_are_some_of_the_close_look_s(
            text in "[a-zA-Z0-9._+@-]{0,24}|[a-z0-9._+-]{1,9}@[a-z0-9-]{1,9}\\.[a-z0-9.-]{1,6}",
        ) {
            prop_assert!(!is_address(&text) || crate::email::read(&text).is_ok(), "{}", text);
        }

        #[test]
        fn references_and_networks_too(text in "[A-Za-z0-9._/:#_ -]{0,70}") {
            let (reference, network) = (is_reference(text.as_bytes()), is_network(text.as_bytes()));
            prop_assert_eq!(is_short(&text), text.len() <= SHORT && reference);
            prop_assert!(!reference || crate::reference::read(&text).is_ok(), "{}", text);
            prop_assert!(!network || crate::network::read(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn what_most_files_hold_passes_at_a_glance() {
        for email in ["jane@example.com", "jane.doe+june@mail.my-bank.co.ke", "j_d@x.io"] {
            assert!(is_address(email), "{email}");
        }
        let kes = Payable::new("KES".parse().unwrap(), &[]).unwrap();
        for (text, units) in
            [("1500", 1500), ("1500.00", 1500), ("1", 1), ("1000000000000", 1_000_000_000_000)]
        {
            assert_eq!(kes.hundredths(text.as_bytes()), Some(units * 100));
        }
        assert!(is_readable("Zoë Ochieng\u{2019}".as_bytes()));
        assert!(!is_readable("J\u{202e}".as_bytes()) && !is_readable(b"\xe9"));
        let mut room = Vec::new();
        undouble(b"{\"\"a\"\":\"\"\"\"}", |part| room.extend_from_slice(part));
        assert_eq!(room, b"{\"a\":\"\"}");
    }
}
