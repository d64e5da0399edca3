//! The columns of a table of molecules that matter, and by which names each platform knows them.

use super::header::{Header, NO_COUNTS};
use crate::error::listed;
use crate::{Error, Result};

/// The positions of the columns that matter, and what x and y mean.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub gene: usize,
    pub x: usize,
    pub y: usize,
    /// Molecules per row; without it, 1.
    pub count: Option<usize>,
    /// Phred-scaled quality.
    pub qv: Option<usize>,
    /// Whether the feature is a gene.
    pub is_gene: Option<usize>,
    /// Added to x and y, in their own unit.
    pub offset: [f64; 2],
    /// µm per unit of x and y.
    pub um_per_unit: f64,
}

/// The usual names of a platform's columns. Count, quality and the mark of a gene have the same names on all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Whose columns they are, for errors: "a Xenium transcripts table".
    pub whose: &'static str,
    /// Names of the column of genes, best first.
    pub gene: &'static [&'static str],
    /// Names of the columns of x and y, best first.
    pub xy: &'static [[&'static str; 2]],
}

/// The columns that a user named.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named<'a> {
    pub gene: Option<&'a str>,
    pub x: Option<&'a str>,
    pub y: Option<&'a str>,
    /// Or [`NO_COUNTS`].
    pub count: Option<&'a str>,
}

const COUNT_FLAG: &str = "--count-column";

impl Layout {
    /// The columns of `header`, those that the user named before the usual ones; x and y are in units of `um_per_unit` µm.
    ///
    /// [`Error::Data`] for a column that is not there, or two of which either may be meant.
    pub(crate) fn columns(&self, header: &Header, named: Named, um_per_unit: f64) -> Result<Columns> {
        let hint = |flag: &str| format!("Expected the columns of {}. Name it with {flag}", self.whose);
        let column = |name: Option<&str>, flag: &str, usual: &[&str]| match name {
            Some(name) => header.given(name, flag),
            None => header.needed(usual, flag, &hint(flag)),
        };
        let gene = column(named.gene, "--gene-column", self.gene)?;
        let axis = |axis: usize| self.xy.iter().map(|names| names[axis]).collect::<Vec<_>>();
        let paired = self.xy.iter().find(|names| header.has(*names));
        let usual = |of: usize| paired.map_or_else(|| axis(of), |names| vec![names[of]]);
        let columns = Columns {
            gene,
            x: column(named.x, "--x-column", &usual(0))?,
            y: column(named.y, "--y-column", &usual(1))?,
            count: match named.count {
                Some(NO_COUNTS) => None,
                Some(name) => Some(header.given(name, COUNT_FLAG)?),
                None => header.counts(COUNT_FLAG)?,
            },
            qv: header.usual(&["qv"], "--platform")?,
            is_gene: header.usual(&["is_gene"], "--platform")?,
            offset: [0.0, 0.0],
            um_per_unit,
        };
        columns.check(header)?;
        Ok(columns)
    }
}

impl Columns {
    /// Every column is of use for one thing.
    fn check(&self, header: &Header) -> Result<()> {
        let used: Vec<usize> =
            [Some(self.gene), Some(self.x), Some(self.y), self.count].into_iter().flatten().collect();
        let twice = used.iter().enumerate().find(|(i, column)| used[..*i].contains(*column));
        twice.map_or(Ok(()), |(_, column)| {
            let name = &header.names[*column];
            Err(Error::data(
                header.path(),
                format!("column {name} is to be two of gene, x, y and count. Name another one"),
            ))
        })
    }

    /// What a user should know of a table whose columns were guessed: which are used, and which counts are not.
    pub(crate) fn notes(&self, header: &Header, guessed: bool) -> Vec<String> {
        let name = |column: usize| header.names[column].as_str();
        let counts = self.count.map_or("one molecule a row".to_owned(), |column| format!("counts {}", name(column)));
        let used = format!("columns: gene {}, x {}, y {}, {counts}", name(self.gene), name(self.x), name(self.y));
        let others = header.other_counts(self.count);
        let unused = || format!("not used, though it may hold counts: {}", listed(others.iter().copied()));
        let unused = (!others.is_empty()).then(unused);
        guessed.then_some(used).into_iter().chain(unused).collect()
    }
}
