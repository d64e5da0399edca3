//! Stripes: rows and columns of a chip that caught less than those around them, or more, all over the section.
//!
//! They are told, and nothing is scaled: values are shares of a bin's own total, in which the strength of its row and column cancels,
//! as it would from counts that were scaled. What is left of a weak row is what fewer counts are: noise, and logarithms that are too small
//! for genes of which a bin has one count or none; larger bins have less of both. And bins may fall below `min_counts` by it.

use crate::section::{Raster, median};

/// Rows on either side that a row is compared with.
const REACH: usize = 5;

/// Fewer bins than this in a row say nothing of it.
const FEWEST: usize = 8;

/// A stripe is at least so much weaker or stronger than the rows around it, …
const LEAST: f64 = 0.2;

/// … and as many standard deviations of counting away from them.
const SURE: f64 = 6.0;

/// How strong the measured rows and columns of a section are, by the totals of its measured bins alone.
#[derive(Debug, PartialEq)]
pub(crate) struct Stripes {
    /// Of each row with enough measured bins: its mean total over the median of those of the rows around it.
    rows: Vec<Option<Strength>>,
    cols: Vec<Option<Strength>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Strength {
    factor: f64,
    /// Counts that the row would have at strength 1.
    expected: f64,
}

impl Strength {
    fn is_stripe(&self) -> bool {
        let off = (self.factor - 1.0).abs();
        off >= LEAST && off * self.expected.sqrt() >= SURE
    }
}

impl Stripes {
    /// Those of `totals` [rows, cols], of which only the bins that are `measured` are looked at.
    pub(crate) fn of(totals: &Raster<u32>, measured: &Raster<bool>) -> Stripes {
        let (rows, cols) = totals.shape();
        let along = |lines: usize, length: usize, at: &dyn Fn(usize, usize) -> (usize, usize)| {
            let sums = (0..lines).map(|line| {
                let bins = (0..length).map(|i| at(line, i)).filter(|bin| measured[*bin]);
                let (sum, number) =
                    bins.fold((0.0, 0), |(sum, number), bin| (sum + f64::from(totals[bin]), number + 1));
                (number >= FEWEST).then_some((sum, number as f64))
            });
            strengths(&sums.collect::<Vec<_>>())
        };
        Stripes { rows: along(rows, cols, &|row, col| (row, col)), cols: along(cols, rows, &|col, row| (row, col)) }
    }

    /// What there is to say of them; nothing where there are none.
    pub(crate) fn told(&self) -> Option<String> {
        let told = |what: &str, all: &[Option<Strength>]| {
            let stripes =
                || all.iter().enumerate().filter_map(|(i, one)| Some((i, one.filter(Strength::is_stripe)?.factor)));
            let (weakest, factor) = stripes().min_by(|a, b| a.1.total_cmp(&b.1))?;
            let measured = all.iter().flatten().count();
            Some(format!(
                "{} of {measured} {what}s (the weakest is {what} {weakest}, {factor:.2} times as strong)",
                stripes().count()
            ))
        };
        let all: Vec<String> = [told("row", &self.rows), told("column", &self.cols)].into_iter().flatten().collect();
        (!all.is_empty()).then(|| {
            format!(
                "stripes: {} differ from those around them by {} % of their counts or more. Values are shares of a bin's counts, in which that cancels; larger bins have less of the noise that is left",
                all.join(" and "),
                100.0 * LEAST
            )
        })
    }
}

/// The strength of each line, of which the counts and the number of bins are known, beside the nearest that have any.
fn strengths(sums: &[Option<(f64, f64)>]) -> Vec<Option<Strength>> {
    let known: Vec<(usize, f64)> =
        sums.iter().enumerate().filter_map(|(i, sum)| Some((i, sum.map(|(sum, n)| sum / n)?))).collect();
    let mut all = vec![None; sums.len()];
    for (at, (line, mean)) in known.iter().enumerate() {
        let around = known[at.saturating_sub(REACH)..(at + REACH + 1).min(known.len())].iter();
        let usual = median(around.filter(|(other, _)| other != line).map(|(_, mean)| *mean));
        let bins = sums[*line].map_or(0.0, |(_, bins)| bins);
        all[*line] =
            usual.filter(|usual| *usual > 0.0).map(|usual| Strength { factor: mean / usual, expected: usual * bins });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Totals of a tissue that is denser towards one corner, times the strength of rows and columns.
    fn totals(rows: &[f64], cols: &[f64]) -> Raster<u32> {
        Raster::from_fn(rows.len(), cols.len(), |row, col| {
            let tissue = 100.0 + 3.0 * row as f64 + 2.0 * col as f64;
            (tissue * rows[row] * cols[col]).round() as u32
        })
    }

    proptest! {
        #[test]
        fn known_strengths_are_found_from_measured_bins_alone(weak in 10..50_usize, strong in 10..50_usize, factor in 0.2..0.7_f64, seed in 0..9_u32) {
            let (mut rows, mut cols) = (vec![1.0; 60], vec![1.0; 64]);
            let (weak, strong) = (weak / 2 * 2, strong / 2 * 2);
            (rows[weak], cols[strong]) = (factor, 1.5);
            let measured = Raster::from_fn(60, 64, |row, col| row % 2 == 0 && col % 2 == 0);
            let clean = totals(&rows, &cols);
            // What is withheld may be anything.
            let other = Raster::from_fn(60, 64, |row, col| if measured[(row, col)] { clean[(row, col)] } else { seed * 1000 });
            let found = Stripes::of(&other, &measured);
            prop_assert_eq!(&found, &Stripes::of(&clean, &measured));
            let of = |all: &[Option<Strength>]| -> Vec<(usize, f64)> {
                all.iter().enumerate().filter_map(|(i, one)| Some((i, one.filter(Strength::is_stripe)?.factor))).collect()
            };
            let ((row, rows), (col, cols)) = (of(&found.rows)[0], of(&found.cols)[0]);
            prop_assert_eq!((row, of(&found.rows).len(), col, of(&found.cols).len()), (weak, 1, strong, 1));
            prop_assert!((rows - factor).abs() < 0.02 && (cols - 1.5).abs() < 0.02, "{} {}", rows, cols);
            prop_assert!(found.rows[1].is_none() && found.cols[63].is_none());
            let told = found.told().unwrap();
            prop_assert!(told.contains(&format!("1 of 30 rows (the weakest is row {weak}, {rows:.2} times")), "{}", told);
        }
    }

    #[test]
    fn noise_and_tissue_are_no_stripes() {
        let measured = Raster::filled(40, 40, true);
        assert_eq!(Stripes::of(&totals(&[1.0; 40], &[1.0; 40]), &measured).told(), None);
        // Twenty counts in a row, of which ten are missing in one, are noise.
        let few = Raster::from_fn(40, 40, |row, col| u32::from((row + col) % 2 == 0 && (row != 20 || col % 4 == 0)));
        assert_eq!(Stripes::of(&few, &measured).told(), None);
    }
}
