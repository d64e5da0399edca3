//! Which observations of an AnnData object are read: those that `--where` chooses, under tissue.

use super::columns::{Column, column};
use super::tree::Tree;
use crate::error::{listed, nearest_names};
use crate::ingest::binning::Collector;
use crate::ingest::config::condition;
use crate::ingest::words::flag;
use crate::{Error, Result};
use std::collections::BTreeMap;

/// Which of the observations fulfil `conditions` (COLUMN=VALUE): any of the values of a column, and all columns.
pub(crate) fn chosen(
    tree: &Tree,
    conditions: &[String],
    observations: usize,
    collector: &Collector,
) -> Result<Vec<bool>> {
    let mut chosen = vec![true; observations];
    let mut by_column: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for text in conditions {
        let wrong = || Error::Usage(format!("--where {text}: expected COLUMN=VALUE, for example library_id=S1"));
        let (name, value) = condition(text).ok_or_else(wrong)?;
        by_column.entry(name).or_default().push(value);
    }
    for (name, values) in &by_column {
        let found = column(tree, "obs", name, "Name one of them in --where COLUMN=VALUE")?;
        let rows = matching(&found, values).map_err(|what| tree.error(&format!("obs/{name}"), what))?;
        chosen.iter_mut().zip(rows).for_each(|(chosen, row)| *chosen &= row);
    }
    if !by_column.is_empty() {
        let left = chosen.iter().filter(|chosen| **chosen).count();
        if left == 0 {
            return Err(Error::Usage(format!(
                "{}: no observation has all of --where {}",
                tree.path().display(),
                conditions.join(" --where ")
            )));
        }
        collector.note(format!("{left} of {observations} observations chosen by --where {}", conditions.join(", ")));
    }
    Ok(chosen)
}

/// The rows that have one of `wanted`; the error names a value that none has.
fn matching(column: &Column, wanted: &[&str]) -> Result<Vec<bool>, String> {
    let mut rows = vec![false; column.len()];
    for value in wanted {
        let mut any = false;
        let mut take = |row: usize| {
            rows[row] = true;
            any = true;
        };
        match column {
            Column::Words { words, rows } => {
                let word = words.iter().position(|word| word == value).map(|word| word as u32);
                rows.iter().enumerate().filter(|(_, row)| word.is_some() && **row == word).for_each(|(i, _)| take(i));
            }
            Column::Numbers(numbers) => {
                let flag = || flag(value).map(|flag| f64::from(u8::from(flag)));
                let number = value.parse().ok().or_else(flag);
                numbers.iter().enumerate().filter(|(_, n)| Some(**n) == number).for_each(|(i, _)| take(i));
            }
        }
        if !any {
            let values = column.values();
            let near = nearest_names(value, values.iter().map(String::as_str));
            return Err(format!(
                "no observation has {value}; found {} (nearest: {})",
                listed(values.iter().map(String::as_str)),
                near.first().unwrap_or(&"none")
            ));
        }
    }
    Ok(rows)
}

/// Leaves out what `obs/in_tissue` says is outside the tissue, or says nothing of.
pub(crate) fn under_tissue(tree: &Tree, chosen: &mut [bool], collector: &Collector) -> Result<()> {
    const NAME: &str = "obs/in_tissue";
    if !tree.has(NAME)? {
        return Ok(());
    }
    let flags = Column::read(tree, NAME)?.flags().map_err(|what| tree.error(NAME, what))?;
    if flags.len() != chosen.len() {
        return Err(tree.error(NAME, format!("{} rows for {} observations", flags.len(), chosen.len())));
    }
    let mut unknown = 0;
    for (chosen, flag) in chosen.iter_mut().zip(flags) {
        unknown += usize::from(*chosen && flag.is_none());
        *chosen &= flag == Some(true);
    }
    if unknown > 0 {
        collector.note(format!("{unknown} of {} observations left out: in_tissue is missing", chosen.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_words_numbers_or_flags_and_one_that_nobody_has_is_told() {
        let words = Column::of_texts(["S1", "S2", "S1"].map(str::to_owned));
        assert_eq!(matching(&words, &["S1"]).unwrap(), [true, false, true]);
        assert_eq!(matching(&words, &["S1", "S2"]).unwrap(), [true; 3]);
        let told = matching(&words, &["s3"]).unwrap_err();
        assert!(told.contains("no observation has s3; found S1, S2"), "{told}");
        let numbers = Column::Numbers(vec![0.0, 1.0, f64::NAN]);
        assert_eq!(matching(&numbers, &["True"]).unwrap(), [false, true, false]);
        assert_eq!(matching(&numbers, &["0"]).unwrap(), [true, false, false]);
        assert_eq!(condition("a = b=c"), Some(("a", "b=c")));
        assert_eq!((condition("a"), condition("=b")), (None, None));
    }
}
