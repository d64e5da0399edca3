//! `cell_segmentations.geojson` of Space Ranger: the outline of every cell, of which its centroid is taken.

use crate::{Error, Result};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// x and y of the centroid of every cell in the file's pixels, by the cell's number. Outlines are let go one by one as they are read.
pub(super) fn centroids(path: &Path) -> Result<HashMap<u64, [f64; 2]>> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let collection: Collection = serde_json::from_reader(BufReader::new(file)).map_err(|e| {
        Error::data(
            path,
            format!("{e}. Expected GeoJSON: features with properties.cell_id and a polygon. Is the file complete?"),
        )
    })?;
    let mut all = HashMap::with_capacity(collection.features.len());
    for Cell { number, centroid } in collection.features {
        if all.insert(number, centroid).is_some() {
            return Err(Error::data(path, format!("cell {number} stands twice in it")));
        }
    }
    Ok(all)
}

/// The number in a name such as `cellid_000000042-1`.
pub(super) fn number(name: &str) -> Option<u64> {
    let (_, rest) = name.rsplit_once("cellid_")?;
    rest.split_once('-').map_or(rest, |(number, _)| number).parse().ok()
}

#[derive(Deserialize)]
struct Collection {
    features: Vec<Cell>,
}

/// A cell, of whose outline the centroid is left.
#[derive(Deserialize)]
#[serde(try_from = "Feature")]
struct Cell {
    number: u64,
    centroid: [f64; 2],
}

#[derive(Deserialize)]
struct Feature {
    properties: Properties,
    geometry: Geometry,
}

#[derive(Deserialize)]
struct Properties {
    cell_id: Identifier,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Identifier {
    Number(u64),
    Name(String),
}

/// An outline and the holes in it.
type Polygon = Vec<Vec<[f64; 2]>>;

#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Polygon),
    MultiPolygon(Vec<Polygon>),
}

impl TryFrom<Feature> for Cell {
    type Error = String;

    fn try_from(Feature { properties, geometry }: Feature) -> Result<Cell, String> {
        let number = match &properties.cell_id {
            Identifier::Number(number) => Some(*number),
            Identifier::Name(name) => number(name),
        };
        let number = number.ok_or("a cell_id that is neither a number nor cellid_NUMBER-1")?;
        let polygons = match geometry {
            Geometry::Polygon(polygon) => vec![polygon],
            Geometry::MultiPolygon(polygons) => polygons,
        };
        let centroid = centroid(&polygons).ok_or_else(|| format!("cell {number} has no outline"))?;
        Ok(Cell { number, centroid })
    }
}

/// The centroid of the area of polygons; of outlines without an area, the mean of their corners.
fn centroid(polygons: &[Polygon]) -> Option<[f64; 2]> {
    let corners: Vec<[f64; 2]> = polygons.iter().flatten().flatten().copied().collect();
    let first = *corners.first()?;
    let (mut area, mut moment) = (0.0, [0.0; 2]);
    for polygon in polygons {
        for (i, ring) in polygon.iter().enumerate() {
            // Counted from the first corner, for pixels of a slide are large numbers and a cell is small.
            let at = |corner: &[f64; 2]| [corner[0] - first[0], corner[1] - first[1]];
            let next = ring.iter().skip(1).chain(ring.first());
            let (mut around, mut of_ring) = (0.0, [0.0; 2]);
            for (a, b) in ring.iter().map(at).zip(next.map(at)) {
                let cross = a[0] * b[1] - b[0] * a[1];
                around += cross / 2.0;
                (0..2).for_each(|axis| of_ring[axis] += (a[axis] + b[axis]) * cross / 6.0);
            }
            // Whichever way round it is drawn: the first ring is the outline, the others are holes.
            let sign = if i == 0 { around.signum() } else { -around.signum() };
            area += sign * around;
            (0..2).for_each(|axis| moment[axis] += sign * of_ring[axis]);
        }
    }
    let mean =
        |axis: usize| corners.iter().map(|corner| corner[axis] - first[axis]).sum::<f64>() / corners.len() as f64;
    Some([0, 1].map(|axis| first[axis] + if area > 0.0 { moment[axis] / area } else { mean(axis) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn centroids_are_of_areas_with_holes_whichever_way_round() {
        let square =
            |x: f64, y: f64, side: f64| vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]];
        let turned = |mut ring: Vec<[f64; 2]>| {
            ring.reverse();
            ring
        };
        let near = |polygons: &[Polygon], expected: [f64; 2]| {
            let found = centroid(polygons).expect("an outline");
            assert!((0..2).all(|axis| (found[axis] - expected[axis]).abs() < 1e-9), "{found:?}, not {expected:?}");
        };
        near(&[vec![square(40_000.0, 9.0, 2.0)]], [40_001.0, 10.0]);
        near(&[vec![turned(square(4.0, 9.0, 2.0))]], [5.0, 10.0]);
        // Of 16 with the centroid (2, 2), 4 with (3, 3) are missing.
        for hole in [square(2.0, 2.0, 2.0), turned(square(2.0, 2.0, 2.0))] {
            near(&[vec![square(0.0, 0.0, 4.0), hole]], [(32.0 - 12.0) / 12.0; 2]);
        }
        near(&[vec![square(0.0, 0.0, 1.0)], vec![square(9.0, 0.0, 1.0)]], [5.0, 0.5]);
        near(&[vec![vec![[1.0, 1.0], [3.0, 1.0]]]], [2.0, 1.0]);
        assert_eq!((centroid(&[]), number("cellid_000000042-1"), number("AAAC-1")), (None, Some(42), None));
    }
}
