//! The house: arrows between rooms, and between the files of a room, run one way.
//!
//! An arrow is a `use` line, or another path that begins with `crate` or `super`, outside of tests; it is followed through re-exports
//! to the file that defines what is used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module as its path: `["ingest", "text"]`.
type Module = Vec<String>;
/// Arrows from each node to others.
type Arrows<T> = BTreeMap<T, BTreeSet<T>>;

/// The source of every module of the library, without comments and tests.
fn modules() -> BTreeMap<Module, String> {
    fn walk(folder: &Path, module: &Module, all: &mut BTreeMap<Module, String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_stem().unwrap().to_str().unwrap().to_owned();
            let inner = if name == "mod" { module.clone() } else { [module.clone(), vec![name.clone()]].concat() };
            if entry.is_dir() && name != "bin" {
                walk(&entry, &inner, all);
            } else if entry.extension().is_some_and(|end| end == "rs") && !["lib", "tests"].contains(&name.as_str()) {
                let text = std::fs::read_to_string(&entry).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines();
                all.insert(inner, code.map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n"));
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &Vec::new(), &mut all);
    all
}

/// The paths of `pub use` lines, `a::{b, c::d}` as two, with the name that each has here; or all others.
fn uses(code: &str, reexports: bool) -> Vec<(Vec<String>, String)> {
    fn expand(tree: &str, before: &[String], all: &mut Vec<(Vec<String>, String)>) {
        let (head, braced) = tree.split_once('{').map_or((tree, None), |(head, rest)| (head, rest.strip_suffix('}')));
        let (head, alias) = head.split_once(" as ").map_or((head, None), |(head, alias)| (head, Some(alias.trim())));
        let parts = head.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
        let path: Vec<String> = before.iter().cloned().chain(parts).collect();
        let Some(braced) = braced else {
            let name = alias.map_or_else(|| path.last().cloned().unwrap_or_default(), str::to_owned);
            return all.push((path, name));
        };
        let (mut depth, mut start) = (0, 0);
        for (i, letter) in braced.char_indices().chain([(braced.len(), ',')]) {
            depth += i32::from(letter == '{') - i32::from(letter == '}');
            if letter == ',' && depth == 0 {
                if !braced[start..i].trim().is_empty() {
                    expand(braced[start..i].trim(), &path, all);
                }
                start = i + 1;
            }
        }
    }
    let mut all = Vec::new();
    for statement in code.split(';').map(|statement| statement.rsplit("\n\n").next().unwrap_or_default().trim()) {
        let public = statement.starts_with("pub");
        match statement.split_once("use ") {
            Some((before, tree)) if before.is_empty() || before.starts_with("pub") || before.starts_with("#[") => {
                if public == reexports {
                    expand(&tree.split_whitespace().collect::<Vec<_>>().join(" "), &[], &mut all);
                }
            }
            _ if reexports => {}
            _ => all.extend(inline(statement)),
        }
    }
    all
}

/// The paths in `code` that begin with `crate` or `super`.
fn inline(code: &str) -> impl Iterator<Item = (Vec<String>, String)> {
    let words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':');
    let paths = words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
    paths.map(|path| (path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect(), path.to_owned()))
}

/// The module that a path within `from` names, and what is left of the path.
fn resolve(path: &[String], from: &Module, all: &BTreeMap<Module, String>) -> Option<(Module, Vec<String>)> {
    let mut at = from.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => at.clear(),
        "self" => {}
        "super" => drop(at.pop()),
        first if all.contains_key(&[from.clone(), vec![first.to_owned()]].concat()) => at.push(first.to_owned()),
        _ => return None,
    }
    while let Some(next) = rest.get(1) {
        rest = &rest[1..];
        let inner = [at.clone(), vec![next.clone()]].concat();
        if next == "super" {
            at.pop();
        } else if all.contains_key(&inner) {
            at = inner;
        } else {
            return Some((at, rest.to_vec()));
        }
    }
    Some((at, Vec::new()))
}

/// The module that defines what `path` names within `from`, through re-exports.
fn definition(path: &[String], from: &Module, all: &BTreeMap<Module, String>) -> Option<Module> {
    let (module, rest) = resolve(path, from, all)?;
    let again = rest.first().and_then(|name| {
        let mut reexports = uses(all.get(&module)?, true).into_iter();
        let (inner, _) = reexports.find(|(_, here)| here == name)?;
        definition(&inner, &module, all)
    });
    again.or(Some(module)).filter(|module| !module.is_empty())
}

/// The nodes that arrows lead to and on from without an end, if there are some: circles.
fn circle<T: Ord + Clone>(arrows: &Arrows<T>) -> Option<Vec<T>> {
    let mut left = arrows.clone();
    loop {
        // Who uses nobody that is left, or is used by nobody, is in no circle.
        let nodes: BTreeSet<T> = left.keys().cloned().collect();
        let used: BTreeSet<T> = left.values().flatten().cloned().collect();
        let before = left.len();
        left.retain(|node, others| used.contains(node) && others.iter().any(|other| nodes.contains(other)));
        if left.len() == before {
            return (!left.is_empty()).then(|| left.into_keys().collect());
        }
    }
}

#[test]
fn no_two_files_use_each_other_in_a_circle() {
    let all = modules();
    let mut arrows: Arrows<Module> = BTreeMap::new();
    for (module, code) in &all {
        let used = uses(code, false).into_iter().filter_map(|(path, _)| definition(&path, module, &all));
        arrows.insert(module.clone(), used.filter(|other| other != module).collect());
    }
    let number: usize = arrows.values().map(BTreeSet::len).sum();
    assert!(number > 500, "{number} arrows: `use` lines are not understood any more");
    assert_eq!(circle(&arrows).map(|files| files.iter().map(|file| file.join("/")).collect::<Vec<_>>()), None);
}

#[test]
fn arrows_between_rooms_run_one_way() {
    let mut arrows: Arrows<String> = BTreeMap::new();
    for (module, code) in modules() {
        let crates = uses(&code, false).into_iter().chain(uses(&code, true)).filter(|(path, _)| path[0] == "crate");
        let others = crates.filter_map(|(path, _)| path.get(1).cloned()).filter(|room| *room != module[0]);
        arrows.entry(module[0].clone()).or_default().extend(others);
    }
    let rooms: BTreeSet<String> = arrows.keys().cloned().collect();
    arrows.values_mut().for_each(|others| others.retain(|other| rooms.contains(other)));
    assert_eq!(circle(&arrows), None);
    assert_eq!(arrows["section"], BTreeSet::new(), "the domain knows nobody");
    let users = |room: &str| {
        arrows.iter().filter(|(_, others)| others.contains(room)).map(|(user, _)| user.clone()).collect::<Vec<_>>()
    };
    assert_eq!((users("config"), users("cli")), (vec![], vec![]), "for programs alone");
}

#[test]
fn use_lines_are_taken_apart() {
    let code = "use super::a::{B, c::{D, E as F}};\nuse std::io;\npub(crate) use g::H;\n\nfn f() { crate::i::j(1) }\n";
    let flat = |reexports| {
        uses(code, reexports).iter().map(|(path, name)| format!("{} {name}", path.join("::"))).collect::<Vec<_>>()
    };
    assert_eq!(
        flat(false),
        ["super::a::B B", "super::a::c::D D", "super::a::c::E F", "std::io io", "crate::i::j crate::i::j"]
    );
    assert_eq!(flat(true), ["g::H H"]);
    let arrows = |pairs: &[(u8, u8)]| pairs.iter().map(|(from, to)| (*from, BTreeSet::from([*to]))).collect();
    assert_eq!(circle(&arrows(&[(1, 2), (2, 3)])), None);
    assert_eq!(circle(&arrows(&[(1, 2), (2, 3), (3, 2)])), Some(vec![2, 3]));
}
