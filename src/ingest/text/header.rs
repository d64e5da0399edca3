//! The names of a table's columns, whatever its form, and which of them is meant.

use super::fields::is_data;
use crate::error::{listed, nearest_names};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// What a table says before its rows.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// The file, or the folder of its parts.
    pub path: PathBuf,
    /// The names of the columns.
    pub names: Vec<String>,
    /// Lines before the header that start with `#`, without it.
    pub comments: Vec<String>,
    /// Whether it is a table in text form, not Parquet.
    pub is_text: bool,
}

/// A name without what people write in more than one way: case, blanks, underscores, hyphens, dots.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !" _-.".contains(*c)).flat_map(char::to_lowercase).collect()
}

impl Header {
    /// Whether it has all of these columns; case, blanks and underscores do not count.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| !self.called(name).is_empty())
    }

    /// The columns of this name, as it is written if there are any, else in any way of writing it.
    fn called(&self, wanted: &str) -> Vec<usize> {
        let all = |is: &dyn Fn(&str) -> bool| (0..self.names.len()).filter(|i| is(&self.names[*i])).collect::<Vec<_>>();
        let exact = all(&|name| name == wanted);
        if exact.is_empty() { all(&|name| plain(name) == plain(wanted)) } else { exact }
    }

    /// The first of `candidates` that it has; `flag` chooses between two columns that it may mean.
    pub(crate) fn usual(&self, candidates: &[&str], flag: &str) -> Result<Option<usize>> {
        let found = candidates.iter().map(|name| self.called(name)).find(|columns| !columns.is_empty());
        match found.as_deref() {
            None => Ok(None),
            Some([only]) => Ok(Some(*only)),
            Some(many) => {
                self.once(many, flag)?;
                let names = listed(many.iter().map(|column| self.names[*column].as_str()));
                Err(self.wrong(format!(
                    "{} columns may be meant: {names}. Rename all but one, or choose with {flag}",
                    many.len()
                )))
            }
        }
    }

    /// As [`Header::usual`], but it has to be there; `hint` says what to do otherwise.
    pub(crate) fn needed(&self, candidates: &[&str], flag: &str, hint: &str) -> Result<usize> {
        self.usual(candidates, flag)?.ok_or_else(|| {
            let guess = match self.names.len() {
                _ if is_data(&self.names) => "The first line looks like a row of data: is the line of names missing? ",
                WIDE.. => "Is it a matrix? A table has a row for each molecule, or each gene in each spot. ",
                _ => "",
            };
            let found = listed(self.names.iter().map(String::as_str));
            self.wrong(format!("no column named {}; found {found}. {guess}{hint}", candidates.join(", ")))
        })
    }

    /// Refuses several columns of exactly one name, between which `flag` cannot choose.
    fn once(&self, columns: &[usize], flag: &str) -> Result<()> {
        match columns {
            [first, second, ..] if self.names[*first] == self.names[*second] => Err(self.wrong(format!(
                "{} columns are called {}. Rename or remove all but one, or name another with {flag}",
                columns.len(),
                self.names[*first]
            ))),
            _ => Ok(()),
        }
    }

    /// The column that `flag` calls `name`.
    pub(crate) fn given(&self, name: &str, flag: &str) -> Result<usize> {
        let called = (0..self.names.len()).filter(|column| self.names[*column] == name).collect::<Vec<_>>();
        self.once(&called, flag)?;
        called.first().copied().ok_or_else(|| {
            let near = nearest_names(name, self.names.iter().map(String::as_str));
            let near = near.first().copied().unwrap_or("none");
            let found = listed(self.names.iter().map(String::as_str));
            self.wrong(format!("no column {name} ({flag}); found {found} (nearest: {near})"))
        })
    }

    /// The column of counts; `None` where every row is one molecule.
    ///
    /// [`Error::Data`] for a column that looks like one, under a name that nobody knows: a section is not to be counted wrong in silence.
    pub(crate) fn counts(&self, flag: &str) -> Result<Option<usize>> {
        if let Some(column) = self.usual(&COUNTS, flag)? {
            return Ok(Some(column));
        }
        let doubtful: Vec<&str> = self.names.iter().map(String::as_str).filter(|name| may_count(name)).collect();
        if doubtful.is_empty() {
            return Ok(None);
        }
        Err(self.wrong(format!(
            "{}: is this a count of molecules? Name it with {flag}, or say that every row is one molecule with {flag} {NO_COUNTS}",
            listed(doubtful.into_iter())
        )))
    }

    /// Names of columns that look like counts, but for `used`.
    pub(crate) fn other_counts(&self, used: Option<usize>) -> Vec<&str> {
        let counts = |name: &&str| may_count(name) || COUNTS.iter().any(|known| plain(known) == plain(name));
        let others = (0..self.names.len()).filter(|column| Some(*column) != used);
        others.map(|column| self.names[column].as_str()).filter(counts).collect()
    }

    fn wrong(&self, what: String) -> Error {
        Error::data(&self.path, what)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Tables of molecules have fewer columns.
const WIDE: usize = 60;

/// What a user says of a table whose rows are one molecule each.
pub(crate) const NO_COUNTS: &str = "none";

/// Names of columns of counts, best first.
const COUNTS: [&str; 22] = [
    "count",
    "counts",
    "MIDCount",
    "MIDCounts",
    "UMICount",
    "UMICounts",
    "nCount",
    "nCounts",
    "count_raw",
    "raw_count",
    "transcript_count",
    "molecule_count",
    "num_transcripts",
    "n_transcripts",
    "num_molecules",
    "n_molecules",
    "UMI",
    "UMIs",
    "nUMI",
    "MID",
    "MIDs",
    "n",
];

/// Whether a column of that name may hold counts.
fn may_count(name: &str) -> bool {
    const OTHERS: [&str; 11] =
        ["value", "values", "expression", "expr", "abundance", "reads", "nreads", "freq", "frequency", "nmid", "nums"];
    let name = plain(name);
    ["count", "counts", "umi", "umis"].iter().any(|end| name.ends_with(end))
        || name.starts_with("umi")
        || OTHERS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Header {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Header { path: "a.csv".into(), names, comments: Vec::new(), is_text: true }
    }

    #[test]
    fn case_blanks_and_underscores_of_a_name_do_not_count() {
        for name in ["UMI count", "umi_count", "UMICount", "umi.count"] {
            assert_eq!(header(&["gene", "x", "y", name]).counts("--c").unwrap(), Some(3), "{name}");
        }
        let both = header(&["X", "x", "gene"]);
        assert_eq!(both.usual(&["x"], "--x").unwrap(), Some(1));
        assert!(header(&["X ", "X_"]).usual(&["x"], "--x-column").unwrap_err().to_string().contains("--x-column"));
    }

    #[test]
    fn a_column_that_may_hold_counts_is_asked_for() {
        for name in ["values", "expression", "spliced_counts", "umi_corrected"] {
            let error = header(&["gene", "x", "y", name]).counts("--count-column").unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("--count-column none"), "{error}");
        }
        assert_eq!(header(&["gene", "x", "y", "country", "fov", "cell_id"]).counts("--c").unwrap(), None);
        assert_eq!(header(&["MIDCount", "ExonCount"]).other_counts(Some(0)), ["ExonCount"]);
    }
}
