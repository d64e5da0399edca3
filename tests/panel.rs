//! What `s2s-fit` promises for many genes: each its own file or one network for all, warm starts, and the price beforehand.

#[path = "common/fitting.rs"]
mod fitting;
#[path = "common/section.rs"]
mod section;

use fitting::{TINY, WAVE, fit, said, weights};
use s2s::dataset::Mode;
use s2s::network::weights::read_tensors;
use s2s::store::Store;
use std::path::Path;
use std::process::{Command, Output};

const PANEL: [&str; 8] = ["--dataset", "sample.s2s", "--config", "tiny.yaml", "--seed", "7", "--threads", "1"];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    section::of_genes(folder.path(), (48, 40), Mode::Benchmark, &["SILENT", "STRIPE", "WAVE"]);
    folder
}

fn succeed(folder: &Path, arguments: &[&str]) -> Output {
    let done = fit(folder, arguments);
    assert!(done.status.success(), "{arguments:?}: {}", said(&done));
    done
}

#[test]
fn a_silent_gene_is_left_out_and_the_others_are_fitted() {
    let folder = folder();
    std::fs::write(folder.path().join("genes.txt"), "WAVE\nSILENT\nSTRIPE\n").unwrap();
    let arguments = [&PANEL[..], &["--genes", "genes.txt", "--output", "fits"]].concat();
    let done = succeed(folder.path(), &arguments);
    assert!(said(&done).contains("gene SILENT: no counts in the measured tissue"), "{}", said(&done));
    assert!(!folder.path().join("fits/SILENT.safetensors").exists());
    succeed(folder.path(), &[&WAVE[..], &["--output", "alone.safetensors"]].concat());
    assert_eq!(weights(folder.path(), "fits/WAVE.safetensors"), weights(folder.path(), "alone.safetensors"));
    assert!(folder.path().join("fits/STRIPE.fit.parquet").exists());
    let again = fit(folder.path(), &arguments);
    assert_eq!(said(&again).matches("done already").count(), 2, "{}", said(&again));
}

/// As a pipeline's batches do: which genes are beside a silent one makes no difference.
#[test]
fn a_batch_of_nothing_but_a_silent_gene_leaves_an_empty_folder_that_prediction_passes_over() {
    let folder = folder();
    let done = succeed(folder.path(), &[&PANEL[..], &["--genes", "SILENT", "--output", "silent"]].concat());
    assert!(said(&done).contains("gene SILENT: no counts in the measured tissue"), "{}", said(&done));
    assert_eq!(std::fs::read_dir(folder.path().join("silent")).unwrap().count(), 0);
    succeed(folder.path(), &[&PANEL[..], &["--genes", "WAVE", "--output", "heard"]].concat());
    let predict = |models: &[&str]| {
        let models = models.iter().flat_map(|model| ["--model", model]);
        let arguments = ["sample.s2s", "--output", "out.zarr", "--device", "cpu"].into_iter().chain(models);
        Command::new(env!("CARGO_BIN_EXE_s2s-predict")).current_dir(folder.path()).args(arguments).output().unwrap()
    };
    let done = predict(&["silent", "heard"]);
    assert!(done.status.success() && said(&done).contains("passed over"), "{}", said(&done));
    std::fs::remove_dir_all(folder.path().join("out.zarr")).unwrap();
    let done = predict(&["silent"]);
    assert!(done.status.code() == Some(66) && said(&done).contains("no GENE.safetensors"), "{}", said(&done));
}

#[test]
fn an_unknown_gene_is_told_before_anything_is_fitted() {
    let folder = folder();
    let done = fit(folder.path(), &[&PANEL[..], &["--genes", "WAVE,STRIPES", "--output", "fits"]].concat());
    assert_eq!(done.status.code(), Some(65));
    assert!(said(&done).contains("STRIPES") && !folder.path().join("fits").exists(), "{}", said(&done));
}

#[test]
fn a_panel_of_one_gene_is_that_gene_and_one_of_two_predicts_both() {
    let folder = folder();
    let path = folder.path();
    succeed(path, &[&WAVE[..], &["--output", "alone.safetensors"]].concat());
    succeed(path, &[&PANEL[..], &["--genes", "WAVE", "--joint", "--output", "one"]].concat());
    assert_eq!(weights(path, "one/joint.safetensors"), weights(path, "alone.safetensors"));

    let arguments = [&PANEL[..], &["--genes", "all", "--joint", "--finetune", "3", "--output", "all"]].concat();
    let done = fit(path, &arguments);
    assert!(said(&done).contains("SILENT: left out"), "{}", said(&done));
    for name in ["joint", "WAVE", "STRIPE"] {
        assert!(path.join(format!("all/{name}.safetensors")).exists(), "{name}");
    }
    assert_ne!(weights(path, "all/WAVE.safetensors"), weights(path, "all/joint.safetensors"));

    let predict = |genes: &[&str], store: &str| {
        let model = ["--dataset", "sample.s2s", "--model", "all/joint.safetensors", "--output", store];
        let mut command = Command::new(env!("CARGO_BIN_EXE_s2s-predict"));
        command.current_dir(path).args([&model[..], genes].concat()).output().unwrap()
    };
    let both = predict(&[], "both.zarr");
    assert!(both.status.success() && said(&both).contains("2 genes"), "{}", said(&both));
    let one = predict(&["--genes", "STRIPE"], "one.zarr");
    assert!(one.status.success() && said(&one).contains("1 gene in one.zarr"), "{}", said(&one));
    assert_eq!(predict(&["--genes", "SILENT"], "none.zarr").status.code(), Some(2));
}

#[test]
fn genes_that_share_a_network_keep_an_embedding_each_and_a_new_gene_starts_from_their_mean() {
    let folder = tempfile::tempdir().unwrap();
    section::of_genes(folder.path(), (48, 40), Mode::Benchmark, &["STRIPE", "STRIPE2", "WAVE"]);
    let path = folder.path();
    let wide = ["--set", "network.gene_embedding=3", "--set", "fit.learning_rate=0.03"];
    // Of one gene there is nothing to tell apart.
    succeed(path, &[&WAVE[..], &["--output", "alone.safetensors"]].concat());
    succeed(path, &[&WAVE[..], &wide[..2], &["--output", "same.safetensors"]].concat());
    assert_eq!(weights(path, "same.safetensors"), weights(path, "alone.safetensors"));

    succeed(
        path,
        &[&PANEL[..], &wide, &["--genes", "STRIPE,WAVE", "--joint", "--finetune", "2", "--output", "all"]].concat(),
    );
    let tensor = |file: &str, name: &str| {
        read_tensors(&path.join(file)).unwrap().0.into_iter().find(|tensor| tensor.name == name).unwrap()
    };
    let joint = tensor("all/joint.safetensors", "genes.table");
    assert_eq!(joint.shape, [2, 3]);
    assert_eq!(tensor("all/WAVE.safetensors", "genes.table").shape, [1, 3]);
    assert!(tensor("all/joint.safetensors", "stages.1.film.0.weight").values.iter().any(|weight| *weight != 0.0));

    // A learning rate of almost zero and no averaging: what comes out is what went in.
    std::fs::write(path.join("still.yaml"), TINY.replace("average: 0.9", "learning_rate: 1.0e-12")).unwrap();
    let number = |i: usize| (joint.values[i], (joint.values[i] + joint.values[3 + i]) / 2.0);
    let (known, mean): (Vec<f32>, Vec<f32>) = (0..3).map(number).unzip();
    for (gene, expected) in [("STRIPE", known), ("STRIPE2", mean)] {
        let still = ["sample.s2s", "--gene", gene, "--config", "still.yaml", "--init", "all/joint.safetensors"];
        succeed(path, &still);
        let found = tensor(&format!("{gene}.safetensors"), "genes.table").values;
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{gene}: {found:?}, {expected:?}");
    }

    // s2s-predict takes each gene's own: that of a network of this gene alone is the same.
    let predict = |model: &str, store: &str| {
        let arguments = ["sample.s2s", "--model", model, "--genes", "STRIPE", "--output", store];
        let mut command = Command::new(env!("CARGO_BIN_EXE_s2s-predict"));
        let done = command.current_dir(path).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
        Store::open(&path.join(store)).unwrap().gene("STRIPE").unwrap()
    };
    let (shared, own) = (predict("all/joint.safetensors", "shared.zarr"), predict("STRIPE.safetensors", "own.zarr"));
    let apart = shared.values().iter().zip(own.values()).filter(|(a, _)| a.is_finite()).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-4);
}

#[test]
fn a_fit_starts_from_the_weights_that_it_is_given() {
    let folder = folder();
    let path = folder.path();
    let prior = ["--images-only", "--config", "tiny.yaml", "--threads", "1", "--output", "prior.safetensors"];
    succeed(path, &prior);
    // A learning rate of almost zero and no averaging: what comes out is what went in.
    std::fs::write(path.join("still.yaml"), TINY.replace("average: 0.9", "learning_rate: 1.0e-12")).unwrap();
    let still = ["--dataset", "sample.s2s", "--gene", "WAVE", "--config", "still.yaml", "--init", "prior.safetensors"];
    succeed(path, &still);
    let values = |name: &str| read_tensors(&path.join(name)).unwrap().0.into_iter().flat_map(|t| t.values);
    let apart = values("prior.safetensors").zip(values("WAVE.safetensors")).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-6);

    std::fs::write(path.join("wide.yaml"), TINY.replace("channels: 8", "channels: 16")).unwrap();
    let wide = ["--dataset", "sample.s2s", "--gene", "WAVE", "--config", "wide.yaml", "--init", "prior.safetensors"];
    let refused = fit(path, &wide);
    assert_eq!(refused.status.code(), Some(65));
    assert!(said(&refused).contains("network.channels is 8 there, 16 in the config"), "{}", said(&refused));
    let mut predict = Command::new(env!("CARGO_BIN_EXE_s2s-predict"));
    predict.current_dir(path).args(["--dataset", "sample.s2s", "--model", "prior.safetensors", "--output", "p.zarr"]);
    assert_eq!(predict.output().unwrap().status.code(), Some(65));
}

#[test]
fn a_dry_run_tells_the_price_and_writes_nothing() {
    let folder = folder();
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let arguments = ["--dataset", "sample.s2s", "--genes", "WAVE,STRIPE", "--config", "paper", "--output", "fits"];
    let arguments = [&arguments[..], &["--dry-run", "--json"]].concat();
    let done = succeed(folder.path(), &arguments);
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    // The paper's network, as PyTorch counts its parameters.
    assert_eq!(told["parameters"], 3_310_659);
    assert_eq!(told["parts"][0]["networks"], 2);
    assert!(told["memory_mib"].as_u64().unwrap() > 100 && told["minutes"].as_f64().unwrap() > 1.0, "{told}");
    // tiny.yaml is this test's own.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before + 1);
}
