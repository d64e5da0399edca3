//! Everything that is read from files, and how it is read.

use crate::common;
use crate::genuine::{
    POLYGON, beside, beside_table, bundle, cells_table, checkpoint, config, copied, excluded, fitted, foreign, gef,
    guided, mask, matrix_market, measured, model, moved, own, picture, request, stain, store, table, xenium_zarr,
};
use crate::zip::zipped;
use burn::tensor::Device;
use s2s::config::Config;
use s2s::dataset::{Dataset, Truth};
use s2s::guides::{Affine, Image, Place, measure};
use s2s::imputation::{Expert, Method, NetworkImputer, PredictConfig, PredictSettings, Source, predict};
use s2s::ingest::{Area, PatternKind, Request, SerialSection, cells, describe, prepare, read};
use s2s::section::{Grid, Lattice, Raster, Sampling, Scale};
use s2s::store::Store;
use std::fs;
use std::path::{Path, PathBuf};

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

fn predicted(path: &Path) -> s2s::Result<()> {
    let (dataset, config) = (beside(path)?, PredictConfig { turns: false, ..PredictConfig::default() });
    let source = Source::Networks(NetworkImputer::open(path, &dataset, &Device::flex())?);
    predict(&PredictSettings { dataset: &dataset, source, genes: &[], config: &config }).map(drop)
}

/// Each run leaves a checkpoint of its own: the damaged one is read from a copy.
fn resumed(path: &Path) -> s2s::Result<()> {
    let copy = path.with_file_name("copy.ckpt");
    fs::copy(path, &copy).unwrap();
    fitted(path, Some(&copy))
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

fn configured(path: &Path) -> s2s::Result<()> {
    let config = Config::load(Some(path), &[])?;
    config.network.check()?;
    config.fit.check(Scale::new(2)?)?;
    config.predict.check()?;
    let mut request = request(&path.with_file_name("in.csv"));
    request.config = config.prep;
    read(&request).map(drop)
}

/// Reads the table beside `path`, which has to do with it as `change` says.
fn section(path: &Path, change: impl Fn(&mut Request)) -> s2s::Result<()> {
    let mut request = request(&path.with_file_name("in.csv"));
    request.config.bin_um = Some(10.0);
    change(&mut request);
    read(&request).map(drop)
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

fn covered(path: &Path) -> s2s::Result<()> {
    let grid = Grid { rows: 24, cols: 24, bin_um: 10.0, origin_um: [0.0; 2] };
    cells(path, None, &grid).map(drop)
}

fn beside_section(path: &Path) -> s2s::Result<()> {
    let mut request = request(&path.with_file_name("bundle"));
    (request.config.bin_um, request.force, request.align) = (Some(10.0), true, true);
    let other = path.with_file_name("other.s2s");
    request.sections = vec![SerialSection { path: other, transform: Some(path.to_owned()), distance_um: None }];
    prepare(&request, &path.with_file_name("sample.s2s"), &[]).map(drop)
}
