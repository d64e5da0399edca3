//! The result of another run is replaced with `--force` alone, that of the same run is written again, and what s2s did not write stays.

#[path = "common/lines.rs"]
mod lines;

use lines::{content, run, succeed};
use std::path::Path;

const RECIPE: &str = "
network: {cascades: 1, channels: 8, growth: 4, blocks: 1, layers: 1, window: 4, heads: 2, input_channels: 2}
fit: {steps: 4, batch: 2, image_batch: 2, image_patch: 32, guides: [lattice], upsampling: bilinear, crop: whole}
";

/// The run `line` succeeds, and again; the run `other` is told with `words` and changes nothing, and with --force it succeeds.
fn replaced_if_forced(folder: &Path, line: &str, other: &str, words: &str) {
    succeed(folder, line);
    let before = content(folder);
    succeed(folder, line);
    let changed: Vec<_> = content(folder).into_iter().filter(|(name, now)| before.get(name) != Some(now)).collect();
    assert!(changed.is_empty(), "{line} again changed {:?}", changed.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let (code, said) = run(folder, other);
    assert_eq!(code, Some(2), "{other}: {said}");
    assert!(
        said.contains("holds the result of another run") && said.contains(words) && said.contains("--force"),
        "{said}"
    );
    assert!(content(folder) == before, "{other} changed something");
    succeed(folder, &format!("{other} --force"));
    assert!(content(folder) != before);
    let (code, said) = run(folder, line);
    assert_eq!(code, Some(2), "{line}: {said}");
    succeed(folder, &format!("{line} --force"));
    // The command is part of an output, and --force of the command.
    succeed(folder, line);
    assert!(content(folder) == before, "{line} is not what it was");
}

fn section(folder: &Path) {
    std::fs::write(folder.join("recipe.yaml"), RECIPE).unwrap();
    succeed(folder, "s2s-simulate --rows 40 --cols 40 --genes 5 --seed 1 --output section");
    succeed(folder, "s2s-prep section --bin-um 30 --mode benchmark --output d.s2s");
}

#[test]
fn a_section_and_a_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let simulate = "s2s-simulate --rows 40 --cols 40 --genes 5 --seed 1 --output section";
    replaced_if_forced(at, simulate, &simulate.replace("seed 1", "seed 2"), "seed was 1, is 2");
    for mode in ["benchmark", "impute"] {
        let prep = format!("s2s-prep section --bin-um 30 --mode {mode} --output {mode}.s2s");
        replaced_if_forced(at, &prep, &prep.replace("30", "60"), "bin_um was 30.0, is 60.0");
        replaced_if_forced(at, &prep, &format!("{prep} --genes DUCT1"), "genes was null, is [\"DUCT1\"]");
        // The same bins from another section, and by another road.
        succeed(at, &format!("{prep} --set prep.bin_um=30 --threads 1 -q"));
        succeed(at, "s2s-simulate --rows 40 --cols 40 --genes 5 --seed 3 --output other");
        let other = prep.replace("section", "other");
        replaced_if_forced(at, &prep, &other, "other/transcripts.parquet is another input, or has changed");
        succeed(at, "s2s-simulate --rows 40 --cols 40 --genes 5 --seed 3 --output section --force");
        assert_eq!(run(at, &prep).0, Some(2), "the input has changed");
        succeed(at, &format!("{simulate} --force"));
    }
}

#[test]
fn fits_stores_and_scores() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    section(at);
    let fit = "s2s-fit d.s2s --genes DUCT1,ISLAND3 --config recipe.yaml --threads 1 --output fits";
    succeed(at, fit);
    let before = content(at);
    let (code, said) = run(at, &format!("{fit} --seed 3"));
    assert!(
        code == Some(2) && said.contains("fits/DUCT1.safetensors: holds the result of another run (seed was 0, is 3"),
        "{said}"
    );
    assert!(content(at) == before);
    assert!(succeed(at, fit).contains("done already"));
    let predict = "s2s-predict d.s2s --method bilinear --genes DUCT1,ISLAND3 --threads 1 --output p.zarr";
    succeed(at, "s2s-predict d.s2s --method nearest --output nearest.zarr");
    let genes: Vec<String> = s2s::store::Store::open(&at.join("nearest.zarr")).unwrap().genes().to_vec();
    let predict = predict.replace("DUCT1,ISLAND3", &genes[..3].join(","));
    let one = predict.replace(&genes[..3].join(","), &genes[0]);
    replaced_if_forced(at, &predict, &one, "genes was [");
    replaced_if_forced(
        at,
        &predict,
        &predict.replace("bilinear", "nearest"),
        "method was \"bilinear\", is \"nearest\"",
    );
    replaced_if_forced(
        at,
        "s2s-predict d.s2s --model fits --output s.zarr",
        "s2s-predict d.s2s --model fits/DUCT1.safetensors --output s.zarr",
        "genes was",
    );
    let score = "s2s-score d.s2s p.zarr nearest.zarr --output scores --plots scores/plots";
    replaced_if_forced(at, score, &score.replace(" nearest.zarr", ""), "labels was");
    replaced_if_forced(at, score, &score.replace("p.zarr", "s.zarr"), "s.zarr is another input, or has changed");
}

#[test]
fn what_s2s_did_not_write_stays_even_if_it_is_forced() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    section(at);
    succeed(at, "s2s-predict d.s2s --method nearest --output p.zarr");
    std::fs::create_dir(at.join("mine")).unwrap();
    std::fs::write(at.join("mine/notes.txt"), "mine").unwrap();
    std::fs::write(at.join("mine/figure.svg"), "mine").unwrap();
    std::fs::write(at.join("mine.safetensors"), "mine").unwrap();
    let before = content(at);
    for line in [
        "s2s-simulate --rows 40 --cols 40 --genes 5 --output mine",
        "s2s-prep section --bin-um 30 --mode impute --output mine",
        "s2s-predict d.s2s --method nearest --output mine",
        "s2s-score d.s2s p.zarr --output mine",
        "s2s-score d.s2s p.zarr --output scores --plots mine",
        "s2s-score d.s2s p.zarr --output d.s2s",
        "s2s-predict d.s2s --method nearest --output d.s2s",
        "s2s-prep section --bin-um 30 --mode impute --output p.zarr",
        "s2s-fit d.s2s --gene DUCT1 --config recipe.yaml --output mine.safetensors",
        "s2s-fit d.s2s --gene DUCT1 --config recipe.yaml --output recipe.yaml",
    ] {
        let (code, said) = run(at, &format!("{line} --force"));
        assert!(code == Some(2) && said.contains("no earlier output"), "{line}: {said}");
        assert!(content(at) == before, "{line} changed something");
    }
}

#[test]
fn scores_take_what_they_no_longer_write_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeed(at, "s2s-simulate --rows 40 --cols 40 --genes 12 --seed 1 --output section");
    succeed(at, "s2s-prep section --bin-um 30 --mode benchmark --output d.s2s");
    succeed(at, "s2s-predict d.s2s --method nearest --output p.zarr");
    succeed(at, "s2s-score d.s2s p.zarr --output scores");
    assert!(at.join("scores/d.panel_mqc.json").exists());
    succeed(at, "s2s-predict d.s2s --method nearest --genes DUCT1 --output p.zarr --force");
    succeed(at, "s2s-score d.s2s p.zarr --output scores --force");
    assert!(!at.join("scores/d.panel_mqc.json").exists() && at.join("scores/d.genes_mqc.json").exists());
    // An engine removes what it knows before another try, and knows not all.
    for name in ["scores.json", "scores.csv", "scores.parquet", "report.html"] {
        std::fs::remove_file(at.join("scores").join(name)).unwrap();
    }
    succeed(at, "s2s-score d.s2s p.zarr --output scores");
}
