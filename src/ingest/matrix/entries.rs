//! A matrix of observations × genes in a [`Tree`]: compressed by rows or columns, or dense, read piece by piece.

use super::tree::{Array, ELEMENTS, MAX_ROWS, Tree, whole_chunks};
use crate::Result;
use crate::ingest::binning::MAX_FEATURES;
use std::ops::Range;

/// A matrix whose entries are still in the file.
pub(crate) struct Matrix {
    /// Observations and genes.
    shape: (u64, u64),
    layout: Layout,
}

enum Layout {
    /// CSR (`by_observation`) or CSC: entry `starts[i]` and those that follow belong to row or column i.
    Sparse {
        data: Box<dyn Array>,
        indices: Box<dyn Array>,
        starts: Vec<u64>,
        by_observation: bool,
    },
    Dense(Box<dyn Array>),
}

/// A part of a matrix that is read at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Entries of a sparse matrix.
    Entries(Range<u64>),
    /// Observations and genes of a dense one.
    Block([Range<u64>; 2]),
}

impl Piece {
    /// The number of entries.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Piece::Entries(range) => range.end - range.start,
            Piece::Block(ranges) => ranges.iter().map(|range| range.end - range.start).product(),
        }
    }
}

impl Matrix {
    /// The array or group `name` of anndata, dense or compressed.
    pub(crate) fn open(tree: &Tree, name: &str) -> Result<Matrix> {
        let encoding = tree.text(name, "encoding-type").or_else(|| tree.text(name, "h5sparse_format"));
        let by_observation = match encoding.as_deref() {
            Some("csr_matrix" | "csr") => true,
            Some("csc_matrix" | "csc") => false,
            Some("array") | None if !tree.has(&format!("{name}/indptr"))? => return Matrix::dense(tree, name),
            found => {
                return Err(tree.error(
                    name,
                    format!("encoding {}, expected csr_matrix, csc_matrix or array", found.unwrap_or("absent")),
                ));
            }
        };
        let shape = tree.numbers(name, "shape").or_else(|| tree.numbers(name, "h5sparse_shape"));
        match shape.as_deref() {
            Some(&[observations, genes]) => Matrix::sparse(tree, name, (observations, genes), by_observation),
            _ => Err(tree.error(name, "attribute shape is missing, expected two numbers")),
        }
    }

    /// The group `name` with `data`, `indices` and `indptr`, compressed by observation or by gene.
    pub(crate) fn sparse(tree: &Tree, name: &str, shape: (u64, u64), by_observation: bool) -> Result<Matrix> {
        check_shape(tree, name, shape)?;
        let path = |part: &str| format!("{name}/{part}");
        let entries = [tree.array(&path("data"))?, tree.array(&path("indices"))?];
        Matrix::compressed(tree, &path("indptr"), entries, tree.column(&path("indptr"))?, shape, by_observation)
    }

    /// The matrix of these values and indices, of which those from `numbers[i]` on belong to observation or gene i; errors name `name`.
    pub(crate) fn compressed(
        tree: &Tree,
        name: &str,
        [data, indices]: [Box<dyn Array>; 2],
        numbers: Vec<f64>,
        shape: (u64, u64),
        by_observation: bool,
    ) -> Result<Matrix> {
        check_shape(tree, name, shape)?;
        let outer = if by_observation { shape.0 } else { shape.1 };
        let entries = match (data.shape(), indices.shape()) {
            (&[data], &[indices]) if data == indices => data,
            (data, indices) => {
                return Err(tree.error(name, format!("{data:?} values but {indices:?} indices, expected one of each")));
            }
        };
        let rising = numbers.is_sorted() && numbers.iter().all(|n| n.fract() == 0.0);
        let ends = (numbers.first().copied(), numbers.last().copied());
        if numbers.len() as u64 != outer + 1 || !rising || ends != (Some(0.0), Some(entries as f64)) {
            return Err(tree.error(
                name,
                format!("expected {} rising whole numbers from 0 to {entries}. Is the file damaged?", outer + 1),
            ));
        }
        let starts = numbers.into_iter().map(|n| n as u64).collect();
        Ok(Matrix { shape, layout: Layout::Sparse { data, indices, starts, by_observation } })
    }

    /// The array `name` of observations × genes.
    pub(crate) fn dense(tree: &Tree, name: &str) -> Result<Matrix> {
        let array = tree.array(name)?;
        let &[observations, genes] = array.shape() else {
            return Err(tree.error(name, format!("{} axes, expected observations × genes", array.shape().len())));
        };
        check_shape(tree, name, (observations, genes))?;
        Ok(Matrix { shape: (observations, genes), layout: Layout::Dense(array) })
    }

    /// Observations and genes.
    pub(crate) fn shape(&self) -> (u64, u64) {
        self.shape
    }

    /// The parts to read it in: about a million entries each, along the pieces in which the file stores it.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        match &self.layout {
            Layout::Sparse { data, indices, starts, .. } => {
                let chunk = [data, indices].iter().filter_map(|array| array.chunk().first().copied()).max();
                let entries = starts.last().copied().unwrap_or(0);
                ranges(entries, whole_chunks(ELEMENTS, chunk.unwrap_or(1))).map(Piece::Entries).collect()
            }
            Layout::Dense(array) => {
                let chunk = array.chunk();
                let (rows, cols) = (chunk[0].max(1), chunk[1].max(1));
                let width = whole_chunks(ELEMENTS / rows, cols).min(self.shape.1.max(1));
                let height = whole_chunks(ELEMENTS / width, rows);
                let across = |down: Range<u64>| ranges(self.shape.1, width).map(move |cols| [down.clone(), cols]);
                ranges(self.shape.0, height).flat_map(across).map(Piece::Block).collect()
            }
        }
    }

    /// Gives each entry of `piece` that is not zero to `each`, as observation, gene and value.
    ///
    /// With `once`, an entry that stands twice in a row or column is an error; without, its parts come one by one, for whoever takes them to
    /// add up, as SciPy does.
    pub(crate) fn read(
        &self,
        piece: &Piece,
        once: bool,
        mut each: impl FnMut(usize, usize, f64) -> Result<(), String>,
    ) -> Result<(), String> {
        match (&self.layout, piece) {
            (Layout::Sparse { .. }, Piece::Entries(range)) => self.read_entries(range.clone(), once, each),
            (Layout::Dense(array), Piece::Block([rows, cols])) => {
                let width = (cols.end - cols.start).max(1);
                for (i, value) in array.numbers(&[rows.clone(), cols.clone()])?.into_iter().enumerate() {
                    let i = i as u64;
                    if value != 0.0 {
                        each((rows.start + i / width) as usize, (cols.start + i % width) as usize, value)?;
                    }
                }
                Ok(())
            }
            _ => Err("a piece of another matrix".to_owned()),
        }
    }

    fn read_entries(
        &self,
        range: Range<u64>,
        once: bool,
        mut each: impl FnMut(usize, usize, f64) -> Result<(), String>,
    ) -> Result<(), String> {
        let Layout::Sparse { data, indices, starts, by_observation } = &self.layout else { return Ok(()) };
        let inner_length = if *by_observation { self.shape.1 } else { self.shape.0 } as f64;
        let mut outer = starts.partition_point(|start| *start <= range.start).saturating_sub(1);
        let mut previous = -1.0;
        if once && range.start > starts.get(outer).copied().unwrap_or(0) {
            let before = range.start - 1..range.start;
            previous = indices.numbers(&[before])?.first().copied().unwrap_or(-1.0);
        }
        let values = data.numbers(std::slice::from_ref(&range))?;
        for ((position, value), inner) in range.clone().zip(values).zip(indices.numbers(&[range])?) {
            while starts.get(outer + 1).is_some_and(|next| *next <= position) {
                outer += 1;
                previous = -1.0;
            }
            if !(inner >= 0.0 && inner < inner_length && inner.fract() == 0.0) {
                return Err(format!("entry {position}: index {inner}, expected 0 to {}", inner_length - 1.0));
            }
            if once && inner <= previous {
                return Err(format!(
                    "entry {position}: index {inner} after {previous}, expected rising indices. In Python: sum_duplicates() of the matrix"
                ));
            }
            previous = inner;
            if value != 0.0 {
                let (observation, gene) =
                    if *by_observation { (outer, inner as usize) } else { (inner as usize, outer) };
                each(observation, gene, value)?;
            }
        }
        Ok(())
    }
}

fn check_shape(tree: &Tree, name: &str, (observations, genes): (u64, u64)) -> Result<()> {
    if observations > MAX_ROWS || genes > MAX_FEATURES as u64 {
        return Err(tree.error(
            name,
            format!(
                "a matrix of {observations} × {genes}, expected {MAX_ROWS} observations and {MAX_FEATURES} genes at most. Is the file damaged?"
            ),
        ));
    }
    Ok(())
}

/// The parts of `length` of `step` each.
pub(crate) fn ranges(length: u64, step: u64) -> impl Iterator<Item = Range<u64>> {
    (0..length).step_by(step.max(1) as usize).map(move |start| start..(start + step).min(length))
}
