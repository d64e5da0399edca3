//! Columns of `obs` and `var` in every encoding that anndata and its ports have written: numbers of any width, booleans, texts,
//! categories (of either order, before and after anndata 0.8), and nullable arrays, whose mask stands beside the values.

use super::tree::Tree;
use crate::error::listed;
use crate::ingest::words::{flag, is_missing};
use crate::{Error, Result};
use std::collections::HashMap;

/// R's missing integer, which files converted from R hold as such.
const R_MISSING: f64 = i32::MIN as f64;

/// A column of a table, a value for each row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Column {
    /// Numbers, and booleans as 0 and 1; NaN where one is missing.
    Numbers(Vec<f64>),
    /// Texts.
    Words {
        /// The different ones.
        words: Vec<String>,
        /// Which of them each row has; `None` where one is missing.
        rows: Vec<Option<u32>>,
    },
}

impl Column {
    /// Reads the column `name`, for example `obs/array_row`.
    pub(crate) fn read(tree: &Tree, name: &str) -> Result<Column> {
        if let Some((categories, codes)) = categorical(tree, name)? {
            let codes = tree.column(&codes)?;
            return Column::plain(tree, &categories)?.pick(&codes).map_err(|what| tree.error(name, what));
        }
        let nullable = tree.has(&format!("{name}/values"))?;
        if !nullable {
            return Column::plain(tree, name);
        }
        let mut column = Column::plain(tree, &format!("{name}/values"))?;
        let mask = format!("{name}/mask");
        if tree.has(&mask)? {
            let missing = tree.column(&mask)?;
            if missing.len() != column.len() {
                return Err(tree.error(&mask, format!("{} rows for {} values", missing.len(), column.len())));
            }
            column.leave_out(|row| missing[row] != 0.0);
        }
        Ok(column)
    }

    /// A column of these texts.
    pub(crate) fn of_texts(texts: impl IntoIterator<Item = String>) -> Column {
        let mut interned = Interned::default();
        texts.into_iter().for_each(|text| interned.push(&text));
        interned.column()
    }

    fn plain(tree: &Tree, name: &str) -> Result<Column> {
        if tree.is_group(name) {
            let encoding = tree.text(name, "encoding-type").unwrap_or_else(|| "none".to_owned());
            return Err(
                tree.error(name, format!("encoding {encoding}, expected a column of numbers, texts or categories"))
            );
        }
        if !tree.array(name)?.is_text() {
            return tree.column(name).map(Column::Numbers);
        }
        let mut interned = Interned::default();
        tree.texts(name, |text| interned.push(text))?;
        Ok(interned.column())
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Column::Numbers(numbers) => numbers.len(),
            Column::Words { rows, .. } => rows.len(),
        }
    }

    /// The column whose rows are those that `codes` say of this one; below 0 is missing.
    fn pick(&self, codes: &[f64]) -> Result<Column, String> {
        if let Some(beyond) = codes.iter().find(|code| **code >= self.len() as f64) {
            return Err(format!("code {beyond} of {} categories. Is the file damaged?", self.len()));
        }
        let at = |code: &f64| (*code >= 0.0).then_some(*code as usize);
        Ok(match self {
            Column::Numbers(numbers) => {
                Column::Numbers(codes.iter().map(|code| at(code).map_or(f64::NAN, |at| numbers[at])).collect())
            }
            Column::Words { words, rows } => {
                Column::Words { words: words.clone(), rows: codes.iter().map(|code| rows[at(code)?]).collect() }
            }
        })
    }

    /// Makes rows missing.
    fn leave_out(&mut self, missing: impl Fn(usize) -> bool) {
        match self {
            Column::Numbers(numbers) => {
                numbers.iter_mut().enumerate().filter(|(row, _)| missing(*row)).for_each(|(_, n)| *n = f64::NAN);
            }
            Column::Words { rows, .. } => {
                rows.iter_mut().enumerate().filter(|(row, _)| missing(*row)).for_each(|(_, word)| *word = None);
            }
        }
    }

    /// The text of a row; `None` where it is missing.
    pub(crate) fn text(&self, row: usize) -> Option<String> {
        match self {
            Column::Numbers(numbers) => numbers.get(row).filter(|number| !number.is_nan()).map(f64::to_string),
            Column::Words { words, rows } => words.get((*rows.get(row)?)? as usize).cloned(),
        }
    }

    /// The different values, in order.
    pub(crate) fn values(&self) -> Vec<String> {
        match self {
            Column::Numbers(numbers) => {
                let mut different: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
                different.sort_by(f64::total_cmp);
                different.dedup();
                different.iter().map(f64::to_string).collect()
            }
            Column::Words { words, rows } => {
                let mut used = vec![false; words.len()];
                rows.iter().flatten().for_each(|word| used[*word as usize] = true);
                let used = words.iter().zip(used).filter(|(_, used)| *used);
                let mut different: Vec<String> = used.map(|(word, _)| word.clone()).collect();
                different.sort();
                different
            }
        }
    }

    /// The rows as numbers; NaN where one is missing. The error names words that are no numbers.
    pub(crate) fn numbers(self) -> Result<Vec<f64>, String> {
        let missing = |number: f64| if number == R_MISSING { f64::NAN } else { number };
        self.translate(f64::NAN, |number| Some(missing(number)), |word| word.parse().ok().map(missing), "a number")
    }

    /// The rows as yes and no; `None` where one is missing. The error names words and numbers that are neither.
    pub(crate) fn flags(self) -> Result<Vec<Option<bool>>, String> {
        let of_number = |number: f64| match number {
            0.0 => Some(Some(false)),
            1.0 => Some(Some(true)),
            _ => (number.is_nan() || number == R_MISSING).then_some(None),
        };
        self.translate(None, of_number, |word| flag(word).map(Some), "true or false, yes or no, in or out, 1 or 0")
    }

    /// A value for each row, by its number or its word; `missing` for the rows without. The error names what has none.
    fn translate<T: Copy>(
        self,
        missing: T,
        of_number: impl Fn(f64) -> Option<T>,
        of_word: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Result<Vec<T>, String> {
        let mut strange = Vec::new();
        let values = match self {
            Column::Numbers(numbers) => {
                let value = |number: f64| {
                    of_number(number).unwrap_or_else(|| {
                        strange.push(number.to_string());
                        missing
                    })
                };
                numbers.into_iter().map(value).collect()
            }
            Column::Words { words, rows } => {
                let value = |word: &String| {
                    let value = if is_missing(word) { Some(missing) } else { of_word(word.trim()) };
                    value.unwrap_or_else(|| {
                        strange.push(format!("{word:?}"));
                        missing
                    })
                };
                let values: Vec<T> = words.iter().map(value).collect();
                rows.into_iter().map(|word| word.map_or(missing, |word| values[word as usize])).collect()
            }
        };
        strange.sort();
        strange.dedup();
        if strange.is_empty() {
            Ok(values)
        } else {
            Err(format!("found {}, expected {expected}", listed(strange.iter().map(String::as_str))))
        }
    }
}

/// Where the categories and the codes of a categorical column stand; before anndata 0.8, categories stood in a group of their own.
fn categorical(tree: &Tree, name: &str) -> Result<Option<(String, String)>> {
    let (table, column) = name.rsplit_once('/').unwrap_or(("", name));
    let old = format!("{table}/__categories/{column}");
    Ok(if tree.has(&format!("{name}/categories"))? {
        Some((format!("{name}/categories"), format!("{name}/codes")))
    } else if tree.has(&old)? {
        Some((old, name.to_owned()))
    } else {
        None
    })
}

/// Texts, each kept once.
#[derive(Default)]
struct Interned {
    known: HashMap<String, u32>,
    words: Vec<String>,
    rows: Vec<Option<u32>>,
}

impl Interned {
    fn push(&mut self, text: &str) {
        let number = self.known.get(text).copied().unwrap_or_else(|| {
            let number = self.words.len() as u32;
            self.known.insert(text.to_owned(), number);
            self.words.push(text.to_owned());
            number
        });
        self.rows.push(Some(number));
    }

    fn column(self) -> Column {
        Column::Words { words: self.words, rows: self.rows }
    }
}

/// The column `name` of the table `table`, or an error that says which there are.
pub(crate) fn column(tree: &Tree, table: &str, name: &str, what_to_do: &str) -> Result<Column> {
    let columns = columns(tree, table)?;
    if columns.iter().any(|column| column == name) {
        return Column::read(tree, &format!("{table}/{name}"));
    }
    let near = crate::error::nearest_names(name, columns.iter().map(String::as_str));
    Err(Error::data(
        tree.path(),
        format!(
            "{}: no column {name}; found {} (nearest: {}). {what_to_do}",
            tree.full(table),
            listed(columns.iter().map(String::as_str)),
            near.first().unwrap_or(&"none")
        ),
    ))
}

/// The names of the columns of a table.
pub(crate) fn columns(tree: &Tree, table: &str) -> Result<Vec<String>> {
    Ok(tree.children(table)?.into_iter().filter(|name| name != "__categories").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Column {
        Column::of_texts(texts.iter().map(|text| (*text).to_owned()))
    }

    #[test]
    fn yes_and_no_are_known_in_every_dress_and_other_words_are_told() {
        let flags = words(&["True", "no", "IN", "0", "1.0", "<NA>", "f"]).flags().unwrap();
        assert_eq!(flags, [Some(true), Some(false), Some(true), Some(false), Some(true), None, Some(false)]);
        assert_eq!(Column::Numbers(vec![0.0, 1.0, f64::NAN]).flags().unwrap(), [Some(false), Some(true), None]);
        let told = words(&["tissue", "True", "background"]).flags().unwrap_err();
        assert!(told.contains("\"background\", \"tissue\"") && told.contains("expected true or false"), "{told}");
        assert!(Column::Numbers(vec![0.0, 2.0]).flags().unwrap_err().contains("found 2,"));
    }

    #[test]
    fn numbers_may_be_words_and_what_is_missing_is_not_a_number() {
        let numbers = words(&["3", "", "NA", "-2.5"]).numbers().unwrap();
        assert_eq!((numbers[0], numbers[3]), (3.0, -2.5));
        assert!(numbers[1].is_nan() && numbers[2].is_nan());
        assert!(Column::Numbers(vec![R_MISSING]).numbers().unwrap()[0].is_nan());
        assert!(words(&["A1"]).numbers().unwrap_err().contains("\"A1\", expected a number"));
    }

    #[test]
    fn a_code_below_zero_is_missing_and_one_beyond_the_categories_is_damage() {
        let categories = words(&["S1", "S2"]);
        let picked = categories.pick(&[1.0, -1.0, 0.0]).unwrap();
        assert_eq!([0, 1, 2].map(|row| picked.text(row)), [Some("S2".to_owned()), None, Some("S1".to_owned())]);
        assert!(categories.pick(&[2.0]).unwrap_err().contains("code 2 of 2"));
    }
}
