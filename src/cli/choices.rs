//! Flags that take one of a few words.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// The parser of a flag that takes one of `choices`: what it stands for, its word, and what `--help` says of it.
pub fn one_of<T: Clone + Send + Sync + 'static>(
    choices: impl IntoIterator<Item = (T, &'static str, &'static str)>,
) -> impl TypedValueParser<Value = T> {
    let choices: Vec<(T, &'static str, &'static str)> = choices.into_iter().collect();
    let words = choices.iter().map(|(_, word, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(words.collect::<Vec<_>>()).try_map(move |given| {
        let found = choices.iter().find(|(_, word, _)| *word == given.as_str());
        found.map(|(value, ..)| value.clone()).ok_or("no such word")
    })
}
