//! The metadata of images and labels: OME-Zarr 0.5 as SpatialData extends it.
//!
//! Two conventions meet here. OME-Zarr places the *centres* of pixels, level by level, in `datasets`; its viewers read that.
//! SpatialData places the *corner* of the first pixel of the full-size level, in `coordinateTransformations` of the whole
//! image, and its readers ignore the other. Both are in µm and say the same.

use crate::section::Grid;
use serde_json::{Value, json};

/// The version of the format of images and labels in SpatialData, and what it calls OME-Zarr with its extension.
const RASTER: (&str, &str) = ("0.3", "0.5-dev-spatialdata");

/// The attributes of an image [c, y, x] with one channel per gene, in `levels` levels.
pub(super) fn image(name: &str, grid: &Grid, genes: &[String], levels: usize) -> Value {
    let channels: Vec<Value> = genes.iter().map(|gene| json!({ "label": gene })).collect();
    let mut ome = multiscale(name, grid, levels, true);
    ome["omero"] = json!({ "channels": channels });
    json!({ "ome": ome, "spatialdata_attrs": { "version": RASTER.0 } })
}

/// The attributes of labels [y, x].
pub(super) fn labels(name: &str, grid: &Grid) -> Value {
    json!({ "ome": multiscale(name, grid, 1, false), "spatialdata_attrs": { "version": RASTER.0 } })
}

fn multiscale(name: &str, grid: &Grid, levels: usize, channels: bool) -> Value {
    // A value for the channels, where there are any, before those for y and x.
    let with = |channel: f64, [x, y]: [f64; 2]| if channels { json!([channel, y, x]) } else { json!([y, x]) };
    let axes = |unit: &str| {
        let space = ["y", "x"].map(|axis| json!({ "name": axis, "type": "space", "unit": unit }));
        let channel = channels.then(|| json!({ "name": "c", "type": "channel" }));
        channel.into_iter().chain(space).collect::<Vec<_>>()
    };
    let dataset = |level: usize| {
        let side = grid.bin_um * (1_u64 << level) as f64;
        let centre = grid.origin_um.map(|origin| origin + side / 2.0);
        json!({ "path": format!("s{level}"), "coordinateTransformations": [
            { "type": "scale", "scale": with(1.0, [side; 2]) },
            { "type": "translation", "translation": with(0.0, centre) },
        ] })
    };
    let systems = |transformation: Value| {
        let mut transformation = transformation;
        let pixels = if channels { "cyx" } else { "yx" };
        transformation["input"] = json!({ "name": pixels, "axes": axes("unit") });
        transformation["output"] = json!({ "name": "global", "axes": axes("unit") });
        transformation
    };
    let to_um = systems(json!({ "type": "sequence", "transformations": [
        systems(json!({ "type": "scale", "scale": with(1.0, [grid.bin_um; 2]) })),
        systems(json!({ "type": "translation", "translation": with(0.0, grid.origin_um) })),
    ] }));
    json!({ "version": RASTER.1, "multiscales": [{
        "name": name,
        "axes": axes("micrometer"),
        "datasets": (0..levels).map(dataset).collect::<Vec<_>>(),
        "coordinateTransformations": [to_um],
    }] })
}
