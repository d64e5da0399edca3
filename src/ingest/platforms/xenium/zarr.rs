//! 10x Xenium's `transcripts.zarr.zip`, which Xenium Explorer reads: the same molecules as `transcripts.parquet`, in tiles `grids/0/X,Y`.
//!
//! A tile has, for each molecule, its `location` (x, y, z in µm), its `gene_identity` (the number of a name in the root's attribute
//! `gene_names`), its `quality_score`, and whether it is `valid`. Coarser grids hold parts of the same molecules.

use super::experiment;
use crate::ingest::binning::{Collector, Feature, Molecule, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::ingest::folders::{Named, entries};
use crate::ingest::matrix::{MAX_ROWS, Tree, read_pieces};
use crate::ingest::reader::{Platform, Reader};
use crate::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static PLATFORM: Platform = Platform {
    name: "xenium-zarr",
    title: "10x Xenium, as Zarr",
    input: "transcripts.zarr.zip, where there is no table of transcripts",
    part_of: Some("xenium"),
    flags: &[],
};

/// The finest grid, which holds all molecules.
const TILES: &str = "grids/0";

/// The reader of Xenium's transcripts in Zarr.
pub(crate) struct XeniumZarr;

impl Reader for XeniumZarr {
    fn platform(&self) -> &'static Platform {
        &PLATFORM
    }

    fn recognises(&self, input: &Path) -> Result<bool> {
        Ok(find(input)?.is_some())
    }

    fn files(&self, path: &Path, _: &PrepConfig) -> Result<Vec<PathBuf>> {
        Ok(find(path)?.into_iter().collect())
    }

    fn read(&self, path: &Path, _: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
        let store = find(path)?.ok_or_else(|| Error::Missing(format!("{}: no {TILES} in it", path.display())))?;
        experiment::note(store.parent().unwrap_or(path), collector)?;
        let tree = Tree::open(&store)?;
        let names = names(&tree)?;
        let mut intake = collector.intake();
        let feature = |name: &String| intake.feature(name.as_bytes()).map_err(|what| tree.error("gene_names", what));
        let genes = names.iter().map(feature).collect::<Result<Vec<Feature>>>()?;
        let invalid = AtomicU64::new(0);
        let read = |tile: &String| {
            let path = format!("{TILES}/{tile}");
            let molecules = Tile::read(&tree, &path)?;
            let mut intake = collector.intake();
            for i in 0..molecules.gene.len() {
                if molecules.valid[i] == 0.0 {
                    invalid.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                // A molecule of no gene has a number that no name has.
                let feature = genes.get(molecules.gene[i] as usize).copied().unwrap_or(Feature::Unnamed);
                let [x, y] = [molecules.at[2 * i], molecules.at[2 * i + 1]];
                let molecule = Molecule { feature, x, y, qv: molecules.qv[i], count: 1 };
                intake
                    .take(molecule)
                    .map_err(|what| tree.error(&path, format!("molecule {i} (counted from 0): {what}")))?;
            }
            Ok(intake.finish())
        };
        let stats = read_pieces("tiles", &tree.children(TILES)?, |_| 1, read)?;
        match invalid.into_inner() {
            0 => {}
            invalid => collector.note(format!("{invalid} molecules left out: not valid")),
        }
        Ok(stats)
    }
}

/// The store that `input` is, or that lies in a bundle without a table of transcripts.
fn find(input: &Path) -> Result<Option<PathBuf>> {
    let is_own = |path: &Path| {
        let tree = Tree::open(path).ok().filter(|_| Tree::is_zarr(path));
        tree.is_some_and(|tree| tree.has(TILES).unwrap_or(false) && names(&tree).is_ok())
    };
    if is_own(input) {
        return Ok(Some(input.to_owned()));
    }
    let here = if input.is_dir() { entries(input).unwrap_or_default() } else { Vec::new() };
    if !Named::among(&here, &["transcripts.parquet", "transcripts.csv.gz", "transcripts.csv"]).is_empty() {
        return Ok(None);
    }
    let stores = Named::among(&here, &["transcripts.zarr.zip", "transcripts.zarr"]);
    Ok(Named::only(stores, input, "Give the one to read itself")?.map(|found| found.path).filter(|path| is_own(path)))
}

/// The names of the genes, by their number.
fn names(tree: &Tree) -> Result<Vec<String>> {
    let names = tree.texts_of("", "gene_names");
    names.ok_or_else(|| tree.error("", "no attribute gene_names, expected a list of names"))
}

/// The molecules of a tile.
struct Tile {
    /// x and y of each in µm.
    at: Vec<f64>,
    gene: Vec<f64>,
    qv: Vec<f64>,
    valid: Vec<f64>,
}

impl Tile {
    fn read(tree: &Tree, path: &str) -> Result<Tile> {
        Self::check(tree, path)?;
        let rows = |name: &str, columns: u64| {
            let name = format!("{path}/{name}");
            let array = tree.array(&name)?;
            let numbers = match *array.shape() {
                [rows] if columns == 1 => array.numbers(std::slice::from_ref(&(0..rows))),
                [rows, width] if width >= columns => array.numbers(&[0..rows, 0..columns]),
                ref shape => Err(format!("{shape:?} numbers, expected a row for each molecule")),
            };
            numbers.map_err(|what| tree.error(&name, what))
        };
        Ok(Tile {
            at: rows("location", 2)?,
            gene: rows("gene_identity", 1)?,
            qv: rows("quality_score", 1)?,
            valid: rows("valid", 1)?,
        })
    }

    /// Whether the arrays agree on how many molecules there are, before any is read.
    fn check(tree: &Tree, path: &str) -> Result<()> {
        let rows = |name: &str| Ok(tree.array(&format!("{path}/{name}"))?.shape().first().copied().unwrap_or(0));
        let molecules = rows("gene_identity")?;
        for name in ["location", "quality_score", "valid"] {
            let found = rows(name)?;
            if found != molecules || molecules > MAX_ROWS {
                let expected = format!("expected as many, and {MAX_ROWS} at most. Is the file damaged?");
                return Err(tree.error(path, format!("{molecules} genes and {found} rows of {name}, {expected}")));
            }
        }
        Ok(())
    }
}
