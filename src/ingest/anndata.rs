//! AnnData: `.h5ad` and AnnData-Zarr, also as a table of a SpatialData store.
//!
//! The grid is, in this order: `obs/array_row` and `obs/array_col`, which count bins; the square lattice on which
//! `obsm/spatial` lies; bins over `obsm/spatial`. Rows and columns of which only those with an even sum occur are Visium's hexagonal ones
//! (see `visium`).

use super::intake::{Collector, Tally};
use super::matrix::Matrix;
use super::places::Places;
use super::pour::{Gene, Pour};
use super::regular::{Regular, TOLERANCE};
use super::tenx::GENE_EXPRESSION;
use super::tree::{ELEMENTS, Tree, whole_chunks};
use super::visium::full_columns;
use crate::config::MatrixConfig;
use crate::dataset::Mode;
use crate::error::nearest_names;
use crate::{Error, Result};
use std::path::Path;

/// What of a table is read, and how.
pub(super) struct Options<'a> {
    /// The layer and the column of gene names.
    pub matrix: &'a MatrixConfig,
    /// µm per unit of `obsm/spatial`.
    pub um_per_unit: f64,
}

/// Reads the `.h5ad` file or AnnData-Zarr `path`.
pub(super) fn read(path: &Path, options: &Options, collector: &Collector) -> Result<Tally> {
    read_table(&Tree::open(path)?, options, collector)
}

/// Whether `tree` is an AnnData object.
pub(super) fn is_table(tree: &Tree) -> Result<bool> {
    Ok(tree.has("obs")? && tree.has("var")?)
}

/// Reads the AnnData object at the root of `tree`.
pub(super) fn read_table(tree: &Tree, options: &Options, collector: &Collector) -> Result<Tally> {
    if !is_table(tree)? {
        return Err(Error::data(tree.path(), "no groups obs and var in it, so it is no AnnData"));
    }
    let (name, var) = layer(tree, options.matrix.layer.as_deref())?;
    let genes = genes(tree, &var, options.matrix.gene_column.as_deref())?;
    let matrix = matrix(tree, &name)?;
    let observations = matrix.shape().0 as usize;
    let mut places = places(tree, observations, options, collector)?;
    leave_out(tree, &mut places)?;
    collector.note(format!("counts from {name}"));
    Pour::new(tree.path(), &genes, &places, collector)?.matrix(&matrix)
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

/// A column of texts, plain, nullable or categorical.
fn texts(tree: &Tree, name: &str) -> Result<Vec<String>> {
    let plain = |name: &str| {
        let mut all = Vec::new();
        tree.texts(name, |text| all.push(text.to_owned())).map(|()| all)
    };
    let Some((categories, codes)) = categorical(tree, name)? else { return plain(&values(tree, name)?) };
    let categories = plain(&categories)?;
    Ok(tree.column(&codes)?.into_iter().map(|code| category(&categories, code).cloned().unwrap_or_default()).collect())
}

/// A column of numbers or booleans, plain, nullable or categorical.
fn numbers(tree: &Tree, name: &str) -> Result<Vec<f64>> {
    let Some((path, codes)) = categorical(tree, name)? else { return tree.column(&values(tree, name)?) };
    let mut categories = Vec::new();
    match tree.column(&path) {
        Ok(numbers) => categories = numbers,
        Err(_) => tree.texts(&path, |text| categories.push(text.parse().unwrap_or(f64::NAN)))?,
    }
    let code = |code: f64| category(&categories, code).copied().unwrap_or(f64::NAN);
    Ok(tree.column(&codes)?.into_iter().map(code).collect())
}

/// Where the categories and the codes of a categorical column stand; before anndata 0.8, categories stood in a group of their own.
fn categorical(tree: &Tree, name: &str) -> Result<Option<(String, String)>> {
    let (table, column) = name.rsplit_once('/').unwrap_or(("", name));
    let old = format!("{table}/__categories/{column}");
    Ok(if tree.has(&format!("{name}/categories"))? {
        Some((format!("{name}/categories"), format!("{name}/codes")))
    } else if tree.has(&old)? {
        Some((old, name.to_owned()))
    } else {
        None
    })
}

/// Where the values of a column stand, nullable or not.
fn values(tree: &Tree, name: &str) -> Result<String> {
    let nullable = format!("{name}/values");
    Ok(if tree.has(&nullable)? { nullable } else { name.to_owned() })
}

fn category<T>(categories: &[T], code: f64) -> Option<&T> {
    (code >= 0.0).then(|| categories.get(code as usize))?
}

fn places(tree: &Tree, observations: usize, options: &Options, collector: &Collector) -> Result<Places> {
    let side_um = collector.binning.bin_um;
    let places = if tree.has("obs/array_row")? && tree.has("obs/array_col")? {
        let (at, hexagonal) = array_places(tree)?;
        let kind = if hexagonal { ", hexagonal: row × half-column" } else { "" };
        collector
            .note(format!("grid from obs/array_row and obs/array_col{kind}; one square is {side_um} µm (--bin-um)"));
        Places::Lattice { side_um, at }
    } else {
        let points = spatial(tree)?;
        match Regular::find(&points) {
            Some(regular) => on_lattice(tree, regular, options, collector)?,
            None => {
                collector.note(format!(
                    "no lattice in obsm/spatial: binned as points, {} µm per unit (--um-per-unit)",
                    options.um_per_unit
                ));
                Places::Points(points.into_iter().map(|at| at.map(|c| c * options.um_per_unit)).collect())
            }
        }
    };
    if places.len() != observations {
        return Err(Error::data(
            tree.path(),
            format!("{} positions for {observations} observations. Is the file damaged?", places.len()),
        ));
    }
    Ok(places)
}

/// The lattice of `obsm/spatial`. Where its spacing is a multiple of the bins, every so many bins hold an observation;
/// where the bins are a multiple of the spacing, they are sums. Where the unit is not known, a benchmark needs none:
/// an observation is a bin. A section to be imputed does, for the bins between those observed depend on it.
fn on_lattice(tree: &Tree, regular: Regular, options: &Options, collector: &Collector) -> Result<Places> {
    let Regular { spacing, mut at } = regular;
    let (bin_um, unit) = (collector.binning.bin_um, options.um_per_unit);
    let spacing_um = spacing * unit;
    let whole = |ratio: f64| {
        (ratio.round() >= 1.0 && (ratio / ratio.round() - 1.0).abs() <= TOLERANCE).then_some(ratio.round())
    };
    let (apart, together) = (whole(spacing_um / bin_um), whole(bin_um / spacing_um));
    let unit_is_known = unit != 1.0;
    let (side_um, steps) = match (apart, together, collector.mode) {
        (Some(1.0), ..) => (bin_um, 1),
        (Some(apart), _, Mode::Impute) => (bin_um, apart as i32),
        (_, Some(together), _) if unit_is_known || collector.mode == Mode::Impute => (bin_um / together, 1),
        (_, _, Mode::Benchmark) if !unit_is_known => (bin_um, 1),
        _ => {
            return Err(Error::Usage(format!(
                "{}: obsm/spatial is a lattice of spacing {spacing:.4}, which is {spacing_um:.4} µm at {unit} µm per unit, neither a multiple nor a part of --bin-um {bin_um}. Give --um-per-unit and --bin-um that fit",
                tree.path().display()
            )));
        }
    };
    at.iter_mut().flatten().for_each(|index| *index = index.saturating_mul(steps));
    collector.note(format!(
        "grid from obsm/spatial: a square lattice of spacing {spacing:.4} (within {} %), taken as {} µm",
        TOLERANCE * 100.0,
        side_um * f64::from(steps)
    ));
    Ok(Places::Lattice { side_um, at })
}

/// Rows and columns of the array, and whether they were hexagonal.
fn array_places(tree: &Tree) -> Result<(Vec<[i32; 2]>, bool)> {
    let (rows, cols) = (numbers(tree, "obs/array_row")?, numbers(tree, "obs/array_col")?);
    let index = |value: f64| (value.fract() == 0.0 && value.abs() < 1e6).then_some(value as i32);
    let place = |(i, (row, col)): (usize, (&f64, &f64))| match (index(*row), index(*col)) {
        (Some(row), Some(col)) => Ok([row, col]),
        _ => Err(tree.error(
            "obs/array_row",
            format!("({row}, {col}) of observation {i} (counted from 0), expected whole numbers"),
        )),
    };
    let mut at = rows.iter().zip(&cols).enumerate().map(place).collect::<Result<Vec<_>>>()?;
    let even_sums = at.iter().all(|[row, col]| (row + col) % 2 == 0);
    // Rows of one parity alone are a square lattice of which every second row and column was sampled.
    let parities = [0, 1].map(|parity| at.iter().any(|[row, _]| row.rem_euclid(2) == parity));
    let hexagonal = even_sums && parities == [true, true];
    if hexagonal {
        at.iter_mut().for_each(|place| *place = full_columns(*place));
    }
    Ok((at, hexagonal))
}

/// x and y of every observation.
fn spatial(tree: &Tree) -> Result<Vec<[f64; 2]>> {
    const NAME: &str = "obsm/spatial";
    if !tree.has(NAME)? {
        return Err(Error::data(
            tree.path(),
            "no positions: neither obs/array_row and obs/array_col nor obsm/spatial. Add one of them",
        ));
    }
    let array = tree.array(NAME)?;
    let (observations, rows) = match array.shape() {
        &[observations, 2 | 3] => (observations, array.chunk()[0]),
        shape => return Err(tree.error(NAME, format!("an array of {shape:?}, expected observations × 2 (x, y)"))),
    };
    if observations > super::tree::MAX_ROWS {
        return Err(tree.error(NAME, format!("{observations} rows. Is the file damaged?")));
    }
    let step = whole_chunks(ELEMENTS, rows);
    let mut points = Vec::new();
    for start in (0..observations).step_by(step as usize) {
        let part = [start..(start + step).min(observations), 0..2];
        let values = array.numbers(&part).map_err(|what| tree.error(NAME, what))?;
        points.extend(values.chunks_exact(2).map(|xy| [xy[0], xy[1]]));
    }
    Ok(points)
}

/// Leaves out what `obs/in_tissue` says is outside the tissue.
fn leave_out(tree: &Tree, places: &mut Places) -> Result<()> {
    if !tree.has("obs/in_tissue")? {
        return Ok(());
    }
    let outside = numbers(tree, "obs/in_tissue")?.into_iter().enumerate().filter(|(_, flag)| *flag == 0.0);
    for (i, _) in outside {
        match places {
            Places::Lattice { at, .. } => at.get_mut(i).map(|place| *place = Places::NOWHERE),
            Places::Points(at) => at.get_mut(i).map(|place| *place = [f64::NAN; 2]),
        };
    }
    Ok(())
}
