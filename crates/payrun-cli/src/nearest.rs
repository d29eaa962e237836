//! The word that was probably meant.

/// The candidate that is nearest to `word`, if it is near enough to be a slip of the fingers.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let word = plain(word);
    let far = word.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= far)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["delimiter", "encoding", "state-dir", "strict"];
        for (word, meant) in [
            ("delimeter", Some("delimiter")),
            ("Encoding", Some("encoding")),
            ("state_dir", Some("state-dir")),
            ("stirct", Some("strict")),
            ("wallet", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
