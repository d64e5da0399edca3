//! Positions on a square lattice: every bin lies where its observation does, and so do areas and images over it.

#[path = "common/anndata.rs"]
mod anndata;
#[path = "common/transcripts.rs"]
mod transcripts;

use anndata::Csr;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;
use transcripts::{prep, read_bins, read_counts, read_manifest};

const SIDE: usize = 24;

/// The positions of a square of spots from `first` (x, y) on, `spacing` apart.
fn square(side: usize, first: [f64; 2], spacing: f64) -> Vec<[f64; 2]> {
    let at = |axis: usize, index: usize| first[axis] + spacing * index as f64;
    (0..side * side).map(|i| [at(0, i % side), at(1, i / side)]).collect()
}

/// Writes `points` as AnnData and prepares it; the first gene of spot i counts i + 1.
fn prepare(folder: &Path, points: &[[f64; 2]], flags: &str) -> Output {
    let input = folder.join("in.zarr");
    let _ = fs::remove_dir_all(&input);
    let rows: Vec<Vec<f64>> = (0..points.len()).map(|i| vec![i as f64 + 1.0, 20.0]).collect();
    anndata::write(&input, points, 2, &Csr::of(&rows));
    let output = folder.join("a.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--patch", "8"];
    prep(paths.into_iter().chain(flags.split_whitespace()))
}

fn well(done: &Output) -> String {
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    said
}

/// The furthest that the centre of a bin lies from its observation, along x and y, in µm of a unit of `unit`.
fn off(dataset: &Path, points: &[[f64; 2]], unit: f64) -> [f64; 2] {
    let grid = read_manifest(dataset)["grid"].clone();
    let (bin_um, origin) = (grid["bin_um"].as_f64().unwrap(), grid["origin_um"].clone());
    let centre = |axis: usize, index: u32| origin[axis].as_f64().unwrap() + (f64::from(index) + 0.5) * bin_um;
    let counts = read_counts(dataset);
    let of_spots: Vec<_> = counts.iter().filter(|((gene, ..), _)| gene == "G0").collect();
    assert!(4 * of_spots.len() >= points.len(), "{}", of_spots.len());
    let off = of_spots.into_iter().map(|((_, row, col), count)| {
        let at = points[*count as usize - 1];
        [centre(0, *col) - at[0] * unit, centre(1, *row) - at[1] * unit]
    });
    off.fold([0.0, 0.0], |most, off| {
        [0, 1].map(|axis| if off[axis].abs() > f64::abs(most[axis]) { off[axis] } else { most[axis] })
    })
}

#[test]
fn the_centre_of_a_bin_is_where_its_observation_is() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = folder.path().join("a.s2s");
    // Whole and half multiples of the spacing, what is neither, below zero, far away, pixels.
    let cases = [
        ([100.0, 100.0], 20.0, "--bin-um 20 --um-per-unit 1", 1.0),
        ([105.0, 93.0], 20.0, "--bin-um 20 --um-per-unit 1", 1.0),
        ([114.0, 115.0], 20.0, "--bin-um 20", 1.0),
        ([-313.0, -7.5], 20.0, "--bin-um 20", 1.0),
        ([50_000.3, 80_000.1], 20.8, "--bin-um 20.8", 1.0),
        ([1411.75, 500.0], 282.35, "--bin-um 60 --um-per-unit 0.2125", 0.2125),
        // Nobody says the unit: that which makes a bin of every position.
        ([1411.75, 500.0], 282.35, "--bin-um 60", 60.0 / 282.35),
    ];
    for (first, spacing, flags, unit) in cases {
        let points = square(SIDE, first, spacing);
        well(&prepare(folder.path(), &points, &format!("{flags} --mode benchmark")));
        let [x, y] = off(&dataset, &points, unit);
        assert!(x.abs() < 0.02 && y.abs() < 0.02, "{first:?} {flags}: off by ({x}, {y}) µm");
    }
    // Positions 60 µm apart in bins of 30 µm: those between are imputed.
    let points = square(SIDE, [1411.75, 500.0], 282.35);
    well(&prepare(folder.path(), &points, "--mode impute --bin-um 30 --um-per-unit 0.2125"));
    let [x, y] = off(&dataset, &points, 0.2125);
    assert!(x.abs() < 0.02 && y.abs() < 0.02, "off by ({x}, {y}) µm");
    // Four positions a bin: its centre is theirs.
    let points = square(SIDE, [107.0, 100.0], 20.0);
    well(&prepare(folder.path(), &points, "--mode benchmark --bin-um 40 --um-per-unit 1 --scale 2"));
    let origin = read_manifest(&dataset)["grid"]["origin_um"].clone();
    let corner = |axis: usize| origin[axis].as_f64().unwrap();
    assert_eq!([corner(0), corner(1)].map(|at| (at + 400.0) % 20.0), [17.0, 10.0], "{origin}");
}

#[test]
fn a_spacing_that_carries_bins_away_is_told_and_the_true_one_leads_areas_to_their_spots() {
    let folder = tempfile::tempdir().unwrap();
    let points = square(60, [5000.0, 5000.0], 20.8);
    let ring = "[[5000,5000],[5300,5000],[5300,5300],[5000,5300],[5000,5000]]";
    let polygon = folder.path().join("hole.geojson");
    fs::write(&polygon, format!(r#"{{"type":"Polygon","coordinates":[{ring}]}}"#)).unwrap();
    let flags = |bin_um: &str| {
        format!("--um-per-unit 1 --bin-um {bin_um} --mode benchmark --pattern all --exclude {}", polygon.display())
    };
    let done = prepare(folder.path(), &points, &flags("20"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(["20.8 µm along x", "--bin-um 20.8", "--um-per-unit 0.9615"].iter().all(|w| said.contains(w)), "{said}");
    well(&prepare(folder.path(), &points, &flags("20.8")));
    let dataset = folder.path().join("a.s2s");
    assert_eq!(read_manifest(&dataset)["grid"]["rows"], 60);
    let bins = read_bins(&dataset.join("bins.parquet"));
    let without: BTreeSet<(u32, u32)> =
        bins.iter().filter(|(_, (_, total))| total.is_none()).map(|(at, _)| *at).collect();
    // Spots 0 to 14 of each axis are at 5000 to 5291.2 µm.
    let expected: BTreeSet<(u32, u32)> = (0..15).flat_map(|row| (0..15).map(move |col| (row, col))).collect();
    assert_eq!(without, expected);
    // A part of a thousandth is no matter.
    let nearly = square(60, [5000.0, 5000.0], 20.8 * 1.0005);
    well(&prepare(folder.path(), &nearly, &flags("20.8")));
    // Bins are squares: positions that are further apart along y fit no side.
    let flat: Vec<[f64; 2]> = square(60, [0.0, 0.0], 20.0).iter().map(|[x, y]| [*x, y * 1.04]).collect();
    let done = prepare(folder.path(), &flat, "--um-per-unit 1 --bin-um 20 --mode benchmark");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("20.8 µm along y") && said.contains("obs/array_row"), "{said}");
}

#[test]
fn an_image_of_a_column_of_spots_is_seen_in_that_column() {
    let folder = tempfile::tempdir().unwrap();
    let (image, map) = (folder.path().join("i.png"), folder.path().join("t.csv"));
    fs::write(&map, "1,0,0\n0,1,0\n").unwrap();
    for first in [100.0, 110.0, 104.0] {
        // Bright within half a spacing of the spots of column 6.
        let middle = first as u32 + 120;
        let pixels = image::GrayImage::from_fn(700, 700, |x, _| {
            image::Luma([if (middle - 10..middle + 10).contains(&x) { 250 } else { 10 }])
        });
        pixels.save(&image).unwrap();
        let flags = format!(
            "--um-per-unit 1 --bin-um 20 --mode benchmark --image {} --image-transform {}",
            image.display(),
            map.display()
        );
        well(&prepare(folder.path(), &square(SIDE, [first, first], 20.0), &flags));
        let dataset = folder.path().join("a.s2s");
        let left = read_manifest(&dataset)["grid"]["origin_um"][0].as_f64().unwrap();
        let bright = brightest_columns(&dataset.join("guides.parquet"));
        let centres: Vec<f64> = bright.into_iter().map(|col| left + 20.0 * (f64::from(col) + 0.5)).collect();
        assert_eq!(centres, [first + 120.0], "{first}");
    }
}

/// The columns whose bins are brighter than half of the brightest, by the first feature of the image.
fn brightest_columns(path: &Path) -> BTreeSet<u32> {
    let mut all = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let cols = batch.column_by_name("col").unwrap().as_primitive::<UInt32Type>().clone();
        let first = batch.schema().fields().iter().position(|field| !["row", "col"].contains(&field.name().as_str()));
        let values = batch.column(first.unwrap()).as_primitive::<Float32Type>().clone();
        all.extend((0..batch.num_rows()).map(|i| (cols.value(i), values.value(i))));
    }
    let [low, high] = [f32::min, f32::max].map(|of| all.iter().map(|(_, value)| *value).reduce(of).unwrap());
    all.into_iter().filter(|(_, value)| *value > (low + high) / 2.0).map(|(col, _)| col).collect()
}

/// What lies in withheld spots moves nothing (method §8).
#[test]
fn withheld_counts_move_no_bin() {
    let folder = tempfile::tempdir().unwrap();
    let points = square(SIDE, [105.0, 93.0], 20.0);
    let grid = |counts: &dyn Fn(usize) -> f64| {
        let rows: Vec<Vec<f64>> = (0..points.len()).map(|i| vec![counts(i), 20.0]).collect();
        let (input, output) = (folder.path().join("in.zarr"), folder.path().join("a.s2s"));
        let _ = fs::remove_dir_all(&input);
        anndata::write(&input, &points, 2, &Csr::of(&rows));
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--patch", "8"];
        well(&prep(paths.into_iter().chain("--bin-um 20 --mode benchmark".split_whitespace())));
        let read = |name: &str| fs::read(output.join(name)).unwrap();
        (read_manifest(&output)["grid"].clone(), read("bins.parquet"), read("measured.parquet"))
    };
    let before = grid(&|i| i as f64);
    // Measured ones lie in even bins from the coordinates' own zero: 105 is of bin 5, 93 of bin 4.
    let measured = |i: usize| (i % SIDE) % 2 == 1 && (i / SIDE).is_multiple_of(2);
    assert_eq!(grid(&|i| if measured(i) { i as f64 } else { (i * 7919 % 50) as f64 }), before);
    assert_ne!(grid(&|i| if measured(i) { i as f64 + 1.0 } else { i as f64 }).2, before.2);
}

/// Entries of one gene and observation that are not summed, as SciPy allows, are counted together.
#[test]
fn entries_in_parts_are_added_up() {
    let folder = tempfile::tempdir().unwrap();
    let points = square(8, [10.0, 10.0], 20.0);
    let whole = Csr::of(&points.iter().map(|_| vec![6.0, 12.0]).collect::<Vec<_>>());
    // Every entry three times, a part of it each: more entries than the matrix has places.
    let parts = Csr {
        data: whole.data.iter().flat_map(|value| [1.0, 2.0, value - 3.0]).collect(),
        indices: whole.indices.iter().flat_map(|index| [*index; 3]).collect(),
        starts: whole.starts.iter().map(|start| 3.0 * start).collect(),
    };
    let counts = |matrix: &Csr| {
        let (input, output) = (folder.path().join("in.zarr"), folder.path().join("a.s2s"));
        let _ = fs::remove_dir_all(&input);
        anndata::write(&input, &points, 2, matrix);
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap(), "--patch", "4"];
        well(&prep(paths.into_iter().chain("--bin-um 20 --mode benchmark --min-counts 1".split_whitespace())));
        read_counts(&output)
    };
    let expected = counts(&whole);
    assert_eq!((expected.len(), expected[&("G1".to_owned(), 0, 0)]), (128, 12));
    assert_eq!(counts(&parts), expected);
}
