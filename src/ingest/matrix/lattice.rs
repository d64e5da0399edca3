//! Whether positions are those of a square lattice, and of which.

use super::places::Places;
use crate::section::median;

/// How far from its lattice point a position may lie, in shares of the spacing.
pub(crate) const TOLERANCE: f64 = 0.05;

/// Fewer positions than this are no lattice, however they lie.
const FEWEST: usize = 16;

/// MeasuredBins that are asked for their nearest neighbour.
const ASKED: usize = 256;

/// A square lattice that positions were found to lie on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SquareLattice {
    /// How it lies along x and along y.
    pub along: [Along; 2],
    /// Row and column of each position.
    pub at: Vec<[i32; 2]>,
}

/// How a lattice lies along an axis: index i is at `middle + spacing · (i − middle_index)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Along {
    /// Distance of neighbouring points, in the unit of the positions.
    pub spacing: f64,
    /// The mean coordinate, which is known best.
    pub middle: f64,
    /// The index that is there, a fraction mostly.
    pub middle_index: f64,
    /// How many steps from the middle the furthest point is.
    pub reach: f64,
}

impl SquareLattice {
    /// The lattice of the `points` (x, y) that are finite, if there is one: equal spacing along x and y, every point within
    /// [`TOLERANCE`] of its place, and no two different points in one place. Other points are nowhere.
    ///
    /// Rows and columns are counted from the coordinates' own zero, not from the first point, so that no point moves the others. Where
    /// they lie is fitted to all points: it is the array's, whatever was found in its spots.
    pub(crate) fn find(points: &[[f64; 2]]) -> Option<SquareLattice> {
        let placed: Vec<usize> = (0..points.len()).filter(|i| points[*i].iter().all(|c| c.is_finite())).collect();
        // Points that lie exactly on others say nothing of the lattice; that they do is told by who looks for sections.
        let different = different(placed.iter().map(|i| points[*i]).collect());
        if different.len() < FEWEST {
            return None;
        }
        let nearest = nearest_distance(&different)?;
        let along = |axis: usize| placed.iter().map(|i| points[*i][axis]).collect();
        let (along_x, cols) = axis(along(0), nearest)?;
        let (along_y, rows) = axis(along(1), nearest)?;
        if (along_x.spacing / along_y.spacing - 1.0).abs() > TOLERANCE {
            return None;
        }
        let taken: std::collections::HashSet<(i32, i32)> = rows.iter().copied().zip(cols.iter().copied()).collect();
        if taken.len() != different.len() {
            return None;
        }
        let mut at = vec![Places::NOWHERE; points.len()];
        placed.iter().zip(rows.into_iter().zip(cols)).for_each(|(i, (row, col))| at[*i] = [row, col]);
        Some(SquareLattice { along: [along_x, along_y], at })
    }

    /// Distance of neighbouring points, in the unit of the positions: the mean of both axes.
    pub(crate) fn spacing(&self) -> f64 {
        (self.along[0].spacing + self.along[1].spacing) / 2.0
    }
}

/// The points, sorted along x, each once.
fn different(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    points
}

/// The distance of neighbours, if the finite `points` lie on a hexagonal lattice, turned in any way: nearly all neighbours of a
/// point are at the same distance, and there are more of them than a square lattice has.
pub(crate) fn hexagonal_pitch(points: &[[f64; 2]]) -> Option<f64> {
    /// Between the first neighbours, at 1, and the second, at 1.73 (1.41 on squares).
    const REACH: f64 = 1.3;
    let sorted = different(points.iter().copied().filter(|point| point.iter().all(|c| c.is_finite())).collect());
    if sorted.len() < FEWEST {
        return None;
    }
    let pitch = nearest_distance(&sorted)?;
    let (mut asked, mut near, mut good) = (0, 0, 0);
    for point in sorted.iter().step_by(sorted.len().div_ceil(ASKED)) {
        let first = sorted.partition_point(|other| other[0] < point[0] - REACH * pitch);
        let within = sorted[first..].iter().take_while(|other| other[0] <= point[0] + REACH * pitch);
        let distances = within.map(|other| (point[0] - other[0]).hypot(point[1] - other[1]));
        let neighbours: Vec<f64> = distances.filter(|d| *d > 0.0 && *d <= REACH * pitch).collect();
        asked += 1;
        near += neighbours.len();
        good += neighbours.iter().filter(|d| (**d / pitch - 1.0).abs() <= TOLERANCE).count();
    }
    let (asked, near, good) = (f64::from(asked), near as f64, good as f64);
    (near > 4.2 * asked && good > 0.95 * near).then_some(pitch)
}

/// The median distance from a position to its nearest neighbour; the positions are sorted along x.
fn nearest_distance(sorted: &[[f64; 2]]) -> Option<f64> {
    let step = sorted.len().div_ceil(ASKED);
    let nearest = |i: usize| {
        let distance = |j: usize| (sorted[i][0] - sorted[j][0]).hypot(sorted[i][1] - sorted[j][1]);
        let mut best = f64::INFINITY;
        for j in (i + 1)..sorted.len() {
            if sorted[j][0] - sorted[i][0] >= best {
                break;
            }
            best = best.min(distance(j));
        }
        for j in (0..i).rev() {
            if sorted[i][0] - sorted[j][0] >= best {
                break;
            }
            best = best.min(distance(j));
        }
        best
    };
    median((0..sorted.len()).step_by(step).map(nearest)).filter(|distance| *distance > 0.0)
}

/// How the lattice lies along an axis, and the index of each coordinate.
fn axis(coordinates: Vec<f64>, guess: f64) -> Option<(Along, Vec<i32>)> {
    let mut order: Vec<usize> = (0..coordinates.len()).collect();
    order.sort_by(|a, b| coordinates[*a].total_cmp(&coordinates[*b]));
    // From one coordinate to the next the guess is good enough to count steps; over the whole axis it would not be.
    let mut index = vec![0.0; coordinates.len()];
    for pair in order.windows(2) {
        let steps = ((coordinates[pair[1]] - coordinates[pair[0]]) / guess).round();
        index[pair[1]] = index[pair[0]] + steps;
    }
    let n = coordinates.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
    let (mean_index, mean_coordinate) = (mean(&index), mean(&coordinates));
    let covariance: f64 = index.iter().zip(&coordinates).map(|(i, c)| (i - mean_index) * (c - mean_coordinate)).sum();
    let variance: f64 = index.iter().map(|i| (i - mean_index).powi(2)).sum();
    let spacing = Some(covariance / variance).filter(|spacing| spacing.is_finite() && *spacing > 0.0)?;
    let first = mean_coordinate - spacing * mean_index;
    let fits = |(i, c): (&f64, &f64)| (first + spacing * i - c).abs() <= TOLERANCE * spacing;
    // Points at whole and at half multiples of the spacing are both usual: the cut lies between them.
    let shift = (first / spacing + 0.25).floor();
    let within = |i: &f64| (f64::from(Places::NOWHERE[0])..f64::from(i32::MAX)).contains(&(i + shift));
    let all = index.iter().zip(&coordinates).all(fits) && index.iter().all(within);
    let reach = index.iter().map(|i| (i - mean_index).abs()).fold(0.0, f64::max);
    let along = Along { spacing, middle: mean_coordinate, middle_index: mean_index + shift, reach };
    all.then(|| (along, index.iter().map(|i| (i + shift) as i32).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lattice(rows: i32, cols: i32, spacing: f64, offset: f64) -> Vec<([i32; 2], [f64; 2])> {
        let points = (0..rows).flat_map(|r| (0..cols).map(move |c| [r, c]));
        let at = |index: i32| offset + spacing * f64::from(index);
        points.map(|[r, c]| ([r, c], [at(c), at(r)])).collect()
    }

    #[test]
    fn a_lattice_is_found_with_holes_and_jitter_and_from_its_own_zero() {
        for (spacing, offset) in [(282.35, 141.18), (1.0, 0.0), (100.0, 1000.0)] {
            let mut spots = lattice(40, 90, spacing, offset);
            spots.retain(|([r, c], _)| (r * 7 + c * 3) % 5 != 0 && !(30..35).contains(c));
            for (i, (_, [x, y])) in spots.iter_mut().enumerate() {
                *x += spacing * 0.01 * ((i % 7) as f64 - 3.0) / 3.0;
                *y -= spacing * 0.01 * ((i % 5) as f64 - 2.0) / 2.0;
            }
            let zero = ((offset / spacing) + 0.25).floor() as i32;
            let points: Vec<[f64; 2]> = spots.iter().map(|(_, point)| *point).collect();
            let found = SquareLattice::find(&points).unwrap();
            for Along { spacing: fitted, middle, middle_index, .. } in found.along {
                assert!((fitted / spacing - 1.0).abs() < 0.001, "{fitted}");
                // The first point lies at the offset, whatever its index.
                let first = middle + fitted * (f64::from(zero) - middle_index);
                assert!((first - offset).abs() < 0.01 * spacing, "{first}, not {offset}");
            }
            let expected: Vec<[i32; 2]> = spots.iter().map(|([r, c], _)| [r + zero, c + zero]).collect();
            assert_eq!(found.at, expected);
            // A spot less at the edge moves no other.
            assert_eq!(SquareLattice::find(&points[1..]).unwrap().at, expected[1..]);
        }
    }

    #[test]
    fn cells_hexagons_and_rectangles_are_no_square_lattice() {
        let cells: Vec<[f64; 2]> =
            (0..500).map(|i| [f64::from(i * 7919 % 1000) + 0.3, f64::from(i * 104_729 % 997)]).collect();
        assert_eq!(SquareLattice::find(&cells), None);
        let hexagon = |[r, c]: [i32; 2]| [100.0 * f64::from(c) + 50.0 * f64::from(r % 2), 86.6 * f64::from(r)];
        let hexagons: Vec<[f64; 2]> = lattice(20, 20, 1.0, 0.0).iter().map(|(at, _)| hexagon(*at)).collect();
        assert_eq!(SquareLattice::find(&hexagons), None);
        let flat: Vec<[f64; 2]> = lattice(20, 20, 1.0, 0.0).iter().map(|(_, [x, y])| [x * 1.2, *y]).collect();
        assert_eq!(SquareLattice::find(&flat), None);
        assert_eq!(SquareLattice::find(&[[0.0, 0.0]; 100]), None);
        let turned = |[x, y]: &[f64; 2]| [0.6 * x - 0.8 * y, 0.8 * x + 0.6 * y];
        let pitch = hexagonal_pitch(&hexagons.iter().map(turned).collect::<Vec<_>>()).unwrap();
        assert!((pitch / 100.0 - 1.0).abs() < 0.01, "{pitch}");
        for others in [cells, lattice(20, 20, 3.0, 0.0).iter().map(|(_, point)| *point).collect()] {
            assert_eq!(hexagonal_pitch(&others), None);
        }
    }

    #[test]
    fn points_without_a_place_and_points_on_others_leave_the_lattice_as_it_is() {
        let mut points: Vec<[f64; 2]> = lattice(8, 8, 37.0, 18.5).iter().map(|(_, point)| *point).collect();
        let expected = SquareLattice::find(&points).unwrap();
        points.extend([[f64::NAN, 3.0], points[9], [f64::INFINITY; 2]]);
        let found = SquareLattice::find(&points).unwrap();
        assert!((found.spacing() / expected.spacing() - 1.0).abs() < 1e-9, "{}", found.spacing());
        assert_eq!(found.at[..64], expected.at);
        assert_eq!(found.at[64..], [Places::NOWHERE, expected.at[9], Places::NOWHERE]);
    }
}
