//! The provider's words for what became of a payment, and what each means.

use payrun_core::Settlement::{self, Failed, InFlight, NeedsPerson, Paid, Reversed};

/// Every documented word that settles something. All others, the documented ones of a payment in flight
/// (`PENDING`, `INITIATED`, `RETRY`, …) among them, are in flight: nothing is concluded from a word not known.
const WORDS: [(&str, Settlement); 14] = [
    ("SUCCESSFUL", Paid),
    ("SUCCESS", Paid),
    ("TRANSACTION_RETRY_SUCCESSFUL", Paid),
    ("FAILED", Failed { correctable: false }),
    ("DECLINED", Failed { correctable: false }),
    ("PERMANENTLY_FAILED", Failed { correctable: false }),
    ("TRANSACTION_RETRY_FAILED", Failed { correctable: false }),
    // Documented to turn into SUCCESSFUL now and then.
    ("CANCELLED", Failed { correctable: true }),
    ("EXPIRED", Failed { correctable: true }),
    ("REVERSED", Reversed),
    ("DUPLICATE", NeedsPerson),
    ("DUPLICATE_PENDING", NeedsPerson),
    ("ERROR_OCCURRED", NeedsPerson),
    ("REQUIRE_REVIEW", NeedsPerson),
];

/// What a status means, in upper or lower case.
pub(crate) fn settlement(word: &str) -> Settlement {
    let word = word.trim();
    WORDS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word))
        .map_or(InFlight, |(_, settlement)| *settlement)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written out a second time, so that a slip in the table above shows.
    const EXPECTED: &str = "
        paid: SUCCESSFUL SUCCESS TRANSACTION_RETRY_SUCCESSFUL successful Success
        failed: FAILED DECLINED PERMANENTLY_FAILED TRANSACTION_RETRY_FAILED failed
        correctable: CANCELLED EXPIRED Expired
        reversed: REVERSED reversed
        person: DUPLICATE DUPLICATE_PENDING ERROR_OCCURRED REQUIRE_REVIEW duplicate_pending
        in-flight: PENDING INITIATED IN_PROGRESS PROCESSING RETRY TRANSACTION_INITIATED TRANSACTION_RETRY
        in-flight: NOT_INITIATED COMPLETED UNSUCCESSFUL SUCCESSFULLY FAIL ok ?
    ";

    #[test]
    fn every_documented_word_means_what_the_table_says_and_no_other_settles_anything() {
        let mut checked = 0;
        for line in EXPECTED.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (meaning, words) = line.split_once(':').unwrap();
            let expected = match meaning {
                "paid" => Paid,
                "failed" => Failed { correctable: false },
                "correctable" => Failed { correctable: true },
                "reversed" => Reversed,
                "person" => NeedsPerson,
                _ => InFlight,
            };
            for word in words.split_whitespace() {
                assert_eq!(settlement(word), expected, "{word}");
                checked += 1;
            }
        }
        assert!(checked > 30);
        assert_eq!(settlement(""), InFlight);
    }
}
