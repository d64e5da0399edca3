//! Sums of some rows of a matrix, each with a weight, and the other way round: compiled for the vectors that the processor has.
//!
//! Every number has a sum of its own, over the entries as they come, whatever the vectors: results are the same on every machine.

use crate::kernels::simd::{self, Simd, Work};

/// Adds the rows of `matrix` that `entries` name, each times its weight, to `sums`, as long as a row.
pub(super) fn add_rows(entries: &[(u32, f32)], matrix: &[f64], sums: &mut [f64]) {
    simd::run(All(Sums { entries, matrix, sums }));
}

/// Adds `row`, times the weight of each entry, to the row of `matrix` that the entry names; the first one is called `offset`.
pub(super) fn add_to_rows(entries: &[(u32, f32)], offset: usize, row: &[f64], matrix: &mut [f64]) {
    simd::run(All(Rows { entries, offset, row, matrix }));
}

/// What is done column by column.
trait Columns {
    /// How many columns there are.
    fn width(&self) -> usize;
    /// Does it for `N` of them, of which what is used again stays in registers; says how many.
    fn some<const N: usize>(&mut self, first: usize) -> usize;
}

/// All columns, as many at once as there are: 28 of them for 20 components.
struct All<C>(C);

impl<C: Columns> Work for All<C> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        let mut first = 0;
        while first < self.0.width() {
            first += match self.0.width() - first {
                28.. => self.0.some::<28>(first),
                16.. => self.0.some::<16>(first),
                8.. => self.0.some::<8>(first),
                4.. => self.0.some::<4>(first),
                _ => self.0.some::<1>(first),
            };
        }
    }
}

struct Sums<'a> {
    entries: &'a [(u32, f32)],
    matrix: &'a [f64],
    sums: &'a mut [f64],
}

impl Columns for Sums<'_> {
    fn width(&self) -> usize {
        self.sums.len()
    }

    #[inline(always)]
    fn some<const N: usize>(&mut self, first: usize) -> usize {
        let width = self.width();
        let mut own = [0.0; N];
        own.copy_from_slice(&self.sums[first..first + N]);
        for &(index, weight) in self.entries {
            let row: &[f64] = &self.matrix[index as usize * width + first..][..N];
            for k in 0..N {
                own[k] += f64::from(weight) * row[k];
            }
        }
        self.sums[first..first + N].copy_from_slice(&own);
        N
    }
}

struct Rows<'a> {
    entries: &'a [(u32, f32)],
    offset: usize,
    row: &'a [f64],
    matrix: &'a mut [f64],
}

impl Columns for Rows<'_> {
    fn width(&self) -> usize {
        self.row.len()
    }

    #[inline(always)]
    fn some<const N: usize>(&mut self, first: usize) -> usize {
        let width = self.width();
        let mut own = [0.0; N];
        own.copy_from_slice(&self.row[first..first + N]);
        for &(index, weight) in self.entries {
            let row: &mut [f64] = &mut self.matrix[(index as usize - self.offset) * width + first..][..N];
            for k in 0..N {
                row[k] += f64::from(weight) * own[k];
            }
        }
        N
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_are_those_of_one_number_after_the_other(
            width in 1..40_usize,
            entries in prop::collection::vec((0..6_u32, -4.0..4.0_f32), 0..20),
            numbers in prop::collection::vec(-9.0..9.0_f64, 6 * 40),
        ) {
            let matrix = &numbers[..6 * width];
            let mut sums = numbers[..width].to_vec();
            add_rows(&entries, matrix, &mut sums);
            let mut spread = matrix.to_vec();
            let moved: Vec<(u32, f32)> = entries.iter().map(|(row, weight)| (row + 7, *weight)).collect();
            add_to_rows(&moved, 7, &numbers[..width], &mut spread);
            for k in 0..width {
                let sum = entries.iter().fold(numbers[k], |sum, (row, weight)| sum + f64::from(*weight) * matrix[*row as usize * width + k]);
                prop_assert_eq!(sums[k], sum);
                for row in 0..6 {
                    let own = entries.iter().filter(|entry| entry.0 as usize == row);
                    let sum = own.fold(matrix[row * width + k], |sum, entry| sum + f64::from(entry.1) * numbers[k]);
                    prop_assert_eq!(spread[row * width + k], sum);
                }
            }
        }
    }
}
