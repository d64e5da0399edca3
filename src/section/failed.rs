//! Bins that look as if they had failed: far fewer counts than around them, where nothing but tissue is around them.

use super::Raster;
use super::groups::groups;

/// Half the side in bins of the window whose median says what to expect of a bin; every second bin of it is looked at.
const WINDOW: usize = 8;

/// Tissue bins of those looked at that say what to expect.
const LEAST_TOLD: usize = 12;

/// A total is far below below this share of the expected one, and this many standard deviations of counting.
const SHARE: f64 = 0.25;
const DEVIATIONS: f64 = 5.0;

/// How far, in bins, tissue may be on both sides of a failed bin, and along how many of the four axes through it: at the border of the tissue,
/// and in a bay of it, there is none on one side.
const REACH: i32 = 8;
const AXES: usize = 3;

/// Fewer bins that touch are a vessel, or chance.
const LEAST_TOGETHER: usize = 3;

/// The groups of measured bins that touch and whose total is less than a quarter of the median of the tissue around, by more than five standard deviations of
/// Poisson noise, with tissue on both sides along three of the four axes. A measured bin is tissue if its total is at least `min_counts`. All maps
/// are [rows, cols].
///
/// A fold, a bubble and a failed stripe look like that. So do a wide vessel and an empty duct: counts do not tell them apart.
pub fn failed(totals: &Raster<u32>, measured: &Raster<bool>, min_counts: u64) -> Vec<Vec<(usize, usize)>> {
    let (rows, cols) = totals.shape();
    let tissue = Raster::from_fn(rows, cols, |row, col| {
        measured[(row, col)] && u64::from(totals[(row, col)]) >= min_counts.max(1)
    });
    let low = Raster::from_fn(rows, cols, |row, col| {
        let total = f64::from(totals[(row, col)]);
        let far_below = |expected: f64| total < SHARE * expected && expected - total > DEVIATIONS * expected.sqrt();
        measured[(row, col)] && expected(totals, &tissue, (row, col)).is_some_and(far_below)
    });
    let sound = |row: i32, col: i32| {
        let within = (0..rows as i32).contains(&row) && (0..cols as i32).contains(&col);
        within && tissue[(row as usize, col as usize)] && !low[(row as usize, col as usize)]
    };
    let between = |(row, col): (usize, usize)| {
        let side =
            |down: i32, right: i32| (1..=REACH).any(|step| sound(row as i32 + step * down, col as i32 + step * right));
        let axes = [(0, 1), (1, 0), (1, 1), (1, -1)];
        axes.iter().filter(|(down, right)| side(*down, *right) && side(-down, -right)).count() >= AXES
    };
    let enclosed = Raster::from_fn(rows, cols, |row, col| low[(row, col)] && between((row, col)));
    groups(&enclosed).into_iter().filter(|group| group.len() >= LEAST_TOGETHER).collect()
}

/// The median total of the tissue around a bin.
fn expected(totals: &Raster<u32>, tissue: &Raster<bool>, (row, col): (usize, usize)) -> Option<f64> {
    let span = |at: usize, length: usize| (at.saturating_sub(WINDOW)..(at + WINDOW + 1).min(length)).step_by(2);
    let bins = span(row, totals.rows()).flat_map(|r| span(col, totals.cols()).map(move |c| (r, c)));
    let mut around: Vec<u32> = bins.filter(|bin| tissue[*bin]).map(|bin| totals[bin]).collect();
    if around.len() < LEAST_TOLD {
        return None;
    }
    let middle = around.len() / 2;
    Some(f64::from(*around.select_nth_unstable(middle).1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disc of tissue with a bubble, a stripe through all of it, a pair of low bins, and half as many counts on one side.
    #[test]
    fn bubbles_and_stripes_are_found_and_borders_gradients_and_pairs_are_not() {
        let inside = |row: usize, col: usize| (row as f64 - 40.0).hypot(col as f64 - 40.0) < 34.0;
        let bubble = |row: usize, col: usize| (row as f64 - 30.0).hypot(col as f64 - 30.0) < 4.5;
        let stripe = |row: usize, col: usize| inside(row, col) && col == 52;
        let pair = |row: usize, col: usize| row == 50 && (col == 30 || col == 31);
        let total = |row: usize, col: usize| match () {
            () if bubble(row, col) || pair(row, col) => 15,
            () if stripe(row, col) => 20,
            () if !inside(row, col) => (row * col) as u32 % 4,
            () => 250 + 60 * ((row * 7 + col * 3) % 5) as u32 - if col > 45 { 150 } else { 0 },
        };
        let totals = Raster::from_fn(80, 80, total);
        let found = failed(&totals, &totals.map(|_| true), 10);
        let all: Vec<(usize, usize)> = found.iter().flatten().copied().collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(all.iter().all(|(row, col)| bubble(*row, *col) || stripe(*row, *col)), "{found:?}");
        let missed = |of: &dyn Fn(usize, usize) -> bool| {
            let bins = (0..6400).map(|i| (i / 80, i % 80)).filter(|(row, col)| of(*row, *col));
            bins.filter(|bin| !all.contains(bin)).count()
        };
        assert_eq!(missed(&bubble), 0);
        assert!(missed(&stripe) <= 8, "{} of the stripe, at its ends", missed(&stripe));
    }
}
