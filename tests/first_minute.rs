//! What a user meets first: recipes that need no file, arguments by their place, what `man`, a shell and a bug report need.

mod common;
#[path = "common/fitting.rs"]
mod fitting;
#[path = "common/section.rs"]
mod section;

use s2s::config::{Config, RECIPES};
use s2s::dataset::Mode;
use s2s::store::Store;
use std::path::Path;
use std::process::{Command, Output};

const PROGRAMS: [&str; 5] = [
    env!("CARGO_BIN_EXE_s2s-prep"),
    env!("CARGO_BIN_EXE_s2s-fit"),
    env!("CARGO_BIN_EXE_s2s-predict"),
    env!("CARGO_BIN_EXE_s2s-score"),
    env!("CARGO_BIN_EXE_s2s-simulate"),
];

fn run(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program).current_dir(folder).args(arguments).output().unwrap()
}

fn told(done: Output) -> String {
    assert!(done.status.success(), "{}", fitting::said(&done));
    String::from_utf8(done.stdout).unwrap()
}

/// As [`told`], of a program that answers on stderr.
fn said(done: Output) -> String {
    let said = fitting::said(&done);
    assert!(done.status.success(), "{said}");
    said
}

#[test]
fn recipes_need_no_file_and_say_what_the_files_say() {
    let fit = env!("CARGO_BIN_EXE_s2s-fit");
    let folder = tempfile::tempdir().unwrap();
    for recipe in &RECIPES {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("configs/{}.yaml", recipe.name));
        assert_eq!(
            told(run(fit, folder.path(), &["--print-config", recipe.name])),
            std::fs::read_to_string(&file).unwrap()
        );
        let named = Config::load(Some(Path::new(recipe.name)), &["fit.steps=7".to_owned()]).unwrap();
        assert_eq!(named, Config::load(Some(&file), &["fit.steps=7".to_owned()]).unwrap());
    }
    let none = run(fit, folder.path(), &["--print-config", "fast"]);
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn without_a_recipe_the_fit_takes_one_that_ends_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    section::dataset(at, 48, 40, Mode::Impute);
    let fit = |arguments: &[&str]| {
        run(
            env!("CARGO_BIN_EXE_s2s-fit"),
            at,
            &[&["sample.s2s", "--set", "fit.components=0", "--dry-run"], arguments].concat(),
        )
    };
    // What each recipe's network has, less the input channels of components that this panel of two genes cannot fill.
    let cases: [(&[&str], &str); 3] = [
        (&["--gene", "WAVE", "--set", "network.input_channels=2"], "recipe: quick"),
        (&["-g", "all", "--joint", "--set", "network.input_channels=2"], "recipe: standard"),
        (&["--gene", "WAVE", "-c", "quick", "--set", "network.input_channels=2"], ""),
    ];
    for (arguments, expected) in cases {
        let done = fit(arguments);
        let said = fitting::said(&done);
        assert!(done.status.success() && said.contains(expected), "{arguments:?}: {said}");
        assert_eq!(said.contains("recipe: "), !expected.is_empty(), "{said}");
        assert!(String::from_utf8_lossy(&done.stdout).starts_with("networks    1 of "), "the price is on stdout");
    }
    let wrong = fit(&["--gene", "WAVE", "--config", "quik"]);
    let said = fitting::said(&wrong);
    assert!(wrong.status.code() == Some(66) && said.contains("did you mean quick?"), "{said}");
}

#[test]
fn a_folder_of_models_is_all_of_its_genes_each_by_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    section::dataset(at, 48, 40, Mode::Impute);
    let joint = ["sample.s2s", "--genes", "all", "--joint", "-c", "tiny.yaml", "-t", "1", "-o", "fits"];
    said(fitting::fit(at, &joint));
    said(fitting::fit(at, &[&fitting::WAVE[..], &["-o", "fits/WAVE.safetensors"]].concat()));
    said(fitting::fit(at, &["--images-only", "-c", "tiny.yaml", "-t", "1", "-o", "fits/prior.safetensors"]));
    let predict = |model: &str, output: &str| {
        said(run(env!("CARGO_BIN_EXE_s2s-predict"), at, &["sample.s2s", "-m", model, "-o", output]));
        Store::open(&at.join(output)).unwrap()
    };
    let (all, joint, own) = (
        predict("fits", "all.zarr"),
        predict("fits/joint.safetensors", "joint.zarr"),
        predict("fits/WAVE.safetensors", "own.zarr"),
    );
    assert_eq!(all.genes(), ["STRIPE", "WAVE"]);
    let bits = |store: &Store, gene: &str| {
        store.gene(gene).unwrap().values().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(bits(&all, "WAVE"), bits(&own, "WAVE"));
    assert_eq!(bits(&all, "STRIPE"), bits(&joint, "STRIPE"));
    assert_ne!(bits(&all, "WAVE"), bits(&joint, "WAVE"));
    std::fs::create_dir(at.join("empty")).unwrap();
    let none = run(env!("CARGO_BIN_EXE_s2s-predict"), at, &["sample.s2s", "-m", "empty", "-o", "no.zarr"]);
    assert!(none.status.code() == Some(66) && fitting::said(&none).contains("empty: no GENE.safetensors"));
}

#[test]
fn what_is_read_may_stand_first() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    said(run(
        env!("CARGO_BIN_EXE_s2s-simulate"),
        at,
        &["--rows", "24", "--cols", "24", "--genes", "2", "-o", "section"],
    ));
    said(run(env!("CARGO_BIN_EXE_s2s-prep"), at, &["section", "--bin-um", "30", "--mode", "benchmark", "-o", "a.s2s"]));
    let dataset = s2s::dataset::Dataset::open(&at.join("a.s2s")).unwrap();
    let gene = dataset.manifest().genes[0].name.as_str();
    let predict = env!("CARGO_BIN_EXE_s2s-predict");
    let one = said(run(predict, at, &["a.s2s", "--method", "nearest", "-g", gene, "-o", "n.zarr"]));
    assert!(one.contains("predict: 1 gene by nearest"), "{one}");
    said(run(predict, at, &["-d", "a.s2s", "--method", "bilinear", "-g", gene, "-o", "b.zarr"]));
    let score = env!("CARGO_BIN_EXE_s2s-score");
    said(run(score, at, &["a.s2s", "n.zarr", "b.zarr", "-o", "first"]));
    said(run(score, at, &["-d", "a.s2s", "-p", "n.zarr", "b.zarr", "-o", "flags"]));
    assert_eq!(
        std::fs::read(at.join("first/scores.csv")).unwrap(),
        std::fs::read(at.join("flags/scores.csv")).unwrap()
    );
    for nothing in [&["-o", "none"][..], &["a.s2s", "-o", "none"]] {
        assert_eq!(run(score, at, nothing).status.code(), Some(2), "{nothing:?}");
    }
    let twice = run(predict, at, &["a.s2s", "-d", "a.s2s", "--method", "nearest", "-o", "twice.zarr"]);
    assert_eq!(twice.status.code(), Some(2));
}

#[test]
fn every_program_has_a_manual_page_completions_and_a_version_that_tells_the_build() {
    let folder = tempfile::tempdir().unwrap();
    for program in PROGRAMS {
        let name = Path::new(program).file_name().unwrap().to_str().unwrap();
        let ask = |arguments: &[&str]| told(run(program, folder.path(), arguments));
        let page = ask(&["--print-man"]);
        assert!(page.contains(&format!(".TH {name} 1")) && page.contains("\\-\\-output"), "{page}");
        for shell in ["bash", "zsh", "fish"] {
            let script = ask(&["--print-completions", shell]);
            assert!(script.contains(name) && script.contains("output"), "{name} {shell}");
        }
        assert_eq!(ask(&["-V"]), format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
        let long = ask(&["--version"]);
        let starts: Vec<&str> = long.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(starts, [name, "commit", "features", "kernels"], "{long}");
        assert!(ask(&["--help"]).contains("--print-man") && !ask(&["-h"]).contains("--print-man"));
        // Bash takes the script, and completes a flag by it.
        let complete = format!(
            "source <({program} --print-completions bash); read -ra words <<< $(complete -p {name}); for ((i = 0; i < ${{#words[@]}}; i++)); do \
             if [ ${{words[i]}} = -F ]; then f=${{words[i + 1]}}; fi; done; COMP_WORDS=({name} --outp); COMP_CWORD=1; $f {name} --outp {name}; \
             echo ${{COMPREPLY[@]}}"
        );
        match Command::new("bash").args(["-c", &complete]).output() {
            Ok(done) => {
                assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), "--output", "{}", fitting::said(&done))
            }
            Err(_) => common::say("skipped: no bash to try completions in"),
        }
    }
}
