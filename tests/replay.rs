//! A step that a GPU records once and replays is the step that it makes otherwise, bit for bit, also where steps are of several kinds: on
//! the first Vulkan adapter, which may be software.
#![cfg(feature = "vulkan")]

mod common;
#[path = "common/section.rs"]
mod section;
#[path = "common/stages.rs"]
mod stages;

use burn::cubecl::logging::{LaunchObservation, LaunchObserver};
use burn::tensor::Device;
use s2s::dataset::{Dataset, Mode};
use s2s::images::{Bank, Images};
use s2s::network::weights::{read_tensors, to_tensors};
use s2s::network::{CdcinConfig, Guide};
use s2s::training::{Crop, Curves, FitConfig, FitSettings, GeneScale, Precision, Saving, Schedule, Statistic, fit};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The launches of Adam's kernel.
#[derive(Default)]
struct Updates(AtomicUsize);

impl LaunchObserver for Updates {
    fn launched(&self, kernel: &'static str) {
        self.0.fetch_add(usize::from(kernel.contains("Descend")), Ordering::Relaxed);
    }
}

/// Held by the only run.
static ALONE: Mutex<()> = Mutex::new(());

/// What a run leaves: the losses of every step, the network that is kept, and the checkpoint's vectors.
#[derive(PartialEq)]
struct Left {
    losses: Vec<Vec<u64>>,
    kept: Vec<Vec<f32>>,
    vectors: Vec<(String, Vec<f32>)>,
}

/// The curves as bits, but for their seconds.
fn bits(curves: &Curves) -> Vec<Vec<u64>> {
    let point = |mut bits: Vec<u64>| {
        bits.remove(1);
        bits
    };
    curves.to_bits().into_iter().map(point).collect()
}

/// What a run learns from.
struct Given<'a> {
    /// That of the section `sample.s2s`.
    folder: &'a Path,
    genes: &'a [&'a str],
    /// Numbers that the network learns of each of them.
    embedding: usize,
    device: &'a Device,
}

/// A run of the recipe, ended after so many minutes if at all; and how often Adam's kernel was launched by the host.
fn run(recipe: &FitConfig, given: &Given, minutes: Option<f64>) -> (Left, usize, f64) {
    // Launches are those of the whole process, and a recording takes down what anyone asks of the device.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Given { folder, genes, embedding, device } = *given;
    let dataset = Dataset::open(&folder.join("sample.s2s")).unwrap();
    let pictures = Images::dead_leaves(0, 2, 48);
    let bank = recipe.images.then(|| Bank::new(pictures, recipe.image_patch, device).unwrap());
    let network = CdcinConfig {
        cascades: 2,
        channels: 8,
        growth: 4,
        blocks: 1,
        layers: 1,
        window: 4,
        heads: 2,
        input_channels: 1 + recipe.guides.len() + recipe.stains,
        gene_embedding: embedding,
        ..CdcinConfig::default()
    };
    let genes: Vec<String> = genes.iter().map(|gene| (*gene).to_owned()).collect();
    let checkpoint = folder.join("run.ckpt");
    let saving = Saving { path: Some(&checkpoint), every: Duration::ZERO, ..Saving::default() };
    let settings = FitSettings {
        images: bank.as_ref(),
        max_minutes: minutes,
        saving,
        seed: 3,
        ..FitSettings::new(&dataset, &genes, &network, recipe, device)
    };
    let updates = Arc::new(Updates::default());
    let watching = LaunchObservation::new(updates.clone());
    let fitted = fit(&settings).unwrap();
    drop(watching);
    let vectors = read_tensors(&checkpoint).unwrap().0.into_iter().map(|tensor| (tensor.name, tensor.values)).collect();
    if fitted.curves.0.len() == recipe.steps {
        std::fs::remove_file(&checkpoint).unwrap();
    }
    let kept = to_tensors(&fitted.net).into_iter().map(|tensor| tensor.values).collect();
    (Left { losses: bits(&fitted.curves), kept, vectors }, updates.0.load(Ordering::Relaxed), fitted.seconds)
}

/// A recipe of thirty steps of a section and of images, of a falling learning rate, which are looked at in between.
fn recipe() -> FitConfig {
    FitConfig {
        steps: 30,
        batch: 2,
        image_batch: 1,
        image_patch: 16,
        gene_scale: GeneScale::Of(Statistic::Rms),
        guides: vec![Guide::Lattice],
        learning_rate: 3e-3,
        schedule: Schedule::Cosine,
        warmup: 5,
        clip: 0.5,
        average: 0.9,
        holdout: 0.1,
        evaluate_every: 7,
        ..FitConfig::default()
    }
}

/// Thirty steps of a falling learning rate that are looked at in between, of a section and of images, with and without clipping, on a lattice and on none; then again,
/// ended in the middle and resumed.
#[test]
fn replayed_steps_are_those_made_one_by_one_bit_for_bit() {
    let Some(device) = common::adapter() else { return };
    let folder = tempfile::tempdir().unwrap();
    section::dataset(folder.path(), 48, 40, Mode::Impute);
    let elsewhere = tempfile::tempdir().unwrap();
    section::scattered(elsewhere.path(), 48, 40, Mode::Impute);
    let both = recipe();
    let alone = FitConfig { clip: 0.0, guides: Vec::new(), images: false, ..both.clone() };
    let rounded = FitConfig { precision: Precision::Bf16, ..alone.clone() };
    let cases = [
        (both.clone(), &folder),
        (alone.clone(), &folder),
        (rounded, &folder),
        (both, &elsewhere),
        (alone, &elsewhere),
    ];
    for (recipe, folder) in cases {
        let given = Given { folder: folder.path(), genes: &["WAVE"], embedding: 0, device: &device };
        let of = |replay: bool, minutes: Option<f64>| run(&FitConfig { replay, ..recipe.clone() }, &given, minutes);
        let (one_by_one, updates, _) = of(false, None);
        assert_eq!((updates, one_by_one.losses.len()), (30, 30));
        let (replayed, updates, seconds) = of(true, None);
        // Eight steps before, and what recording takes: three steps that leave everything as it is, and the recorded one.
        assert_eq!(updates, 8 + 3 + 1);
        assert!(one_by_one.vectors == replayed.vectors && one_by_one.kept == replayed.kept);
        assert_eq!(one_by_one.losses, replayed.losses);
        // In the middle, or earlier where the machine has become faster.
        let made = |share: f64| of(true, Some(seconds * share / 60.0)).0.losses.len();
        let ended = [0.6, 0.3, 0.0].into_iter().map(made).find(|made| *made < 30).unwrap();
        let (resumed, ..) = of(true, None);
        assert!(resumed == one_by_one, "ended after {ended} steps");
    }
}

/// Whole sections, whose shape changes with their turns, and images and the sparse → dense loss that join now and then: each kind of step
/// is recorded by itself, once it came often enough, and steps of others are made between replayed ones.
#[test]
fn several_kinds_of_steps_are_replayed_bit_for_bit() {
    let Some(device) = common::adapter() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Of 25 × 21 measured bins 24 × 20 are used, whatever the phase: two shapes, one for each turn.
    section::dataset(folder.path(), 50, 42, Mode::Impute);
    let whole = FitConfig { steps: 64, crop: Crop::Whole, batch: 1, image_every: 4, dense_every: 8, ..recipe() };
    let given = Given { folder: folder.path(), genes: &["WAVE"], embedding: 0, device: &device };
    let of = |replay: bool, minutes: Option<f64>| run(&FitConfig { replay, ..whole.clone() }, &given, minutes);
    let (one_by_one, updates, _) = of(false, None);
    assert_eq!((updates, one_by_one.losses.len()), (64, 64));
    let (replayed, updates, seconds) = of(true, None);
    // Of both turns the 48 steps without images are replayed from the ninth on. Of the 16 with images no kind comes that often.
    assert_eq!(updates, 2 * (8 + 3 + 1) + 16);
    assert!(replayed == one_by_one);
    let made = of(true, Some(seconds * 0.7 / 60.0)).0.losses.len();
    let (resumed, ..) = of(true, None);
    assert!(resumed == one_by_one, "ended after {made} steps");
}

/// A panel's network is told on the device which gene each example is of, and which examples see no guide.
#[test]
fn a_panel_of_guided_genes_is_replayed_bit_for_bit() {
    let Some(device) = common::adapter() else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    // Of 13 × 13 measured bins 12 × 12 are used: one shape.
    stages::run(at, "s2s-simulate", "--rows 26 --cols 26 --genes 3 --seed 2 --stain --output section");
    stages::run(at, "s2s-prep", "section --image auto --bin-um 30 --scale 2 --mode impute --output sample.s2s");
    let dataset = Dataset::open(&at.join("sample.s2s")).unwrap();
    let genes: Vec<&str> = dataset.manifest().genes.iter().map(|gene| gene.name.as_str()).collect();
    let given = Given { folder: at, genes: &genes, embedding: 3, device: &device };
    let panel = FitConfig { crop: Crop::Whole, stains: 2, guide_dropout: 0.5, ..recipe() };
    let of = |replay: bool| run(&FitConfig { replay, ..panel.clone() }, &given, None);
    let ((one_by_one, ..), (replayed, updates, _)) = (of(false), of(true));
    assert_eq!(updates, 8 + 3 + 1);
    assert!(replayed == one_by_one);
}
