//! Bins that failed, masks of the tissue and parts of a section: named in every way, read by nothing, and imputed (docs/holes.md).

#[path = "common/stages.rs"]
mod stages;
#[path = "common/transcripts.rs"]
mod transcripts;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use s2s::dataset::Dataset;
use s2s::store::{Interval, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use transcripts::{Transcript, prep, prep_well, read_bins, read_manifest, read_values, write_parquet};

const BIN_UM: f64 = 10.0;

/// A square of tissue with three genes from (−100, −50) µm on, 30 × 34 bins.
fn section() -> Vec<Transcript> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let mut transcript = || {
        let (x, y) = (rng.random_range(-100.0..240.0), rng.random_range(-50.0..250.0));
        Transcript::new(["ERBB2", "CD8A", "INS"][rng.random_range(0..3)], x, y)
    };
    (0..40_000).map(|_| transcript()).collect()
}

/// The hole: rows 5 to 9 and columns 10 to 13, counted from the origin, and one bin of it that is none.
fn in_hole(row: i64, col: i64) -> bool {
    (5..10).contains(&row) && (10..14).contains(&col) && (row, col) != (7, 12)
}

/// Its outline in µm, with a hole within; a corner lies a little inside the bin's corner, which no centre feels.
fn geojson(scale: f64) -> String {
    let ring = |points: [[f64; 2]; 4]| {
        let corner = |[x, y]: [f64; 2]| format!("[{},{}]", x * scale, y * scale);
        let all: Vec<String> = points.iter().chain(&points[..1]).map(|point| corner(*point)).collect();
        format!("[{}]", all.join(","))
    };
    let outer = ring([[101.0, 51.0], [139.0, 50.0], [140.0, 100.0], [100.0, 99.0]]);
    let inner = ring([[121.0, 71.0], [129.0, 71.0], [129.0, 79.0], [121.0, 79.0]]);
    format!(
        r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","id":"a","geometry":{{"type":"Polygon","coordinates":[{outer},{inner}]}},"properties":{{"objectType":"annotation"}}}}]}}"#
    )
}

struct Case(tempfile::TempDir);

impl Case {
    fn new() -> Self {
        Case(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn prepare(&self, name: &str, transcripts: &[Transcript], flags: &[&str]) -> PathBuf {
        let input = self.0.path().join(format!("{name}.parquet"));
        write_parquet(&input, transcripts, 1000);
        fs::create_dir(self.0.path().join(name)).unwrap();
        let output = self.0.path().join(name).join("sample.s2s");
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
        prep_well(paths.iter().chain(&["--bin-um", "10", "--patch", "16"]).chain(flags));
        output
    }
}

/// The rows and columns, from the origin, that fulfil a condition of what `bins.parquet` says: (tissue, measured).
fn bins(dataset: &Path, of: impl Fn(bool, bool) -> bool) -> BTreeSet<(i64, i64)> {
    let origin = read_manifest(dataset)["grid"]["origin_um"].clone();
    let first = |axis: usize| (origin[axis].as_f64().unwrap() / BIN_UM).round() as i64;
    let all = read_bins(&dataset.join("bins.parquet")).into_iter();
    let kept = all.filter(|(_, (tissue, total))| of(*tissue, total.is_some()));
    kept.map(|((row, col), _)| (i64::from(row) + first(1), i64::from(col) + first(0))).collect()
}

fn hole() -> BTreeSet<(i64, i64)> {
    let all = (0..20).flat_map(|row| (0..20).map(move |col| (row, col)));
    all.filter(|(row, col)| in_hole(*row, *col)).collect()
}

/// Everything that later stages can see.
fn visible(dataset: &Path) -> (BTreeMap<String, Vec<u8>>, serde_json::Value) {
    let names = fs::read_dir(dataset).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let seen = names.filter(|name| !["truth.parquet", "manifest.json"].contains(&name.as_str()));
    let mut manifest = read_manifest(dataset);
    manifest["fingerprints"].as_object_mut().unwrap().remove("truth.parquet");
    ["provenance", "mode"].iter().for_each(|key| drop(manifest.as_object_mut().unwrap().remove(*key)));
    (seen.map(|name| (name.clone(), fs::read(dataset.join(name)).unwrap())).collect(), manifest)
}

#[test]
fn what_failed_bins_hold_reaches_nothing_and_a_benchmark_shows_the_same() {
    let (case, section) = (Case::new(), section());
    let hole = case.file("hole.geojson", geojson(1.0));
    let flags = |mode: &'static str| ["--mode", mode, "--exclude", &hole].map(str::to_owned);
    let prepare = |name: &str, transcripts: &[Transcript], mode: &'static str| {
        let flags = flags(mode);
        case.prepare(name, transcripts, &flags.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let failed = |t: &Transcript| in_hole((t.y / BIN_UM).floor() as i64, (t.x / BIN_UM).floor() as i64);
    // Garbage: other genes, another number of molecules.
    let garbage = section.iter().flat_map(|t| match failed(t) {
        true => vec![Transcript { gene: "GARBAGE".to_owned(), ..t.clone() }; (t.x as usize) % 4],
        false => vec![t.clone()],
    });
    let garbage: Vec<Transcript> = garbage.collect();
    let imputed = prepare("a", &section, "impute");
    assert_eq!(visible(&prepare("b", &garbage, "impute")), visible(&imputed));
    assert!(!imputed.join("truth.parquet").exists());
    let benchmark = prepare("c", &section, "benchmark");
    assert_eq!(visible(&benchmark), visible(&imputed));
    assert_eq!(visible(&prepare("d", &garbage, "benchmark")), visible(&imputed));
    let truth = read_values(&benchmark.join("truth.parquet"));
    assert_eq!(truth[&None].len(), self::hole().len());
    let pattern = &read_manifest(&imputed)["pattern"];
    assert_eq!(
        (&pattern["kind"], &pattern["bins"], &pattern["of"]["kind"]),
        (&"holes".into(), &19.into(), &"all".into())
    );
}

#[test]
fn a_hole_is_the_same_however_it_is_named() {
    let (case, section) = (Case::new(), section());
    let pixels: Vec<u8> =
        (0..1000 * 1000).map(|i| (i / 1000, i % 1000)).map(|(y, x)| u8::from(in_hole(y / 40, x / 40)) * 3).collect();
    let mask = case.0.path().join("mask.png");
    image::GrayImage::from_raw(1000, 1000, pixels).unwrap().save(&mask).unwrap();
    let rows: String = hole().iter().map(|(row, col)| format!("{row}\t{col}\n")).collect();
    let points: String = hole().iter().map(|(row, col)| format!("{},{}\n", 10 * col + 4, 10 * row + 9)).collect();
    let without = "105,55\n121,71\n129,71\n129,79\n121,79\n121,71\n105,55\n";
    let files = [
        case.file("um.geojson", geojson(1.0)),
        case.file("pixels.json", geojson(4.0)),
        mask.display().to_string(),
        case.file("rows.tsv", format!("row\tcol\n{rows}")),
        case.file("points.csv", format!("x,y\n{points}")),
        case.file("xenium.csv", format!("#Selection name: Fold 1\n#Area (um^2): 1900\nX,Y\n100,50\n140,50\n140,100\n100,100\n100,50\n{without}")),
        case.file("selections.csv", "Selection,X,Y\nA,100,50\nA,120,50\nA,120,100\nA,100,100\nB,120,50\nB,140,50\nB,140,70\nB,120,70\nC,120,80\nC,140,80\nC,140,100\nC,120,100\nD,130,70\nD,140,70\nD,140,80\nD,130,80\n"),
    ];
    for (number, file) in files.iter().enumerate() {
        let transform = if [1, 2].contains(&number) { &["--area-transform", "0.25"][..] } else { &[] };
        let flags = [&["--mode", "impute", "--exclude", file], transform].concat();
        let dataset = case.prepare(&number.to_string(), &section, &flags);
        assert_eq!(bins(&dataset, |_, measured| !measured), hole(), "{file}");
        assert_eq!(bins(&dataset, |tissue, _| tissue).len(), 30 * 34, "{file}");
    }
    // A lattice keeps its shape but for the hole.
    let flags = ["--mode", "impute", "--scale", "2", "--exclude", &files[0]];
    let dataset = case.prepare("lattice", &section, &flags);
    let measured = bins(&dataset, |_, measured| measured);
    assert!(measured.iter().all(|(row, col)| row % 2 == 0 && col % 2 == 0 && !in_hole(*row, *col)));
    assert_eq!(measured.len(), 15 * 17 - 4);
}

#[test]
fn tissue_is_what_the_mask_says_and_a_region_is_all_that_is_read() {
    let (case, mut section) = (Case::new(), section());
    // Too few molecules for tissue in the left part.
    section.retain(|t| t.x > 0.0 || (t.y as i64) % 10 == 0);
    let square = |name: &str, [x0, y0, x1, y1]: [f64; 4]| {
        let text = format!(
            r#"{{"type":"Polygon","coordinates":[[[{x0},{y0}],[{x1},{y0}],[{x1},{y1}],[{x0},{y1}],[{x0},{y0}]]]}}"#
        );
        case.file(name, text)
    };
    let (left, right) =
        (square("left.geojson", [-100.0, 0.0, 50.0, 100.0]), square("right.geojson", [20.0, 20.0, 160.0, 200.0]));
    let masked = case.prepare("masked", &section, &["--mode", "benchmark", "--tissue-mask", &left]);
    let inside = |rows: std::ops::Range<i64>, cols: std::ops::Range<i64>| -> BTreeSet<(i64, i64)> {
        rows.flat_map(|row| cols.clone().map(move |col| (row, col))).collect()
    };
    assert_eq!(bins(&masked, |tissue, _| tissue), inside(0..10, -10..5));
    assert_eq!(read_manifest(&masked)["tissue_given"], true);
    let opened = Dataset::open(&masked).unwrap();
    let truth = s2s::dataset::Truth::open(&opened).unwrap().unwrap();
    assert_eq!(truth.tissue(), opened.tissue(), "scores are over the same tissue");
    let region = case.prepare("region", &section, &["--mode", "benchmark", "--region", &right]);
    assert_eq!(bins(&region, |_, _| true), inside(2..20, 2..16));
    let both = case.prepare("both", &section, &["--mode", "benchmark", "--region", &right, "--tissue-mask", &left]);
    assert_eq!(bins(&both, |tissue, _| tissue), inside(2..10, 2..5));
    let total = |dataset: &Path| {
        read_values(&dataset.join("truth.parquet"))[&None].values().map(|(n, _)| u64::from(*n)).sum::<u64>()
    };
    let own = section.iter().filter(|t| (20.0..160.0).contains(&t.x) && (20.0..200.0).contains(&t.y));
    let measured = |t: &&Transcript| ((t.x / 10.0) as i64 % 2, (t.y / 10.0) as i64 % 2) == (0, 0);
    assert_eq!(total(&region), own.filter(|t| !measured(t)).count() as u64);
}

#[test]
fn areas_that_make_no_sense_are_told_with_numbers() {
    let (case, section) = (Case::new(), section());
    let input = case.0.path().join("a.parquet");
    write_parquet(&input, &section, 1000);
    let far = case.file("far.geojson", geojson(40.0));
    let line = case.file("line.geojson", r#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#);
    let small = case.file("small.geojson", geojson(0.01));
    let barcodes = case.file("barcodes.csv", "Barcode,Graph\nAAACCC-1,2\n");
    let hole = case.file("hole.geojson", geojson(1.0));
    for (flags, code, found) in [
        (
            &["--exclude", far.as_str()][..],
            65,
            "x 4000 to 5610, y 2000 to 4010 µm, the section at x -100 to 240, y -50 to 250 µm",
        ),
        (&["--tissue-mask", &far], 65, "--area-transform"),
        (&["--region", &far], 65, "the section is at x -100 to 240"),
        (&["--exclude", &line], 65, "found LineString"),
        (&["--exclude", &small], 65, "the centre of no bin of 10 µm"),
        (&["--exclude", &barcodes], 65, "AAACCC-1"),
        (&["--exclude", "none.geojson"], 66, "none.geojson"),
        (&["--exclude", "failed=True"], 2, "no columns of obs"),
        (&["--exclude", &hole, "--area-transform", "0"], 2, "--area-transform"),
    ] {
        let output = case.0.path().join("a.s2s");
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
        let failed = prep(paths.iter().chain(&["--bin-um", "10", "--mode", "impute"]).chain(flags));
        let message = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(code), "{flags:?}: {message}");
        assert!(message.contains(found), "{flags:?}: {message}");
        assert!(!output.exists());
    }
}

#[test]
fn bins_that_look_as_if_they_failed_are_found_told_and_forgotten() {
    let (case, section) = (Case::new(), section());
    let failed = |t: &Transcript| in_hole((t.y / BIN_UM).floor() as i64, (t.x / BIN_UM).floor() as i64);
    // One molecule in forty is left, all of one gene.
    let weak = |i: usize, t: &Transcript| {
        (!failed(t))
            .then(|| t.clone())
            .or(i.is_multiple_of(40).then(|| Transcript { gene: "GARBAGE".to_owned(), ..t.clone() }))
    };
    let weak: Vec<Transcript> = section.iter().enumerate().filter_map(|(i, t)| weak(i, t)).collect();
    let dataset = case.prepare("auto", &weak, &["--mode", "impute", "--exclude", "auto"]);
    assert_eq!(bins(&dataset, |_, measured| !measured), hole());
    let manifest = read_manifest(&dataset);
    assert_eq!((&manifest["pattern"]["automatic"], &manifest["pattern"]["bins"]), (&19.into(), &19.into()));
    assert!(!manifest["genes"].as_array().unwrap().iter().any(|gene| gene["name"] == "GARBAGE"));
    let input = case.0.path().join("sound.parquet");
    write_parquet(&input, &section, 1000);
    let output = case.0.path().join("none.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let none = prep(paths.iter().chain(&["--bin-um", "10", "--mode", "impute", "--exclude", "auto"]));
    assert_eq!(none.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&none.stderr).contains("nothing to impute"));
}

/// Holes of 3 and 7 bins in a simulated section: better than interpolation, intervals that hold at every depth and widen with it, and
/// nothing beyond the distance that was asked for.
#[test]
fn holes_are_imputed_and_intervals_hold_by_distance() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    stages::run(at, "s2s-simulate", "--rows 80 --cols 80 --genes 12 --seed 6 --output section");
    let square =
        |row: i64, col: i64, side: i64| (row..row + side).flat_map(move |r| (col..col + side).map(move |c| (r, c)));
    let holes = (0..4)
        .flat_map(|i| (0..4).flat_map(move |j| square(12 + 16 * i, 12 + 16 * j, if (i + j) % 2 == 0 { 7 } else { 3 })));
    let rows: String = holes.map(|(row, col)| format!("{row},{col}\n")).collect();
    fs::write(at.join("holes.csv"), format!("row,col\n{rows}")).unwrap();
    stages::run(
        at,
        "s2s-prep",
        "--input section --bin-um 30 --exclude holes.csv --mode benchmark --output section.s2s",
    );
    for method in ["kriging", "idw", "blend"] {
        stages::run(at, "s2s-predict", &format!("--dataset section.s2s --method {method} --output {method}.zarr"));
    }
    let dataset = Dataset::open(&at.join("section.s2s")).unwrap();
    let truth = s2s::dataset::Truth::open(&dataset).unwrap().unwrap();
    let measured = dataset.sampling().measured();
    let depth = s2s::section::distances(measured).unwrap();
    let stores = ["kriging", "idw", "blend"].map(|name| Store::open(&at.join(format!("{name}.zarr"))).unwrap());
    let mut squares = [0.0; 3];
    let mut classes = [[0.0; 3]; 3];
    for gene in stores[2].genes() {
        let (expected, maps) = (truth.values(gene).unwrap(), stores.each_ref().map(|store| store.gene(gene).unwrap()));
        let Some(Interval::Between([lower, upper], 0.9)) = stores[2].interval(gene).unwrap() else { panic!("{gene}") };
        for bin in (0..6400)
            .map(|i| (i / 80, i % 80))
            .filter(|bin| !measured[*bin] && truth.tissue()[*bin] && dataset.tissue()[*bin])
        {
            let value = expected[bin];
            (0..3).for_each(|i| squares[i] += f64::from(maps[i][bin] - value).powi(2));
            let class = &mut classes[if depth[bin] < 1.5 {
                0
            } else if depth[bin] < 2.5 {
                1
            } else {
                2
            }];
            class[0] += 1.0;
            class[1] += f64::from(u8::from((lower[bin] - 1e-5..=upper[bin] + 1e-5).contains(&value)));
            class[2] += f64::from(upper[bin] - lower[bin]);
        }
    }
    assert!(squares[2] < 0.95 * squares[0].min(squares[1]), "{squares:?}");
    let [near, middle, far] = classes.map(|[count, held, width]| (held / count, width / count));
    assert!([near, middle, far].iter().all(|(held, _)| (0.85..=0.95).contains(held)), "{near:?} {middle:?} {far:?}");
    assert!(near.1 < far.1, "{near:?} {far:?}");
    stages::run(
        at,
        "s2s-predict",
        "--dataset section.s2s --method blend --genes DUCT1 --max-distance-um 65 --output near.zarr",
    );
    let store = Store::open(&at.join("near.zarr")).unwrap();
    let gene = store.genes()[0].clone();
    let (near, all) = (store.gene(&gene).unwrap(), stores[2].gene(&gene).unwrap());
    for bin in (0..6400).map(|i| (i / 80, i % 80)) {
        let beyond = dataset.tissue()[bin] && depth[bin] * 30.0 > 65.0;
        assert_eq!(near[bin].is_nan(), beyond || all[bin].is_nan(), "{bin:?}");
    }
}
