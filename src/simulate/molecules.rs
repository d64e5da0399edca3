//! Draws the molecules of a section, row of bins by row of bins.

use super::anatomy::Anatomy;
use super::genes::{SimulatedGene, panel};
use super::plan::Plan;
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Molecules of all genes that a bin of 30 µm in plain tissue holds on average.
const MOLECULES: f64 = 250.0;

/// Share of molecules whose quality is below 20.
const POOR: f64 = 0.04;

/// Share of molecules that are controls.
const CONTROLS: f64 = 0.004;

/// Controls per µm² that have nothing to do with tissue.
const STRAY_CONTROLS: f64 = 1e-5;

/// A bin is drawn as this many cells to a side, so that there is texture below the size of a bin.
const CELLS: usize = 2;

/// Control features of a Xenium panel: readers have to leave them out.
const CONTROL_NAMES: [&str; 4] =
    ["NegControlProbe_00001", "NegControlCodeword_0500", "UnassignedCodeword_0001", "BLANK_0001"];

/// The section that a plan describes.
pub(super) struct Section<'a> {
    plan: &'a Plan,
    pub anatomy: Anatomy,
    pub genes: Vec<SimulatedGene>,
    /// Molecules per µm² and unit of weight.
    rate: f64,
}

/// A row of bins: what was drawn, and what was to be expected.
pub(super) struct Row {
    pub molecules: Molecules,
    /// [genes, cols]: expected molecules of a quality of 20 or better.
    pub rates: Vec<f64>,
}

/// Drawn molecules, one in each place of all columns.
#[derive(Clone, Debug, Default)]
pub struct Molecules {
    /// What it is of: an index into [`SimulatedSection::features`](super::SimulatedSection::features).
    pub feature: Vec<u32>,
    /// x in µm, along the columns of bins.
    pub x: Vec<f32>,
    /// y in µm, along the rows of bins.
    pub y: Vec<f32>,
    /// z in µm.
    pub z: Vec<f32>,
    /// Phred-scaled quality.
    pub qv: Vec<f32>,
}

impl<'a> Section<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(plan.seed);
        let (width, height) = (plan.cols as f64 * plan.bin_um, plan.rows as f64 * plan.bin_um);
        let mut anatomy = Anatomy::random(width, height, &mut rng);
        let mut genes = panel(plan.genes, &mut rng);
        anatomy.go_down(plan.depth_um, &mut rng);
        genes.iter_mut().for_each(|gene| gene.go_down(plan.depth_um, &mut rng));
        // About a third of a gene's full strength is what it has on average over the patterns.
        let strength: f64 = genes.iter().map(|gene| gene.strength).sum::<f64>() / 3.0;
        Section { plan, anatomy, rate: MOLECULES / (30.0 * 30.0) / strength, genes }
    }

    /// The names of the genes, then those of the controls.
    pub(super) fn features(&self) -> Vec<&str> {
        self.genes.iter().map(|gene| gene.name.as_str()).chain(CONTROL_NAMES).collect()
    }

    /// About how many numbers a row takes in memory: its molecules and its rates.
    pub(super) fn row_size(&self) -> f64 {
        let molecules = MOLECULES * (self.plan.bin_um / 30.0).powi(2);
        self.plan.cols as f64 * (molecules + self.plan.genes as f64)
    }

    /// Draws a row of bins. Each row has a random stream of its own, so that rows can be drawn in any order.
    pub(super) fn row(&self, row: usize) -> Row {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.plan.stream() ^ ((row as u64 + 1) << 32));
        let side = self.plan.bin_um / CELLS as f64;
        let area = side * side;
        let (mut molecules, mut rates) = (Molecules::default(), vec![0.0; self.genes.len() * self.plan.cols]);
        for col in 0..self.plan.cols {
            for (x, y) in self.cells(row, col) {
                let site = self.anatomy.at(x, y);
                let mut all = 0;
                for (feature, gene) in self.genes.iter().enumerate() {
                    let mean = self.rate * area * site.cellularity * gene.weight(&site);
                    rates[feature * self.plan.cols + col] += (1.0 - POOR) * mean;
                    let count = poisson(mean, &mut rng);
                    all += count;
                    molecules.add(feature as u32, count, (x, y), side, &mut rng);
                }
                let controls = poisson(f64::from(all) * CONTROLS + STRAY_CONTROLS * area, &mut rng);
                let control = self.genes.len() as u32 + rng.random_range(0..CONTROL_NAMES.len() as u32);
                molecules.add(control, controls, (x, y), side, &mut rng);
            }
        }
        Row { molecules, rates }
    }

    /// The centres of the cells of a bin in µm.
    fn cells(&self, row: usize, col: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let side = self.plan.bin_um / CELLS as f64;
        (0..CELLS * CELLS).map(move |i| {
            let (down, right) = (i / CELLS, i % CELLS);
            let along = |bin: usize, cell: usize| bin as f64 * self.plan.bin_um + (cell as f64 + 0.5) * side;
            (along(col, right), along(row, down))
        })
    }
}

impl Molecules {
    /// Adds all `others`.
    pub(super) fn append(&mut self, others: Molecules) {
        self.feature.extend(others.feature);
        self.x.extend(others.x);
        self.y.extend(others.y);
        self.z.extend(others.z);
        self.qv.extend(others.qv);
    }

    /// Adds `count` molecules of a feature at random places of a cell.
    fn add(&mut self, feature: u32, count: u32, (x, y): (f64, f64), side: f64, rng: &mut impl Rng) {
        for _ in 0..count {
            let mut jitter = |centre: f64| (centre + (rng.random::<f64>() - 0.5) * side) as f32;
            self.x.push(jitter(x));
            self.y.push(jitter(y));
            self.z.push(jitter(15.0));
            self.feature.push(feature);
            let quality = rng.random::<f32>();
            self.qv.push(if rng.random::<f64>() < POOR { 19.0 * quality } else { 20.0 + 20.0 * quality });
        }
    }
}

/// A Poisson draw: Knuth's product of uniforms; a large mean is the sum of two halves.
pub(super) fn poisson(mean: f64, rng: &mut impl Rng) -> u32 {
    if mean > 16.0 {
        return poisson(mean / 2.0, rng) + poisson(mean / 2.0, rng);
    }
    let (limit, mut product, mut count) = ((-mean).exp(), rng.random::<f64>(), 0);
    while product > limit {
        product *= rng.random::<f64>();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_draws_have_their_mean_and_variance() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for mean in [0.3, 4.0, 70.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| f64::from(poisson(mean, &mut rng))).collect();
            let average = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|d| (d - average).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((average / mean - 1.0).abs() < 0.03 && (variance / mean - 1.0).abs() < 0.06, "{mean}");
        }
    }
}
