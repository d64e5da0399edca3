//! Nothing of the withheld spots of a matrix is in anything that s2s-prep writes but truth.parquet (method §8).

#[path = "common/transcripts.rs"]
mod transcripts;

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::fs;
use std::path::Path;
use transcripts::{prep_well, read_manifest, read_values};

const ROWS: usize = 20;
const COLS: usize = 24;
const GENES: usize = 5;

/// Counts per spot (row × COLS + col) and gene; a spot that is `None` is not in the files at all.
type Section = Vec<Option<[u32; GENES]>>;

/// A spot that is in the files: its number and its counts.
type Spot = (usize, [u32; GENES]);

fn measured(spot: usize) -> bool {
    (spot / COLS).is_multiple_of(2) && (spot % COLS).is_multiple_of(2)
}

fn section(rng: &mut impl Rng) -> Section {
    (0..ROWS * COLS).map(|_| Some(std::array::from_fn(|_| rng.random_range(0..9)))).collect()
}

/// Writes a Visium folder, on hexagonal rows and half-columns, and prepares it.
fn prepare(parent: &Path, name: &str, section: &Section) -> std::path::PathBuf {
    let folder = parent.join(name);
    let matrix = folder.join("filtered_feature_bc_matrix");
    fs::create_dir_all(&matrix).unwrap();
    fs::create_dir_all(folder.join("spatial")).unwrap();
    let spots: Vec<Spot> = section.iter().enumerate().filter_map(|(i, s)| Some((i, (*s)?))).collect();
    let lines = |each: &dyn Fn(&Spot) -> String| spots.iter().map(each).collect::<String>();
    let place = |(spot, _): &Spot| (spot / COLS, 2 * (spot % COLS) + spot / COLS % 2);
    let table = lines(&|spot| format!("S{}-1,1,{},{},0,0\n", spot.0, place(spot).0, place(spot).1));
    fs::write(folder.join("spatial/tissue_positions_list.csv"), table).unwrap();
    fs::write(matrix.join("barcodes.tsv"), lines(&|spot| format!("S{}-1\n", spot.0))).unwrap();
    let genes: String = (0..GENES).map(|i| format!("E{i}\tGENE{i}\tGene Expression\n")).collect();
    fs::write(matrix.join("features.tsv"), genes).unwrap();
    let entry = |gene: usize, spot: usize, count: u32| format!("{} {} {count}\n", gene + 1, spot + 1);
    let entries = spots.iter().enumerate().flat_map(|(i, (_, counts))| (0..GENES).map(move |g| entry(g, i, counts[g])));
    let header =
        format!("%%MatrixMarket matrix coordinate integer general\n{GENES} {} {}\n", spots.len(), GENES * spots.len());
    fs::write(matrix.join("matrix.mtx"), header + &entries.collect::<String>()).unwrap();
    let output = folder.join("sample.s2s");
    let paths = ["--input", folder.to_str().unwrap(), "--output", output.to_str().unwrap()];
    prep_well(paths.into_iter().chain(["--mode", "benchmark", "--patch", "8"]));
    output
}

/// Everything that a fit can see.
fn visible(dataset: &Path) -> (Vec<Vec<u8>>, serde_json::Value) {
    let mut manifest = read_manifest(dataset);
    manifest["fingerprints"].as_object_mut().unwrap().remove("truth.parquet");
    manifest["provenance"].as_object_mut().unwrap().remove("command");
    (
        ["bins.parquet", "measured.parquet", "patches.parquet"]
            .map(|name| fs::read(dataset.join(name)).unwrap())
            .into(),
        manifest,
    )
}

#[test]
fn withheld_spots_change_nothing_but_the_truth() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let folder = tempfile::tempdir().unwrap();
    let original_section = section(&mut rng);
    let original = prepare(folder.path(), "original", &original_section);
    let withheld = |name: &str, change: &mut dyn FnMut(usize) -> Option<[u32; GENES]>| {
        let disguised: Section =
            (0..ROWS * COLS).map(|i| if measured(i) { original_section[i] } else { change(i) }).collect();
        let other = prepare(folder.path(), name, &disguised);
        assert_eq!(visible(&other), visible(&original), "{name}");
        let truth = |dataset: &Path| read_values(&dataset.join("truth.parquet"));
        assert_ne!(truth(&other), truth(&original), "{name}");
    };
    withheld("other", &mut |_| Some(std::array::from_fn(|_| rng.random_range(0..99))));
    withheld("empty", &mut |_| Some([0; GENES]));
    withheld("removed", &mut |_| None);
    let mut changed = original_section.clone();
    changed[0] = Some([50; GENES]);
    assert_ne!(visible(&prepare(folder.path(), "changed", &changed)).0, visible(&original).0);
}
