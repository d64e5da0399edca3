//! Log-normalisation equals scanpy's `filter_cells`, `normalize_total` and `log1p`.

mod common;

use s2s::section::{log_normalise, normalisation_target};
use safetensors::SafeTensors;

fn floats(file: &SafeTensors, name: &str) -> Vec<f32> {
    let data = file.tensor(name).unwrap().data().to_vec();
    data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

#[test]
fn log_normalised_counts_equal_those_of_scanpy() {
    let Some(path) = common::shared("golden/lognormalise.safetensors") else { return };
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let genes = file.tensor("counts").unwrap().shape()[1];
    let counts: Vec<u64> = floats(&file, "counts").iter().map(|count| *count as u64).collect();
    let expected = floats(&file, "normalised");
    let kept: Vec<bool> = file.tensor("kept_bins").unwrap().data().iter().map(|flag| *flag != 0).collect();

    let bins: Vec<&[u64]> = counts.chunks_exact(genes).collect();
    let min_counts = 1;
    let in_tissue: Vec<bool> = bins.iter().map(|bin| bin.iter().sum::<u64>() >= min_counts).collect();
    assert_eq!(in_tissue, kept);
    let bins: Vec<&[u64]> = bins.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(bin, _)| bin).collect();
    let totals: Vec<u64> = bins.iter().map(|bin| bin.iter().sum()).collect();
    let target = normalisation_target(&totals).unwrap();
    let got = bins.iter().zip(&totals).flat_map(|(bin, total)| bin.iter().map(|n| log_normalise(*n, *total, target)));
    let got: Vec<f64> = got.collect();
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - f64::from(expected)).abs() <= 1e-6, "{got}, expected {expected}");
    }
}
