//! What is made of predictions: counts to expect, a table of cells, and a plan of how sparse to go.

mod common;
#[path = "common/lines.rs"]
mod lines;
#[path = "common/stages.rs"]
mod stages;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use lines::content;
use s2s::dataset::Dataset;
use stages::run;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Cells of five corners, some of them beyond the grid, as Xenium writes boundaries.
fn boundaries(path: &Path) {
    let (mut ids, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for cell in 0..60 {
        let (left, top) = (f64::from(cell % 10) * 131.0 - 60.0, f64::from(cell / 10) * 171.0 + 7.0);
        for (dx, dy) in [(0.0, 0.0), (37.0, -11.0), (52.0, 20.0), (20.0, 12.0), (-9.0, 41.0)] {
            ids.push(format!("cell-{cell}"));
            x.push(left + dx);
            y.push(top + dy);
        }
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("cell_id", Arc::new(StringArray::from(ids))),
        ("vertex_x", Arc::new(Float64Array::from(x))),
        ("vertex_y", Arc::new(Float64Array::from(y))),
    ];
    let batch = arrow_array::RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn counts_and_cells_are_what_python_makes_of_the_bins() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 40 --cols 44 --genes 6 --seed 2 --output section");
    run(at, "s2s-prep", "--input section --bin-um 30 --scale 2 --mode benchmark --output a.s2s");
    let cells = at.join("cells.parquet");
    boundaries(&cells);
    let said = run(at, "s2s-predict", "a.s2s --method blend --counts --cells cells.parquet --output a.zarr");
    assert!(said.contains("No test of differences"), "{said}");
    let (store, dataset) = (at.join("a.zarr"), at.join("a.s2s"));
    let clients = ["spatialdata", "shapely"];
    let arguments = [store.as_os_str(), dataset.as_os_str(), cells.as_os_str()];
    let Some(found) = common::python("check_cells.py", &clients, &arguments) else { return };
    assert_eq!((&found["cells"], &found["genes"]), (&60.into(), &6.into()));
}

#[test]
fn cells_and_counts_that_make_no_sense_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 24 --cols 24 --genes 2 --seed 2 --output section");
    run(at, "s2s-prep", "--input section --bin-um 30 --scale 2 --mode impute --output a.s2s");
    boundaries(&at.join("cells.parquet"));
    std::fs::write(at.join("names.csv"), "cell,px,py\na,1,2\n").unwrap();
    std::fs::write(at.join("far.csv"), "cell_id,x_centroid,y_centroid\na,90000,2\nb,90010,30\n").unwrap();
    for (arguments, code, told) in [
        ("--method bilinear --counts", 2, "--method blend"),
        ("--method blend --cells names.csv", 65, "expected cell_id with vertex_x"),
        ("--method blend --cells far.csv", 65, "x 90000 to 90010, y 2 to 30 µm, the bins at x 0 to 720"),
        ("--method blend --cells cells.parquet --cells-transform 0", 2, "--cells-transform 0"),
        ("--method blend --max-distance-um 0", 2, "max_distance_um"),
    ] {
        let done = Command::new(env!("CARGO_BIN_EXE_s2s-predict"))
            .current_dir(at)
            .args(["a.s2s", "-o", "a.zarr"])
            .args(arguments.split(' '))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{arguments}: {said}");
        assert!(said.contains(told), "{arguments}: {said}");
        assert!(!at.join("a.zarr").exists(), "{arguments}");
    }
}

#[test]
fn runs_that_share_a_store_share_its_cells() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 24 --cols 24 --genes 4 --seed 2 --output section");
    run(at, "s2s-prep", "--input section --bin-um 30 --scale 2 --mode impute --output a.s2s");
    boundaries(&at.join("cells.parquet"));
    std::fs::write(at.join("points.csv"), "cell_id,x_centroid,y_centroid\na,50,60\n").unwrap();
    let predict = "a.s2s --method bilinear --cells cells.parquet";
    run(at, "s2s-predict", &format!("{predict} --output whole.zarr"));
    let genes: Vec<String> =
        Dataset::open(&at.join("a.s2s")).unwrap().manifest().genes.iter().map(|gene| gene.name.clone()).collect();
    let (first, rest) = (&genes[0], genes[1..].join(","));
    run(at, "s2s-predict", &format!("{predict} --genes {rest} --into shared.zarr"));
    run(at, "s2s-predict", &format!("{predict} --genes {first} --into shared.zarr"));
    let table = |store: &str| content(&at.join(store).join("tables/cells"));
    assert!(table("shared.zarr") == table("whole.zarr") && !table("whole.zarr").is_empty());
    let into = format!("a.s2s --method bilinear --genes {first} --into");
    for (arguments, told) in [
        (format!("{into} shared.zarr"), "a table of cells, and this run gives none"),
        (format!("{into} shared.zarr --cells points.csv"), "a table of other cells"),
        (format!("{into} bare.zarr --cells points.csv"), "no table of cells"),
    ] {
        run(at, "s2s-predict", &format!("{into} bare.zarr"));
        let (code, said) = lines::run(at, &format!("s2s-predict {arguments}"));
        assert!(code == Some(2) && said.contains(told), "{arguments}: {said}");
    }
}

/// A plan is what s2s-prep, s2s-predict and s2s-score say one after the other.
#[test]
fn a_plan_says_what_the_stages_say() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    run(at, "s2s-simulate", "--rows 48 --cols 48 --genes 5 --seed 4 --output section");
    let done = Command::new(env!("CARGO_BIN_EXE_s2s-prep"))
        .current_dir(at)
        .args("section --bin-um 30 --genes DUCT1,LAYER2 --plan plan".split(' '))
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = String::from_utf8(done.stdout).unwrap();
    assert!(told.contains("medians over 2 genes") && told.contains("S = 4"), "{told}");
    assert!(std::fs::read_to_string(at.join("plan/plan.svg")).unwrap().starts_with("<svg"));
    let mut rows = csv::Reader::from_path(at.join("plan/plan.csv")).unwrap();
    let rows: Vec<std::collections::HashMap<String, String>> = rows.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 7 * 3 * 2);
    run(at, "s2s-prep", "--input section --bin-um 30 --scale 2 --mode benchmark --output a.s2s");
    for method in ["bilinear", "kriging", "blend"] {
        run(at, "s2s-predict", &format!("a.s2s --method {method} --output {method}.zarr"));
    }
    run(at, "s2s-score", "a.s2s bilinear.zarr kriging.zarr blend.zarr --output report");
    let scores: serde_json::Value =
        serde_json::from_slice(&std::fs::read(at.join("report/scores.json")).unwrap()).unwrap();
    let scores = scores["scores"].as_array().unwrap();
    for row in rows.iter().filter(|row| row["sampling"] == "S = 2") {
        let own = |one: &&serde_json::Value| {
            one["region"] == "unmeasured"
                && one["gene"] == row["gene"].as_str()
                && one["method"] == row["method"].as_str()
        };
        let score = scores.iter().find(own).unwrap();
        for key in ["pcc", "mae", "rmse"] {
            let (planned, scored) = (row[key].parse::<f64>().unwrap(), score[key].as_f64().unwrap());
            assert!((planned - scored).abs() < 1e-5, "{key} of {row:?}: {scored}");
        }
    }
    assert_eq!(Dataset::open(&at.join("a.s2s")).unwrap().lattice().scale.get(), 2);
}
