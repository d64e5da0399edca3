//! What is known of each row.

/// Features of rows: a dense matrix [rows, columns], row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    columns: usize,
    values: Vec<f32>,
}

impl Features {
    /// `values` is [rows, columns], row by row, all finite; at least one column.
    ///
    /// # Panics
    ///
    /// Without columns, or if the values do not fill whole rows.
    pub fn new(columns: usize, values: Vec<f32>) -> Self {
        assert!(columns > 0 && values.len().is_multiple_of(columns), "whole rows of at least one column");
        Features { columns, values }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// How many features a row has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The features of row `index`, [columns].
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.columns..][..self.columns]
    }
}
