//! AnnData objects, whatever holds them: an `.h5ad` file, a Zarr store, a table of a SpatialData store.

use super::anndata_places::{observation_places, observations};
use super::columns::{Column, column, columns};
use super::entries::Matrix;
use super::features::Features;
use super::observations::chosen;
use super::places::Places;
use super::sink::{Gene, MatrixSink};
use super::tree::Tree;
use crate::error::{listed, nearest_names};
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::{Error, Result};

/// Columns of `var` with symbols, where the index has identifiers.
const SYMBOLS: [&str; 7] =
    ["feature_name", "gene_symbols", "gene_symbol", "gene_name", "gene_names", "symbol", "gene_short_name"];

/// Columns of `var` with identifiers, where the index lacks names.
const IDENTIFIERS: [&str; 4] = ["gene_ids", "gene_id", "ensembl_id", "feature_id"];

/// Whether `tree` is an AnnData object.
pub(crate) fn is_table(tree: &Tree) -> Result<bool> {
    Ok(tree.has("obs")? && tree.has("var")?)
}

/// [`Error::Data`] for what is no table, or one that versions before 0.7 wrote.
pub(crate) fn check_table(tree: &Tree) -> Result<()> {
    if !is_table(tree)? {
        return Err(Error::data(tree.path(), "no groups obs and var in it, so it is no AnnData"));
    }
    if let Some(old) = ["obs", "var"].into_iter().find(|name| !tree.is_group(name)) {
        let remedy = "Write the file again with a current one: anndata.read_h5ad(FILE).write_h5ad(NEW)";
        return Err(tree.error(old, format!("a compound array, as anndata before 0.7 wrote it. {remedy}")));
    }
    Ok(())
}

/// Reads the AnnData object at the root of `tree`: the observations, the layer and the column of gene names that `config.matrix`
/// names, with `config.csv.um_per_unit` µm per unit of positions.
pub(crate) fn read_table(tree: &Tree, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
    read_table_at(tree, config, collector, |observations| observation_places(tree, observations, config, collector))
}

/// The same, of so many observations that lie at `places`.
pub(crate) fn read_table_at(
    tree: &Tree,
    config: &PrepConfig,
    collector: &Collector,
    places: impl FnOnce(usize) -> Result<Places>,
) -> Result<ReadStats> {
    check_table(tree)?;
    let layers = layers(tree)?;
    let layer = layer(tree, &layers, config.matrix.layer.as_deref(), collector)?;
    let (name, var) = match layer.as_str() {
        "raw" => ("raw/X".to_owned(), "raw/var"),
        "X" => ("X".to_owned(), "var"),
        other => (format!("layers/{other}"), "var"),
    };
    let genes = genes(tree, var, config.matrix.gene_column.as_deref(), collector)?;
    let matrix = Matrix::open(tree, &name)?;
    let places = places(matrix.shape().0 as usize)?;
    collector.note(format!("counts from {name}"));
    let others = layers.into_iter().filter(|other| *other != layer).collect();
    MatrixSink::new(tree.path(), &genes, &places, collector)?.with_layers(others).matrix(&matrix)
}

/// x and y in µm of the observations, of those that `config.matrix.where` chooses, that fulfil `condition` (COLUMN=VALUE) too. They lie where
/// all of them together say: a part of a lattice may look like none.
pub(crate) fn observed(
    tree: &Tree,
    config: &PrepConfig,
    condition: &str,
    collector: &Collector,
) -> Result<Vec<[f64; 2]>> {
    let all = observations(tree)?;
    let fulfil = chosen(tree, &[condition.to_owned()], all, collector)?;
    let places = observation_places(tree, all, config, collector)?;
    Ok((0..all).filter(|observation| fulfil[*observation]).filter_map(|observation| places.get(observation)).collect())
}

/// The matrices of the object: `X`, its layers, `raw`.
fn layers(tree: &Tree) -> Result<Vec<String>> {
    let is_there =
        |name: &str| Ok::<_, Error>(tree.has(name)? && tree.text(name, "encoding-type").as_deref() != Some("null"));
    let x = is_there("X")?.then(|| "X".to_owned());
    let raw = is_there("raw/X")?.then(|| "raw".to_owned());
    Ok(x.into_iter().chain(tree.children("layers")?).chain(raw).collect())
}

/// The matrix that was asked for; without a wish X, or what is there instead.
fn layer(tree: &Tree, layers: &[String], wanted: Option<&str>, collector: &Collector) -> Result<String> {
    let all = || listed(layers.iter().map(String::as_str));
    match (wanted, layers) {
        (Some(wanted), _) if layers.iter().any(|name| name == wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => {
            let near = nearest_names(wanted, layers.iter().map(String::as_str));
            let near = near.first().unwrap_or(&"none");
            Err(Error::data(tree.path(), format!("no layer {wanted}; found {} (nearest: {near})", all())))
        }
        (None, [first, ..]) if first == "X" => Ok(first.clone()),
        (None, [only]) => {
            collector.note(format!("no X: {only} is the only matrix"));
            Ok(only.clone())
        }
        (None, []) => Err(Error::data(tree.path(), "neither X nor layers nor raw in it: no matrix")),
        (None, _) => Err(Error::data(tree.path(), format!("no X in it. Choose a layer with --layer: {}", all()))),
    }
}

/// The genes of the table `var`, by the column that was asked for, or its index.
fn genes(tree: &Tree, var: &str, wanted: Option<&str>, collector: &Collector) -> Result<Vec<Gene>> {
    let all = columns(tree, var)?;
    let index = tree
        .text(var, "_index")
        .unwrap_or_else(|| if all.iter().any(|name| name == "_index") { "_index" } else { "index" }.to_owned());
    let texts = |name: &str| -> Result<Vec<Option<String>>> {
        let column = column(tree, var, name, "Name the one with the genes with --gene-column")?;
        Ok((0..column.len()).map(|row| column.text(row)).collect())
    };
    let usual = |names: &[&str]| all.iter().find(|column| names.contains(&column.to_lowercase().as_str()));
    let instead = match wanted {
        Some(_) => Some(&index),
        None => usual(&IDENTIFIERS),
    };
    let kinds = all.iter().any(|column| column == "feature_types");
    let names = texts(wanted.unwrap_or(&index))?;
    if let (None, Some(symbols)) = (wanted, usual(&SYMBOLS)) {
        let identifiers = names.iter().flatten().filter(|name| name.starts_with("ENS") || name.parse::<u64>().is_ok());
        if 2 * identifiers.count() > names.len() {
            collector.note(format!("genes have the names of {var}'s index; symbols: --gene-column {symbols}"));
        }
    }
    let features = Features {
        names,
        ids: instead.map_or_else(|| Ok(Vec::new()), |name| texts(name))?,
        kinds: kinds.then(|| Column::read(tree, &format!("{var}/feature_types"))).transpose()?,
    };
    let (genes, notes) = features.genes().map_err(|what| tree.error(&format!("{var}/feature_types"), what))?;
    notes.into_iter().for_each(|note| collector.note(note));
    Ok(genes)
}
