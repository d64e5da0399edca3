//! Holes in a section of which everything else was measured, and their likes where all is known.

use super::groups::groups;
use super::{Raster, Sampling};
use rand::{Rng, RngExt};

/// Places that are tried for a hole before the best of them is taken.
const TRIES: usize = 200;

/// A hole of which less than this share fits anywhere has no like.
const LEAST_FITTING: f64 = 0.5;

/// The holes of a section.
#[derive(Clone, Debug)]
pub struct Holes {
    /// Of each its bins, counted from the corner of the box around it.
    shapes: Vec<Vec<(usize, usize)>>,
}

impl Holes {
    /// Those in the `tissue` [rows, cols]: bins that touch and were not measured. `None` where there are none, or where measured bins
    /// do not lie side by side, so that all between them is one hole.
    pub fn of(sampling: &Sampling, tissue: &Raster<bool>) -> Option<Self> {
        let (rows, cols) = tissue.shape();
        let missing = Raster::from_fn(rows, cols, |row, col| tissue[(row, col)] && !sampling.measures(row, col));
        let holes = if sampling.is_dense() { groups(&missing) } else { Vec::new() };
        let shape = |bins: Vec<(usize, usize)>| {
            let top = bins.iter().map(|bin| bin.0).min().unwrap_or(0);
            let left = bins.iter().map(|bin| bin.1).min().unwrap_or(0);
            bins.into_iter().map(|(row, col)| (row - top, col - left)).collect()
        };
        (!holes.is_empty()).then(|| Holes { shapes: holes.into_iter().map(shape).collect() })
    }

    /// Bins to hide [rows, cols]: holes of these shapes, flipped and turned, where all of them and of the bins beside them is `known`, at
    /// random; one of each, and again, until a `share` of the known bins is hidden. They touch neither each other nor what is unknown, as long as there is room.
    pub fn moved(&self, known: &Raster<bool>, share: f64, rng: &mut impl Rng) -> Raster<bool> {
        let all = known.values().iter().filter(|known| **known).count();
        let mut left = (share * all as f64) as usize;
        let (mut free, mut hidden) = (known.clone(), known.map(|_| false));
        // Any order would do; large ones first find room.
        let mut order: Vec<&Vec<(usize, usize)>> = self.shapes.iter().collect();
        order.sort_by_key(|shape| std::cmp::Reverse(shape.len()));
        loop {
            let before = left;
            for shape in &order {
                let placed = if left > 0 { place(shape, known, &free, rng) } else { Vec::new() };
                for &(row, col) in &placed {
                    hidden[(row, col)] = true;
                    around((row, col), known).for_each(|bin| free[bin] = false);
                }
                left = left.saturating_sub(placed.len());
            }
            if left == 0 || left == before {
                return hidden;
            }
        }
    }
}

/// The known bins that a hole of this shape takes at the best of some random places; none where it fits nowhere.
fn place(
    shape: &[(usize, usize)],
    known: &Raster<bool>,
    free: &Raster<bool>,
    rng: &mut impl Rng,
) -> Vec<(usize, usize)> {
    let (rows, cols) = known.shape();
    let mut best = (LEAST_FITTING, Vec::new());
    for _ in 0..TRIES {
        let (height, width) = shape.iter().fold((0, 0), |(h, w), (r, c)| (h.max(r + 1), w.max(c + 1)));
        let [upside, mirrored, transposed] = [rng.random(), rng.random(), rng.random::<bool>()];
        let turned = shape.iter().map(|&(r, c)| {
            let (r, c) = (if upside { height - 1 - r } else { r }, if mirrored { width - 1 - c } else { c });
            if transposed { (c, r) } else { (r, c) }
        });
        let (height, width) = if transposed { (width, height) } else { (height, width) };
        let (top, left) = (rng.random_range(0..rows), rng.random_range(0..cols));
        if top + height > rows || left + width > cols {
            continue;
        }
        let bins: Vec<(usize, usize)> = turned.map(|(r, c)| (top + r, left + c)).filter(|bin| free[*bin]).collect();
        let clear = bins.iter().filter(|bin| around(**bin, known).all(|beside| known[beside])).count();
        // Most of all the bins themselves, and among equals what lies around them.
        let fits = 0.9 * bins.len() as f64 / shape.len() as f64 + 0.1 * clear as f64 / shape.len() as f64;
        if fits > best.0 {
            best = (fits, bins);
        }
        if fits >= 1.0 {
            break;
        }
    }
    best.1
}

/// A bin and those beside it.
fn around((row, col): (usize, usize), of: &Raster<bool>) -> impl Iterator<Item = (usize, usize)> + use<> {
    let (rows, cols) =
        (row.saturating_sub(1)..(row + 2).min(of.rows()), col.saturating_sub(1)..(col + 2).min(of.cols()));
    rows.flat_map(move |r| cols.clone().map(move |c| (r, c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Lattice, Pattern, Scale};
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn sampling(measured: Raster<bool>) -> Sampling {
        Sampling::of(Lattice::new(Scale::TWO), Pattern::Listed { bins: 0, sha256: String::new() }, measured)
    }

    #[test]
    fn likes_have_the_shapes_of_the_holes_and_lie_in_what_is_known() {
        // A cross of five bins, and a pair.
        let hole = |r: usize, c: usize| (r.abs_diff(5) + c.abs_diff(5) <= 1) || (r == 20 && (c == 30 || c == 31));
        let tissue = Raster::from_fn(40, 50, |row, col| row + col > 3);
        let sampling = sampling(Raster::from_fn(40, 50, |row, col| !hole(row, col)));
        let holes = Holes::of(&sampling, &tissue).expect("two holes");
        let known = Raster::from_fn(40, 50, |row, col| tissue[(row, col)] && sampling.measures(row, col));
        let hidden = holes.moved(&known, 0.1, &mut Xoshiro256PlusPlus::seed_from_u64(1));
        let all = (0..2000).map(|i| (i / 50, i % 50));
        assert!(all.clone().all(|bin| !hidden[bin] || known[bin]));
        let mut sizes: Vec<usize> = groups(&hidden).iter().map(Vec::len).collect();
        sizes.sort_unstable();
        assert!(sizes.iter().all(|size| *size == 2 || *size == 5), "{sizes:?}");
        let count = all.filter(|bin| hidden[*bin]).count();
        assert!((180..=205).contains(&count), "{count} of 199");
    }

    #[test]
    fn what_lies_apart_has_no_holes() {
        let tissue = Raster::filled(20, 20, true);
        assert!(Holes::of(&Sampling::regular(Lattice::new(Scale::TWO), 20, 20), &tissue).is_none());
        assert!(Holes::of(&sampling(tissue.clone()), &tissue).is_none());
        assert!(Holes::of(&sampling(Raster::from_fn(20, 20, |r, c| (r * 7 + c * 5) % 3 == 0)), &tissue).is_none());
    }
}
