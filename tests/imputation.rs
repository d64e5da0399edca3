//! How windows become a picture, shown with networks that return their input: what comes out must be 𝒰 of the measured bins.

use s2s::dataset::{Dataset, GeneCounts, Mode, SectionCounts, Settings, write};
use s2s::imputation::{NetworkImputer, PredictConfig, finish};
use s2s::network::{CdcinConfig, Guide, InputConfig, Upsampling, weights};
use s2s::provenance::Provenance;
use s2s::section::{Grid, Interpolation, Lattice, Raster, Sampling, Scale, interpolate};
use s2s::training::{FittedGene, ModelMetadata, Stop};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const GENE: &str = "SPOTTED";

/// A section of one gene with a value of its own in every bin, in tissue where `inside`.
fn section(folder: &Path, rows: usize, cols: usize, scale: usize, inside: fn(usize, usize) -> bool) -> Dataset {
    let counts =
        (0..rows * cols).filter(|i| inside(i / cols, i % cols)).map(|i| (i as u32, 1 + (i * 7919 % 31) as u32));
    let section = SectionCounts {
        grid: Grid { rows, cols, bin_um: 30.0, origin_um: [0.0, 0.0] },
        totals: Raster::from_fn(rows, cols, |row, col| if inside(row, col) { 100 } else { 0 }),
        genes: vec![GeneCounts { name: GENE.to_owned(), counts: counts.collect() }],
    };
    let lattice = Lattice::new(Scale::new(scale).unwrap());
    let sampling = Sampling::regular(lattice, rows, cols);
    let settings = Settings { mode: Mode::Impute, sampling, min_counts: 10, patch: 8 * scale, platform: "test".into() };
    let provenance = Provenance::new("test", serde_json::Value::Null, None, Vec::new());
    let path = folder.join("sample.s2s");
    write(&path, &section, &settings, provenance).unwrap();
    Dataset::open(&path).unwrap()
}

fn metadata(dataset: &Dataset, upsampling: Upsampling, window: Option<usize>) -> ModelMetadata {
    ModelMetadata {
        // A power of two: dividing and multiplying by it is exact.
        genes: vec![FittedGene { name: GENE.to_owned(), scale: 4.0, calibration: None }],
        input: InputConfig {
            scale: dataset.lattice().scale.get(),
            upsampling,
            guides: Vec::new(),
            components: 0,
            stains: 0,
            scattered: false,
        },
        window,
        dataset_fingerprint: dataset.fingerprint(),
        identity: None,
        device: "cpu".to_owned(),
        steps: 0,
        stop: Stop::Steps,
        held_out_ratio: None,
        provenance: Provenance::new("test", serde_json::Value::Null, None, Vec::new()),
    }
}

/// An untrained network that returns its input, with `value` in place of all weights if there is one.
fn save(folder: &Path, metadata: &ModelMetadata, value: Option<f32>) -> PathBuf {
    let config = CdcinConfig {
        cascades: 1,
        channels: 8,
        growth: 4,
        blocks: 1,
        layers: 1,
        window: 4,
        heads: 2,
        zero_reconstruct: true,
        ..CdcinConfig::default()
    };
    let device = burn::tensor::Device::flex();
    let mut net = config.init(1, &device);
    if let Some(value) = value {
        let mut tensors = weights::to_tensors(&net);
        tensors.iter_mut().for_each(|tensor| tensor.values.fill(value));
        net = weights::from_tensors(&config, tensors, &device).unwrap();
    }
    let path = folder.join("net.safetensors");
    let metadata = serde_json::to_string(metadata).unwrap();
    weights::save(&net, &BTreeMap::from([("s2s".to_owned(), metadata)]), &path).unwrap();
    path
}

fn open(path: &Path, dataset: &Dataset) -> s2s::Result<NetworkImputer> {
    NetworkImputer::open(path, dataset, &burn::tensor::Device::flex()).map(|mut imputers| imputers.remove(0))
}

fn impute(folder: &Path, dataset: &Dataset, metadata: &ModelMetadata, config: PredictConfig) -> Raster<f32> {
    let path = save(folder, metadata, None);
    open(&path, dataset).unwrap().impute(dataset, &config).unwrap().values
}

fn equal(found: &Raster<f32>, expected: &Raster<f32>, what: &str) {
    assert_eq!(found.shape(), expected.shape());
    for (i, (found, expected)) in found.values().iter().zip(expected.values()).enumerate() {
        let same = found.is_nan() && expected.is_nan() || (found - expected).abs() < 1e-5;
        assert!(same, "{what}: bin {i}: {found}, expected {expected}");
    }
}

fn ring(row: usize, col: usize) -> bool {
    !(3..7).contains(&row) || col % 11 > 2
}

/// What becomes of an interpolation: measured bins as they were, nothing outside the tissue.
fn finished(dense: Raster<f32>, dataset: &Dataset) -> Raster<f32> {
    finish(dense, &dataset.measured_values(GENE).unwrap(), dataset.sampling(), dataset.tissue())
}

fn everywhere(_: usize, _: usize) -> bool {
    true
}

#[test]
fn windows_stitch_to_the_whole_section_whatever_its_size_and_their_overlap() {
    let sizes = [(1, 1), (2, 2), (2, 19), (5, 3), (16, 16), (17, 31), (47, 23), (64, 33)];
    for scale in [2, 3] {
        for (rows, cols) in sizes {
            let folder = tempfile::tempdir().unwrap();
            let dataset = section(folder.path(), rows, cols, scale, everywhere);
            let values = dataset.values(GENE).unwrap();
            let expected = finished(dataset.lattice().upsample(&values, rows, cols), &dataset);
            let metadata = metadata(&dataset, Upsampling::Nearest, Some(8 * scale));
            for (overlap, batch) in [(0, 1), (5, 3), (8, 8), (1000, 64)] {
                let config = PredictConfig { overlap, batch, turns: false, ..PredictConfig::default() };
                let found = impute(folder.path(), &dataset, &metadata, config);
                equal(&found, &expected, &format!("S={scale}, {rows}×{cols}, overlap {overlap}"));
            }
        }
    }
}

#[test]
fn a_whole_section_is_the_interpolation_also_averaged_over_the_turns() {
    for (rows, cols, scale) in [(1, 7, 2), (12, 12, 2), (17, 30, 2), (18, 13, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let dataset = section(folder.path(), rows, cols, scale, ring);
        let (lattice, values) = (dataset.lattice(), dataset.values(GENE).unwrap());
        let dense = interpolate(Interpolation::Bilinear, lattice, &values, &dataset.measured_tissue(), rows, cols);
        let expected = finished(dense, &dataset);
        for turns in [false, true] {
            let metadata = metadata(&dataset, Upsampling::Bilinear, None);
            let found = impute(folder.path(), &dataset, &metadata, PredictConfig { turns, ..PredictConfig::default() });
            equal(&found, &expected, &format!("S={scale}, {rows}×{cols}, turns {turns}"));
        }
    }
}

/// Nearest upsampling fills a block to the right and below of its measured bin; in a flipped image, to the left and above.
/// The mean over the eight turns is therefore the mean over the measured bins before and after, along each axis.
#[test]
fn flipped_predictions_return_to_the_lattice_they_came_from() {
    for (rows, cols, scale) in [(10, 16, 2), (11, 7, 2), (12, 10, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let dataset = section(folder.path(), rows, cols, scale, everywhere);
        let values = dataset.values(GENE).unwrap();
        let sources = |at: usize, length: usize| {
            let ends = [at / scale, at.div_ceil(scale)];
            ends.into_iter().filter(move |end| *end < length).collect::<Vec<_>>()
        };
        let dense = Raster::from_fn(rows, cols, |row, col| {
            let (down, across) = (sources(row, values.rows()), sources(col, values.cols()));
            let all = down.iter().flat_map(|&r| across.iter().map(move |&c| (r, c)));
            all.map(|at| values[at]).sum::<f32>() / (down.len() * across.len()) as f32
        });
        let expected = finished(dense, &dataset);
        let metadata = metadata(&dataset, Upsampling::Nearest, None);
        let found =
            impute(folder.path(), &dataset, &metadata, PredictConfig { turns: true, ..PredictConfig::default() });
        equal(&found, &expected, &format!("S={scale}, {rows}×{cols}"));
    }
}

#[test]
fn weights_that_predict_no_number_are_refused_not_written_as_zero() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = section(folder.path(), 20, 20, 2, everywhere);
    for window in [None, Some(16)] {
        let path = save(folder.path(), &metadata(&dataset, Upsampling::Nearest, window), Some(f32::NAN));
        let error = open(&path, &dataset).unwrap().impute(&dataset, &PredictConfig::default()).unwrap_err();
        assert!(error.exit_code() == 65 && error.to_string().contains(GENE), "{error}");
    }
}

#[test]
fn a_checkpoint_that_does_not_fit_the_section_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = section(folder.path(), 20, 20, 2, everywhere);
    let good = metadata(&dataset, Upsampling::Nearest, Some(16));
    let of_scale = |scale| ModelMetadata { input: InputConfig { scale, ..good.input.clone() }, ..good.clone() };
    let guided = InputConfig { guides: vec![Guide::Lattice], ..good.input.clone() };
    let cases = [
        (of_scale(3), "scale"),
        (of_scale(0), "scale"),
        (ModelMetadata { window: Some(1), ..good.clone() }, "window"),
        (
            ModelMetadata {
                genes: vec![FittedGene { name: GENE.to_owned(), scale: 0.0, calibration: None }],
                ..good.clone()
            },
            "scale 0",
        ),
        (ModelMetadata { input: guided, ..good.clone() }, "guides"),
        (
            ModelMetadata {
                genes: vec![FittedGene { name: "SPOTTY".to_owned(), scale: 4.0, calibration: None }],
                ..good.clone()
            },
            GENE,
        ),
    ];
    for (metadata, word) in cases {
        let path = save(folder.path(), &metadata, None);
        let error = open(&path, &dataset).err().unwrap();
        assert!(error.exit_code() == 65 && error.to_string().contains(word), "{word}: {error}");
    }
}
