//! SpatialData: a Zarr store with points (transcripts, Parquet inside) and tables (AnnData).
//!
//! Coordinates are those of the element itself, which its readers keep in µm for transcripts; transformations to other
//! coordinate systems (pixels of an image, mostly) are not applied.

use super::anndata::{self, Options};
use super::intake::{Collector, Tally};
use super::tree::Tree;
use super::xenium;
use crate::error::nearest_names;
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Columns that hold the genes where the store does not say which does.
const GENES: [&str; 4] = ["feature_name", "gene", "target", "genes"];

/// Whether `tree` is a SpatialData store.
pub(super) fn is_store(tree: &Tree) -> Result<bool> {
    let children = tree.children("")?;
    let spatial = ["points", "tables", "table", "shapes", "images", "labels"];
    Ok(!anndata::is_table(tree)? && children.iter().any(|name| spatial.contains(&name.as_str())))
}

/// Reads an element of the store `path`: the one of that name, else the only points element, else the only table.
pub(super) fn read(path: &Path, element: Option<&str>, options: &Options, collector: &Collector) -> Result<Tally> {
    let tree = Tree::open(path)?;
    let element = choose(&tree, element)?;
    collector.note(format!("element {element}"));
    if element.starts_with("points/") {
        return points(&tree, &element, options, collector);
    }
    anndata::read_table(&tree.within(&element), options, collector)
}

/// The folder of the element that is read.
pub(super) fn folder(path: &Path, element: Option<&str>) -> Result<PathBuf> {
    Ok(path.join(choose(&Tree::open(path)?, element)?))
}

fn choose(tree: &Tree, wanted: Option<&str>) -> Result<String> {
    let in_group = |group: &str| -> Result<Vec<String>> {
        Ok(tree.children(group)?.into_iter().map(|name| format!("{group}/{name}")).collect())
    };
    let points = in_group("points")?;
    let tables = [in_group("tables")?, in_group("table")?].concat();
    let all = [points.as_slice(), &tables].concat();
    if let Some(wanted) = wanted {
        let named = |path: &&String| path.as_str() == wanted || path.rsplit('/').next() == Some(wanted);
        return all.iter().find(named).cloned().ok_or_else(|| {
            let near = nearest_names(wanted, all.iter().map(String::as_str));
            Error::data(
                tree.path(),
                format!("no element {wanted}; found {} (nearest: {})", all.join(", "), near.first().unwrap_or(&"none")),
            )
        });
    }
    match (points.as_slice(), tables.as_slice()) {
        ([only], _) | ([], [only]) => Ok(only.clone()),
        ([], []) => Err(Error::data(tree.path(), "neither points nor tables in this SpatialData store")),
        _ => {
            Err(Error::Usage(format!("{}: holds {}. Choose one with --element", tree.path().display(), all.join(", "))))
        }
    }
}

fn points(tree: &Tree, element: &str, options: &Options, collector: &Collector) -> Result<Tally> {
    let files = parts(&tree.path().join(element).join("points.parquet"))?;
    let gene = match options.matrix.gene_column.clone().or_else(|| tree.text(element, "spatialdata_attrs/feature_key"))
    {
        Some(column) => column,
        None => usual_gene_column(&files[0])?,
    };
    let columns = xenium::Columns { gene: &gene, x: "x", y: "y", um_per_unit: options.um_per_unit };
    files.iter().try_fold(Tally::default(), |tally, file| Ok(tally + xenium::read_columns(file, &columns, collector)?))
}

fn usual_gene_column(file: &Path) -> Result<String> {
    let names = xenium::column_names(file)?;
    let usual = GENES.iter().find(|usual| names.iter().any(|name| name == *usual));
    usual.map(|name| (*name).to_owned()).ok_or_else(|| {
        Error::data(
            file,
            format!(
                "no feature_key in the store, and no column {}; found {}. Name it with --gene-column",
                GENES.join(", "),
                names.join(", ")
            ),
        )
    })
}

/// The files of a Parquet data set: one, or a folder of parts.
fn parts(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| Error::io(path, "read", e))?.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::Missing(format!("{}: no Parquet file in it", path.display())));
    }
    Ok(files)
}
