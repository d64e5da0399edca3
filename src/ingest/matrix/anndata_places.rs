//! Where the observations of an AnnData object lie.
//!
//! The grid is, in this order: `obs/array_row` and `obs/array_col` (DBiT-seq: `array_B` and `array_A`), which count bins, or channels some
//! bins apart; rows and columns in the names of the
//! observations (Visium HD); the square lattice on which the positions lie; bins over the positions. Rows and columns of which
//! only those with an even sum occur are Visium's hexagonal ones ([`full_columns`]). Observations without a place are left out.

use super::channels::Channels;
use super::columns::Column;
use super::lattice::SquareLattice;
use super::lattice_places::on_lattice;
use super::observations::{chosen, under_tissue};
use super::places::{Places, full_columns};
use super::positions::Positions;
use super::scalefactors::{PITCH_UM, ScaleFactors};
use super::sections;
use super::squares::{Square, side_in_name};
use super::tree::Tree;
use crate::ingest::binning::Collector;
use crate::ingest::config::PrepConfig;
use crate::{Error, Result};

/// Rows and columns of an array, and the first of them: of most programs; of DBiT-seq, whose channels B are rows and A columns.
const ARRAYS: [([&str; 2], i32); 2] = [(["obs/array_row", "obs/array_col"], 0), (["obs/array_B", "obs/array_A"], 1)];

/// Where each of the `observations` lies; those that are left out, nowhere.
pub(crate) fn observation_places(
    tree: &Tree,
    observations: usize,
    config: &PrepConfig,
    collector: &Collector,
) -> Result<Places> {
    let conditions = &config.matrix.r#where;
    let mut kept = chosen(tree, conditions, observations, collector)?;
    let (mut places, from) = found(tree, &kept, config, collector)?;
    if places.len() != observations {
        return Err(Error::data(
            tree.path(),
            format!("{} positions for {observations} observations. Is the file damaged?", places.len()),
        ));
    }
    under_tissue_and_placed(tree, &mut kept, &places, &from, collector)?;
    places.leave_out(&kept);
    sections::check(tree, &places, &from, conditions, collector)?;
    Ok(places)
}

/// x and y in µm of the corner of the first square of the lattice that the observations lie on: that of positions is where they are, all
/// others are counted from the origin.
pub(crate) fn corner_um(tree: &Tree, config: &PrepConfig, collector: &Collector) -> Result<[f64; 2]> {
    let conditions = &config.matrix.r#where;
    if OwnSquares::find(tree, &ScaleFactors::read(tree, conditions)?)?.is_some_and(|own| own.named) {
        return Ok([0.0; 2]);
    }
    let kept = chosen(tree, conditions, observations(tree)?, collector)?;
    Ok(found(tree, &kept, config, collector)?.0.corner_um())
}

/// Where the observations lie of which those `kept` count, and what says so.
fn found(tree: &Tree, kept: &[bool], config: &PrepConfig, collector: &Collector) -> Result<(Places, String)> {
    let factors = ScaleFactors::read(tree, &config.matrix.r#where)?;
    let own = OwnSquares::find(tree, &factors)?;
    if let Some(placed) = on_array(tree, kept, own.as_ref(), config, collector)? {
        if config.csv.um_per_unit.is_some() {
            collector.note("--um-per-unit is not used: rows and columns have no unit".to_owned());
        }
        return Ok(placed);
    }
    if let Some(places) = in_names(tree, own.as_ref(), collector)? {
        return Ok((places, "the names of the observations".to_owned()));
    }
    let mut positions = Positions::find(tree, kept.len(), collector)?;
    positions.points.iter_mut().zip(kept).filter(|(_, kept)| !**kept).for_each(|(p, _)| *p = [f64::NAN; 2]);
    let places = by_position(tree, &positions, config, own.as_ref(), &factors, collector)?;
    Ok((places, positions.from))
}

/// Leaves out of `kept` what has no place, or lies outside the tissue.
fn under_tissue_and_placed(
    tree: &Tree,
    kept: &mut [bool],
    places: &Places,
    from: &str,
    collector: &Collector,
) -> Result<()> {
    let mut unplaced = 0;
    for (i, kept) in kept.iter_mut().enumerate().filter(|(_, kept)| **kept) {
        *kept = places.get(i).is_some();
        unplaced += usize::from(!*kept);
    }
    if unplaced > 0 {
        collector.note(format!("{unplaced} of {} observations left out: without a place in {from}", kept.len()));
    }
    under_tissue(tree, kept, collector)?;
    if kept.iter().any(|kept| *kept) {
        return Ok(());
    }
    Err(Error::data(
        tree.path(),
        format!(
            "none of {} observations is left: {unplaced} are without a place in {from}, the others outside the tissue (in_tissue) or not chosen (--where)",
            kept.len()
        ),
    ))
}

/// Side in µm of the squares of Visium HD that the object is made of, if it says so.
pub(crate) fn squares_um(tree: &Tree, config: &PrepConfig) -> Result<Option<f64>> {
    let factors = ScaleFactors::read(tree, &config.matrix.r#where)?;
    Ok(OwnSquares::find(tree, &factors)?.map(|own| own.side_um))
}

/// The squares of Visium HD that an object is made of.
struct OwnSquares {
    side_um: f64,
    /// What tells so.
    why: String,
    /// Whether the names of the observations hold rows and columns.
    named: bool,
}

impl OwnSquares {
    /// By the names of the observations, the scale factors, or the name of the object.
    fn find(tree: &Tree, factors: &ScaleFactors) -> Result<Option<OwnSquares>> {
        let index = index(tree);
        let square = |row: usize| Square::of(&tree.text_at(&index, row).ok()?);
        let observations = tree.array(&index).ok().and_then(|array| array.shape().first().copied()).unwrap_or(0);
        if let (Some(first), Some(last)) = (square(0), square((observations as usize).saturating_sub(1))) {
            if first.side_um != last.side_um {
                return Err(tree.error(
                    &index,
                    format!(
                        "squares of {} and of {} µm in one table, expected one size. Choose it with --where",
                        first.side_um, last.side_um
                    ),
                ));
            }
            let why = "the names of the observations".to_owned();
            return Ok(Some(OwnSquares { side_um: first.side_um, why, named: true }));
        }
        if let Some(side_um) = factors.bin_size_um {
            let why = "bin_size_um of uns/spatial".to_owned();
            return Ok(Some(OwnSquares { side_um, why, named: false }));
        }
        let mut names = vec![tree.full(""), tree.path().file_name().unwrap_or_default().to_string_lossy().into_owned()];
        if let Ok(regions) = Column::read(tree, "obs/region") {
            names.extend(regions.values());
        }
        let told = names.iter().find_map(|name| Some((side_in_name(name)?, name.clone())));
        Ok(told.map(|(side_um, name)| OwnSquares { side_um, why: format!("the name {name}"), named: false }))
    }
}

/// How many observations there are.
pub(crate) fn observations(tree: &Tree) -> Result<usize> {
    Ok(tree.array(&index(tree))?.shape().first().map_or(0, |length| *length as usize))
}

/// Where the names of the observations stand.
fn index(tree: &Tree) -> String {
    format!("obs/{}", tree.text("obs", "_index").unwrap_or_else(|| "_index".to_owned()))
}

/// The names of the observations.
pub(crate) fn names(tree: &Tree) -> Result<Vec<String>> {
    let mut all = Vec::new();
    tree.texts(&index(tree), |name| all.push(name.to_owned()))?;
    Ok(all)
}

/// Rows and columns in the names of Visium HD.
fn in_names(tree: &Tree, own: Option<&OwnSquares>, collector: &Collector) -> Result<Option<Places>> {
    let Some(OwnSquares { side_um, named: true, .. }) = own else { return Ok(None) };
    let mut at = Vec::new();
    tree.texts(&index(tree), |name| at.push(Square::of(name).map_or(Places::NOWHERE, |square| square.at)))?;
    collector.note(format!("grid from the names of the observations: squares of {side_um} µm"));
    Ok(Some(Places::squares(*side_um, at)))
}

/// Rows and columns of the array; `None` where there are none, or they are means over several bins.
fn on_array(
    tree: &Tree,
    kept: &[bool],
    own: Option<&OwnSquares>,
    config: &PrepConfig,
    collector: &Collector,
) -> Result<Option<(Places, String)>> {
    let mut named = None;
    for ([row, col], first) in ARRAYS {
        named = named.or((tree.has(row)? && tree.has(col)?).then_some(([row, col], first)));
    }
    let Some(([row, col], first)) = named else { return Ok(None) };
    let from = format!("{row} and {col}");
    let column = |name: &str| Column::read(tree, name)?.numbers().map_err(|what| tree.error(name, what));
    let (rows, cols) = (column(row)?, column(col)?);
    let numbers = || rows.iter().chain(&cols).filter(|number| number.is_finite());
    if numbers().any(|number| number.fract() != 0.0) || numbers().next().is_none() {
        collector.note(format!("{from} are not used: they are no whole numbers"));
        return Ok(None);
    }
    if let Some(wrong) = numbers().find(|number| number.abs() >= 1e6) {
        return Err(tree.error(row, format!("{wrong}, expected rows and columns below 1,000,000")));
    }
    let place = |(row, col): (&f64, &f64)| {
        let placed = row.is_finite() && col.is_finite();
        if placed { [row, col].map(|index| *index as i32 - first) } else { Places::NOWHERE }
    };
    let mut at: Vec<[i32; 2]> = rows.iter().zip(&cols).map(place).collect();
    let of = || at.iter().zip(kept).filter(|(at, kept)| **kept && **at != Places::NOWHERE).map(|(at, _)| at);
    let even_sums = of().all(|[row, col]| (row + col) % 2 == 0);
    // Rows of one parity alone are a square lattice of which every second row and column was sampled.
    let parities = [0, 1].map(|parity| of().any(|[row, _]| row.rem_euclid(2) == parity));
    let hexagonal = even_sums && parities == [true, true];
    if hexagonal {
        at.iter_mut().filter(|at| **at != Places::NOWHERE).for_each(|at| *at = full_columns(*at));
    }
    let kind = match (hexagonal, collector.binning.bin_um == PITCH_UM) {
        (false, _) => "",
        (true, true) => ", hexagonal: row × half-column",
        (true, false) => ", hexagonal as Visium's, whose spots are 100 µm apart: row × half-column",
    };
    let (side_um, why) = match own {
        Some(own) => (own.side_um, own.why.as_str()),
        None if config.matrix.pitch_um.is_some() => (collector.binning.bin_um, "--pitch-um"),
        None => (collector.binning.bin_um, "--bin-um"),
    };
    let channels = Channels::of(tree.path(), side_um, config, collector)?;
    let side_um = channels.side_um;
    at.iter_mut().filter(|at| **at != Places::NOWHERE).for_each(|at| *at = channels.square(*at));
    collector.note(format!("grid from {from}{kind}; one square is {side_um} µm ({why})"));
    Ok(Some((Places::squares(side_um, at), from)))
}

/// On a square lattice, or as points.
fn by_position(
    tree: &Tree,
    Positions { points, from }: &Positions,
    config: &PrepConfig,
    own: Option<&OwnSquares>,
    factors: &ScaleFactors,
    collector: &Collector,
) -> Result<Places> {
    let told = factors.microns_per_pixel;
    let lattice = SquareLattice::find(points);
    let of_squares = lattice.as_ref().zip(own).map(|(lattice, own)| own.side_um / lattice.spacing());
    let of_pitch = lattice.as_ref().zip(config.matrix.pitch_um).map(|(lattice, pitch_um)| pitch_um / lattice.spacing());
    let given = config.csv.um_per_unit.or(of_pitch);
    let unit = given.or(told).or(of_squares);
    let why = match (given, told) {
        (None, Some(_)) => "microns_per_pixel of uns/spatial",
        _ => "--um-per-unit",
    };
    if let Some(lattice) = lattice {
        return on_lattice(tree.path(), lattice, unit, from, collector);
    }
    let unit = match (unit, factors.pixels(points)) {
        (Some(unit), _) => unit,
        (None, None) => 1.0,
        (None, Some((why, um))) => {
            return Err(Error::Usage(format!(
                "{}: {from} is in {why}. Say how many µm a unit is: --um-per-unit {um:.4}, if that is so",
                tree.path().display()
            )));
        }
    };
    collector.note(format!("no lattice in {from}: binned as points, {unit} µm per unit ({why})"));
    Ok(Places::Points(points.iter().map(|at| at.map(|c| c * unit)).collect()))
}
