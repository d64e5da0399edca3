//! Polygons in µm, and the bins whose centres they hold.

use crate::guides::Affine;
use crate::ingest::binning::{AbsoluteBin, BinSet, Binning};

/// A closed line; the first point need not come again at the end.
pub(super) type Ring = Vec<[f64; 2]>;

/// Polygons, each of an outer ring and holes. What lies in any of them is held.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Polygons(pub(super) Vec<Vec<Ring>>);

impl Polygons {
    /// The polygons where `map` leads them.
    pub(super) fn mapped(&self, map: &Affine) -> Self {
        let ring = |ring: &Ring| ring.iter().map(|point| map.at(*point)).collect();
        Polygons(self.0.iter().map(|rings| rings.iter().map(ring).collect()).collect())
    }

    /// The corners of least and largest x and y of the box around them.
    pub(super) fn extent(&self) -> [[f64; 2]; 2] {
        let points = || self.0.iter().flatten().flatten();
        let over = |of: fn(f64, f64) -> f64, start: f64| {
            points().fold([start; 2], |[x, y], point| [of(x, point[0]), of(y, point[1])])
        };
        [over(f64::min, f64::INFINITY), over(f64::max, f64::NEG_INFINITY)]
    }

    /// The bins whose centres lie in a polygon: inside its outer ring and in none of its holes, by the even-odd rule. The error says what is
    /// wrong with the positions.
    pub(super) fn bins(&self, binning: &Binning) -> Result<BinSet, String> {
        let [low, high] = self.extent();
        let corner = |[x, y]: [f64; 2]| {
            binning.bin_at(x, y).ok_or_else(|| format!("a point at ({x}, {y}) µm, which is out of reach of the grid"))
        };
        let (first, last) = (corner(low)?, corner(high)?);
        let length = |first: i32, last: i32| (last - first) as usize + 1;
        let mut set = BinSet::empty(first, length(first.row, last.row), length(first.col, last.col))?;
        for rings in &self.0 {
            for (row, crossings) in crossings(rings, binning, first.row, last.row) {
                for pair in crossings.chunks_exact(2) {
                    // Centres at or right of the first line and left of the second.
                    let col = |x: f64| ((x - binning.anchor_um[0]) / binning.bin_um - 0.5).ceil() as i32;
                    (col(pair[0])..col(pair[1])).for_each(|col| set.insert(AbsoluteBin { row, col }));
                }
            }
        }
        Ok(set)
    }
}

/// Where the line through the centres of each row of bins crosses the rings: x in µm, ascending, an even number of them.
fn crossings(
    rings: &[Ring],
    binning: &Binning,
    first: i32,
    last: i32,
) -> impl Iterator<Item = (i32, Vec<f64>)> + use<> {
    let mut rows: Vec<Vec<f64>> = vec![Vec::new(); (last - first) as usize + 1];
    let row = |y: f64| ((y - binning.anchor_um[1]) / binning.bin_um - 0.5).ceil() as i32;
    for ring in rings {
        for (i, from) in ring.iter().enumerate() {
            let to = ring[(i + 1) % ring.len()];
            let (upper, lower) = if from[1] <= to[1] { (*from, to) } else { (to, *from) };
            // Of an edge the upper end counts and the lower one does not: a corner is crossed once, or twice, or not at all.
            for at in row(upper[1]).max(first)..row(lower[1]).min(last + 1) {
                let y = binning.anchor_um[1] + (f64::from(at) + 0.5) * binning.bin_um;
                let along = (y - upper[1]) / (lower[1] - upper[1]);
                rows[(at - first) as usize].push(upper[0] + along * (lower[0] - upper[0]));
            }
        }
    }
    (first..).zip(rows).map(|(row, mut crossings)| {
        crossings.sort_by(f64::total_cmp);
        (row, crossings)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::binning::MeasuredBins;
    use crate::section::{Lattice, Scale};
    use proptest::prelude::*;

    fn binning() -> Binning {
        let lattice = Lattice::new(Scale::TWO);
        Binning { anchor_um: [3.0, -2.0], bin_um: 5.0, lattice, measured: MeasuredBins::All }
    }

    fn held(polygons: &[Vec<Ring>]) -> Vec<(i32, i32)> {
        let set = Polygons(polygons.to_vec()).bins(&binning()).expect("within reach");
        set.bins().map(|bin| (bin.row, bin.col)).collect()
    }

    fn square(low: f64, high: f64) -> Ring {
        vec![[low, low], [high, low], [high, high], [low, high], [low, low]]
    }

    #[test]
    fn a_hole_is_left_out_and_overlapping_polygons_hold_what_both_hold() {
        // Centres at x 0.5, 5.5, 10.5, and y 0.5, 5.5, 10.5.
        let all: Vec<(i32, i32)> = (0..3).flat_map(|row| (-1..2).map(move |col| (row, col))).collect();
        assert_eq!(held(&[vec![square(0.0, 12.0)]]), all);
        assert_eq!(held(&[vec![square(0.0, 12.0), square(9.0, 11.0)]]), all[..8]);
        assert_eq!(held(&[vec![square(0.0, 12.0)], vec![square(9.0, 11.0)]]), all);
    }

    proptest! {
        /// Against the definition, with corners that put no centre on an edge: a ray to the right from the centre crosses an odd number of edges.
        #[test]
        fn centres_are_held_by_the_even_odd_rule(points in prop::collection::vec((-40..60_i32, -40..60_i32), 3..9)) {
            let ring: Ring = points.iter().map(|(x, y)| [f64::from(*x) * 0.9137, f64::from(*y) * 0.9137]).collect();
            let set = Polygons(vec![vec![ring.clone()]]).bins(&binning()).unwrap();
            for (row, col) in (-12..14).flat_map(|row| (-12..14).map(move |col| (row, col))) {
                let [x, y] = [3.0 + 5.0 * (f64::from(col) + 0.5), -2.0 + 5.0 * (f64::from(row) + 0.5)];
                let crossed = (0..ring.len()).filter(|i| {
                    let (a, b) = (ring[*i], ring[(*i + 1) % ring.len()]);
                    (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]
                });
                prop_assert_eq!(set.holds(AbsoluteBin { row, col }), crossed.count() % 2 == 1, "({}, {})", row, col);
            }
        }
    }
}
