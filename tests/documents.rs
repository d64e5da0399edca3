//! The documents: every page says what it is for and stands in the site, no link between them leads nowhere, and what they show runs.

mod common;

use std::path::{Component, Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Markdown files below `folder`, those that are somebody else's or made by a build left out.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let skipped = ["target", "target-gpu", "vendor", "site", "bench", "ablation", "node_modules"];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if entry.is_dir() && !skipped.contains(&name.as_str()) && (!name.starts_with('.') || name == ".github") {
            found.extend(pages(&entry));
        } else if name.ends_with(".md") && name != "THIRDPARTY.md" {
            found.push(entry);
        }
    }
    found
}

/// What the links and pictures of a page lead to, code left out.
fn links(text: &str) -> Vec<String> {
    let prose = text.split("```").step_by(2).flat_map(|part| part.lines().filter(|line| !line.starts_with("    ")));
    let targets = |line: &str| {
        let after = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        after.map(|(target, _)| target.to_owned()).collect::<Vec<_>>()
    };
    prose.flat_map(targets).collect()
}

/// The anchors of the headings of a page, as the site and code hosts make them.
fn anchors(text: &str) -> Vec<String> {
    let slug = |heading: &str| {
        let kept = heading.trim().to_lowercase().replace(' ', "-");
        kept.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect::<String>()
    };
    text.lines().filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#'))).collect()
}

/// `path` without its dots.
fn plain(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    whole
}

#[test]
fn no_link_leads_nowhere() {
    let mut wrong = Vec::new();
    for page in pages(root()) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text).iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { page.clone() } else { plain(&page.parent().unwrap().join(path)) };
            let there = target.exists()
                && (anchor.is_empty()
                    || std::fs::read_to_string(&target)
                        .is_ok_and(|text| anchors(&text).iter().any(|one| one == anchor)));
            if !there {
                wrong.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these lead nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn every_page_of_the_site_says_what_it_is_for_and_is_found() {
    let site = std::fs::read_to_string(root().join("mkdocs.yml")).unwrap();
    for page in pages(&root().join("docs")) {
        let name = page.strip_prefix(root().join("docs")).unwrap().display().to_string();
        let text = std::fs::read_to_string(&page).unwrap();
        let first = text.lines().skip(1).find(|line| !line.is_empty()).unwrap();
        let told = ["**What this page is for**: ", "**What it is for**: "];
        assert!(
            text.starts_with("# ") && told.iter().any(|start| first.starts_with(start)),
            "{name} begins with: {first}"
        );
        assert!(site.contains(&format!(": {name}\n")), "{name} is not in the navigation of mkdocs.yml");
    }
}

/// The fenced blocks of a page: their language and content.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    text.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect()
}

/// Runs every command of the tutorial, in its order and in one folder. What it quotes, the command before says; its Python runs where
/// there is one with what it imports.
#[test]
fn the_tutorial_tells_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_s2s-prep")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let python = common::python_with(&["spatialdata", "matplotlib"]);
    let text = std::fs::read_to_string(root().join("docs/tutorial.md")).unwrap();
    let mut said = String::new();
    for (language, block) in blocks(&text) {
        let (program, flag) = match language {
            "sh" => (PathBuf::from("bash"), "-euc"),
            "python" => match &python {
                Some(python) => (python.clone(), "-c"),
                None => continue,
            },
            _ => {
                let missing: Vec<&str> = block.lines().filter(|line| !said.contains(line.trim())).collect();
                assert!(missing.is_empty(), "docs/tutorial.md quotes {missing:?}, said was:\n{said}");
                continue;
            }
        };
        let done = std::process::Command::new(program)
            .args([flag, block])
            .envs([("PATH", path.as_str()), ("MPLBACKEND", "Agg")])
            .current_dir(folder.path())
            .output()
            .unwrap();
        said = [done.stdout, done.stderr].map(|part| String::from_utf8_lossy(&part).into_owned()).concat();
        assert!(done.status.success(), "{block}\n{said}");
    }
    assert_eq!(folder.path().join("figure.png").exists(), python.is_some());
}

/// Runs the notebook by the module of the Python package and the programs beside it.
#[test]
fn the_notebook_runs() {
    let folder = tempfile::tempdir().unwrap();
    let Some(python) = common::python_with(&["scanpy", "squidpy"]) else { return };
    let programs = Path::new(env!("CARGO_BIN_EXE_s2s-prep")).parent().unwrap();
    let done = std::process::Command::new(python)
        .arg(root().join("tests/python/run_notebook.py"))
        .arg(root().join("docs/notebooks/panel.ipynb"))
        .env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()))
        .env("PYTHONPATH", root().join("packaging/python/src"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    // What it says of its genes without a truth is nearly what the truth says.
    assert!(told["correlation"].as_f64().unwrap() > 0.9, "{told}");
}
