//! One place, one observation: whether an AnnData object holds several sections that lie over each other, and which column of
//! `obs` tells them apart.

use super::columns::{Column, columns};
use super::places::{Places, Twice};
use super::tree::Tree;
use crate::error::listed;
use crate::ingest::binning::Collector;
use crate::ingest::config::condition;
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Columns that name the section of an observation, in lower case.
const SECTION_COLUMNS: [&str; 22] = [
    "library_id",
    "library",
    "sample",
    "sample_id",
    "sample_name",
    "samples",
    "batch",
    "section",
    "section_id",
    "slice",
    "slice_id",
    "slide",
    "slide_id",
    "orig.ident",
    "dataset",
    "replicate",
    "capture_area",
    "array_id",
    "puck",
    "puck_id",
    "brain_section_label",
    "bregma",
];

/// A column with more values than this names no sections.
const MOST_SECTIONS: usize = 200;

/// Sections that share this much of the smaller one's area lie over each other; those side by side share their borders alone.
const OVERLAP: f64 = 0.5;

/// Points that may lie exactly on others, as shares of all: cells may by chance, sections do as a whole.
const COINCIDENT: f64 = 0.1;

/// Refuses observations of several sections in one place, unless `conditions` ask for them. `from` says where the places are from.
pub(crate) fn check(
    tree: &Tree,
    places: &Places,
    from: &str,
    conditions: &[String],
    collector: &Collector,
) -> Result<()> {
    let asked: Vec<&str> = conditions.iter().filter_map(|text| condition(text)).map(|(column, _)| column).collect();
    if let Some(twice) = places.taken_twice() {
        let share = twice.taken as f64 / places.len().max(1) as f64;
        if matches!(places, Places::Lattice { .. }) || share > COINCIDENT {
            return Err(told(twice, tree, places, from)?);
        }
        collector.note(format!("{} observations lie exactly where others do", twice.taken));
    }
    let region = tree.only_text("uns/spatialdata_attrs/region_key");
    for name in columns(tree, "obs")? {
        let usual = SECTION_COLUMNS.contains(&name.to_lowercase().as_str()) || region.as_ref() == Some(&name);
        if !usual || asked.contains(&name.as_str()) {
            continue;
        }
        let Ok(column) = Column::read(tree, &format!("obs/{name}")) else { continue };
        let Some(sections) = Sections::of(&column, places) else { continue };
        match sections.overlapping() {
            Some((a, b, share)) => {
                return Err(Error::data(
                    tree.path(),
                    format!(
                        "{} sections lie over each other: {name} is {}, and those of {a} and {b} share {:.0} % of their area ({from}). Choose one with --where {name}={a}; give --where again for others that belong to it",
                        sections.names.len(),
                        listed(sections.names.iter().map(String::as_str)),
                        100.0 * share
                    ),
                ));
            }
            None => collector.note(format!(
                "{name} has {} values, side by side: read as one section (--where {name}={} chooses one)",
                sections.names.len(),
                sections.names[0]
            )),
        }
    }
    Ok(())
}

/// The error about places that are taken twice: by whom, and how to choose.
fn told(twice: Twice, tree: &Tree, places: &Places, from: &str) -> Result<Error> {
    let [a, b] = twice.pair;
    let place = match places {
        Places::Lattice { at, .. } => format!("row {}, column {}", at[a][0], at[a][1]),
        Places::Points(at) => format!("({}, {}) µm", at[a][0], at[a][1]),
    };
    let what = format!(
        "{} places are taken twice: observations {} and {} both lie at {place} ({from})",
        twice.taken,
        name(tree, a),
        name(tree, b)
    );
    let remedy = match telling_apart(tree, places)? {
        Some((column, values)) => format!(
            "Their {column} tells them apart ({}): choose one section with --where {column}={}",
            listed(values.iter().map(String::as_str)),
            values[0]
        ),
        None => {
            "No column of obs tells them apart: add one and choose a section with --where COLUMN=VALUE, or give one section in a file".to_owned()
        }
    };
    Ok(Error::data(tree.path(), format!("{what}. {remedy}")))
}

/// The name of an observation, and its number where it has none.
fn name(tree: &Tree, observation: usize) -> String {
    let index = tree.text("obs", "_index").unwrap_or_else(|| "_index".to_owned());
    let name = tree.text_at(&format!("obs/{index}"), observation).ok();
    name.map_or_else(|| format!("{observation} (counted from 0)"), |name| format!("{name:?}"))
}

/// The column of `obs`, and its values, of which each has no place twice; those that usually name sections first.
fn telling_apart(tree: &Tree, places: &Places) -> Result<Option<(String, Vec<String>)>> {
    let usual = |name: &String| {
        let name = name.to_lowercase();
        SECTION_COLUMNS.iter().position(|usual| *usual == name).unwrap_or(SECTION_COLUMNS.len())
    };
    let mut names = columns(tree, "obs")?;
    names.sort_by_key(usual);
    for name in names {
        let Ok(column) = Column::read(tree, &format!("obs/{name}")) else { continue };
        if !(2..=MOST_SECTIONS).contains(&column.values().len()) {
            continue;
        }
        let mut seen = HashSet::new();
        let mut placed = (0..places.len()).filter_map(|i| Some((places.key(i)?, column.text(i)?)));
        if placed.all(|place| seen.insert(place)) {
            let values: BTreeSet<String> = seen.into_iter().map(|(_, value)| value).collect();
            return Ok(Some((name, values.into_iter().collect())));
        }
    }
    Ok(None)
}

/// The sections that a column names, and where on a coarse grid over all of them each lies.
struct Sections {
    names: Vec<String>,
    /// The squares that each section takes.
    squares: Vec<HashSet<u32>>,
}

impl Sections {
    /// `None` where the column names one section, or too many.
    fn of(column: &Column, places: &Places) -> Option<Sections> {
        if !(2..=MOST_SECTIONS).contains(&column.values().len()) {
            return None;
        }
        let placed: Vec<(usize, [f64; 2])> = (0..places.len()).filter_map(|i| Some((i, places.get(i)?))).collect();
        let range = |axis: usize| {
            let values = || placed.iter().map(|(_, at)| at[axis]);
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
        };
        let ranges = [range(0), range(1)];
        let side = ((placed.len() as f64 / 4.0).sqrt() as u32).clamp(4, 128);
        let square = |at: &[f64; 2]| {
            let index = |axis: usize| {
                let (low, high) = ranges[axis];
                let share = (at[axis] - low) / (high - low).max(f64::MIN_POSITIVE);
                ((share * f64::from(side)) as u32).min(side - 1)
            };
            index(1) * side + index(0)
        };
        let mut sections: BTreeMap<String, HashSet<u32>> = BTreeMap::new();
        for (i, at) in &placed {
            let Some(name) = column.text(*i) else { continue };
            sections.entry(name).or_default().insert(square(at));
        }
        let (names, squares): (Vec<_>, Vec<_>) = sections.into_iter().unzip();
        (names.len() > 1).then_some(Sections { names, squares })
    }

    /// Two sections that lie over each other, and the share of the smaller one that they have in common.
    fn overlapping(&self) -> Option<(&str, &str, f64)> {
        let pairs = (0..self.names.len()).flat_map(|a| (a + 1..self.names.len()).map(move |b| (a, b)));
        let mut found = pairs.map(|(a, b)| {
            let (one, other) = (&self.squares[a], &self.squares[b]);
            let share = one.intersection(other).count() as f64 / one.len().min(other.len()) as f64;
            (self.names[a].as_str(), self.names[b].as_str(), share)
        });
        found.find(|(_, _, share)| *share >= OVERLAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(distance: f64) -> (Column, Places) {
        let section = |offset: f64| {
            (0..400).map(move |i| [f64::from(i % 20) + offset + 0.01 * f64::from(i % 7), f64::from(i / 20)])
        };
        let names = (0..800).map(|i| if i < 400 { "S1" } else { "S2" }.to_owned());
        (Column::of_texts(names), Places::Points(section(0.0).chain(section(distance)).collect()))
    }

    #[test]
    fn sections_over_each_other_are_seen_and_those_side_by_side_are_none() {
        for (distance, over) in [(0.003, true), (5.0, true), (20.0, false), (100.0, false)] {
            let (column, places) = two(distance);
            let found = Sections::of(&column, &places).unwrap().overlapping().is_some();
            assert_eq!(found, over, "{distance}");
        }
    }
}
