//! A synthetic section in memory.

use super::molecules::{Molecules, Section};
use super::plan::Plan;
use crate::Result;
use crate::section::Raster;
use rayon::prelude::*;

/// A synthetic section: its molecules, and what was to be expected.
#[derive(Clone, Debug)]
pub struct SimulatedSection {
    /// What molecules can be of: the genes of the panel, then the controls.
    pub features: Vec<String>,
    /// The molecules that were drawn, row of bins by row of bins.
    pub molecules: Molecules,
    /// For each gene of the panel the expected count of every bin [rows, cols], of molecules with a quality of 20 or better.
    pub rates: Vec<Raster<f64>>,
}

/// Simulates a section in memory; the same for the same plan, on any number of threads.
///
/// ```
/// use s2s::simulate::{Plan, simulate};
///
/// let section = simulate(&Plan { rows: 8, cols: 10, bin_um: 30.0, genes: 5, seed: 1, depth_um: 0.0 })?;
/// assert_eq!(section.features[..5], ["DUCT1", "LAYER2", "ISLAND3", "SMOOTH4", "HOUSE5"]);
/// assert_eq!((section.rates.len(), section.rates[0].shape()), (5, (8, 10)));
/// assert_eq!(section.molecules.x.len(), section.molecules.feature.len());
/// # Ok::<(), s2s::Error>(())
/// ```
///
/// [`Error::Usage`](crate::Error::Usage) if the plan makes no sense.
pub fn simulate(plan: &Plan) -> Result<SimulatedSection> {
    plan.check()?;
    let section = Section::new(plan);
    let rows: Vec<_> = (0..plan.rows).into_par_iter().map(|row| section.row(row)).collect();
    let rate = |gene: usize| Raster::from_fn(plan.rows, plan.cols, |row, col| rows[row].rates[gene * plan.cols + col]);
    let rates = (0..plan.genes).map(rate).collect();
    let features = section.features().into_iter().map(str::to_owned).collect();
    let mut molecules = Molecules::default();
    rows.into_iter().for_each(|row| molecules.append(row.molecules));
    Ok(SimulatedSection { features, molecules, rates })
}
