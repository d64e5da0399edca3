//! Positions of observations: `obsm/spatial` as an array, a sparse matrix or a data frame, or two columns of `obs`.

use super::columns::{Column, columns};
use super::entries::Matrix;
use super::tree::Tree;
use crate::error::listed;
use crate::ingest::binning::Collector;
use crate::{Error, Result};

/// The names of x and y in data frames, best first, in lower case.
const XY: [[&str; 2]; 9] = [
    ["x", "y"],
    ["x_um", "y_um"],
    ["x_location", "y_location"],
    ["x_centroid", "y_centroid"],
    ["center_x", "center_y"],
    ["global_x", "global_y"],
    ["pxl_col_in_fullres", "pxl_row_in_fullres"],
    ["imagecol", "imagerow"],
    ["spatial_x", "spatial_y"],
];

/// x and y of every observation.
pub(crate) struct Positions {
    /// x and y, not numbers where an observation has none.
    pub points: Vec<[f64; 2]>,
    /// Where they stand, for people.
    pub from: String,
}

impl Positions {
    /// Finds those of `observations`.
    pub(crate) fn find(tree: &Tree, observations: usize, collector: &Collector) -> Result<Positions> {
        let embeddings = tree.children("obsm")?;
        let usual = |wanted: &str| embeddings.iter().find(|name| name.to_lowercase() == wanted);
        let named = usual("spatial").or_else(|| usual("x_spatial"));
        let (from, points) = match named {
            Some(name) => {
                let from = format!("obsm/{name}");
                let points = embedding(tree, &from, observations, collector)?;
                (from, points)
            }
            None => of_obs(tree, &embeddings)?,
        };
        if points.len() != observations {
            return Err(tree.error(
                &from,
                format!("{} positions for {observations} observations. Is the file damaged?", points.len()),
            ));
        }
        let finite = |point: [f64; 2]| if point.iter().all(|c| c.is_finite()) { point } else { [f64::NAN; 2] };
        Ok(Positions { points: points.into_iter().map(finite).collect(), from })
    }
}

fn embedding(tree: &Tree, name: &str, observations: usize, collector: &Collector) -> Result<Vec<[f64; 2]>> {
    let is_frame = tree.is_group(name) && !tree.has(&format!("{name}/indptr"))?;
    if is_frame {
        let pair = pair(tree, name)?;
        return points(tree, name, &pair.unwrap_or(two_numeric(tree, name)?));
    }
    let matrix = Matrix::open(tree, name)?;
    let (rows, axes) = matrix.shape();
    if !(2..=3).contains(&axes) || rows != observations as u64 {
        return Err(tree.error(name, format!("an array of {rows} × {axes}, expected {observations} × 2 (x, y)")));
    }
    if axes == 3 {
        collector.note(format!("{name} has three columns: x and y are read, z is not"));
    }
    let mut points = vec![[0.0; 2]; observations];
    for piece in matrix.pieces() {
        let take = |row: usize, axis: usize, value: f64| {
            if axis < 2 {
                // An entry of a sparse matrix may come in parts.
                points[row][axis] += value;
            }
            Ok(())
        };
        matrix.read(&piece, false, take).map_err(|what| tree.error(name, what))?;
    }
    Ok(points)
}

/// Two columns of `obs` that are positions by their names.
fn of_obs(tree: &Tree, embeddings: &[String]) -> Result<(String, Vec<[f64; 2]>)> {
    let Some(pair) = pair(tree, "obs")? else {
        let found = match embeddings.len() {
            0 => "obsm is empty".to_owned(),
            _ => format!("obsm holds {}", listed(embeddings.iter().map(String::as_str))),
        };
        return Err(Error::data(
            tree.path(),
            format!(
                "no positions: neither whole obs/array_row and obs/array_col nor obsm/spatial nor obs/x and obs/y ({found}). Add one of them"
            ),
        ));
    };
    Ok((format!("obs/{} and obs/{}", pair[0], pair[1]), points(tree, "obs", &pair)?))
}

/// The columns of a table that are x and y by their names.
fn pair(tree: &Tree, table: &str) -> Result<Option<[String; 2]>> {
    let columns = columns(tree, table)?;
    let named = |wanted: &str| columns.iter().find(|column| column.to_lowercase() == wanted).cloned();
    Ok(XY.iter().find_map(|[x, y]| Some([named(x)?, named(y)?])))
}

/// The only two columns of numbers of a table, in their order.
fn two_numeric(tree: &Tree, table: &str) -> Result<[String; 2]> {
    let ordered = tree.texts_of(table, "column-order").unwrap_or_default();
    let names = if ordered.is_empty() { columns(tree, table)? } else { ordered };
    let is_numeric = |name: &&String| matches!(Column::read(tree, &format!("{table}/{name}")), Ok(Column::Numbers(_)));
    let index = tree.text(table, "_index");
    let numeric: Vec<&String> = names.iter().filter(|name| index.as_ref() != Some(name)).filter(is_numeric).collect();
    match numeric.as_slice() {
        [x, y] => Ok([(*x).clone(), (*y).clone()]),
        _ => Err(tree.error(
            table,
            format!(
                "a data frame with the columns {}, expected two of numbers, or x and y",
                listed(names.iter().map(String::as_str))
            ),
        )),
    }
}

fn points(tree: &Tree, table: &str, [x, y]: &[String; 2]) -> Result<Vec<[f64; 2]>> {
    let numbers = |column: &String| {
        let name = format!("{table}/{column}");
        Column::read(tree, &name)?.numbers().map_err(|what| tree.error(&name, what))
    };
    Ok(numbers(x)?.into_iter().zip(numbers(y)?).map(|(x, y)| [x, y]).collect())
}
