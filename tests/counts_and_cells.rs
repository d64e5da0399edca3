//! What is made of predictions: counts to expect, a table of cells, and a plan of how sparse to go.

mod common;
#[path = "common/lines.rs"]
mod lines;
#[path = "common/stages.rs"]
mod stages;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use lines::content;
use s2s::dataset::Dataset;
use s2s::section::Grid;
use stages::run;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Cells of five corners, some of them beyond the grid, as Xenium writes boundaries.
fn boundaries(path: &Path) {
    outlines(path, 1);
}

/// The outline of each of them so many times.
fn outlines(path: &Path, times: usize) {
    let (mut ids, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
    for cell in 0..60 {
        let (left, top) = (f64::from(cell % 10) * 131.0 - 60.0, f64::from(cell / 10) * 171.0 + 7.0);
        let corners = [(0.0, 0.0), (37.0, -11.0), (52.0, 20.0), (20.0, 12.0), (-9.0, 41.0)];
        for (dx, dy) in corners.repeat(times) {
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
    twice(at);
    for (arguments, code, told) in [
        ("--method blend --cells middles.csv", 65, "line 4: cell \"b\" has its middle in line 3 already"),
        (
            "--method blend --cells again.csv",
            65,
            "line 7: the outline of cell \"a\" comes to (40, 1) as it did in line 3",
        ),
        ("--method blend --cells apart.csv", 65, "line 8: cell \"a\" has corners, away from these, in line 2 already"),
        (
            "--method blend --cells again.parquet",
            65,
            "again.parquet: row 6 (counted from 0): the outline of cell \"cell-0\"",
        ),
        ("--method blend --cells names.geojson", 65, "features/1: cell \"a\" is features/0 already"),
        ("--method blend --cells parts.geojson", 65, "features/0: cell \"a\" has one polygon twice"),
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

/// Files of cells some of which are given twice.
fn twice(at: &Path) {
    let write = |name: &str, text: &str| std::fs::write(at.join(name), text).unwrap();
    write("middles.csv", "cell_id,x_centroid,y_centroid\na,50,60\nb,80,60\nb,90,70\n");
    let (corners, other) = ("a,1,1\na,40,1\na,40,50\na,1,1\n", "b,60,1\nb,99,1\nb,99,50\n");
    let header = "cell_id,vertex_x,vertex_y\n";
    write("again.csv", &[header, corners, corners, other].concat());
    let moved = corners.replace("1\n", "9\n");
    write("apart.csv", &[header, &corners[..corners.len() - 6], other, &moved].concat());
    outlines(&at.join("again.parquet"), 2);
    let polygon = "[[[1,1],[40,1],[40,50],[1,1]]]";
    let feature = |kind: &str, coordinates: &str| {
        format!(
            r#"{{"type":"Feature","properties":{{"cell_id":"a"}},"geometry":{{"type":"{kind}","coordinates":{coordinates}}}}}"#
        )
    };
    let one = feature("Polygon", polygon);
    write("names.geojson", &format!("[{one},{one}]"));
    write("parts.geojson", &format!("[{}]", feature("MultiPolygon", &format!("[{polygon},{polygon}]"))));
}

/// What touches itself, has two parts or a bridge to a hole is one cell.
#[test]
fn outlines_of_any_shape_are_cells() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write = |name: &str, text: &str| std::fs::write(at.join(name), text).unwrap();
    let grid = Grid { rows: 10, cols: 10, bin_um: 10.0, origin_um: [0.0, 0.0] };
    let area = |name: &str| {
        let found = s2s::ingest::cells(&at.join(name), None, &grid).unwrap();
        assert_eq!(found.ids, ["a", "b"], "{name}");
        found.areas_um2[0]
    };
    let table = |corners: &[(i32, i32)]| {
        let rows = corners.iter().map(|(x, y)| format!("a,{x},{y}\n")).collect::<String>();
        format!("cell_id,vertex_x,vertex_y\n{rows}b,60,1\nb,90,1\nb,90,50\n")
    };
    let square = [(0, 0), (20, 0), (20, 20), (0, 20), (0, 0)];
    write("closed.csv", &table(&[&square[..], &[(0, 0)]].concat()));
    write("parts.csv", &table(&[square, square.map(|(x, y)| (x + 30, y))].concat()));
    write("bridge.csv", &table(&[&square[..], &[(5, 5), (5, 10), (10, 10), (10, 5), (5, 5), (0, 0)]].concat()));
    assert_eq!((area("closed.csv"), area("parts.csv"), area("bridge.csv")), (400.0, 800.0, 375.0));
    let parts = "[[[[0,0],[20,0],[20,20],[0,0]]],[[[30,0],[50,0],[50,20],[30,0]]]]";
    let feature = |id: &str, kind: &str, coordinates: &str| {
        format!(r#"{{"type":"Feature","id":"{id}","geometry":{{"type":"{kind}","coordinates":{coordinates}}}}}"#)
    };
    let (two, one) = (feature("a", "MultiPolygon", parts), feature("b", "Polygon", "[[[0,0],[20,0],[20,20],[0,0]]]"));
    write("parts.geojson", &format!("[{two},{one}]"));
    assert_eq!(area("parts.geojson"), 400.0);
    let kinds = [&two, &one]
        .map(|feature| feature.replace("\"a\"", "\"PathCellObject\"").replace("\"b\"", "\"PathCellObject\""));
    write("kinds.geojson", &format!("[{}]", kinds.join(",")));
    assert_eq!(s2s::ingest::cells(&at.join("kinds.geojson"), None, &grid).unwrap().ids, ["0", "1"]);
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
