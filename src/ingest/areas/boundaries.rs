//! Cells by their boundaries or by their middles.

use super::geojson;
use super::polygons::{Polygons, Ring};
use crate::error::listed;
use crate::guides::Affine;
use crate::ingest::text::{KeyedTable, Place, Table};
use crate::section::{Cells, Grid};
use crate::{Error, Result};
use std::collections::HashMap;
use std::path::Path;

/// Names of the columns of x and y of middles.
const MIDDLES: [[&str; 2]; 3] = [["x_centroid", "y_centroid"], ["center_x", "center_y"], ["x", "y"]];

/// Reads the cells of `path` and lays them on `grid`: GeoJSON (Space Ranger's cell_segmentations.geojson), a table of corners (Xenium's
/// cell_boundaries, `cell_id`, `vertex_x`, `vertex_y`) or of middles (`cell_id` and `x_centroid`, `y_centroid`, …), Parquet or CSV. `transform`
/// leads from its coordinates to µm: µm per pixel, or a file with the map.
///
/// [`Error::Data`] for what is none of these, gives a cell twice, or covers no bin.
pub fn cells(path: &Path, transform: Option<&str>, grid: &Grid) -> Result<Cells> {
    let map = super::map::to_um(transform, "--cells-transform")?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let moved = |point: [f64; 2]| map.as_ref().map_or(point, |map: &Affine| map.at(point));
    let cells = if name.ends_with("json") {
        let features = geojson::features(path)?.into_iter();
        let outline = |polygons: Polygons| map.as_ref().map_or_else(|| polygons.clone(), |map| polygons.mapped(map)).0;
        Cells::of_outlines(grid, features.map(|(id, polygons)| (id, outline(polygons))).collect())
    } else {
        let header = Table::open(path)?.header().clone();
        if header.has(&["cell_id", "vertex_x", "vertex_y"]) {
            let outline = |ring: Ring| vec![vec![ring.into_iter().map(moved).collect()]];
            let rings = rings(path)?.into_iter();
            Cells::of_outlines(grid, rings.map(|(id, ring)| (id, outline(ring))).collect())
        } else if let Some(numbers) = MIDDLES.into_iter().find(|names| header.has(names) && header.has(&["cell_id"])) {
            let middles = middles(path, numbers)?.into_iter();
            Cells::of_points(grid, middles.map(|(id, point)| (id, moved(point))).collect())
        } else {
            let found = listed(header.names.iter().map(String::as_str));
            return Err(Error::data(
                path,
                format!(
                    "found the columns {found}, expected cell_id with vertex_x and vertex_y, or with x_centroid and y_centroid"
                ),
            ));
        }
    };
    if cells.ids.is_empty() {
        return Err(Error::data(path, "no cells in it"));
    }
    if !cells.meet_grid() {
        let span = |axis: usize| {
            let along = || cells.centres_um.iter().map(|centre| centre[axis]);
            format!("{:.0} to {:.0}", along().fold(f64::INFINITY, f64::min), along().fold(f64::NEG_INFINITY, f64::max))
        };
        let far = |axis: usize, bins: usize| {
            format!("{:.0} to {:.0}", grid.origin_um[axis], grid.origin_um[axis] + bins as f64 * grid.bin_um)
        };
        return Err(Error::data(
            path,
            format!(
                "its cells cover no bin: their middles lie at x {}, y {} µm, the bins at x {}, y {} µm. Are its coordinates pixels? Then --cells-transform leads to µm: µm per pixel, or a file with the map",
                span(0),
                span(1),
                far(0, grid.cols),
                far(1, grid.rows)
            ),
        ));
    }
    Ok(cells)
}

/// The middle of each cell, in the order of the rows.
fn middles(path: &Path, numbers: [&str; 2]) -> Result<Vec<(String, [f64; 2])>> {
    let (mut cells, mut places) = (Vec::new(), HashMap::new());
    let table = KeyedTable { path, key: "cell_id", numbers, flag: None, headerless: None };
    table.for_each_placed(|id, point, place| {
        once(&mut places, id, place, "has its middle")?;
        cells.push((id.to_owned(), point));
        Ok(())
    })?;
    Ok(cells)
}

/// The corners of each cell, in the order of the rows, which stand together.
fn rings(path: &Path) -> Result<Vec<(String, Ring)>> {
    let (mut cells, mut places): (Vec<(String, Ring)>, _) = (Vec::new(), HashMap::new());
    let mut edges = HashMap::new();
    let table = KeyedTable { path, key: "cell_id", numbers: ["vertex_x", "vertex_y"], flag: None, headerless: None };
    table.for_each_placed(|id, point, place| {
        if point.iter().any(|number| !number.is_finite()) {
            return Err("a corner without a place".to_owned());
        }
        let Some((_, ring)) = cells.last_mut().filter(|(last, _)| last == id) else {
            once(&mut places, id, place, "has corners, away from these,")?;
            edges.clear();
            cells.push((id.to_owned(), vec![point]));
            return Ok(());
        };
        // An outline may touch itself, and a bridge to a hole goes to and fro; only one that is given twice goes the same way again.
        let from = ring.last().copied().unwrap_or(point);
        let edge = [from, point].map(|corner| corner.map(f64::to_bits));
        if let Some(earlier) = edges.insert(edge, place).filter(|_| from != point) {
            let [x, y] = point;
            return Err(format!(
                "the outline of cell {id:?} comes to ({x}, {y}) as it did in {earlier}, so it is given twice and would count twice. {REMEDY}"
            ));
        }
        ring.push(point);
        Ok(())
    })?;
    Ok(cells)
}

/// What to do with a cell that is given twice.
const REMEDY: &str = "Give each cell once, its rows together, and an id of its own to every other one";

/// That the cell `id` was in no row before the one at `place`; otherwise what it `has` there.
fn once(places: &mut HashMap<String, Place>, id: &str, place: Place, has: &str) -> Result<(), String> {
    match places.insert(id.to_owned(), place) {
        Some(earlier) => Err(format!("cell {id:?} {has} in {earlier} already. {REMEDY}")),
        None => Ok(()),
    }
}
