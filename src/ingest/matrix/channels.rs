//! Arrays with gaps: rows and columns that are measured, and as many squares between them as their distance says.

use crate::dataset::Mode;
use crate::ingest::binning::{Collector, MeasuredBins};
use crate::ingest::config::PrepConfig;
use crate::{Error, Result};
use std::path::Path;

/// How the rows and columns of an array lie on a lattice of squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Channels {
    /// Side of a square in µm.
    pub side_um: f64,
    /// Squares from one row or column of the array to the next.
    steps: i32,
}

impl Channels {
    /// Those of the array in the file `path`: `config.matrix.pitch_um` is the distance of its rows and columns.
    ///
    /// A section to be imputed gets the squares of the bins, of which one in so many rows and columns is of the array. To a benchmark, the
    /// array's own are squares without a gap, for of what is in the gaps there is no truth. Without a pitch, squares are of `side_um`.
    pub(crate) fn of(path: &Path, side_um: f64, config: &PrepConfig, collector: &Collector) -> Result<Channels> {
        let Some(pitch_um) = config.matrix.pitch_um else { return Ok(Channels { side_um, steps: 1 }) };
        if collector.mode == Mode::Benchmark {
            return Ok(Channels { side_um: pitch_um, steps: 1 });
        }
        let bin_um = collector.binning.bin_um;
        let steps = (pitch_um / bin_um).round();
        if steps < 1.0 || (pitch_um / bin_um - steps).abs() > 1e-6 {
            return Err(Error::Usage(format!(
                "{}: rows and columns {pitch_um} µm apart (--pitch-um), expected a multiple of --bin-um {bin_um}",
                path.display()
            )));
        }
        let lattice = collector.binning.lattice.scale.get();
        if matches!(collector.binning.measured, MeasuredBins::Lattice(_)) && steps != lattice as f64 {
            return Err(Error::Usage(format!(
                "{}: rows and columns {pitch_um} µm apart (--pitch-um) are one in {steps} of bins of {bin_um} µm, expected --scale {steps}, not {lattice}",
                path.display()
            )));
        }
        Ok(Channels { side_um: bin_um, steps: steps as i32 })
    }

    /// The square of a row and column.
    pub(crate) fn square(&self, place: [i32; 2]) -> [i32; 2] {
        place.map(|index| index.saturating_mul(self.steps))
    }

    /// x and y in µm of the centre of the square of a row and column.
    pub(crate) fn centre_um(&self, place: [i32; 2]) -> [f64; 2] {
        let [row, col] = self.square(place);
        [col, row].map(|index| (f64::from(index) + 0.5) * self.side_um)
    }
}
