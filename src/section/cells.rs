//! Cells on the grid: how much of each bin they cover.

use super::{Grid, Raster};

/// The parts of a cell: outer rings and holes, each a closed line in µm whose first point need not come again.
pub type CellOutline = Vec<Vec<Vec<[f64; 2]>>>;

/// Cells, and the bins that each of them covers.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// The name of each.
    pub ids: Vec<String>,
    /// x and y in µm of the middle of each: of its area, or of the point that it was given as.
    pub centres_um: Vec<[f64; 2]>,
    /// Area in µm²; 0 of a point.
    pub areas_um2: Vec<f64>,
    /// Of each cell the bins (row × columns + column) that it covers, and which share of the bin; a point has its bin, as a whole.
    covered: Vec<Vec<(u32, f64)>>,
    /// The area of a bin.
    bin_um2: f64,
}

impl Cells {
    /// Cells of these names and outlines on `grid`.
    pub fn of_outlines(grid: &Grid, cells: Vec<(String, CellOutline)>) -> Self {
        let mut all = Self::none(grid);
        for (id, parts) in cells {
            let (mut area, mut moment) = (0.0, [0.0; 2]);
            let mut covered = std::collections::BTreeMap::new();
            for rings in &parts {
                for (number, ring) in rings.iter().enumerate() {
                    // Holes are what a part lacks, whichever way they run.
                    let sign = if number == 0 { 1.0 } else { -1.0 };
                    let (own, own_moment) = area_and_moment(ring);
                    area += sign * own;
                    (0..2).for_each(|axis| moment[axis] += sign * own_moment[axis]);
                    for (bin, share) in shares(grid, ring) {
                        *covered.entry(bin).or_insert(0.0) += sign * share;
                    }
                }
            }
            let first = parts.iter().flatten().flatten().next().copied().unwrap_or([f64::NAN; 2]);
            all.centres_um.push(if area > 0.0 { moment.map(|moment| moment / area) } else { first });
            all.areas_um2.push(area);
            all.covered.push(covered.into_iter().filter(|(_, share)| *share > 1e-9).collect());
            all.ids.push(id);
        }
        all
    }

    /// Cells of these names that are known by a point in µm alone, on `grid`.
    pub fn of_points(grid: &Grid, cells: Vec<(String, [f64; 2])>) -> Self {
        let mut all = Self::none(grid);
        for (id, point) in cells {
            let [col, row] = grid.place(point).map(f64::floor);
            let inside = (0.0..grid.rows as f64).contains(&row) && (0.0..grid.cols as f64).contains(&col);
            all.covered
                .push(inside.then(|| ((row as usize * grid.cols + col as usize) as u32, 1.0)).into_iter().collect());
            all.centres_um.push(point);
            all.areas_um2.push(0.0);
            all.ids.push(id);
        }
        all
    }

    fn none(grid: &Grid) -> Self {
        let empty = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (ids, centres_um, areas_um2, covered) = empty;
        Cells { ids, centres_um, areas_um2, covered, bin_um2: grid.bin_um * grid.bin_um }
    }

    /// Whether any of them covers any bin.
    pub fn meet_grid(&self) -> bool {
        self.covered.iter().any(|covered| !covered.is_empty())
    }

    /// Of each cell the share of its area in bins that are `inside` [rows, cols]; of a point 1 or 0.
    pub fn share_within(&self, inside: &Raster<bool>) -> Vec<f64> {
        let within = |covered: &Vec<(u32, f64)>| {
            let held = covered.iter().filter(|(bin, _)| inside.values()[*bin as usize]);
            held.map(|(_, share)| share).sum::<f64>()
        };
        let shares = self.covered.iter().zip(&self.areas_um2);
        shares.map(|(covered, area)| within(covered) * if *area > 0.0 { self.bin_um2 / area } else { 1.0 }).collect()
    }

    /// Of each cell the mean of `values` [rows, cols] over what it covers, of what `of` makes of them, and back: bins without a value do not count; NaN
    /// where there is none.
    pub fn means(&self, values: &Raster<f32>, of: fn(f64) -> f64, back: fn(f64) -> f64) -> Vec<f32> {
        let mean = |covered: &Vec<(u32, f64)>| {
            let (sum, weight) = self.sum(covered, values, of);
            back(sum / weight) as f32
        };
        self.covered.iter().map(mean).collect()
    }

    /// Of each cell the sum of its shares of `values` [rows, cols]; bins without a value do not count, and NaN stands where there is none.
    pub fn sums(&self, values: &Raster<f32>) -> Vec<f32> {
        let sum = |covered: &Vec<(u32, f64)>| {
            let (sum, weight) = self.sum(covered, values, |value| value);
            if weight > 0.0 { sum as f32 } else { f32::NAN }
        };
        self.covered.iter().map(sum).collect()
    }

    fn sum(&self, covered: &[(u32, f64)], values: &Raster<f32>, of: fn(f64) -> f64) -> (f64, f64) {
        let known = covered.iter().map(|(bin, share)| (f64::from(values.values()[*bin as usize]), share));
        known
            .filter(|(value, _)| value.is_finite())
            .fold((0.0, 0.0), |(sum, weight), (value, share)| (sum + share * of(value), weight + share))
    }
}

/// The area that a closed line encloses, and its first moments, none negative for an area on the positive side.
fn area_and_moment(ring: &[[f64; 2]]) -> (f64, [f64; 2]) {
    let Some(start) = ring.first() else { return (0.0, [0.0; 2]) };
    let (mut area, mut moment) = (0.0, [0.0; 2]);
    for (i, from) in ring.iter().enumerate() {
        // Around the first point, so that far away from 0 nothing is lost.
        let to = ring[(i + 1) % ring.len()];
        let [a, b] = [from, &to].map(|point| [point[0] - start[0], point[1] - start[1]]);
        let cross = a[0] * b[1] - b[0] * a[1];
        area += cross / 2.0;
        (0..2).for_each(|axis| moment[axis] += (a[axis] + b[axis]) * cross / 6.0);
    }
    let sign = if area < 0.0 { -1.0 } else { 1.0 };
    let area = sign * area;
    (area, [0, 1].map(|axis| sign * moment[axis] + area * start[axis]))
}

/// The share of each bin that a closed line encloses.
fn shares(grid: &Grid, ring: &[[f64; 2]]) -> Vec<(u32, f64)> {
    let places: Vec<[f64; 2]> = ring.iter().map(|point| grid.place(*point)).collect();
    let span = |axis: usize, length: usize| {
        let (low, high) = places.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| {
            (low.min(place[axis]), high.max(place[axis]))
        });
        low.floor().max(0.0) as usize..(high.ceil().max(0.0) as usize).min(length)
    };
    let (rows, cols) = (span(1, grid.rows), span(0, grid.cols));
    let mut found = Vec::new();
    for row in rows {
        let strip = clip(&clip(&places, 1, row as f64, 1.0), 1, row as f64 + 1.0, -1.0);
        for col in cols.clone() {
            let inside = clip(&clip(&strip, 0, col as f64, 1.0), 0, col as f64 + 1.0, -1.0);
            let (share, _) = area_and_moment(&inside);
            if share > 0.0 {
                found.push(((row * grid.cols + col) as u32, share));
            }
        }
    }
    found
}

/// The part of a closed line on one `side` (1 above, −1 below) of `limit` along an axis (Sutherland & Hodgman 1974): edges along the limit may run to and fro, and enclose nothing.
fn clip(ring: &[[f64; 2]], axis: usize, limit: f64, side: f64) -> Vec<[f64; 2]> {
    let beyond = |point: &[f64; 2]| side * (point[axis] - limit);
    let mut kept = Vec::with_capacity(ring.len() + 4);
    for (i, from) in ring.iter().enumerate() {
        let to = &ring[(i + 1) % ring.len()];
        let (a, b) = (beyond(from), beyond(to));
        if a >= 0.0 {
            kept.push(*from);
        }
        if (a > 0.0 && b < 0.0) || (a < 0.0 && b > 0.0) {
            let along = a / (a - b);
            kept.push([0, 1].map(|axis| from[axis] + along * (to[axis] - from[axis])));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GRID: Grid = Grid { rows: 4, cols: 5, bin_um: 10.0, origin_um: [100.0, -20.0] };

    #[test]
    fn a_square_with_a_hole_covers_what_it_covers() {
        let square = |left: f64, top: f64, side: f64| {
            vec![[left, top], [left + side, top], [left + side, top + side], [left, top + side]]
        };
        let cell = vec![vec![square(105.0, -15.0, 20.0), square(110.0, -10.0, 5.0)]];
        let point = Cells::of_points(&GRID, vec![("p".to_owned(), [149.9, 19.9]), ("q".to_owned(), [150.1, 0.0])]);
        assert_eq!((&point.covered[0], &point.covered[1]), (&vec![(19, 1.0)], &Vec::new()));
        let cells = Cells::of_outlines(&GRID, vec![("a".to_owned(), cell)]);
        assert!((cells.areas_um2[0] - 375.0).abs() < 1e-9);
        let whole =
            vec![(0, 0.25), (1, 0.5), (2, 0.25), (5, 0.5), (6, 0.75), (7, 0.5), (10, 0.25), (11, 0.5), (12, 0.25)];
        assert!(cells.covered[0].iter().zip(&whole).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-12));
        let values = Raster::from_fn(4, 5, |row, col| if row == 2 { f32::NAN } else { col as f32 });
        let (sum, weight) = (0.5 + 0.25 * 2.0 + 0.75 + 0.5 * 2.0, 0.25 + 0.5 + 0.25 + 0.5 + 0.75 + 0.5);
        assert!((f64::from(cells.sums(&values)[0]) - sum).abs() < 1e-6);
        assert!((f64::from(cells.means(&values, |v| v, |v| v)[0]) - sum / weight).abs() < 1e-6);
        let share = cells.share_within(&values.map(|value| value.is_finite()))[0];
        assert!((share - weight * 100.0 / 375.0).abs() < 1e-9);
        // The middle of the square, away from the hole.
        assert!((cells.centres_um[0][0] - (400.0 * 115.0 - 25.0 * 112.5) / 375.0).abs() < 1e-9);
    }

    proptest! {
        /// What bins hold of a star-shaped cell within the grid adds up to its area.
        #[test]
        fn no_area_is_lost_or_counted_twice(radii in prop::collection::vec(1.0..18.0_f64, 3..12), x in 120.0..130.0_f64, y in -2.0..2.0_f64) {
            let angle = |i: usize| i as f64 / radii.len() as f64 * std::f64::consts::TAU;
            let corner = |(i, r): (usize, &f64)| [x + r * angle(i).cos(), y + r * angle(i).sin()];
            let ring: Vec<[f64; 2]> = radii.iter().enumerate().map(corner).collect();
            let cells = Cells::of_outlines(&GRID, vec![(String::new(), vec![vec![ring]])]);
            let held: f64 = cells.covered[0].iter().map(|(_, share)| share * 100.0).sum();
            prop_assert!((held - cells.areas_um2[0]).abs() < 1e-6 * (1.0 + held));
            prop_assert!(cells.covered[0].iter().all(|(_, share)| *share <= 1.0 + 1e-9));
        }
    }
}
