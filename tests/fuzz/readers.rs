//! Everything that is read from files: how to make a small genuine one, and how to read it.

use crate::{common, panel, section};
use burn::tensor::Device;
use s2s::config::Config;
use s2s::dataset::{Dataset, Mode, Truth};
use s2s::guides::{Affine, Image, Place, measure};
use s2s::imputation::{
    Expert, Job, Method, NetworkImputer, Output, PredictConfig, PredictSettings, Source, predict, run,
};
use s2s::ingest::{Request, describe, images, prepare, read};
use s2s::network::CdcinConfig;
use s2s::section::{Grid, Lattice, Raster, Sampling, Scale};
use s2s::simulate::{Plan, write};
use s2s::store::Store;
use s2s::training::{FitConfig, FitSettings, ModelMetadata, Saving, fit};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows of a genuine table that are kept: damage then hits what matters often.
const ROWS: usize = 400;

/// A reader: what makes the file or folder that is damaged, `None` where it cannot be had, and what reads it.
pub struct Reader {
    pub name: &'static str,
    pub make: fn(&Path) -> Option<PathBuf>,
    pub read: fn(&Path) -> s2s::Result<()>,
}

/// All of them.
pub fn all() -> [Reader; 26] {
    let reader = |name, make, read| Reader { name, make, read };
    [
        reader("xenium_csv", |to| table(to, "xenium_v1_csv/transcripts.csv"), |path| molecules(path, 5.0)),
        reader("merscope", |to| table(to, "merscope_mini/detected_transcripts.csv"), |path| molecules(path, 15.0)),
        reader("cosmx", |to| table(to, "cosmx_mini/Run5642_S3_Quarter_tx_file.csv"), |path| molecules(path, 15.0)),
        reader(
            "stereo_seq",
            |to| table(to, "stereo_seq/SS200000135TL_D1_bin1_small.gem.gz"),
            |path| molecules(path, 15.0),
        ),
        reader("plain_csv", |to| table(to, "iss/spots.csv"), |path| molecules(path, 15.0)),
        reader("parquet", bundle, |path| molecules(path, 15.0)),
        reader("h5ad", |to| own(to, "hexagonal_lzf.h5ad"), |path| matrix(path, &[])),
        reader("h5ad_cells", |to| own(to, "cells.h5ad"), |path| matrix(path, &[("um-per-unit", "0.5")])),
        reader("h5ad_csr", |to| foreign(to, "anndata/hest_like_csr_gzip.h5ad"), |path| matrix(path, &[])),
        reader("anndata_zarr", |to| own(to, "sharded_v3.zarr"), |path| matrix(path, &[("layer", "counts")])),
        reader("spatialdata", |to| own(to, "spatialdata.zarr"), |path| matrix(path, &[("element", "bins")])),
        reader("tenx_h5", |to| foreign(to, "visium"), |path| matrix(path, &[])),
        reader("mtx", matrix_market, |path| matrix(path, &[])),
        reader(
            "visium",
            |to| foreign(to, "visium"),
            |path| describe(&request(path)).map(|told| drop(told.to_string())),
        ),
        reader("visium_hd", |to| foreign(to, "visium_hd_layout/binned_outputs/square_008um"), |path| matrix(path, &[])),
        reader("xenium_cells", |to| foreign(to, "xenium_mini"), |path| matrix(path, &[("xenium-cells", "")])),
        reader("image_tiff", stain, image),
        reader("image_png", |to| picture(to, "image.png"), image),
        reader("image_jpeg", |to| picture(to, "image.jpg"), image),
        reader(
            "image_jpeg2000",
            |to| copied(to, &common::shared("data/xenium_pancreas_images/crop_jpeg2000.ome.tif")?),
            image,
        ),
        reader("dataset", guided, dataset),
        reader("model", model, predicted),
        reader("checkpoint", checkpoint, resumed),
        reader("store", store, scored),
        reader("config", config, configured),
        reader("measured", measured, listed),
    ]
}

fn copied(to: &Path, from: &Path) -> Option<PathBuf> {
    let target = to.join(from.file_name()?);
    for file in crate::files(from) {
        let path = if from.is_file() { target.clone() } else { target.join(file.strip_prefix(from).ok()?) };
        fs::create_dir_all(path.parent()?).ok()?;
        fs::write(path, fs::read(file).ok()?).ok()?;
    }
    Some(target)
}

fn own(to: &Path, name: &str) -> Option<PathBuf> {
    copied(to, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name))
}

fn foreign(to: &Path, name: &str) -> Option<PathBuf> {
    copied(to, &common::shared(&format!("data/formats/{name}"))?)
}

/// The first rows of a genuine table.
fn table(to: &Path, name: &str) -> Option<PathBuf> {
    let path = common::shared(&format!("data/formats/{name}"))?;
    let (bytes, mut text) = (fs::read(&path).ok()?, Vec::new());
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).ok()?;
    } else {
        text = bytes;
    }
    let end = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(ROWS).map_or(text.len(), |(at, _)| at);
    let target = to.join(path.file_name()?.to_str()?.trim_end_matches(".gz"));
    fs::write(&target, &text[..end]).ok()?;
    Some(target)
}

fn request(path: &Path) -> Request {
    let mut request = Request::new(path, Mode::Benchmark);
    (request.config.min_counts, request.config.patch) = (1, 4);
    request
}

fn molecules(path: &Path, bin_um: f64) -> s2s::Result<()> {
    let mut request = request(path);
    drop(describe(&request)?.to_string());
    request.config.bin_um = Some(bin_um);
    read(&request).map(drop)
}

fn matrix(path: &Path, flags: &[(&str, &str)]) -> s2s::Result<()> {
    let mut request = request(path);
    flags.iter().try_for_each(|(flag, value)| request.set(flag, value))?;
    if read(&request).is_err() {
        // Cells and squares ask for bins of a size.
        request.config.bin_um = Some(30.0);
    }
    read(&request).map(drop)
}

fn plan() -> Plan {
    Plan { rows: 24, cols: 24, bin_um: 10.0, genes: 3, seed: 1, depth_um: 0.0 }
}

fn bundle(to: &Path) -> Option<PathBuf> {
    let folder = to.join("bundle");
    write(&plan(), &folder, false, false, &[]).ok()?;
    fs::remove_file(folder.join("rates.parquet")).ok()?;
    Some(folder)
}

fn stain(to: &Path) -> Option<PathBuf> {
    write(&plan(), &to.join("bundle"), true, false, &[]).ok()?;
    Some(to.join("bundle/morphology_mip.ome.tif"))
}

/// A folder of Space Ranger whose matrix is that of a thousand and one barcodes and three genes in Matrix Market.
fn matrix_market(to: &Path) -> Option<PathBuf> {
    let folder = to.join("outs");
    let spatial = common::shared("data/formats/visium/spatial")?;
    copied(&folder, &spatial)?;
    let places = fs::read_to_string(spatial.join("tissue_positions_list.csv")).ok()?;
    let inside = places.lines().filter(|line| line.split(',').nth(1) == Some("1"));
    let barcodes: Vec<&str> = inside.filter_map(|line| line.split(',').next()).collect();
    let matrix = folder.join("filtered_feature_bc_matrix");
    fs::create_dir_all(&matrix).ok()?;
    fs::write(matrix.join("barcodes.tsv"), barcodes.join("\n") + "\n").ok()?;
    let features = ["A", "B", "C"].map(|gene| format!("ENSG{gene}\t{gene}\tGene Expression\n")).concat();
    fs::write(matrix.join("features.tsv"), features).ok()?;
    let mut text =
        format!("%%MatrixMarket matrix coordinate integer general\n3 {} {}\n", barcodes.len(), 3 * barcodes.len());
    for barcode in 1..=barcodes.len() {
        (1..=3).for_each(|gene| text += &format!("{gene} {barcode} {}\n", 1 + (barcode * gene) % 7));
    }
    fs::write(matrix.join("matrix.mtx"), text).ok()?;
    Some(folder)
}

/// An image of 240 × 240 pixels, in a folder with the map from its pixels to µm.
fn picture(to: &Path, name: &str) -> Option<PathBuf> {
    let folder = to.join("pictures");
    fs::create_dir_all(&folder).ok()?;
    let pixels = image::RgbImage::from_fn(240, 240, |x, y| image::Rgb([(x ^ y) as u8, (x / 2) as u8, (y / 3) as u8]));
    pixels.save(folder.join(name)).ok()?;
    fs::write(folder.join("map.csv"), "1,0,0\n0,1,0\n").ok()?;
    Some(folder)
}

fn image(path: &Path) -> s2s::Result<()> {
    let grid = Grid { rows: 24, cols: 24, bin_um: 10.0, origin_um: [0.0; 2] };
    let sampling = Sampling::regular(Lattice::new(Scale::new(2).unwrap()), 24, 24);
    let totals = Raster::from_fn(24, 24, |row, col| 10 + (row * col) as u32 % 5);
    let place = Place { grid, sampling: &sampling, totals: &totals };
    let known = |name: &str| path.join(name);
    let image = match path.is_dir() {
        false => Image { path: path.to_owned(), transform: None, to_um: Some(Affine::pixels([0.85; 2], [0.0; 2])) },
        true => {
            let name = if known("image.png").exists() { "image.png" } else { "image.jpg" };
            Image { path: known(name), transform: Some(known("map.csv")), to_um: None }
        }
    };
    measure(&[image], &place, true).map(drop)
}

/// A benchmark with guides.
fn guided(to: &Path) -> Option<PathBuf> {
    let (input, output) = (to.join("bundle"), to.join("sample.s2s"));
    write(&plan(), &input, true, false, &[]).ok()?;
    let mut request = request(&input);
    request.config.bin_um = Some(10.0);
    let images = images(&input).ok()?.into_iter();
    request.images = images.map(|path| Image { path, transform: None, to_um: None }).collect();
    prepare(&request, &output, &[]).ok()?;
    fs::remove_dir_all(input).ok()?;
    Some(output)
}

/// All that stages read of a dataset, and a prediction of it.
fn dataset(path: &Path) -> s2s::Result<()> {
    let dataset = Dataset::open(path)?;
    let genes: Vec<String> = dataset.manifest().genes.iter().map(|gene| gene.name.clone()).collect();
    let truth = Truth::open(&dataset)?;
    for gene in &genes {
        dataset.values(gene)?;
        dataset.counts(gene)?;
        let Some(truth) = &truth else { continue };
        truth.values(gene)?;
        truth.counts(gene)?;
    }
    dataset.components(3)?;
    dataset.patches()?;
    let config = PredictConfig::default();
    let source = Source::Method(Method::Expert(Expert::Blend));
    predict(&PredictSettings { dataset: &dataset, source, genes: &genes[..genes.len().min(1)], config: &config })
        .map(drop)
}

fn tiny() -> (CdcinConfig, FitConfig) {
    let network = CdcinConfig {
        cascades: 1,
        channels: 8,
        growth: 4,
        blocks: 1,
        layers: 1,
        window: 4,
        heads: 2,
        ..CdcinConfig::default()
    };
    (network, FitConfig { steps: 2, batch: 1, images: false, ..FitConfig::default() })
}

/// The section of networks, beside their files.
fn beside(path: &Path) -> s2s::Result<Dataset> {
    Dataset::open(&path.with_file_name("sample.s2s"))
}

fn fitted(path: &Path, checkpoint: Option<&Path>) -> s2s::Result<()> {
    let (dataset, device, genes) = (beside(path)?, Device::flex(), ["WAVE".to_owned()]);
    let (network, recipe) = tiny();
    let saving = Saving { path: checkpoint, every: Duration::ZERO, ..Saving::default() };
    let settings = FitSettings { saving, ..FitSettings::new(&dataset, &genes, &network, &recipe, &device) };
    let fitted = fit(&settings)?;
    match checkpoint {
        Some(_) => Ok(()),
        None => ModelMetadata::of(&settings, &fitted, serde_json::Value::Null, &[])?.save(&fitted, path),
    }
}

fn model(to: &Path) -> Option<PathBuf> {
    section::dataset(to, 24, 20, Mode::Impute);
    let path = to.join("WAVE.safetensors");
    fitted(&path, None).ok()?;
    Some(path)
}

fn predicted(path: &Path) -> s2s::Result<()> {
    let (dataset, config) = (beside(path)?, PredictConfig { turns: false, ..PredictConfig::default() });
    let source = Source::Networks(NetworkImputer::open(path, &dataset, &Device::flex())?);
    predict(&PredictSettings { dataset: &dataset, source, genes: &[], config: &config }).map(drop)
}

fn checkpoint(to: &Path) -> Option<PathBuf> {
    section::dataset(to, 24, 20, Mode::Impute);
    let path = to.join("WAVE.ckpt");
    fitted(&path, Some(&path)).ok()?;
    Some(path)
}

/// Each run leaves a checkpoint of its own: the damaged one is read from a copy.
fn resumed(path: &Path) -> s2s::Result<()> {
    let copy = path.with_file_name("copy.ckpt");
    fs::copy(path, &copy).unwrap();
    fitted(path, Some(&copy))
}

fn store(to: &Path) -> Option<PathBuf> {
    let dataset = Dataset::open(&panel::dataset(to, (24, 20), 2)).ok()?;
    let (output, config) = (to.join("blend.zarr"), PredictConfig::default());
    let source = Source::Method(Method::Expert(Expert::Blend));
    let settings = PredictSettings { dataset: &dataset, source, genes: &[], config: &config };
    run(&Job { settings, output: Output::New(&output), force: false, cells: None, command: &[] }).ok()?;
    Some(output)
}

fn scored(path: &Path) -> s2s::Result<()> {
    let store = Store::open(path)?;
    for gene in store.header().genes.clone() {
        store.gene(&gene)?;
        store.median(&gene)?;
        store.interval(&gene)?;
    }
    Ok(())
}

fn config(to: &Path) -> Option<PathBuf> {
    fs::write(
        to.join("in.csv"),
        lattice("gene,x,y,count\n", |row, col| format!("A,{col}5,{row}5,{}\n", 1 + row * col % 5)),
    )
    .ok()?;
    let path = to.join("config.yaml");
    let text = include_str!("../../configs/quick.yaml");
    let prep = "prep: {bin_um: 10.0, scale: 2, patch: 4, min_counts: 1, seed: 3, rate: 0.25}\n";
    fs::write(&path, text.to_owned() + prep).ok()?;
    Some(path)
}

fn configured(path: &Path) -> s2s::Result<()> {
    let config = Config::load(Some(path), &[])?;
    config.network.check()?;
    config.fit.check(Scale::new(2)?)?;
    config.predict.check()?;
    let mut request = request(&path.with_file_name("in.csv"));
    request.config = config.prep;
    read(&request).map(drop)
}

/// A line of every bin of 24 × 24.
fn lattice(header: &str, line: impl Fn(usize, usize) -> String) -> String {
    header.to_owned() + &(0..24 * 24).map(|bin| line(bin / 24, bin % 24)).collect::<String>()
}

fn measured(to: &Path) -> Option<PathBuf> {
    fs::write(
        to.join("in.csv"),
        lattice("gene,x,y,count\n", |row, col| format!("A,{col}5,{row}5,{}\n", 1 + row * col % 5)),
    )
    .ok()?;
    let path = to.join("measured.csv");
    fs::write(
        &path,
        lattice("row,col\n", |row, col| if (row + col) % 3 == 0 { format!("{row},{col}\n") } else { String::new() }),
    )
    .ok()?;
    Some(path)
}

fn listed(path: &Path) -> s2s::Result<()> {
    let mut request = request(&path.with_file_name("in.csv"));
    request.config.bin_um = Some(10.0);
    request.measured = Some(path.to_owned());
    read(&request).map(drop)
}
