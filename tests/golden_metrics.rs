//! The metrics against scikit-image, SciPy and scanpy: `golden/metrics.safetensors`.

mod common;

use s2s::scoring::{agreement, ssim};
use s2s::section::{Raster, morans_i};
use safetensors::SafeTensors;
use serde_json::Value;

struct Golden {
    truth: Raster<f64>,
    predicted: Raster<f64>,
    tissue: Raster<bool>,
    unsampled: Raster<bool>,
    ssim_map: Raster<f64>,
    expected: Value,
}

fn golden() -> Option<Golden> {
    let bytes = std::fs::read(common::shared("golden/metrics.safetensors")?).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let expected = serde_json::from_str(&header.metadata().as_ref().unwrap()["expected"]).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| {
        let tensor = file.tensor(name).unwrap();
        let values = tensor.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        Raster::from_vec(tensor.shape()[0], tensor.shape()[1], values).unwrap()
    };
    let flags = |name: &str| {
        let tensor = file.tensor(name).unwrap();
        let values = tensor.data().iter().map(|byte| *byte != 0).collect();
        Raster::from_vec(tensor.shape()[0], tensor.shape()[1], values).unwrap()
    };
    let (tissue, sampled) = (flags("tissue"), flags("sampled"));
    let unsampled = Raster::from_fn(tissue.rows(), tissue.cols(), |r, c| tissue[(r, c)] && !sampled[(r, c)]);
    let (truth, predicted, ssim_map) = (numbers("truth"), numbers("pred"), numbers("ssim_map"));
    Some(Golden { truth, predicted, tissue, unsampled, ssim_map, expected })
}

#[track_caller]
fn close(got: f64, expected: &Value, relative: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((got - expected).abs() <= relative * expected.abs(), "got {got}, expected {expected}");
}

#[test]
fn errors_and_correlation() {
    let Some(g) = golden() else { return };
    for (region, name) in [(&g.tissue, "tissue"), (&g.unsampled, "unsampled")] {
        let got = agreement::agreement(&g.truth, &g.predicted, region);
        close(got.mae.unwrap(), &g.expected[name]["mae"], 1e-9);
        close(got.rmse.unwrap(), &g.expected[name]["rmse"], 1e-9);
        close(got.pcc.unwrap(), &g.expected[name]["pcc"], 1e-9);
    }
}

#[test]
fn structural_similarity_and_psnr() {
    let Some(g) = golden() else { return };
    let range = agreement::data_range(&g.truth, &g.predicted, &g.tissue);
    close(range, &g.expected["data_range"], 1e-9);
    close(agreement::psnr(&g.truth, &g.predicted, &g.tissue, range).unwrap(), &g.expected["psnr_frame"], 1e-9);
    let inside = |image: &Raster<f64>| {
        Raster::from_fn(image.rows(), image.cols(), |r, c| if g.tissue[(r, c)] { image[(r, c)] } else { 0.0 })
    };
    let map = ssim::similarity_map(&inside(&g.truth), &inside(&g.predicted), range).unwrap();
    for (got, expected) in map.values().iter().zip(g.ssim_map.values()) {
        assert!((got - expected).abs() <= 1e-7, "got {got}, expected {expected}");
    }
    close(ssim::frame_mean(&map), &g.expected["ssim"], 1e-7);
    close(ssim::region_mean(&map, &g.tissue).unwrap(), &g.expected["ssim_tissue"], 1e-7);
}

#[test]
fn spatial_autocorrelation() {
    let Some(g) = golden() else { return };
    let expected = &g.expected["morans_i"];
    close(morans_i(&g.truth, &g.tissue).unwrap(), &expected["truth"], 1e-9);
    close(morans_i(&g.predicted, &g.tissue).unwrap(), &expected["pred"], 1e-9);
}
