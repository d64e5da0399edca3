//! A value per bin.

use std::ops::{Index, IndexMut};

/// A dense map of `rows` × `cols` values, row by row: row 0 is the top, column 0 the left.
#[derive(Clone, Debug, PartialEq)]
pub struct Raster<T> {
    rows: usize,
    cols: usize,
    values: Vec<T>,
}

impl<T> Raster<T> {
    /// The raster whose bin (row, col) holds `value(row, col)`.
    pub fn from_fn(rows: usize, cols: usize, mut value: impl FnMut(usize, usize) -> T) -> Self {
        let values =
            (0..rows).flat_map(|row| (0..cols).map(move |col| (row, col))).map(|(row, col)| value(row, col)).collect();
        Raster { rows, cols, values }
    }

    /// The raster over `values`, given row by row; `None` if their number is not `rows` × `cols`.
    pub fn from_vec(rows: usize, cols: usize, values: Vec<T>) -> Option<Self> {
        (values.len() == rows * cols).then_some(Raster { rows, cols, values })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// `(rows, cols)`.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// All values, row by row.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// All values, row by row, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// All values, row by row, by value.
    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    /// The raster of `f(value)`.
    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Raster<U> {
        Raster { rows: self.rows, cols: self.cols, values: self.values.iter().map(f).collect() }
    }
}

impl<T: Clone> Raster<T> {
    /// The raster that holds `value` everywhere.
    pub fn filled(rows: usize, cols: usize, value: T) -> Self {
        Raster { rows, cols, values: vec![value; rows * cols] }
    }
}

impl<T: Copy> Raster<T> {
    /// The window of `shape` at `origin`; beyond the lower and right edge the map is mirrored, without repeating the edge.
    pub fn window(&self, origin: (usize, usize), shape: (usize, usize)) -> Raster<T> {
        let at = |row, col| (mirror(origin.0 + row, self.rows), mirror(origin.1 + col, self.cols));
        Raster::from_fn(shape.0, shape.1, |row, col| self[at(row, col)])
    }
}

/// The position inside 0..length that `at` mirrors.
fn mirror(at: usize, length: usize) -> usize {
    let period = (2 * length).saturating_sub(2).max(1);
    let at = at % period;
    if at < length { at } else { period - at }
}

impl<T> Index<(usize, usize)> for Raster<T> {
    type Output = T;

    fn index(&self, (row, col): (usize, usize)) -> &T {
        assert!(row < self.rows && col < self.cols, "bin ({row}, {col}) is outside {}×{}", self.rows, self.cols);
        &self.values[row * self.cols + col]
    }
}

impl<T> IndexMut<(usize, usize)> for Raster<T> {
    fn index_mut(&mut self, (row, col): (usize, usize)) -> &mut T {
        assert!(row < self.rows && col < self.cols, "bin ({row}, {col}) is outside {}×{}", self.rows, self.cols);
        &mut self.values[row * self.cols + col]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_edge_a_window_is_mirrored() {
        assert_eq!([0, 3, 4, 5, 6, 7].map(|at| mirror(at, 4)), [0, 3, 2, 1, 0, 1]);
        assert_eq!(mirror(7, 1), 0);
        let map = Raster::from_fn(3, 4, |row, col| row * 10 + col);
        assert_eq!(map.window((1, 2), (3, 4)).values(), [12, 13, 12, 11, 22, 23, 22, 21, 12, 13, 12, 11]);
    }
}
