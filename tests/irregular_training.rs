//! Training and prediction by a network where the measured bins lie on no lattice (docs/patterns.md).

#[path = "common/fitting.rs"]
mod fitting;

use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use s2s::config::Config;
use s2s::dataset::{Dataset, GeneCounts, Mode, SectionCounts, Settings, write};
use s2s::network::InputConfig;
use s2s::provenance::Provenance;
use s2s::section::{Grid, Lattice, Pattern, Raster, Sampling, Scale};
use s2s::store::Store;
use s2s::training::{Batch, Distance, MeasuredImage, Objective, Sampler, Thinning};
use std::path::Path;
use std::process::Command;

const ROWS: usize = 36;
const COLS: usize = 44;

/// A section of which a third of the bins were measured, with a smooth gene, and tissue but in one corner.
fn dataset(folder: &Path) -> Dataset {
    let measured = Raster::from_fn(ROWS, COLS, |r, c| (r * 31 + c * 17 + r * c) % 10 < 3);
    sampled(folder, measured, Pattern::Random { rate: 0.3, seed: 0 })
}

/// The same with a hole of 4 × 5 bins and one of two.
fn holed(folder: &Path) -> Dataset {
    let hole = |r: usize, c: usize| ((10..14).contains(&r) && (20..25).contains(&c)) || (r == 25 && (c == 8 || c == 9));
    let measured = Raster::from_fn(ROWS, COLS, |r, c| !hole(r, c));
    sampled(folder, measured, Pattern::Listed { bins: (ROWS * COLS - 22) as u64, sha256: String::new() })
}

fn sampled(folder: &Path, measured: Raster<bool>, pattern: Pattern) -> Dataset {
    std::fs::create_dir_all(folder).unwrap();
    let inside = |r: usize, c: usize| r + c > 9;
    let wave = |r: usize, c: usize| (4.0 + 3.5 * (r as f64 / 5.0).sin() * (c as f64 / 7.0).cos()) as u32;
    let bins = (0..ROWS * COLS).filter(|i| inside(i / COLS, i % COLS));
    let counts = bins.map(|i| (i as u32, wave(i / COLS, i % COLS))).filter(|(_, count)| *count > 0).collect();
    let section = SectionCounts {
        grid: Grid { rows: ROWS, cols: COLS, bin_um: 30.0, origin_um: [0.0, 0.0] },
        totals: Raster::from_fn(ROWS, COLS, |r, c| if inside(r, c) { 60 + wave(r, c) } else { 0 }),
        genes: vec![GeneCounts { name: "WAVE".to_owned(), counts }],
    };
    let sampling = Sampling::of(Lattice::new(Scale::new(2).unwrap()), pattern, measured);
    let settings = Settings { mode: Mode::Impute, sampling, min_counts: 10, patch: 16, platform: "test".to_owned() };
    let path = folder.join("sample.s2s");
    write(&path, &section, &settings, Provenance::new("test", serde_json::Value::Null, None, Vec::new())).unwrap();
    Dataset::open(&path).unwrap()
}

fn loss(objective: &Objective, sampler: &Sampler) -> f32 {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let device = Device::flex();
    let (section, genes) = sampler.batch(2, &mut rng);
    let section = Some(section);
    let images: Option<Tensor<4>> = None;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.yaml");
    std::fs::write(&path, fitting::TINY).unwrap();
    let net = Config::load(Some(&path), &[]).unwrap().network.init(1, &device);
    objective.losses(&net, Batch { section, genes, images, dense: true }).total.into_scalar::<f32>()
}

#[test]
fn no_bin_that_is_not_measured_reaches_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path());
    let config = Config::load(None, &[]).unwrap();
    let input = InputConfig {
        scattered: true,
        guides: vec![s2s::network::Guide::Lattice],
        ..config.fit.input(dataset.lattice().scale)
    };
    let objective = Objective { input, lambda: 10.0, distance: Distance::L1 };
    let (values, known) = (dataset.values("WAVE").unwrap(), dataset.measured_tissue());
    let spoilt = |at: fn(bool) -> bool| {
        Raster::from_fn(ROWS, COLS, |r, c| values[(r, c)] + if at(known[(r, c)]) { 1e6 } else { 0.0 })
    };
    let nothing = known.map(|_| false);
    let patches = dataset.patches().unwrap();
    let holes = Thinning::of(&holed(&folder.path().join("holed")), 1).unwrap();
    assert!(matches!(holes, Thinning::Holes(_)));
    let bins = Thinning::of(&dataset, 1).unwrap();
    assert!(matches!(bins, Thinning::Bins(rate) if Some(rate) == dataset.sampling().rate()));
    for (windows, thinning) in [(None, &bins), (Some((&patches[..], 16)), &bins), (Some((&patches[..], 16)), &holes)] {
        let of = |values: &Raster<f32>| {
            let image = MeasuredImage::new(&known, &nothing).with(values, 1.0);
            loss(&objective, &Sampler::scattered(image, windows, thinning.clone(), &Device::flex()))
        };
        let expected = of(&values);
        assert!(expected.is_finite() && expected > 0.0);
        assert_eq!(of(&spoilt(|known| !known)), expected);
        assert!(of(&spoilt(|known| known)) > 1e3 * expected);
    }
}

#[test]
fn a_fit_predicts_the_rest_and_keeps_what_was_measured() {
    for section in [dataset, holed] {
        let folder = tempfile::tempdir().unwrap();
        predicts_the_rest(folder.path(), &section(folder.path()));
    }
}

fn predicts_the_rest(folder: &Path, dataset: &Dataset) {
    let (values, known) = (dataset.values("WAVE").unwrap(), dataset.measured_tissue());
    for (name, crop) in [("whole", "crop: whole"), ("patches", "crop: patches")] {
        let recipe = fitting::TINY.replace("fit: {", &format!("fit: {{{crop}, holdout: 0.1, evaluate_every: 2, "));
        std::fs::write(folder.join("tiny.yaml"), recipe).unwrap();
        let weights = [1, 2].map(|round| {
            let output = format!("{name}{round}.safetensors");
            let done = fitting::fit(folder, &[&fitting::WAVE[..], &["--output", &output]].concat());
            assert!(done.status.success(), "{}", fitting::said(&done));
            fitting::weights(folder, &output)
        });
        assert!(weights[0] == weights[1], "{name}: the same seed gives other weights");
        let model = format!("{name}1.safetensors");
        let predict = ["--dataset", "sample.s2s", "--model", &model, "--output", "o.zarr", "--force"];
        let done = Command::new(env!("CARGO_BIN_EXE_s2s-predict")).current_dir(folder).args(predict).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{}", fitting::said(&done));
        let found = Store::open(&folder.join("o.zarr")).unwrap().gene("WAVE").unwrap();
        for at in (0..ROWS * COLS).map(|i| (i / COLS, i % COLS)) {
            match (dataset.tissue()[at], known[at]) {
                (false, _) => assert!(found[at].is_nan()),
                (true, true) => assert_eq!(found[at], values[at]),
                (true, false) => assert!(found[at].is_finite() && found[at] >= 0.0),
            }
        }
    }
}

#[test]
fn a_guide_that_needs_a_lattice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    dataset(folder.path());
    std::fs::write(folder.path().join("tiny.yaml"), fitting::TINY.replace("[lattice]", "[tissue]")).unwrap();
    let done = fitting::fit(folder.path(), &[&fitting::WAVE[..], &["--output", "a.safetensors"]].concat());
    assert_eq!(done.status.code(), Some(2));
    assert!(fitting::said(&done).contains("lie on no lattice"), "{}", fitting::said(&done));
}
