//! Mistakes that people make: one clear error, the exit code of its kind, and nothing written.

#[path = "common/lines.rs"]
mod lines;

use lines::{command, content, run, succeed};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RECIPE: &str = "
network: {cascades: 1, channels: 8, growth: 4, blocks: 1, layers: 1, window: 4, heads: 2, input_channels: 2}
fit: {steps: 4, batch: 2, image_batch: 2, image_patch: 32, guides: [lattice], upsampling: bilinear, crop: whole, holdout: 0.1}
";

/// A section, a dataset, a store and a network, and another section.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("recipe.yaml"), RECIPE).unwrap();
    std::fs::write(at.join("file"), "").unwrap();
    for (name, seed) in [("section", 1), ("other", 2)] {
        succeed(at, &format!("s2s-simulate --rows 40 --cols 40 --genes 5 --seed {seed} --output {name}"));
        succeed(at, &format!("s2s-prep {name} --bin-um 30 --mode benchmark --output {name}.s2s"));
    }
    succeed(at, "s2s-predict section.s2s --method nearest --output p.zarr");
    succeed(at, "s2s-fit section.s2s --gene DUCT1 --config recipe.yaml --snapshots looks --output DUCT1.safetensors");
    folder
}

#[test]
fn each_is_told_with_what_to_do() {
    let folder = folder();
    let at = folder.path();
    let before = content(at);
    let fit = "s2s-fit section.s2s --config recipe.yaml";
    let prep = "s2s-prep section --mode impute --bin-um 30 --output new.s2s";
    let cases: &[(String, i32, &[&str])] = &[
        (format!("{fit} --genes panel.txt --output fits"), 66, &["panel.txt: no such file"]),
        (format!("{prep} --genes panel.csv"), 66, &["panel.csv: no such file"]),
        (
            "s2s-predict section.s2s --method nearest --genes sub/panel.tsv --output new.zarr".into(),
            66,
            &["no such file"],
        ),
        (format!("{fit} --gene DUCT1,ISLAND3 --output new.safetensors"), 2, &["is one gene", "--genes DUCT1,ISLAND3"]),
        (format!("{fit} --genes DUCT1,ISLAND3 --output new.safetensors"), 2, &["Give a folder, or --gene"]),
        (format!("{fit} --genes DUCT1,ISLAND3 --output file"), 2, &["file: a file stands there"]),
        (format!("{fit} --gene DUCT1 --output other"), 2, &["other: is a folder"]),
        (
            format!("{fit} --gene DUCT1 --set fit.guide_dropout=0.2 --output new.safetensors"),
            2,
            &["guide_dropout: found 0.2", "Set fit.stains"],
        ),
        (
            format!("{fit} --gene DUCT1 --set fit.by_structure=2 --output new.safetensors"),
            2,
            &["fit.by_structure: found 2.0, expected a share from 0 to 1"],
        ),
        (format!("{fit} --gene DUCT1 --output no/new.safetensors"), 74, &["there is no folder no. Create it"]),
        (prep.replace("new.s2s", "no/new.s2s"), 74, &["no/new.s2s: there is no folder no. Create it"]),
        (
            "s2s-predict section.s2s --method blend --output no/new.zarr".into(),
            74,
            &["no/new.zarr: there is no folder no."],
        ),
        ("s2s-predict section.s2s --method blend --into file/new.zarr".into(), 74, &["file is no folder"]),
        (prep.replace("new.s2s", "file/new.s2s"), 74, &["file is no folder"]),
        (prep.replace("new.s2s", "file"), 2, &["file: exists and is no earlier output"]),
        (prep.replace("new.s2s", "."), 2, &[".: "]),
        (prep.replace("new.s2s", ".s2s"), 2, &[".s2s: ", "that is no name", "SAMPLE.s2s"]),
        (prep.replace("new.s2s", "looks/.s2s"), 2, &["looks/.s2s: ", "that is no name"]),
        (
            prep.replace("new.s2s", "other.s2s/new.s2s"),
            2,
            &["other.s2s/new.s2s: lies inside", "a dataset of s2s-prep", "outside of it"],
        ),
        (prep.replace("new.s2s", "p.zarr/new.s2s"), 2, &["p.zarr/new.s2s: lies inside", "a Zarr store"]),
        ("s2s-prep section --bin-um 30 --plan section.s2s/plan".into(), 2, &["section.s2s/plan: lies inside"]),
        (
            format!("{fit} --gene DUCT1 --output section.s2s/new.safetensors"),
            2,
            &["section.s2s/new.safetensors: lies inside"],
        ),
        (
            format!("{fit} --genes DUCT1,ISLAND3 --output section.s2s/fits"),
            2,
            &["section.s2s/fits/joint.safetensors: lies inside"],
        ),
        (format!("{fit} --gene ISLAND3 --snapshots section.s2s/looks --output new"), 2, &["lies inside"]),
        (
            "s2s-predict section.s2s --method nearest --output section.s2s/x.zarr".into(),
            2,
            &["section.s2s/x.zarr: lies inside"],
        ),
        (
            "s2s-predict section.s2s --method nearest --into section.s2s/x.zarr".into(),
            2,
            &["section.s2s/x.zarr: lies inside"],
        ),
        (
            "s2s-predict section.s2s --method nearest --output p.zarr/tables/x.zarr".into(),
            2,
            &["p.zarr/tables/x.zarr: lies inside"],
        ),
        ("s2s-score section.s2s p.zarr --output section.s2s/scores".into(), 2, &["section.s2s/scores: lies inside"]),
        ("s2s-score section.s2s p.zarr --output p.zarr/a/scores".into(), 2, &["p.zarr/a/scores: lies inside"]),
        ("s2s-score section.s2s p.zarr --output new --plots p.zarr/plots".into(), 2, &["p.zarr/plots: lies inside"]),
        (
            "s2s-simulate --rows 9 --cols 9 --genes 2 --output p.zarr/section".into(),
            2,
            &["p.zarr/section: lies inside"],
        ),
        (
            "s2s-simulate --rows 9 --cols 9 --genes 2 --sections 2 --output p.zarr/a".into(),
            2,
            &["p.zarr/a: lies inside"],
        ),
        (prep.replace("section", "section.s2s"), 65, &["a dataset that s2s-prep wrote", "--dataset"]),
        (prep.replace("section", "p.zarr"), 65, &["p.zarr: a prediction that s2s-predict wrote", "s2s-score"]),
        (format!("{prep} --rate 0.5"), 2, &["--rate 0.5: only for --pattern random", "--pattern lattice"]),
        (format!("{prep} --exclude auto --seed 3"), 2, &["--seed 3: only for --pattern random", "--pattern all"]),
        (format!("{prep} --pattern all --phase 1,0"), 2, &["--phase 1,0: only for --pattern lattice"]),
        (format!("{prep} --area-transform 0.5"), 2, &["required", "--exclude"]),
        (format!("{prep} --preset dbit-seq-50um"), 2, &["--preset dbit-seq-50um: only for dbit-seq", "as xenium."]),
        (format!("{prep} --preset visium-between-spots"), 2, &["only for visium", "as xenium."]),
        (
            "s2s-prep section --bin-um 30 --plan section.s2s".into(),
            2,
            &["section.s2s: exists and is no earlier output"],
        ),
        ("s2s-prep section --bin-um 30 --plan file".into(), 2, &["file: exists and is no earlier output"]),
        ("s2s-prep section --bin-um 30 --plan new --section other.s2s".into(), 2, &["--plan", "--section"]),
        (
            format!("{fit} --gene ISLAND3 --set fit.holdout=0 --snapshots new --output new.safetensors"),
            2,
            &["--snapshots", "fit.holdout is 0"],
        ),
        (
            format!("{fit} --gene ISLAND3 --snapshots looks --output new.safetensors"),
            2,
            &["--snapshots: looks/step0000", "another run (genes was", "--force"],
        ),
        (format!("{prep} --platform merscope"), 2, &["--platform merscope", "Xenium", "Leave --platform out"]),
        (
            "s2s-predict section.s2s --model DUCT1.fit.parquet --output new.zarr".into(),
            65,
            &["Parquet, and no network"],
        ),
        ("s2s-predict other.s2s --model DUCT1.safetensors --output new.zarr".into(), 65, &["section.s2s", "other.s2s"]),
        ("s2s-score other.s2s p.zarr --output new".into(), 65, &["sample section, not from other.s2s"]),
        ("s2s-score section.s2s p.zarr --output other.s2s".into(), 2, &["no earlier output"]),
        (format!("{prep} --scale -2"), 2, &["'-2'", "--scale", "expected one whole number"]),
        (format!("{prep} --min-counts -2"), 2, &["'-2'", "--min-counts", "expected a whole number"]),
        (prep.replace("30", "many"), 2, &["'many'", "--bin-um", "expected a number"]),
        (format!("{fit} --gene DUCT1 --steps -1"), 2, &["'-1'", "--max-steps", "expected a whole number"]),
        (format!("{fit} --gene DUCT1 --max-minutes -1 --output new"), 2, &["--max-minutes", "above 0"]),
        (
            format!("{fit} --gene DUCT1 --checkpoint-minutes -1 --output new"),
            2,
            &["--checkpoint-minutes -1: expected minutes"],
        ),
        (
            "s2s-predict section.s2s --method blend --coverage -1 --output new.zarr".into(),
            2,
            &["predict.coverage", "-1"],
        ),
        (
            "s2s-predict section.s2s --method nearest --coverage 0.8 --output new.zarr".into(),
            2,
            &["--coverage 0.8: nearest tells no intervals"],
        ),
        ("s2s-score section.s2s p.zarr --threads -1 --output new".into(), 2, &["'-1'", "--threads"]),
        ("s2s-simulate --rows -1 --cols 4 --genes 2 --output new".into(), 2, &["'-1'", "--rows"]),
        (
            "s2s-predict section.s2s --method nearest --threads 99999 --output new.zarr".into(),
            2,
            &["--threads 99999: expected", "cores here; 0 takes them all"],
        ),
        (format!("{prep} --scale 3 --patch 30"), 2, &["multiple of scale² = 9", "Give --patch 27 or 36"]),
        (
            "s2s-prep section --bin-um 30 --genes DUCT --plan new".into(),
            2,
            &["gene DUCT: not in a measured bin of section", "DUCT1"],
        ),
    ];
    for (line, code, words) in cases {
        let (found, said) = run(at, line);
        assert_eq!(found, Some(*code), "{line}: {said}");
        assert_eq!(said.matches("error:").count(), 1, "{line}: {said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{line}: no {word:?} in: {said}"));
        assert!(content(at) == before, "{line} wrote something");
    }
}

/// That most of the molecules lie where nothing was to be measured is told even of a quiet run; and which flags took them, where none is left.
#[test]
fn a_lattice_that_the_section_was_not_sampled_on_is_told() {
    let folder = folder();
    let at = folder.path();
    let warned = |line: &str| {
        let (code, said) = run(at, &format!("s2s-prep {line} --bin-um 30 --output new.s2s --force --quiet"));
        assert_eq!(code, Some(0), "{line}: {said}");
        said.contains("(75 %) lie in bins that are not measured") && said.contains("--mode benchmark")
    };
    assert!(warned("section --mode impute"));
    assert!(!warned("section --mode impute --pattern all") && !warned("section --mode benchmark"));
    std::fs::write(at.join("odd.csv"), "gene,x,y\nA,45,45\nB,105,45\n").unwrap();
    let (code, said) = run(at, "s2s-prep odd.csv --bin-um 30 --mode impute --output odd.s2s");
    assert!(
        code == Some(65) && said.contains("of 2 read, 2 in bins that are not measured (--scale, --phase"),
        "{said}"
    );
}

/// Defaults of 64 are for scales of 2, 4 and 8; an empty section of a config is none.
#[test]
fn every_scale_has_patches_and_images_that_can_be_subsampled_twice() {
    let folder = folder();
    let at = folder.path();
    std::fs::write(at.join("three.yaml"), format!("{RECIPE}prep:\n  # nothing yet\n")).unwrap();
    let (code, said) = run(at, "s2s-prep section --bin-um 30 --scale 3 --mode benchmark --output three.s2s");
    assert!(code == Some(0) && said.contains("--patch 63 was taken"), "{said}");
    let fit = "s2s-fit three.s2s --gene DUCT1 --config three.yaml --output three.safetensors";
    let (code, said) = run(at, fit);
    assert!(code == Some(0) && said.contains("fit.image_patch: 27 for 32"), "{said}");
    assert_eq!(run(at, &format!("{fit} --restart --set fit.image_patch=32")).0, Some(2));
}

#[test]
fn no_threads_are_all_threads_everywhere() {
    let folder = folder();
    for line in [
        "s2s-simulate --rows 9 --cols 9 --genes 2 --output new",
        "s2s-prep section --mode impute --bin-um 30 --output new.s2s",
        "s2s-fit section.s2s --config recipe.yaml --gene DUCT1 --dry-run",
        "s2s-predict section.s2s --method nearest --output new.zarr",
        "s2s-score section.s2s p.zarr --output scores",
    ] {
        for threads in [0, 1] {
            succeed(folder.path(), &format!("{line} --threads {threads}"));
        }
    }
}

#[test]
fn the_model_may_be_a_folder_and_genes_a_file_from_windows() {
    let folder = folder();
    let at = folder.path();
    std::fs::write(at.join("genes.txt"), "\u{feff}DUCT1\r\n\r\nISLAND3\r\n").unwrap();
    succeed(at, "s2s-fit section.s2s --config recipe.yaml --genes genes.txt --output fits");
    succeed(at, "s2s-predict section.s2s --model fits --output s.zarr");
    assert_eq!(s2s::store::Store::open(&at.join("s.zarr")).unwrap().genes(), ["DUCT1", "ISLAND3"]);
    // All are all, everywhere.
    succeed(at, "s2s-predict section.s2s --method nearest --genes all --output all.zarr");
    succeed(at, "s2s-prep section --bin-um 30 --mode benchmark --genes all --output all.s2s");
    assert_eq!(s2s::store::Store::open(&at.join("all.zarr")).unwrap().genes().len(), 5);
}

#[test]
fn plans_and_snapshots_give_way_to_the_same_run_or_to_force() {
    let folder = folder();
    let at = folder.path();
    let names = |folder: &str| {
        let names = std::fs::read_dir(at.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    std::fs::create_dir(at.join("plan")).unwrap();
    let plan = |more: &str| run(at, &format!("s2s-prep section --bin-um 30 --genes DUCT1 --plan plan{more}"));
    for more in ["", "", " --threads 1"] {
        assert_eq!(plan(more).0, Some(0), "{}", plan(more).1);
    }
    assert_eq!(names("plan"), ["plan.csv", "plan.svg", "provenance.json"].map(str::to_owned).into());
    let before = content(at);
    let (code, said) = run(at, "s2s-prep section --bin-um 30 --genes LAYER2 --plan plan");
    assert!(code == Some(2) && said.contains("plan was [\"DUCT1\"], is [\"LAYER2\"]"), "{said}");
    assert!(content(at) == before);
    succeed(at, "s2s-prep section --bin-um 30 --genes LAYER2 --plan plan --force");
    std::fs::write(at.join("plan/mine.txt"), "").unwrap();
    assert_eq!(run(at, "s2s-prep section --bin-um 30 --genes LAYER2 --plan plan --force").0, Some(2));

    let looks = names("looks");
    assert!(looks.iter().any(|name| name.ends_with(".safetensors")), "{looks:?}");
    let again = "s2s-fit section.s2s --gene DUCT1 --config recipe.yaml --snapshots looks --output DUCT1.safetensors";
    let before = content(&at.join("looks"));
    succeed(at, &format!("{again} --restart"));
    assert!(content(&at.join("looks")) == before);
    // A shorter run leaves nothing of the one before.
    let other = again.replace("DUCT1", "ISLAND3") + " --steps 2 --force";
    succeed(at, &other);
    assert_eq!(names("looks"), ["step000002.fit.parquet", "step000002.safetensors"].map(str::to_owned).into());
}

/// Whether the stage `line` is ended by SIGTERM while it writes, and what it leaves then.
fn ended(at: &Path, line: &str, prefix: &str) -> Option<Vec<String>> {
    let hidden = || {
        let names = std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect::<Vec<_>>()
    };
    let mut child = command(at, line).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !hidden().iter().any(|name| name.starts_with(prefix)) {
        if child.try_wait().unwrap().is_some() || start.elapsed() > Duration::from_secs(60) {
            return None;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    (!child.wait().unwrap().success()).then(hidden)
}

#[test]
fn a_signal_leaves_nothing_half() {
    let folder = folder();
    for (line, prefix) in [
        ("s2s-simulate --rows 400 --cols 400 --genes 20 --output new", ".new.s2s-tmp"),
        ("s2s-prep section --mode impute --bin-um 5 --output new.s2s", ".new.s2s.s2s-tmp"),
        ("s2s-predict section.s2s --method blend --output new.zarr", ".new.zarr.s2s-tmp"),
        ("s2s-score section.s2s p.zarr --output new --plots plots", ".new.s2s-tmp"),
    ] {
        let (mut left, mut tries) = (None, 0);
        while left.is_none() && tries < 20 {
            left = ended(folder.path(), line, prefix);
            tries += 1;
            for output in ["new", "new.s2s", "new.zarr", "plots"] {
                let _ = std::fs::remove_dir_all(folder.path().join(output));
            }
        }
        assert_eq!(left.expect("it was never ended while it wrote"), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn a_second_preparation_of_one_dataset_is_told() {
    let folder = folder();
    let line = "s2s-prep /dev/stdin --mode impute --platform csv --bin-um 30 --output new.s2s";
    let first = command(folder.path(), line).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !folder.path().join(".new.s2s.s2s-lock").exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (code, said) = run(folder.path(), "s2s-prep section --mode impute --bin-um 30 --output new.s2s");
    assert!(code == Some(74) && said.contains("new.s2s: another process is making it"), "{said}");
    // Nothing came through the pipe.
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(65));
    succeed(folder.path(), "s2s-prep section --mode impute --bin-um 30 --output new.s2s");
}
