//! YAML that comes from outside: read, or refused at once.

use serde::de::DeserializeOwned;

/// As many lists and mappings in brackets as a text may open. The time of the parser rises with the square of their depth; that of
/// block nesting does not, and aliases that multiply are refused by the parser.
const BRACKETS: usize = 1000;

/// The value of `text`; the error says what is wrong with it, and at which line and column where that is known.
pub(crate) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    // Without regard to quotes and comments: what hides a bracket from us hides none from the parser.
    if let Some((at, _)) = text.match_indices(['[', '{']).nth(BRACKETS) {
        let line = text[..at].matches('\n').count() + 1;
        return Err(format!("line {line}: more than {BRACKETS} opening brackets [ and {{ in one text, expected a few"));
    }
    serde_yaml::from_str(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::time::{Duration, Instant};

    #[test]
    fn what_grows_beyond_measure_is_refused_at_once() {
        let nested = |open: &str| open.repeat(100_000);
        let multiplied = (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| {
            let before = format!("*a{}", i - 1);
            text + &format!("a{i}: &a{i} [{}]\n", vec![before; 10].join(", "))
        });
        let blocks: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        let cases = [
            (nested("["), "line 1: more than 1000 opening brackets"),
            (nested("{a: "), "line 1: more than 1000 opening brackets"),
            (nested("- [\"]\", "), "line 1: more than 1000 opening brackets"),
            (nested("- "), "recursion limit exceeded at line 1"),
            (blocks, "recursion limit exceeded at line 129"),
            (multiplied, "repetition limit exceeded"),
        ];
        for (text, expected) in cases {
            let start = Instant::now();
            let error = from_str::<Value>(&text).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(start.elapsed() < Duration::from_secs(2), "{expected}: {:?}", start.elapsed());
        }
    }

    #[test]
    fn an_error_says_where() {
        let error = from_str::<std::collections::BTreeMap<String, usize>>("a: 1\nb: 2.5\n").unwrap_err();
        assert!(error.contains("b: ") && error.contains("expected usize at line 2 column 4"), "{error}");
        assert_eq!(from_str::<Value>("a: [1, ~]").unwrap().to_string(), r#"{"a":[1,null]}"#);
    }
}
