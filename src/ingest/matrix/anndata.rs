//! AnnData objects, whatever holds them: an `.h5ad` file, a Zarr store, a table of a SpatialData store.

use super::anndata_places::observation_places;
use super::columns::texts;
use super::entries::Matrix;
use super::sink::{Gene, MatrixSink};
use super::tenx::GENE_EXPRESSION;
use super::tree::Tree;
use crate::error::nearest_names;
use crate::ingest::binning::{Collector, ReadStats};
use crate::ingest::config::PrepConfig;
use crate::{Error, Result};

/// Whether `tree` is an AnnData object.
pub(crate) fn is_table(tree: &Tree) -> Result<bool> {
    Ok(tree.has("obs")? && tree.has("var")?)
}

/// Reads the AnnData object at the root of `tree`: the layer and the column of gene names that `config.matrix` names, with
/// `config.csv.um_per_unit` µm per unit of `obsm/spatial`.
pub(crate) fn read_table(tree: &Tree, config: &PrepConfig, collector: &Collector) -> Result<ReadStats> {
    if !is_table(tree)? {
        return Err(Error::data(tree.path(), "no groups obs and var in it, so it is no AnnData"));
    }
    let (name, var) = layer(tree, config.matrix.layer.as_deref())?;
    let genes = genes(tree, &var, config.matrix.gene_column.as_deref())?;
    let matrix = matrix(tree, &name)?;
    let observations = matrix.shape().0 as usize;
    let places = observation_places(tree, observations, config.csv.um_per_unit, collector)?;
    collector.note(format!("counts from {name}"));
    MatrixSink::new(tree.path(), &genes, &places, collector)?.matrix(&matrix)
}

/// The matrix that was asked for, and the table of its genes.
fn layer(tree: &Tree, wanted: Option<&str>) -> Result<(String, String)> {
    let Some(wanted) = wanted.filter(|name| *name != "X") else { return Ok(("X".to_owned(), "var".to_owned())) };
    if wanted == "raw" && tree.has("raw/X")? {
        return Ok(("raw/X".to_owned(), "raw/var".to_owned()));
    }
    let layers = tree.children("layers")?;
    if layers.iter().any(|name| name == wanted) {
        return Ok((format!("layers/{wanted}"), "var".to_owned()));
    }
    let raw = if tree.has("raw/X")? { vec!["raw".to_owned()] } else { Vec::new() };
    let all = [vec!["X".to_owned()], layers, raw].concat();
    let near = nearest_names(wanted, all.iter().map(String::as_str));
    Err(Error::data(
        tree.path(),
        format!("no layer {wanted}; found {} (nearest: {})", all.join(", "), near.first().unwrap_or(&"none")),
    ))
}

fn matrix(tree: &Tree, name: &str) -> Result<Matrix> {
    let encoding = tree.text(name, "encoding-type").or_else(|| tree.text(name, "h5sparse_format"));
    let by_observation = match encoding.as_deref() {
        Some("csr_matrix" | "csr") => true,
        Some("csc_matrix" | "csc") => false,
        Some("array") | None if !tree.has(&format!("{name}/indptr"))? => return Matrix::dense(tree, name),
        found => {
            return Err(tree.error(
                name,
                format!("encoding {}, expected csr_matrix, csc_matrix or array", found.unwrap_or("absent")),
            ));
        }
    };
    let shape = tree.numbers(name, "shape").or_else(|| tree.numbers(name, "h5sparse_shape"));
    match shape.as_deref() {
        Some(&[observations, genes]) => Matrix::sparse(tree, name, (observations, genes), by_observation),
        _ => Err(tree.error(name, "attribute shape is missing, expected two numbers")),
    }
}

fn genes(tree: &Tree, var: &str, column: Option<&str>) -> Result<Vec<Gene>> {
    let name = match column {
        Some(column) => column.to_owned(),
        None => tree.text(var, "_index").unwrap_or_else(|| "_index".to_owned()),
    };
    let columns = tree.children(var)?;
    if !columns.contains(&name) {
        return Err(
            tree.error(var, format!("no column {name}; found {}. Name it with --gene-column", columns.join(", ")))
        );
    }
    let names = texts(tree, &format!("{var}/{name}"))?;
    let kinds = if columns.iter().any(|column| column == "feature_types") {
        texts(tree, &format!("{var}/feature_types"))?
    } else {
        Vec::new()
    };
    let control = |i: usize| kinds.get(i).is_some_and(|kind| kind != GENE_EXPRESSION);
    Ok(names.into_iter().enumerate().map(|(i, name)| Gene { name, control: control(i) }).collect())
}
