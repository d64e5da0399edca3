//! Bins that belong together because they touch.

use super::Raster;

/// The groups of the bins that are `flagged` [rows, cols], each of bins that touch along a side or at a corner, row by row.
pub fn groups(flagged: &Raster<bool>) -> Vec<Vec<(usize, usize)>> {
    let (rows, cols) = flagged.shape();
    let mut left = flagged.clone();
    let mut found = Vec::new();
    for start in (0..rows * cols).map(|i| (i / cols, i % cols)) {
        if !std::mem::replace(&mut left[start], false) {
            continue;
        }
        let (mut group, mut next) = (vec![start], 0);
        while next < group.len() {
            let (row, col) = group[next];
            for r in row.saturating_sub(1)..(row + 2).min(rows) {
                for c in col.saturating_sub(1)..(col + 2).min(cols) {
                    if std::mem::replace(&mut left[(r, c)], false) {
                        group.push((r, c));
                    }
                }
            }
            next += 1;
        }
        group.sort_unstable();
        found.push(group);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_touch_and_gaps_part() {
        let flagged =
            Raster::from_fn(3, 6, |row, col| matches!((row, col), (0, 0) | (1, 1) | (0, 2) | (2, 4) | (2, 5)));
        assert_eq!(groups(&flagged), [vec![(0, 0), (0, 2), (1, 1)], vec![(2, 4), (2, 5)]]);
    }
}
