//! How far from measured bins anything is known.

use super::config::PredictConfig;
use crate::Result;
use crate::dataset::Dataset;
use crate::section::{Lags, Raster, Variogram, distances, empirical_variogram};

/// Ranges of an exponential variogram after which bins are alike no more than any others: 1/e³, 5 %, of the likeness is left.
const PRACTICAL: f64 = 3.0;

/// The bins of the tissue [rows, cols] that are farther from every measured one than [`PredictConfig::max_distance_um`]; `None` where
/// there are none. Without that key, holes have the limit of [`range`], and other patterns have none.
pub(super) fn beyond(dataset: &Dataset, config: &PredictConfig) -> Result<Option<Raster<bool>>> {
    let (sampling, tissue) = (dataset.sampling(), dataset.tissue());
    let (rows, cols) = tissue.shape();
    let known = Raster::from_fn(rows, cols, |row, col| tissue[(row, col)] && sampling.measures(row, col));
    let bin_um = dataset.manifest().grid.bin_um;
    let limit = match config.max_distance_um {
        Some(um) => Some(um / bin_um),
        None if sampling.is_dense() => range(dataset, &known)?,
        None => None,
    };
    let Some((limit, distances)) = limit.zip(distances(&known)) else { return Ok(None) };
    let beyond = Raster::from_fn(rows, cols, |row, col| tissue[(row, col)] && distances[(row, col)] > limit);
    let number = beyond.values().iter().filter(|beyond| **beyond).count();
    if number == 0 {
        return Ok(None);
    }
    let all = tissue.values().iter().filter(|inside| **inside).count();
    tracing::info!(
        "predict: {number} of {all} tissue bins are farther than {:.0} µm from every measured one, and keep no value (--max-distance-um)",
        limit * bin_um
    );
    Ok(Some(beyond))
}

/// How many bins the likeness of bins reaches: three ranges of the exponential variogram of the panel's first component. `None` where
/// the section has none, or no variogram.
fn range(dataset: &Dataset, known: &Raster<bool>) -> Result<Option<f64>> {
    if dataset.manifest().components.is_empty() {
        return Ok(None);
    }
    let first = dataset.component_maps(1)?.remove(0);
    let variogram = Variogram::fit(&empirical_variogram(&first, known, Lags::Classes { spacing: 1.0 }));
    Ok(variogram.map(|variogram| PRACTICAL * variogram.range))
}
