//! `genes.html`, the viewer of a panel: whether it holds every gene and map, and what their pictures say.

mod common;
#[path = "common/stages.rs"]
mod stages;

use base64::Engine;
use s2s::dataset::Dataset;
use s2s::store::{Interval, Store};
use serde_json::Value;
use std::path::Path;

/// What the page shows, as its script reads it.
fn data(page: &Path) -> Value {
    let html = std::fs::read_to_string(page).unwrap();
    for outside in ["http://", "https://", "<link", "@import", "src=\"/"] {
        assert!(!html.contains(outside), "the viewer refers to {outside}");
    }
    let start = html.split_once(r#"<script type="application/json" id="data">"#).unwrap().1;
    serde_json::from_str(start.split_once("</script>").unwrap().0).unwrap()
}

/// The pixels of a picture in a data URI, row by row.
fn levels(uri: &str) -> image::GrayImage {
    let png = base64::engine::general_purpose::STANDARD.decode(uri.split_once(',').unwrap().1).unwrap();
    image::load_from_memory(&png).unwrap().into_luma8()
}

#[test]
fn every_gene_of_a_panel_is_there_with_its_values() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    stages::run(at, "s2s-simulate", "--rows 32 --cols 40 --genes 13 --output section");
    stages::run(at, "s2s-prep", "section --bin-um 30 --mode benchmark --output a.s2s");
    for method in ["nearest", "bilinear"] {
        stages::run(at, "s2s-predict", &format!("a.s2s --method {method} --output {method}.zarr"));
    }
    stages::run(at, "s2s-score", "a.s2s nearest.zarr bilinear.zarr --output report");
    let shown = data(&at.join("report/genes.html"));
    let dataset = Dataset::open(&at.join("a.s2s")).unwrap();
    let genes = &dataset.manifest().genes;
    assert_eq!(shown["genes"].as_array().unwrap().len(), 13);
    let store = Store::open(&at.join("nearest.zarr")).unwrap();
    for (gene, shown) in genes.iter().zip(shown["genes"].as_array().unwrap()) {
        assert_eq!(shown["name"], gene.name.as_str());
        let titles: Vec<&str> =
            shown["maps"].as_array().unwrap().iter().map(|map| map["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["Truth", "Input", "nearest", "bilinear"]);
        let picture = levels(shown["maps"][2]["levels"].as_str().unwrap());
        let (values, high) = (store.gene(&gene.name).unwrap(), shown["high"].as_f64().unwrap());
        assert_eq!((picture.height() as usize, picture.width() as usize), values.shape());
        for (pixel, value) in picture.pixels().zip(values.values()) {
            let level = f64::from(pixel.0[0]);
            // Half a level of rounding, and what is above the scale is its end.
            let near = (f64::from(*value).min(high) - (level - 2.0) / 253.0 * high).abs() <= high / 505.0 + 1e-6;
            assert!(
                if value.is_nan() { level < 2.0 } else { near },
                "{}: {value} is shown as level {level}",
                gene.name
            );
        }
    }
    let report = std::fs::read_to_string(at.join("report/report.html")).unwrap();
    assert!(report.contains(r#"href="genes.html""#));
    assert!(
        shown["genes"].as_array().unwrap().iter().all(|gene| gene.get("wide").is_none()),
        "interpolation is not sure"
    );

    // Those of the blend are, with the width of its intervals in the store.
    stages::run(at, "s2s-predict", "a.s2s --method blend --output blend.zarr");
    stages::run(at, "s2s-score", "a.s2s blend.zarr bilinear.zarr --output report --force");
    let shown = data(&at.join("report/genes.html"));
    let store = Store::open(&at.join("blend.zarr")).unwrap();
    for (gene, shown) in genes.iter().zip(shown["genes"].as_array().unwrap()) {
        let Some(Interval::Between([lower, upper], _)) = store.interval(&gene.name).unwrap() else { panic!() };
        let picture = levels(shown["maps"][2]["uncertainty"]["levels"].as_str().unwrap());
        let wide = shown["wide"].as_f64().unwrap();
        for ((pixel, lower), upper) in picture.pixels().zip(lower.values()).zip(upper.values()) {
            let (level, half) = (f64::from(pixel.0[0]), f64::from(upper - lower) / 2.0);
            let near = (half.min(wide) - (level - 2.0) / 253.0 * wide).abs() <= wide / 505.0 + 1e-6;
            assert!(if half.is_nan() { level < 2.0 } else { near }, "{}: ± {half} is level {level}", gene.name);
        }
        assert!(shown["maps"][3].get("uncertainty").is_none());
    }

    // A few genes need no viewer, and one of an earlier output does not stay.
    stages::run(at, "s2s-predict", &format!("a.s2s --method nearest --genes {} --output one.zarr", genes[0].name));
    stages::run(at, "s2s-score", "a.s2s one.zarr --output report --force");
    assert!(!at.join("report/genes.html").exists());
    let report = std::fs::read_to_string(at.join("report/report.html")).unwrap();
    assert!(!report.contains("genes.html"));
}
