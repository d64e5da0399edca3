//! What programs write for yes, no and nothing.

/// What a word says, in any case; `None` where it is neither yes nor no.
pub(crate) fn flag(word: &str) -> Option<bool> {
    const YES: [&str; 6] = ["true", "t", "yes", "y", "in", "1"];
    const NO: [&str; 6] = ["false", "f", "no", "n", "out", "0"];
    let word = word.trim().to_lowercase();
    let word = word.strip_suffix(".0").unwrap_or(&word);
    YES.contains(&word).then_some(true).or(NO.contains(&word).then_some(false))
}

/// Whether a text stands for a missing value.
pub(crate) fn is_missing(text: &str) -> bool {
    ["", "nan", "na", "n/a", "<na>", "none", "null"].contains(&text.trim().to_lowercase().as_str())
}
