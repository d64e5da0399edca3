//! Where the observations of an AnnData object lie.
//!
//! The grid is, in this order: `obs/array_row` and `obs/array_col`, which count bins; the square lattice on which
//! `obsm/spatial` lies; bins over `obsm/spatial`. Rows and columns of which only those with an even sum occur are
//! Visium's hexagonal ones ([`full_columns`]).

use super::columns::numbers;
use super::lattice::{SquareLattice, TOLERANCE};
use super::places::{Places, full_columns};
use super::tree::{ELEMENTS, MAX_ROWS, Tree, whole_chunks};
use crate::dataset::Mode;
use crate::ingest::binning::Collector;
use crate::{Error, Result};

/// Where each of the `observations` lies; outside the tissue, nowhere.
pub(crate) fn observation_places(
    tree: &Tree,
    observations: usize,
    um_per_unit: f64,
    collector: &Collector,
) -> Result<Places> {
    let side_um = collector.binning.bin_um;
    let mut places = if tree.has("obs/array_row")? && tree.has("obs/array_col")? {
        let (at, hexagonal) = array_places(tree)?;
        let kind = if hexagonal { ", hexagonal: row × half-column" } else { "" };
        collector
            .note(format!("grid from obs/array_row and obs/array_col{kind}; one square is {side_um} µm (--bin-um)"));
        Places::Lattice { side_um, at }
    } else {
        let points = spatial(tree)?;
        match SquareLattice::find(&points) {
            Some(lattice) => on_lattice(tree, lattice, um_per_unit, collector)?,
            None => {
                collector.note(format!(
                    "no lattice in obsm/spatial: binned as points, {} µm per unit (--um-per-unit)",
                    um_per_unit
                ));
                Places::Points(points.into_iter().map(|at| at.map(|c| c * um_per_unit)).collect())
            }
        }
    };
    if places.len() != observations {
        return Err(Error::data(
            tree.path(),
            format!("{} positions for {observations} observations. Is the file damaged?", places.len()),
        ));
    }
    leave_out(tree, &mut places)?;
    Ok(places)
}

/// The lattice of `obsm/spatial`. Where its spacing is a multiple of the bins, every so many bins hold an observation;
/// where the bins are a multiple of the spacing, they are sums. Where the unit is not known, a benchmark needs none:
/// an observation is a bin. A section to be imputed does, for the bins between those observed depend on it.
fn on_lattice(tree: &Tree, lattice: SquareLattice, unit: f64, collector: &Collector) -> Result<Places> {
    let SquareLattice { spacing, mut at } = lattice;
    let bin_um = collector.binning.bin_um;
    let spacing_um = spacing * unit;
    let whole = |ratio: f64| {
        (ratio.round() >= 1.0 && (ratio / ratio.round() - 1.0).abs() <= TOLERANCE).then_some(ratio.round())
    };
    let (apart, together) = (whole(spacing_um / bin_um), whole(bin_um / spacing_um));
    let unit_is_known = unit != 1.0;
    let (side_um, steps) = match (apart, together, collector.mode) {
        (Some(1.0), ..) => (bin_um, 1),
        (Some(apart), _, Mode::Impute) => (bin_um, apart as i32),
        (_, Some(together), _) if unit_is_known || collector.mode == Mode::Impute => (bin_um / together, 1),
        (_, _, Mode::Benchmark) if !unit_is_known => (bin_um, 1),
        _ => {
            return Err(Error::Usage(format!(
                "{}: obsm/spatial is a lattice of spacing {spacing:.4}, which is {spacing_um:.4} µm at {unit} µm per unit, neither a multiple nor a part of --bin-um {bin_um}. Give --um-per-unit and --bin-um that fit",
                tree.path().display()
            )));
        }
    };
    at.iter_mut().flatten().for_each(|index| *index = index.saturating_mul(steps));
    collector.note(format!(
        "grid from obsm/spatial: a square lattice of spacing {spacing:.4} (within {} %), taken as {} µm",
        TOLERANCE * 100.0,
        side_um * f64::from(steps)
    ));
    Ok(Places::Lattice { side_um, at })
}

/// Rows and columns of the array, and whether they were hexagonal.
fn array_places(tree: &Tree) -> Result<(Vec<[i32; 2]>, bool)> {
    let (rows, cols) = (numbers(tree, "obs/array_row")?, numbers(tree, "obs/array_col")?);
    let index = |value: f64| (value.fract() == 0.0 && value.abs() < 1e6).then_some(value as i32);
    let place = |(i, (row, col)): (usize, (&f64, &f64))| match (index(*row), index(*col)) {
        (Some(row), Some(col)) => Ok([row, col]),
        _ => Err(tree.error(
            "obs/array_row",
            format!("({row}, {col}) of observation {i} (counted from 0), expected whole numbers"),
        )),
    };
    let mut at = rows.iter().zip(&cols).enumerate().map(place).collect::<Result<Vec<_>>>()?;
    let even_sums = at.iter().all(|[row, col]| (row + col) % 2 == 0);
    // Rows of one parity alone are a square lattice of which every second row and column was sampled.
    let parities = [0, 1].map(|parity| at.iter().any(|[row, _]| row.rem_euclid(2) == parity));
    let hexagonal = even_sums && parities == [true, true];
    if hexagonal {
        at.iter_mut().for_each(|place| *place = full_columns(*place));
    }
    Ok((at, hexagonal))
}

/// x and y of every observation.
fn spatial(tree: &Tree) -> Result<Vec<[f64; 2]>> {
    const NAME: &str = "obsm/spatial";
    if !tree.has(NAME)? {
        return Err(Error::data(
            tree.path(),
            "no positions: neither obs/array_row and obs/array_col nor obsm/spatial. Add one of them",
        ));
    }
    let array = tree.array(NAME)?;
    let (observations, rows) = match array.shape() {
        &[observations, 2 | 3] => (observations, array.chunk()[0]),
        shape => return Err(tree.error(NAME, format!("an array of {shape:?}, expected observations × 2 (x, y)"))),
    };
    if observations > MAX_ROWS {
        return Err(tree.error(NAME, format!("{observations} rows. Is the file damaged?")));
    }
    let step = whole_chunks(ELEMENTS, rows);
    let mut points = Vec::new();
    for start in (0..observations).step_by(step as usize) {
        let part = [start..(start + step).min(observations), 0..2];
        let values = array.numbers(&part).map_err(|what| tree.error(NAME, what))?;
        points.extend(values.chunks_exact(2).map(|xy| [xy[0], xy[1]]));
    }
    Ok(points)
}

/// Leaves out what `obs/in_tissue` says is outside the tissue.
fn leave_out(tree: &Tree, places: &mut Places) -> Result<()> {
    if !tree.has("obs/in_tissue")? {
        return Ok(());
    }
    let outside = numbers(tree, "obs/in_tissue")?.into_iter().enumerate().filter(|(_, flag)| *flag == 0.0);
    for (i, _) in outside {
        match places {
            Places::Lattice { at, .. } => at.get_mut(i).map(|place| *place = Places::NOWHERE),
            Places::Points(at) => at.get_mut(i).map(|place| *place = [f64::NAN; 2]),
        };
    }
    Ok(())
}
