//! Polygons of GeoJSON (RFC 7946), as QuPath and Xenium Explorer export them, and as lists of features without a collection.

use super::polygons::{Polygons, Ring};
use crate::error::listed;
use crate::{Error, Result};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// Reads the polygons of `path`; points and lines in it are passed over.
///
/// [`Error::Data`] for what is no GeoJSON, holds no polygon, or has a ring that is none.
pub(super) fn read(path: &Path) -> Result<Polygons> {
    let (mut polygons, mut others) = (Vec::new(), BTreeSet::new());
    collect(&parsed(path)?, "", &mut polygons, &mut others).map_err(|what| Error::data(path, what))?;
    if polygons.is_empty() {
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        let found = if others.is_empty() { "nothing".to_owned() } else { listed(others.into_iter()) };
        return Err(Error::data(path, format!("no Polygon or MultiPolygon in it; found {found}")));
    }
    Ok(Polygons(polygons))
}

/// Reads the features of `path`, each with its polygons and its name: `cell_id` or `id` of its properties, its own `id`, or its number.
///
/// Errors as those of [`read`], but for features without a polygon, which are passed over; and [`Error::Data`] if two have one name, or one
/// has a polygon twice.
pub(super) fn features(path: &Path) -> Result<Vec<(String, Polygons)>> {
    let value = parsed(path)?;
    let list = value.as_array().or_else(|| value["features"].as_array());
    let list = list.ok_or_else(|| Error::data(path, "no features in it: expected a FeatureCollection"))?;
    let (mut found, mut numbers) = (Vec::new(), HashMap::new());
    for (number, feature) in list.iter().enumerate() {
        let (mut polygons, mut others) = (Vec::new(), BTreeSet::new());
        collect(feature, &format!("features/{number}"), &mut polygons, &mut others)
            .map_err(|what| Error::data(path, what))?;
        if polygons.is_empty() {
            continue;
        }
        let name = name(feature).unwrap_or_else(|| number.to_string());
        let twice = |what: String| {
            let remedy = "Give each cell once, and an id of its own to every other one";
            Error::data(path, format!("features/{number}: {what}. {remedy}"))
        };
        if let Some(earlier) = numbers.insert(name.clone(), number) {
            return Err(twice(format!("cell {name:?} is features/{earlier} already")));
        }
        if (1..polygons.len()).any(|i| polygons[..i].contains(&polygons[i])) {
            return Err(twice(format!("cell {name:?} has one polygon twice, which would count twice")));
        }
        found.push((name, Polygons(polygons)));
    }
    Ok(found)
}

/// The name of a feature, if it has one.
fn name(feature: &Value) -> Option<String> {
    let properties = &feature["properties"];
    let names = [&properties["cell_id"], &properties["id"], &feature["id"]];
    // Older QuPath writes the kind of object there, the same for all cells.
    let is_kind = |name: &Value| name.as_str().is_some_and(|id| id.starts_with("Path") && id.ends_with("Object"));
    let name = names.into_iter().find(|name| !name.is_null() && !is_kind(name))?;
    Some(name.as_str().map_or_else(|| name.to_string(), str::to_owned))
}

fn parsed(path: &Path) -> Result<Value> {
    let text = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    serde_json::from_slice(&text).map_err(|e| Error::data(path, format!("no GeoJSON: {e}")))
}

/// Gathers the polygons of a value, which errors find at `place`, and the kinds of what is none.
fn collect(
    value: &Value,
    place: &str,
    polygons: &mut Vec<Vec<Ring>>,
    others: &mut BTreeSet<String>,
) -> Result<(), String> {
    let mut each = |list: &Value, key: &str| {
        let list = list.as_array().ok_or_else(|| format!("{place}/{key}: expected a list"))?;
        list.iter().enumerate().try_for_each(|(i, item)| collect(item, &format!("{place}/{key}{i}"), polygons, others))
    };
    if value.is_array() {
        return each(value, "");
    }
    match value["type"].as_str() {
        Some("FeatureCollection") => each(&value["features"], "features/"),
        Some("GeometryCollection") => each(&value["geometries"], "geometries/"),
        // A feature may be without a place.
        Some("Feature") if value["geometry"].is_null() => Ok(()),
        Some("Feature") => collect(&value["geometry"], &format!("{place}/geometry"), polygons, others),
        Some("Polygon") => {
            polygons.push(polygon(&value["coordinates"], place)?);
            Ok(())
        }
        Some("MultiPolygon") => {
            let list = value["coordinates"].as_array().ok_or_else(|| at(place, "expected polygons"))?;
            list.iter().try_for_each(|one| {
                polygons.push(polygon(one, place)?);
                Ok(())
            })
        }
        Some(other) => {
            others.insert(other.to_owned());
            Ok(())
        }
        None => Err(at(place, "no GeoJSON: an object without \"type\"")),
    }
}

/// What is wrong, and where; the outermost value has no place.
fn at(place: &str, what: &str) -> String {
    if place.is_empty() { what.to_owned() } else { format!("{place}: {what}") }
}

fn polygon(rings: &Value, place: &str) -> Result<Vec<Ring>, String> {
    let wrong = || at(place, "expected rings of three points [x, y] or more");
    let point = |point: &Value| {
        let number = |axis: usize| point.get(axis)?.as_f64().filter(|number| number.is_finite());
        Some([number(0)?, number(1)?])
    };
    let ring =
        |ring: &Value| ring.as_array()?.iter().map(point).collect::<Option<Ring>>().filter(|ring| ring.len() > 2);
    let rings: Option<Vec<Ring>> = rings.as_array().ok_or_else(wrong)?.iter().map(ring).collect();
    rings.filter(|rings| !rings.is_empty()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Polygons> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        read(file.path())
    }

    #[test]
    fn collections_features_and_geometries_are_read_and_the_rest_is_told() {
        let ring = "[[0,0],[4,0],[4,4],[0,0]]";
        let qupath = format!(
            r#"{{"type":"FeatureCollection","features":[
              {{"type":"Feature","id":"PathAnnotationObject","geometry":{{"type":"Polygon","coordinates":[{ring},{ring}]}},
                "properties":{{"objectType":"annotation","classification":{{"name":"Fold","color":[1,2,3]}}}}}},
              {{"type":"Feature","geometry":{{"type":"MultiPolygon","coordinates":[[{ring}],[{ring}]]}},"properties":{{}}}},
              {{"type":"Feature","geometry":{{"type":"Point","coordinates":[1,2]}},"properties":{{}}}}]}}"#
        );
        assert_eq!(read_text(&qupath).expect("polygons").0.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1]);
        let list = format!(r#"[{{"type":"Feature","geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}]"#);
        assert_eq!(read_text(&list).expect("polygons").0[0][0][1], [4.0, 0.0]);
        for (text, part) in [
            ("{", "no GeoJSON"),
            (r#"{"a": 1}"#, "without \"type\""),
            (r#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#, "found LineString"),
            (r#"{"type":"Polygon","coordinates":[[[0,0],[1,"x"],[2,2]]]}"#, "expected rings"),
            (r#"{"type":"FeatureCollection","features":[]}"#, "found nothing"),
        ] {
            let told = read_text(text).expect_err(text).to_string();
            assert!(told.contains(part) && !told.contains(": :"), "{text}: {told}");
        }
    }
}
