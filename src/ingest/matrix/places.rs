//! Where the observations of a matrix lie: on a lattice of the platform's own, or anywhere.

use crate::ingest::binning::Binning;
use crate::{Error, Result};
use std::path::Path;

/// The place of each observation, in the order of the matrix.
pub(crate) enum Places {
    /// Row and column on a lattice of squares; [`Places::NOWHERE`] for observations that are left out.
    Lattice {
        /// Side of a square in µm.
        side_um: f64,
        /// x and y in µm of the corner of square (0, 0).
        corner_um: [f64; 2],
        /// Row and column.
        at: Vec<[i32; 2]>,
    },
    /// x and y in µm; not a number for observations that are left out.
    Points(Vec<[f64; 2]>),
}

impl Places {
    /// The place of an observation that lies outside the tissue by the platform's own account.
    pub(crate) const NOWHERE: [i32; 2] = [i32::MIN, i32::MIN];

    /// Squares that are counted from the origin of the platform's field.
    pub(crate) fn squares(side_um: f64, at: Vec<[i32; 2]>) -> Places {
        Places::Lattice { side_um, corner_um: [0.0; 2], at }
    }

    /// x and y in µm of a corner of a square; the origin where there are none.
    pub(crate) fn corner_um(&self) -> [f64; 2] {
        match self {
            Places::Lattice { corner_um, .. } => *corner_um,
            Places::Points(_) => [0.0; 2],
        }
    }

    /// The number of observations.
    pub(crate) fn len(&self) -> usize {
        match self {
            Places::Lattice { at, .. } => at.len(),
            Places::Points(at) => at.len(),
        }
    }

    /// x and y in µm, for a lattice of the centre of the square; `None` outside the tissue.
    pub(crate) fn get(&self, observation: usize) -> Option<[f64; 2]> {
        match self {
            Places::Lattice { side_um, corner_um: [x, y], at } => {
                let [row, col] = *at.get(observation)?;
                let centre = |corner: f64, index: i32| corner + (f64::from(index) + 0.5) * side_um;
                ([row, col] != Places::NOWHERE).then(|| [centre(*x, col), centre(*y, row)])
            }
            Places::Points(at) => at.get(observation).copied().filter(|[x, y]| !x.is_nan() && !y.is_nan()),
        }
    }

    /// Takes the place of every observation that is not `kept`.
    pub(crate) fn leave_out(&mut self, kept: &[bool]) {
        match self {
            Places::Lattice { at, .. } => {
                at.iter_mut().zip(kept).filter(|(_, kept)| !**kept).for_each(|(at, _)| *at = Places::NOWHERE);
            }
            Places::Points(at) => {
                at.iter_mut().zip(kept).filter(|(_, kept)| !**kept).for_each(|(at, _)| *at = [f64::NAN; 2]);
            }
        }
    }

    /// What two observations of the same place have in common; `None` for those that have none.
    pub(crate) fn key(&self, observation: usize) -> Option<[u64; 2]> {
        match self {
            Places::Lattice { at, .. } => {
                let place = *at.get(observation)?;
                (place != Places::NOWHERE).then(|| place.map(|index| index as u64))
            }
            Places::Points(_) => self.get(observation).map(|at| at.map(f64::to_bits)),
        }
    }

    /// Whether observations share a place, and which do first.
    pub(crate) fn taken_twice(&self) -> Option<Twice> {
        if self.is_plainly_once() {
            return None;
        }
        let mut keys: Vec<([u64; 2], u32)> = (0..self.len()).filter_map(|i| Some((self.key(i)?, i as u32))).collect();
        keys.sort_unstable();
        let same = || keys.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        let first = same().min_by_key(|pair| pair[1].1)?;
        Some(Twice { pair: [first[0].1 as usize, first[1].1 as usize], taken: same().count() })
    }

    /// Whether this is a lattice, dense enough for a flag for each of its places, of which none is taken twice.
    fn is_plainly_once(&self) -> bool {
        /// Places for each observation, at most.
        const MOST: i64 = 64;
        let Places::Lattice { at, .. } = self else { return false };
        let placed = || at.iter().filter(|place| **place != Places::NOWHERE);
        let range = |axis: usize| {
            let values = || placed().map(|place| i64::from(place[axis]));
            Some((values().min()?, values().max()? + 1 - values().min()?))
        };
        let (Some((top, rows)), Some((left, cols))) = (range(0), range(1)) else { return true };
        if rows.saturating_mul(cols) > MOST * at.len() as i64 {
            return false;
        }
        let mut taken = vec![false; (rows * cols) as usize];
        placed().all(|[row, col]| {
            let index = (i64::from(*row) - top) * cols + i64::from(*col) - left;
            !std::mem::replace(&mut taken[index as usize], true)
        })
    }

    /// Bins of a lattice are made of whole squares: [`Error::Usage`] where `binning` would cut through one.
    pub(crate) fn check(&self, binning: &Binning, path: &Path) -> Result<()> {
        let Places::Lattice { side_um, corner_um, .. } = self else { return Ok(()) };
        let times = binning.bin_um / side_um;
        if times.round() < 1.0 || !is_whole(times) {
            let below = times.floor().max(1.0) * side_um;
            return Err(Error::Usage(format!(
                "bin-um {}: {} comes in squares of {side_um} µm, expected a multiple of that, for example {below} or {}",
                binning.bin_um,
                path.display(),
                below + side_um
            )));
        }
        let cut =
            binning.anchor_um.iter().zip(corner_um).find(|(origin, corner)| !is_whole((*origin - *corner) / side_um));
        match cut {
            Some((origin, corner)) => Err(Error::Usage(format!(
                "origin {origin}: {} comes in squares of {side_um} µm{}, expected a multiple of that",
                path.display(),
                if *corner == 0.0 { String::new() } else { format!(" from {corner} on") }
            ))),
            None => Ok(()),
        }
    }

    /// Whether two observations share a bin of `binning`, and which.
    pub(crate) fn shared_bin(&self, binning: &Binning) -> Option<[usize; 2]> {
        let mut seen = std::collections::HashMap::new();
        (0..self.len()).find_map(|i| {
            let [x, y] = self.get(i)?;
            let bin = binning.bin_at(x, y)?;
            seen.insert((bin.row, bin.col), i).map(|earlier| [earlier, i])
        })
    }
}

/// Places that two observations or more have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Twice {
    /// Two observations of one place.
    pub pair: [usize; 2],
    /// Observations that lie where another does.
    pub taken: usize,
}

/// Half-columns of a hexagonal lattice to columns: its rows and half-columns have even sums alone.
pub(crate) fn full_columns([row, col]: [i32; 2]) -> [i32; 2] {
    [row, col.div_euclid(2)]
}

fn is_whole(number: f64) -> bool {
    (number - number.round()).abs() <= 1e-6 * number.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::binning::MeasuredBins;
    use crate::section::{Lattice, Scale};

    #[test]
    fn every_square_of_the_full_grid_is_one_spot() {
        let spots = (0..78).flat_map(|row| (0..64).map(move |i| [row, 2 * i + row % 2]));
        let squares: std::collections::BTreeSet<[i32; 2]> = spots.map(full_columns).collect();
        let grid: std::collections::BTreeSet<[i32; 2]> = (0..78).flat_map(|r| (0..64).map(move |c| [r, c])).collect();
        assert_eq!(squares, grid);
    }

    #[test]
    fn a_place_taken_twice_is_found_where_there_is_a_place() {
        let at = vec![[0, 0], [0, 1], Places::NOWHERE, Places::NOWHERE, [0, 1]];
        let twice = Places::squares(1.0, at).taken_twice().unwrap();
        assert_eq!((twice.pair, twice.taken), ([1, 4], 1));
        assert_eq!(Places::Points(vec![[0.0, 1.0], [f64::NAN; 2], [f64::NAN; 2]]).taken_twice(), None);
    }

    #[test]
    fn bins_hold_whole_squares() {
        let places = Places::squares(8.0, vec![[0, 0], [3, 1], Places::NOWHERE]);
        let lattice = Lattice::new(Scale::new(2).unwrap());
        let measured = || MeasuredBins::Lattice(lattice);
        let binning = |bin_um, x| Binning { anchor_um: [x, 0.0], bin_um, lattice, measured: measured() };
        let code = |bin_um, x| places.check(&binning(bin_um, x), Path::new("a")).map_err(|e| e.exit_code());
        assert_eq!((code(16.0, 0.0), code(8.0, 24.0)), (Ok(()), Ok(())));
        assert_eq!((code(12.0, 0.0), code(4.0, 0.0), code(16.0, 4.0)), (Err(2), Err(2), Err(2)));
        assert_eq!((places.get(1), places.get(2)), (Some([12.0, 28.0]), None));
        assert_eq!(
            (places.shared_bin(&binning(16.0, 0.0)), places.shared_bin(&binning(32.0, 0.0))),
            (None, Some([0, 1]))
        );
    }
}
