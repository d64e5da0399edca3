//! From a table of transcripts to imputed maps in memory: bins, a very short fit, the prediction.
//!
//!     cargo run --release --example impute_table [TABLE GENE]
//!
//! TABLE is a CSV of gene, x, y in µm. Without one, a section is simulated.

use burn::tensor::Device;
use s2s::dataset::{Dataset, Mode};
use s2s::imputation::{NetworkImputer, PredictConfig, PredictSettings, Source, predict};
use s2s::ingest::{Request, prepare};
use s2s::network::CdcinConfig;
use s2s::section::Raster;
use s2s::simulate::{Plan, simulate};
use s2s::training::{Crop, FitConfig, FitSettings, GeneScale, ModelMetadata, Statistic, fit};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

const BIN_UM: f64 = 30.0;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let given: Vec<String> = std::env::args().skip(1).collect();
    let (table, gene) = match given.as_slice() {
        [table, gene] => (PathBuf::from(table), gene.clone()),
        _ => (simulated(folder.path())?, "ISLAND3".to_owned()),
    };

    // Bins of 30 µm, of which one in four is taken as measured.
    let mut request = Request::new(&table, Mode::Benchmark);
    request.config.bin_um = Some(BIN_UM);
    let caller = ["impute_table".to_owned()];
    let dataset = prepare(&request, &folder.path().join("section.s2s"), &caller)?.dataset;

    let imputed = impute(&dataset, gene)?;
    let inside = imputed.values().iter().filter(|value| value.is_finite()).count();
    println!("{} × {} bins, {inside} of them in the tissue", imputed.rows(), imputed.cols());
    Ok(())
}

/// ln(1 + normalised counts) of every bin of the tissue [rows, cols].
fn impute(dataset: &Dataset, gene: String) -> s2s::Result<Raster<f32>> {
    let (device, genes) = (Device::flex(), [gene]);
    let network = CdcinConfig { cascades: 1, channels: 8, growth: 4, blocks: 1, layers: 2, ..CdcinConfig::default() };
    let recipe = FitConfig {
        steps: 20,
        batch: 1,
        crop: Crop::Whole,
        images: false,
        gene_scale: GeneScale::Of(Statistic::Rms),
        ..FitConfig::default()
    };
    let settings = FitSettings::new(dataset, &genes, &network, &recipe, &device);
    let fitted = fit(&settings)?;

    let metadata = ModelMetadata::of(&settings, &fitted, serde_json::Value::Null, &[])?;
    let networks = NetworkImputer::new(&fitted.net, &metadata, dataset, &device)?;
    let config = PredictConfig::default();
    let found =
        predict(&PredictSettings { dataset, source: Source::Networks(networks), genes: &genes, config: &config })?;
    let found = found.into_iter().next().map(|prediction| prediction.imputed);
    found.ok_or_else(|| s2s::Error::Bug("no prediction".to_owned()))
}

/// A table of the molecules of a simulated section.
fn simulated(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let section = simulate(&Plan { rows: 32, cols: 32, bin_um: BIN_UM, genes: 5, seed: 1, depth_um: 0.0 })?;
    let molecules = &section.molecules;
    let mut table = "gene,x,y\n".to_owned();
    for ((feature, x), y) in molecules.feature.iter().zip(&molecules.x).zip(&molecules.y) {
        table += &format!("{},{x},{y}\n", section.features[*feature as usize]);
    }
    let path = folder.join("transcripts.csv");
    fs::write(&path, table)?;
    Ok(path)
}
