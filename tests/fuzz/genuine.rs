//! A small genuine file of every kind that is read, or a folder: what is damaged.

use crate::{common, panel, section};
use burn::tensor::Device;
use s2s::dataset::{Dataset, Mode};
use s2s::guides::Image;
use s2s::imputation::{Expert, Job, Method, Output, PredictConfig, PredictSettings, Source, run};
use s2s::ingest::{PatternKind, Request, images, prepare};
use s2s::network::CdcinConfig;
use s2s::simulate::{Plan, write};
use s2s::training::{FitConfig, FitSettings, ModelMetadata, Saving, fit};
use serde_json::json;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows of a genuine table that are kept: damage then hits what matters often.
const ROWS: usize = 400;

pub fn copied(to: &Path, from: &Path) -> Option<PathBuf> {
    let target = to.join(from.file_name()?);
    for file in crate::files(from) {
        let path = if from.is_file() { target.clone() } else { target.join(file.strip_prefix(from).ok()?) };
        fs::create_dir_all(path.parent()?).ok()?;
        fs::write(path, fs::read(file).ok()?).ok()?;
    }
    Some(target)
}

pub fn own(to: &Path, name: &str) -> Option<PathBuf> {
    copied(to, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name))
}

pub fn gef(to: &Path, name: &str) -> Option<PathBuf> {
    copied(to, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/data").join(name))
}

pub fn foreign(to: &Path, name: &str) -> Option<PathBuf> {
    copied(to, &common::shared(&format!("data/formats/{name}"))?)
}

/// The first rows of a genuine table.
pub fn table(to: &Path, name: &str) -> Option<PathBuf> {
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

pub fn request(path: &Path) -> Request {
    let mut request = Request::new(path, Mode::Benchmark);
    (request.config.min_counts, request.config.patch) = (1, 4);
    request
}

fn plan() -> Plan {
    Plan { rows: 24, cols: 24, bin_um: 10.0, genes: 3, seed: 1, depth_um: 0.0 }
}

pub fn bundle(to: &Path) -> Option<PathBuf> {
    let folder = to.join("bundle");
    write(&plan(), &folder, false, false, &[]).ok()?;
    fs::remove_file(folder.join("rates.parquet")).ok()?;
    Some(folder)
}

pub fn stain(to: &Path) -> Option<PathBuf> {
    write(&plan(), &to.join("bundle"), true, false, &[]).ok()?;
    Some(to.join("bundle/morphology_mip.ome.tif"))
}

/// A folder of Space Ranger whose matrix is that of a thousand and one barcodes and three genes in Matrix Market.
pub fn matrix_market(to: &Path) -> Option<PathBuf> {
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
pub fn picture(to: &Path, name: &str) -> Option<PathBuf> {
    let folder = to.join("pictures");
    fs::create_dir_all(&folder).ok()?;
    let pixels = image::RgbImage::from_fn(240, 240, |x, y| image::Rgb([(x ^ y) as u8, (x / 2) as u8, (y / 3) as u8]));
    pixels.save(folder.join(name)).ok()?;
    fs::write(folder.join("map.csv"), "1,0,0\n0,1,0\n").ok()?;
    Some(folder)
}

/// A benchmark with guides.
pub fn guided(to: &Path) -> Option<PathBuf> {
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
pub fn beside(path: &Path) -> s2s::Result<Dataset> {
    Dataset::open(&path.with_file_name("sample.s2s"))
}

pub fn fitted(path: &Path, checkpoint: Option<&Path>) -> s2s::Result<()> {
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

pub fn model(to: &Path) -> Option<PathBuf> {
    section::dataset(to, 24, 20, Mode::Impute);
    let path = to.join("WAVE.safetensors");
    fitted(&path, None).ok()?;
    Some(path)
}

pub fn checkpoint(to: &Path) -> Option<PathBuf> {
    section::dataset(to, 24, 20, Mode::Impute);
    let path = to.join("WAVE.ckpt");
    fitted(&path, Some(&path)).ok()?;
    Some(path)
}

pub fn store(to: &Path) -> Option<PathBuf> {
    let dataset = Dataset::open(&panel::dataset(to, (24, 20), 2)).ok()?;
    let (output, config) = (to.join("blend.zarr"), PredictConfig::default());
    let source = Source::Method(Method::Expert(Expert::Blend));
    let settings = PredictSettings { dataset: &dataset, source, genes: &[], config: &config };
    run(&Job { settings, output: Output::New(&output), force: false, cells: None, command: &[] }).ok()?;
    Some(output)
}

pub fn config(to: &Path) -> Option<PathBuf> {
    let text = include_str!("../../configs/quick.yaml");
    let prep = "prep: {bin_um: 10.0, scale: 2, patch: 4, min_counts: 1, seed: 3, rate: 0.25}\n";
    beside_table(to, "config.yaml", text.to_owned() + prep)
}

/// A line of every bin of 24 × 24.
fn lattice(header: &str, line: impl Fn(usize, usize) -> String) -> String {
    header.to_owned() + &(0..24 * 24).map(|bin| line(bin / 24, bin % 24)).collect::<String>()
}

/// A file in a folder with a table of molecules.
pub fn beside_table(to: &Path, name: &str, content: impl AsRef<[u8]>) -> Option<PathBuf> {
    let text = lattice("gene,x,y,count\n", |row, col| format!("A,{col}5,{row}5,{}\n", 1 + row * col % 5));
    fs::write(to.join("in.csv"), text).ok()?;
    fs::write(to.join(name), content).ok()?;
    Some(to.join(name))
}

pub fn measured(to: &Path) -> Option<PathBuf> {
    let bin =
        |row: usize, col: usize| if (row + col).is_multiple_of(3) { format!("{row},{col}\n") } else { String::new() };
    beside_table(to, "measured.csv", lattice("row,col\n", bin))
}

/// A triangle with a hole, and another one.
pub const POLYGON: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"a","geometry":{"type":"Polygon","coordinates":
[[[41,39],[122,40],[90,130],[41,39]],[[80,60],[90,60],[85,70]]]},"properties":{"objectType":"annotation"}},{"type":"Feature","id":7,
"geometry":{"type":"MultiPolygon","coordinates":[[[[150,151.5],[189,150],[170,190.25]]]]},"properties":null}]}"#;

/// Labels in pixels of 10 µm, as PNG.
pub fn mask(to: &Path) -> Option<PathBuf> {
    let path = beside_table(to, "mask.png", "")?;
    let label = |x: u32, y: u32| image::Luma([if (8..15).contains(&x) && y % 9 > 3 { x as u8 } else { 0 }]);
    image::GrayImage::from_fn(24, 24, label).save(&path).ok()?;
    Some(path)
}

/// A hundred bins by their middles.
pub fn excluded(to: &Path) -> Option<PathBuf> {
    let rows = (0..100).map(|bin| format!("{}5,{}5\n", 4 + bin % 10, 4 + bin / 10));
    beside_table(to, "failed.csv", "x,y\n".to_owned() + &rows.collect::<String>())
}

/// Corners of cells of 30 µm.
pub fn cells_table(to: &Path) -> Option<PathBuf> {
    let corners = [(0, 0), (28, 1), (30, 29), (2, 30)];
    let rows =
        (0..64).flat_map(|cell| corners.map(|(x, y)| format!("c{cell},{},{}\n", cell % 8 * 30 + x, cell / 8 * 30 + y)));
    beside_table(to, "cells.csv", "cell_id,vertex_x,vertex_y\n".to_owned() + &rows.collect::<String>())
}

/// The map of a section to its neighbour, beside both.
pub fn moved(to: &Path) -> Option<PathBuf> {
    let path = beside_table(to, "map.csv", "1,0.1,4\n-0.1,1,-7.5\n")?;
    let mut request = request(&bundle(to)?);
    (request.config.bin_um, request.config.pattern, request.mode) = (Some(12.0), PatternKind::All, Mode::Impute);
    prepare(&request, &to.join("other.s2s"), &[]).ok()?;
    Some(path)
}

/// Molecules as Xenium keeps them in Zarr: two tiles of 250 µm, chunks as they are.
pub fn xenium_zarr(to: &Path) -> Option<PathBuf> {
    let store = to.join("transcripts.zarr");
    let json = |path: String, value: serde_json::Value| {
        let path = store.join(path);
        fs::create_dir_all(path.parent()?).ok()?;
        fs::write(path, value.to_string()).ok()
    };
    let genes = ["ACTB", "CD3E", "NegControlProbe_00042"];
    json(
        ".zattrs".to_owned(),
        json!({"gene_names": genes, "major_version": 4, "spatial_units": "micron", "number_genes": genes.len()}),
    )?;
    for group in ["", "grids/", "grids/0/", "grids/0/0,0/", "grids/0/1,0/"] {
        json(format!("{group}.zgroup"), json!({"zarr_format": 2}))?;
    }
    const MOLECULES: usize = 300;
    for tile in 0..2 {
        let number = |i: usize, step: usize| (i * step % 250) as f32;
        let place =
            |i: usize| [number(i, 37) + 250.0 * tile as f32, number(i, 91), 12.5].map(f32::to_le_bytes).concat();
        let each = |of: &dyn Fn(usize) -> Vec<u8>| (0..MOLECULES).flat_map(of).collect::<Vec<u8>>();
        for (name, kind, cols, bytes) in [
            ("location", "<f4", 3, each(&place)),
            ("gene_identity", "<u2", 1, each(&|i| ((i % 3) as u16).to_le_bytes().to_vec())),
            ("quality_score", "<f4", 1, each(&|i| (15.0 + (i % 25) as f32).to_le_bytes().to_vec())),
            ("valid", "|u1", 1, each(&|i| vec![u8::from(i % 11 > 0)])),
        ] {
            let shape = [MOLECULES, cols];
            let array = json!({"zarr_format": 2, "shape": shape, "chunks": shape, "dtype": kind, "compressor": null,
                "fill_value": 0, "order": "C", "filters": null});
            json(format!("grids/0/{tile},0/{name}/.zarray"), array)?;
            fs::write(store.join(format!("grids/0/{tile},0/{name}/0.0")), bytes).ok()?;
        }
    }
    Some(store)
}
