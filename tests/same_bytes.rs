//! The same run writes the same bytes, so that caches of workflows that go by hashes hold: every stage, every file.

#[path = "common/lines.rs"]
mod lines;

use lines::{command, content};
use std::path::Path;
use std::process::Command;

const RECIPE: &str = "
network: {cascades: 1, channels: 8, growth: 4, blocks: 1, layers: 1, window: 4, heads: 2, input_channels: 2}
fit: {steps: 12, batch: 2, image_batch: 2, image_patch: 32, image_every: 4, guides: [lattice], upsampling: bilinear, crop: whole, holdout: 0.2,
      evaluate_every: 4, gene_scale: rms}
";

/// Every stage, with all kinds of outputs.
const FITTED: [&str; 6] = [
    "s2s-simulate --rows 40 --cols 48 --genes 12 --seed 1 --stain --output section",
    "s2s-prep section --image auto --bin-um 30 --mode benchmark --output d.s2s",
    "s2s-prep section --bin-um 30 --mode impute --output i.s2s",
    "s2s-fit d.s2s --gene DUCT1 --config recipe.yaml --output DUCT1.safetensors",
    "s2s-fit d.s2s --genes DUCT1,ISLAND3 --joint --finetune 4 --config recipe.yaml --output fits",
    "s2s-fit --images-only --config recipe.yaml --output prior.safetensors",
];
const PREDICTED: [&str; 8] = [
    "s2s-predict d.s2s --model fits --output s.zarr",
    "s2s-predict d.s2s --model fits --set predict.network_share=0.25 --output mixed.zarr",
    "s2s-predict d.s2s --method blend --output b.zarr",
    "s2s-predict d.s2s --method kriging --output k.zarr",
    "s2s-predict i.s2s --method blend --output i.zarr",
    "s2s-predict d.s2s --method nearest --genes DUCT1 --into n.zarr",
    "s2s-score d.s2s s.zarr mixed.zarr b.zarr k.zarr --label s m b k --output scores --plots plots",
    "s2s-score i.s2s i.zarr --output imputed",
];

/// Runs the stages in `folder` on so many threads, which no output tells.
fn run(folder: &Path, lines: &[&str], threads: usize) {
    for line in lines {
        let done = command(folder, line).env("RAYON_NUM_THREADS", threads.to_string()).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

fn same(one: &Path, other: &Path) {
    let (one, other) = (content(one), content(other));
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    let differ: Vec<&String> =
        one.iter().filter(|(name, bytes)| other[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differ.is_empty(), "{} of {} files differ: {differ:?}", differ.len(), one.len());
}

#[test]
fn the_same_run_writes_the_same_bytes() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&one, &other] {
        std::fs::write(folder.path().join("recipe.yaml"), RECIPE).unwrap();
        run(folder.path(), &FITTED, 2);
        run(folder.path(), &PREDICTED, 2);
    }
    same(one.path(), other.path());
    // Without fits, whose sums are in another order on other numbers of threads, one thread writes what two write.
    let third = tempfile::tempdir().unwrap();
    run(third.path(), &FITTED[..3], 1);
    for fits in
        ["recipe.yaml", "DUCT1.safetensors", "DUCT1.fit.parquet", "prior.safetensors", "prior.fit.parquet", "fits"]
    {
        let done = Command::new("cp").arg("-r").arg(one.path().join(fits)).arg(third.path()).status().unwrap();
        assert!(done.success());
    }
    run(third.path(), &PREDICTED, 1);
    same(one.path(), third.path());
}
