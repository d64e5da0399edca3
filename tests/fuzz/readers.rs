//! Everything that is read from files: how to make a small genuine one, and how to read it.

use crate::zip::zipped;
use crate::{common, panel, section};
use burn::tensor::Device;
use s2s::config::Config;
use s2s::dataset::{Dataset, Mode, Truth};
use s2s::guides::{Affine, Image, Place, measure};
use s2s::imputation::{
    Expert, Job, Method, NetworkImputer, Output, PredictConfig, PredictSettings, Source, predict, run,
};
use s2s::ingest::{Area, PatternKind, Request, SerialSection, cells, describe, images, prepare, read};
use s2s::network::CdcinConfig;
use s2s::section::{Grid, Lattice, Raster, Sampling, Scale};
use s2s::simulate::{Plan, write};
use s2s::store::Store;
use s2s::training::{FitConfig, FitSettings, ModelMetadata, Saving, fit};
use serde_json::json;
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
pub fn all() -> [Reader; 40] {
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
        reader("measured", measured, |path| section(path, |request| request.measured = Some(path.to_owned()))),
        reader("gef_squares", |to| gef(to, "single.gef"), |path| molecules(path, 20.0)),
        reader("gef_cells", |to| gef(to, "s.cellbin.gef"), |path| molecules(path, 20.0)),
        reader("xenium_zarr", xenium_zarr, |path| molecules(path, 10.0)),
        reader("zip_xenium", |to| zipped(&xenium_zarr(to)?), |path| molecules(path, 10.0)),
        reader("zip_anndata", |to| zipped(&own(to, "sharded_v3.zarr")?), |path| matrix(path, &[("layer", "counts")])),
        reader(
            "zip_spatialdata",
            |to| zipped(&own(to, "spatialdata.zarr")?),
            |path| matrix(path, &[("element", "bins")]),
        ),
        reader("image_zarr", |to| Some(store(to)?.join("images/imputed")), image),
        reader("polygons", |to| beside_table(to, "hole.geojson", POLYGON), areas),
        reader(
            "selection",
            |to| beside_table(to, "hole.csv", "#Selection name: a\nX,Y\n41,39\n122,40\n90,130\n"),
            areas,
        ),
        reader("mask", mask, areas),
        reader("excluded", excluded, areas),
        reader("cells_polygons", |to| beside_table(to, "cells.geojson", POLYGON), covered),
        reader("cells_table", cells_table, covered),
        reader("section_transform", moved, beside_section),
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

fn gef(to: &Path, name: &str) -> Option<PathBuf> {
    copied(to, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/data").join(name))
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
    let own = || Image { path: path.to_owned(), transform: None, to_um: None };
    let image = match path.is_dir() {
        false => Image { to_um: Some(Affine::pixels([0.85; 2], [0.0; 2])), ..own() },
        true if !known("map.csv").exists() => own(),
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
    let text = include_str!("../../configs/quick.yaml");
    let prep = "prep: {bin_um: 10.0, scale: 2, patch: 4, min_counts: 1, seed: 3, rate: 0.25}\n";
    beside_table(to, "config.yaml", text.to_owned() + prep)
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

/// A file in a folder with a table of molecules.
fn beside_table(to: &Path, name: &str, content: impl AsRef<[u8]>) -> Option<PathBuf> {
    let text = lattice("gene,x,y,count\n", |row, col| format!("A,{col}5,{row}5,{}\n", 1 + row * col % 5));
    fs::write(to.join("in.csv"), text).ok()?;
    fs::write(to.join(name), content).ok()?;
    Some(to.join(name))
}

fn measured(to: &Path) -> Option<PathBuf> {
    let bin =
        |row: usize, col: usize| if (row + col).is_multiple_of(3) { format!("{row},{col}\n") } else { String::new() };
    beside_table(to, "measured.csv", lattice("row,col\n", bin))
}

/// Reads the table beside `path`, which has to do with it as `change` says.
fn section(path: &Path, change: impl Fn(&mut Request)) -> s2s::Result<()> {
    let mut request = request(&path.with_file_name("in.csv"));
    request.config.bin_um = Some(10.0);
    change(&mut request);
    read(&request).map(drop)
}

/// A triangle with a hole, and another one.
const POLYGON: &str = r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"a","geometry":{"type":"Polygon","coordinates":
[[[41,39],[122,40],[90,130],[41,39]],[[80,60],[90,60],[85,70]]]},"properties":{"objectType":"annotation"}},{"type":"Feature","id":7,
"geometry":{"type":"MultiPolygon","coordinates":[[[[150,151.5],[189,150],[170,190.25]]]]},"properties":null}]}"#;

/// Labels in pixels of 10 µm, as PNG.
fn mask(to: &Path) -> Option<PathBuf> {
    let path = beside_table(to, "mask.png", "")?;
    let label = |x: u32, y: u32| image::Luma([if (8..15).contains(&x) && y % 9 > 3 { x as u8 } else { 0 }]);
    image::GrayImage::from_fn(24, 24, label).save(&path).ok()?;
    Some(path)
}

/// A hundred bins by their middles.
fn excluded(to: &Path) -> Option<PathBuf> {
    let rows = (0..100).map(|bin| format!("{}5,{}5\n", 4 + bin % 10, 4 + bin / 10));
    beside_table(to, "failed.csv", "x,y\n".to_owned() + &rows.collect::<String>())
}

/// Bins that failed, the tissue, and the part of the section, by one file.
fn areas(path: &Path) -> s2s::Result<()> {
    let area = || Some(Area::of(path.to_str().unwrap()));
    let transform =
        |request: &mut Request| request.area_transform = path.ends_with("mask.png").then(|| "10".to_owned());
    let excluded = section(path, |request| {
        transform(request);
        (request.exclude, request.config.pattern) = (area().into_iter().collect(), PatternKind::All);
    });
    let tissue = section(path, |request| {
        transform(request);
        request.tissue_mask = area();
    });
    let region = section(path, |request| {
        transform(request);
        request.region = area();
    });
    excluded.and(tissue).and(region)
}

/// Corners of cells of 30 µm.
fn cells_table(to: &Path) -> Option<PathBuf> {
    let corners = [(0, 0), (28, 1), (30, 29), (2, 30)];
    let rows =
        (0..64).flat_map(|cell| corners.map(|(x, y)| format!("c{cell},{},{}\n", cell % 8 * 30 + x, cell / 8 * 30 + y)));
    beside_table(to, "cells.csv", "cell_id,vertex_x,vertex_y\n".to_owned() + &rows.collect::<String>())
}

fn covered(path: &Path) -> s2s::Result<()> {
    let grid = Grid { rows: 24, cols: 24, bin_um: 10.0, origin_um: [0.0; 2] };
    cells(path, None, &grid).map(drop)
}

/// The map of a section to its neighbour, beside both.
fn moved(to: &Path) -> Option<PathBuf> {
    let path = beside_table(to, "map.csv", "1,0.1,4\n-0.1,1,-7.5\n")?;
    let mut request = request(&bundle(to)?);
    (request.config.bin_um, request.config.pattern, request.mode) = (Some(12.0), PatternKind::All, Mode::Impute);
    prepare(&request, &to.join("other.s2s"), &[]).ok()?;
    Some(path)
}

fn beside_section(path: &Path) -> s2s::Result<()> {
    let mut request = request(&path.with_file_name("bundle"));
    (request.config.bin_um, request.force, request.align) = (Some(10.0), true, true);
    let other = path.with_file_name("other.s2s");
    request.sections = vec![SerialSection { path: other, transform: Some(path.to_owned()), distance_um: None }];
    prepare(&request, &path.with_file_name("sample.s2s"), &[]).map(drop)
}

/// Molecules as Xenium keeps them in Zarr: two tiles of 250 µm, chunks as they are.
fn xenium_zarr(to: &Path) -> Option<PathBuf> {
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
