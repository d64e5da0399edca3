//! What OME-Zarr (NGFF 0.4, 0.5) and SpatialData say of a node: its attributes, and the coordinate systems that it lies in.

use super::affine::Affine;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The attributes of a group of Zarr 2 or 3, those of OME among them; `None` where there are none.
pub(super) fn attributes(folder: &Path) -> Option<Value> {
    let json = |file: &str| serde_json::from_slice::<Value>(&std::fs::read(folder.join(file)).ok()?).ok();
    let own = json("zarr.json").and_then(|metadata| metadata.get("attributes").cloned()).or_else(|| json(".zattrs"))?;
    Some(own.get("ome").cloned().unwrap_or(own))
}

/// The coordinate systems that the image or the points in `folder` of a SpatialData store lie in, each with the map that leads there from
/// pixels or coordinates. Maps that are not affine in x and y are left out.
pub fn coordinate_systems(folder: &Path) -> BTreeMap<String, Affine> {
    let Some(attributes) = attributes(folder) else { return BTreeMap::new() };
    let image = attributes.pointer("/multiscales/0").unwrap_or(&attributes);
    let all = image.get("coordinateTransformations").and_then(Value::as_array);
    let led = |one: &Value| Some((one.pointer("/output/name")?.as_str()?.to_owned(), affine(one)?));
    all.into_iter().flatten().filter_map(led).collect()
}

/// The map of x and y that a transformation is.
fn affine(transformation: &Value) -> Option<Affine> {
    let axes = |end: &str| -> Option<Vec<&str>> {
        transformation.pointer(end)?.as_array()?.iter().map(|axis| axis.get("name")?.as_str()).collect()
    };
    let from = axes("/input/axes");
    let place = |names: &Option<Vec<&str>>, axis| names.as_ref()?.iter().position(|name| *name == axis);
    let numbers = |key: &str| -> Option<[f64; 2]> {
        let all = transformation.get(key)?.as_array()?;
        let of = |axis| all.get(place(&from, axis)?)?.as_f64();
        Some([of("x")?, of("y")?])
    };
    match transformation.get("type")?.as_str()? {
        "identity" => Some(Affine::pixels([1.0; 2], [0.0; 2])),
        "scale" => Some(Affine::pixels(numbers("scale")?, [0.0; 2])),
        "translation" => Some(Affine::pixels([1.0; 2], numbers("translation")?)),
        "affine" => {
            let to = axes("/output/axes").or_else(|| from.clone());
            let rows = transformation.get("affine")?.as_array()?;
            let row = |axis| {
                let row = rows.get(place(&to, axis)?)?.as_array()?;
                let number = |at: usize| row.get(at)?.as_f64();
                Some([number(place(&from, "x")?)?, number(place(&from, "y")?)?, row.last()?.as_f64()?])
            };
            Some(Affine([row("x")?, row("y")?]))
        }
        "sequence" => {
            let parts = transformation.get("transformations")?.as_array()?;
            parts.iter().try_fold(Affine::pixels([1.0; 2], [0.0; 2]), |map, part| Some(map.then(&affine(part)?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_taken_by_their_names() {
        let axes = |names: &str| -> Value {
            names.chars().map(|name| serde_json::json!({"name": name.to_string()})).collect::<Vec<_>>().into()
        };
        let (cyx, cxy) = (serde_json::json!({"axes": axes("cyx")}), serde_json::json!({"axes": axes("cxy")}));
        let sequence = serde_json::json!({"type": "sequence", "output": {"name": "global"}, "transformations": [
            {"type": "scale", "scale": [1, 3, 2], "input": cyx},
            {"type": "translation", "translation": [0, 40, 30], "input": cyx},
            {"type": "affine", "affine": [[1, 0, 0, 0], [0, 1, 0, 5], [0, 0, 1, 6]], "input": cyx, "output": cxy},
        ]});
        // (x, y) = (1, 2): (2, 6), (32, 46), and x and y exchanged: (46 + 5, 32 + 6).
        assert_eq!(affine(&sequence).map(|map| map.at([1.0, 2.0])), Some([51.0, 38.0]));
        assert_eq!(affine(&serde_json::json!({"type": "mapAxis"})), None);
    }
}
