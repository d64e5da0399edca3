//! From a square lattice of positions to squares of the grid: how large they are, and where the first of them lies.

use super::lattice::{Along, SquareLattice, TOLERANCE};
use super::places::Places;
use crate::dataset::Mode;
use crate::ingest::binning::Collector;
use crate::{Error, Result};
use std::path::Path;

/// How far from its observation the centre of a square may lie, in bins. Beyond it areas and images begin to meet other bins than theirs.
const FURTHEST: f64 = 0.25;

/// The places of the observations of `path` on the `lattice` of their positions, which stand in `from`. `known` is what a unit of them is
/// in µm, if anything says so.
///
/// Where its spacing is a multiple of the bins, every so many bins hold an observation; where the bins are a multiple of the spacing, they
/// are sums. Where the unit is not known, a benchmark needs none: an observation is a bin. A section to be imputed does, for the bins between
/// those observed depend on it. Either way the centre of a square is where its observation is.
pub(crate) fn on_lattice(
    path: &Path,
    lattice: SquareLattice,
    known: Option<f64>,
    from: &str,
    collector: &Collector,
) -> Result<Places> {
    let spacing = lattice.spacing();
    let squares = Squares::of(spacing, known, collector).ok_or_else(|| {
        let (unit, bin_um) = (known.unwrap_or(1.0), collector.binning.bin_um);
        Error::Usage(format!(
            "{}: {from} is a lattice of spacing {spacing:.4}, which is {:.4} µm at {unit} µm per unit, neither a multiple nor a part of --bin-um {bin_um}. Give --um-per-unit and --bin-um that fit",
            path.display(),
            spacing * unit
        ))
    })?;
    squares.check(path, &lattice, from)?;
    let Squares { side_um, steps, unit, .. } = squares;
    let mut at = lattice.at;
    at.iter_mut().filter(|at| **at != Places::NOWHERE).flatten().for_each(|index| *index = index.saturating_mul(steps));
    collector.note(format!(
        "grid from {from}: a square lattice of spacing {spacing:.4} (within {} %), taken as {} µm; a unit is {} µm",
        TOLERANCE * 100.0,
        squares.step_um(),
        short(unit)
    ));
    Ok(Places::Lattice { side_um, corner_um: lattice.along.map(|along| squares.corner_um(&along)), at })
}

/// What a lattice is on the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Squares {
    bin_um: f64,
    side_um: f64,
    /// Squares from one observation to the next.
    steps: i32,
    /// µm per unit of the positions.
    unit: f64,
}

impl Squares {
    /// `None` where neither bins nor spacing are a multiple of the other.
    fn of(spacing: f64, known: Option<f64>, collector: &Collector) -> Option<Squares> {
        let bin_um = collector.binning.bin_um;
        let unit = known.unwrap_or(1.0);
        let spacing_um = spacing * unit;
        let whole = |ratio: f64| {
            (ratio.round() >= 1.0 && (ratio / ratio.round() - 1.0).abs() <= TOLERANCE).then_some(ratio.round())
        };
        let (apart, together) = (whole(spacing_um / bin_um), whole(bin_um / spacing_um));
        let (side_um, steps, unit) = match (apart, together, collector.mode) {
            (Some(1.0), ..) => (bin_um, 1, unit),
            (Some(apart), _, Mode::Impute) => (bin_um, apart as i32, unit),
            (_, Some(together), _) if known.is_some() || collector.mode == Mode::Impute => (bin_um / together, 1, unit),
            (_, _, Mode::Benchmark) if known.is_none() => (bin_um, 1, bin_um / spacing),
            _ => return None,
        };
        Some(Squares { bin_um, side_um, steps, unit })
    }

    /// µm from one observation to the next, on the grid.
    fn step_um(&self) -> f64 {
        self.side_um * f64::from(self.steps)
    }

    /// Refuses a spacing that, over the whole lattice, carries squares away from their observations.
    fn check(&self, path: &Path, lattice: &SquareLattice, from: &str) -> Result<()> {
        let Squares { bin_um, unit, .. } = *self;
        let off = |along: &Along, step_um: f64| (along.spacing * unit - step_um).abs() * along.reach / bin_um;
        let furthest = |step_um: f64| lattice.along.iter().map(|along| off(along, step_um)).fold(0.0, f64::max);
        let most = furthest(self.step_um());
        if most <= FURTHEST {
            return Ok(());
        }
        let um = lattice.spacing() * unit;
        let stretch = um / self.step_um();
        let remedy = if furthest(um) <= FURTHEST {
            format!(
                "Give --bin-um {}, or --um-per-unit {} if the observations are {} µm apart",
                short(bin_um * stretch),
                short(unit / stretch),
                short(self.step_um())
            )
        } else {
            "Bins are squares: say which rows and columns these are in obs/array_row and obs/array_col, counted from 0"
                .to_owned()
        };
        Err(Error::Usage(format!(
            "{}: {from} is a square lattice of spacing {} µm along x and {} µm along y, at {} µm per unit. Taken as {} µm (--bin-um {bin_um}), bins at its ends would lie {most:.1} bins away from their observations. {remedy}",
            path.display(),
            short(lattice.along[0].spacing * unit),
            short(lattice.along[1].spacing * unit),
            short(unit),
            short(self.step_um()),
        )))
    }

    /// The corner of square 0 along an axis. In round numbers, far below what matters, so that sums of rounded numbers do not show.
    fn corner_um(&self, along: &Along) -> f64 {
        let index = along.middle_index * f64::from(self.steps) + 0.5;
        let round = 10_f64.powf((1000.0 / self.side_um).log10().ceil());
        ((along.middle * self.unit - index * self.side_um) * round).round() / round
    }
}

/// A number for people.
fn short(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}
