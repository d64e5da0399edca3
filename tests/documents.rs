//! The documents: every page says what it is for and stands in the site, and no link between them leads nowhere.

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
