//! What somebody put into the folder of an output is never removed: not by the same run, not by another one, not with `--force`.

mod common;
#[path = "common/lines.rs"]
mod lines;

use lines::{content, run, succeed};
use std::fs;
use std::path::Path;

const SIMULATE: &str = "s2s-simulate --rows 24 --cols 24 --genes 4 --seed 1 --stain --output section";
const PREP: &str = "s2s-prep section --bin-um 30 --scale 2 --patch 16 --mode benchmark --image auto --section other.s2s --output d.s2s";
const PREDICT: &str = "s2s-predict d.s2s --method blend --genes DUCT1 --counts --cells cells.csv --output p.zarr";
const SCORE: &str = "s2s-score d.s2s p.zarr --output scores --plots scores/a/plots";
const PLAN: &str = "s2s-prep section --bin-um 30 --genes DUCT1 --plan plan";

/// Every command that writes folders, with all that it may have in them.
fn complete(at: &Path) {
    succeed(at, "s2s-simulate --rows 24 --cols 24 --genes 4 --seed 2 --output other");
    succeed(at, "s2s-prep other --bin-um 30 --scale 2 --patch 16 --mode impute --output other.s2s");
    fs::write(at.join("cells.csv"), "cell_id,x_centroid,y_centroid\na,50,60\nb,300,500\n").unwrap();
    for line in [SIMULATE, PREP, PREDICT, SCORE, PLAN] {
        succeed(at, line);
    }
}

#[test]
fn what_somebody_put_into_an_output_stays() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    complete(at);
    let before = content(at);
    // A name that ends in / is that of a folder, with nothing in it.
    let cases: [(&str, &[&str]); 5] = [
        (SIMULATE, &["section/notes.txt", "section/analysis/"]),
        (
            PREP,
            &[
                "d.s2s/notes.txt",
                "d.s2s/fits/X.safetensors",
                "d.s2s/.git/config",
                "d.s2s/sections/mine.txt",
                "d.s2s/bins.csv",
            ],
        ),
        (
            PREDICT,
            &[
                "p.zarr/notes.txt",
                "p.zarr/tables/clusters/",
                "p.zarr/shapes/cells/zarr.json",
                "p.zarr/points/zarr.json",
                "p.zarr/images/he/s0/zarr.json",
                "p.zarr/tables/bins/obs/leiden/c.0",
                "p.zarr/tables/bins/obsm/X_pca/zarr.json",
                "p.zarr/tables/bins/X/c/0/0",
                "p.zarr/tables/cells/obs/kind/zarr.json",
            ],
        ),
        (SCORE, &["scores/notes.txt", "scores/a/notes.txt", "scores/figure.svg", "scores/a/plots/maps/notes.txt"]),
        (PLAN, &["plan/notes.txt"]),
    ];
    for (line, names) in cases {
        for name in names {
            let mine = at.join(name);
            match name.strip_suffix('/') {
                Some(_) => fs::create_dir(&mine).unwrap(),
                None => {
                    fs::create_dir_all(mine.parent().unwrap()).unwrap();
                    fs::write(&mine, "mine").unwrap();
                }
            }
            let with = content(at);
            for line in [line.to_owned(), format!("{line} --force")] {
                let (code, said) = run(at, &line);
                assert!(code == Some(2) && said.contains("no earlier output"), "{line}, {name}: {said}");
                assert!(said.contains("which this command did not write"), "{line}, {name}: {said}");
                assert!(content(at) == with && mine.exists(), "{line} changed something");
            }
            // The folders that led to it go, too.
            let outside = |folder: &&Path| !before.keys().any(|own| at.join(own).starts_with(folder));
            let mut own = mine.ancestors().take_while(|path| path != &at).filter(outside);
            let top = own.by_ref().last().unwrap().to_owned();
            if top.is_dir() { fs::remove_dir_all(&top).unwrap() } else { fs::remove_file(&top).unwrap() }
        }
        succeed(at, line);
        // A plan tells how long each method took.
        let (mut after, mut before) = (content(at), before.clone());
        [&mut after, &mut before].into_iter().for_each(|all| drop(all.remove("plan/plan.csv")));
        assert!(after == before, "{line} again changed something");
    }
}

#[test]
fn what_systems_and_engines_leave_anywhere_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    complete(at);
    for (line, output) in [
        (SIMULATE, "section"),
        (PREP, "d.s2s/sections"),
        (PREDICT, "p.zarr/tables/bins"),
        (SCORE, "scores/a/plots"),
        (PLAN, "plan"),
    ] {
        for name in [".DS_Store", "._report.html", ".nfs000000000052", ".snakemake_timestamp", ".zarr.json.s2s-tmp"] {
            fs::write(at.join(output).join(name), "").unwrap();
        }
        succeed(at, line);
        assert!(!at.join(output).join(".DS_Store").exists(), "{line}");
    }
}

/// What versions before this one wrote, and with other options, gives way as before.
#[test]
fn earlier_outputs_of_all_kinds_give_way() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    complete(at);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden/1");
    common::copy(&golden.join("sample.s2s"), &at.join("sample.s2s"));
    common::copy(&golden.join("blend.zarr"), &at.join("blend.zarr"));
    succeed(at, "s2s-prep section --bin-um 30 --scale 2 --patch 16 --mode impute --output sample.s2s --force");
    assert!(!at.join("sample.s2s/truth.parquet").exists());
    succeed(at, "s2s-predict d.s2s --method nearest --output blend.zarr --force");
    succeed(at, "s2s-predict d.s2s --method nearest --output p.zarr --force");
    assert!(!at.join("p.zarr/tables/cells").exists());
    succeed(at, "s2s-predict d.s2s --method bilinear --genes DUCT1 --into shared.zarr");
    succeed(at, "s2s-predict d.s2s --method nearest --output shared.zarr --force");
    succeed(at, "s2s-score d.s2s p.zarr --output scores --force");
    assert!(!at.join("scores/a").exists());
    succeed(at, "s2s-score d.s2s p.zarr --output scores --plots scores --force");
    succeed(at, "s2s-score d.s2s p.zarr --output scores --plots scores --force");
    succeed(at, "s2s-simulate --rows 24 --cols 24 --genes 4 --seed 1 --output section --force");
    assert!(!at.join("section/morphology_mip.ome.tif").exists());
}
