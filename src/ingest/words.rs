//! What programs write for yes, no and nothing.

const YES: [&[u8]; 6] = [b"true", b"1", b"t", b"yes", b"y", b"in"];
const NO: [&[u8]; 6] = [b"false", b"0", b"f", b"no", b"n", b"out"];

/// Words for a value that is not there, as pandas, R, SQL and Excel write them. Not in any case: `na` is a gene of the fruit fly.
const MISSING: [&[u8]; 13] =
    [b"", b"NA", b"N/A", b"n/a", b"#N/A", b"<NA>", b"NaN", b"nan", b"NAN", b"None", b"none", b"null", b"NULL"];

/// What a word says, in any case; `None` where it is neither yes nor no.
pub(crate) fn flag(word: impl AsRef<[u8]>) -> Option<bool> {
    let word = word.as_ref().trim_ascii();
    let word = word.strip_suffix(b".0").unwrap_or(word);
    let is = |other: &&[u8]| word.eq_ignore_ascii_case(other);
    YES.iter().any(is).then_some(true).or_else(|| NO.iter().any(is).then_some(false))
}

/// Whether a text stands for a value that is not there.
pub(crate) fn is_missing(text: impl AsRef<[u8]>) -> bool {
    MISSING.contains(&text.as_ref().trim_ascii())
}
