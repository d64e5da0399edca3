//! Samples a dense pilot in several ways, predicts what each leaves out, and compares.

use super::row::PlanRow;
use crate::compute::Progress;
use crate::dataset::{self, Dataset, Guidance, Mode, Settings, Truth};
use crate::error::nearest_names;
use crate::imputation::{Baseline, Expert, GenePrediction, Method, PredictConfig, PredictSettings, Source, predict};
use crate::ingest::Section;
use crate::provenance::Provenance;
use crate::scoring::agreement::Agreement;
use crate::scoring::comparison::Comparison;
use crate::scoring::{Region, Regions};
use crate::section::{Lattice, Pattern, Raster, Sampling, Scale};
use crate::{Error, Result};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::time::Instant;

/// S of the lattices, and shares of bins at random, that are tried.
const SCALES: [usize; 3] = [2, 3, 4];
const RATES: [f64; 4] = [0.5, 0.25, 0.11, 0.06];

/// What predicts: interpolations, and the best that needs no fit.
const METHODS: [Method; 3] =
    [Method::Baseline(Baseline::Bilinear), Method::Baseline(Baseline::Kriging), Method::Expert(Expert::Blend)];

/// Genes that are tried if nobody names any.
const GENES: usize = 12;

/// What is to be planned on.
pub struct PlanSettings<'a> {
    /// A dense section, all of whose bins hold what was found in them (read with [`Mode::Benchmark`]).
    pub pilot: &'a Section,
    /// The genes to look at; those with the most structure (Moran's I) without any.
    pub genes: &'a [String],
}

/// What is lost of each gene by each way of sampling the pilot: S = 2, 3, 4, and bins at random, densest first of each kind.
///
/// # Errors
/// [`Error::Data`] for a pilot without tissue, or smaller than the sparsest lattice needs; [`Error::Usage`] for a gene that it does not
/// have.
pub fn plan(settings: &PlanSettings) -> Result<Vec<PlanRow>> {
    let known = || settings.pilot.counts.genes.iter().map(|gene| gene.name.as_str());
    if let Some(unknown) = settings.genes.iter().find(|gene| !known().any(|name| name == gene.as_str())) {
        let near = nearest_names(unknown, known()).join(", ");
        let path = settings.pilot.path.display();
        return Err(Error::Usage(format!("gene {unknown}: not in a measured bin of {path}. Nearest names: {near}")));
    }
    let folder = tempfile::tempdir().map_err(|e| Error::io(&std::env::temp_dir(), "create", e))?;
    let samplings = samplings(settings.pilot)?;
    let mut genes = settings.genes.to_vec();
    let mut rows = Vec::new();
    let mut progress = Progress::new("plan", "samplings", samplings.len() as u64);
    for (number, (name, sampling)) in samplings.into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.s2s"));
        let dataset = sampled(settings.pilot, sampling, &path)?;
        if genes.is_empty() {
            genes = structured(&dataset);
        }
        let measured = dataset.sampling().measured().values();
        let share = measured.iter().filter(|known| **known).count() as f64 / measured.len() as f64;
        for method in METHODS {
            rows.extend(scored(&dataset, method, &genes)?.into_iter().map(|scored| PlanRow {
                sampling: name.clone(),
                measured: share,
                ..scored
            }));
        }
        progress.at(number as u64 + 1, || name);
        // One dataset at a time: pilots are large.
        std::fs::remove_dir_all(&path).map_err(|e| Error::io(&path, "remove", e))?;
    }
    Ok(rows)
}

fn samplings(pilot: &Section) -> Result<Vec<(String, Sampling)>> {
    let (rows, cols) = (pilot.counts.grid.rows, pilot.counts.grid.cols);
    let mut all = Vec::new();
    for s in SCALES {
        if rows.min(cols) < s * s {
            return Err(Error::data(
                &pilot.path,
                format!("{rows} × {cols} bins are too few to plan on: S = {s} needs {} along each side", s * s),
            ));
        }
        all.push((format!("S = {s}"), Sampling::regular(Lattice::new(Scale::new(s)?), rows, cols)));
    }
    for rate in RATES {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
        let measured = Raster::from_fn(rows, cols, |_, _| rng.random_range(0.0..1.0) < rate);
        let pattern = Pattern::Random { rate, seed: 0 };
        all.push((format!("random {rate}"), Sampling::of(Lattice::new(Scale::TWO), pattern, measured)));
    }
    Ok(all)
}

fn sampled(pilot: &Section, sampling: Sampling, path: &std::path::Path) -> Result<Dataset> {
    let settings = Settings {
        mode: Mode::Benchmark,
        sampling,
        min_counts: pilot.config.min_counts,
        patch: pilot.config.patch,
        platform: pilot.platform.to_owned(),
    };
    let provenance = Provenance::new("s2s-prep", serde_json::Value::Null, None, Vec::new());
    dataset::write_as(pilot.quantity, path, &pilot.counts, Guidance::default(), &pilot.outline, &settings, provenance)?;
    Dataset::open(path)
}

/// The genes with the most structure over the measured bins.
fn structured(dataset: &Dataset) -> Vec<String> {
    let mut genes: Vec<(f64, &str)> =
        dataset.manifest().genes.iter().map(|gene| (gene.morans_i.unwrap_or(-1.0), gene.name.as_str())).collect();
    genes.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    genes.into_iter().take(GENES).map(|(_, name)| name.to_owned()).collect()
}

/// Rows of the genes by one method, still without a sampling.
fn scored(dataset: &Dataset, method: Method, genes: &[String]) -> Result<Vec<PlanRow>> {
    let config = PredictConfig::default();
    let start = Instant::now();
    let predictions = predict(&PredictSettings { dataset, source: Source::Method(method), genes, config: &config })?;
    let seconds = start.elapsed().as_secs_f64() / genes.len().max(1) as f64;
    let truth = Truth::open(dataset)?.ok_or_else(|| Error::bug("a benchmark without truth"))?;
    let regions = Regions::new(truth.tissue().clone(), dataset.sampling());
    let of = |prediction: &GenePrediction| {
        let compared = Comparison::new(&regions, &truth.values(&prediction.gene)?, &prediction.imputed);
        let Agreement { pcc, mae, rmse, .. } = *compared.agreement(Region::Unmeasured);
        let (gene, method) = (prediction.gene.clone(), method.name().to_owned());
        Ok(PlanRow { sampling: String::new(), measured: 0.0, gene, method, pcc, mae, rmse, seconds })
    };
    predictions.iter().map(of).collect()
}
