//! What must hold for every section: each transcript is counted once and in its place.

#[path = "common/transcripts.rs"]
mod transcripts;

use proptest::prelude::*;
use s2s::dataset::Mode;
use s2s::ingest::{Request, prepare};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use transcripts::{read_bins, read_manifest, read_values};

/// A row of a table: gene, x, y, count.
type Row = (u8, f64, f64, u32);

/// gene (`None`: all of them) → bin → count.
type Counts = BTreeMap<Option<String>, BTreeMap<(u32, u32), u32>>;

/// Positions on both sides of the origin, some of them exactly on the edge of a bin.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let position = || prop_oneof![-90.0..110.0, (-30..37).prop_map(|edge| f64::from(edge) * 3.0)];
    prop::collection::vec((0..4_u8, position(), position(), 0..4_u32), 100..200)
}

/// Mostly the default, so that positions lie exactly on edges.
fn origin() -> impl Strategy<Value = [f64; 2]> {
    prop_oneof![Just([0.0, 0.0]), [-50.0..50.0, -50.0..50.0]]
}

fn write_dataset(
    folder: &Path,
    name: &str,
    rows: &[Row],
    (bin_um, scale, origin): (f64, usize, [f64; 2]),
) -> s2s::Result<std::path::PathBuf> {
    let mut text = "y;gene;count;x\n".to_owned();
    rows.iter().for_each(|(gene, x, y, count)| writeln!(text, "{y};G{gene};{count};{x}").unwrap());
    let (input, output) = (folder.join(format!("{name}.txt")), folder.join(format!("{name}.s2s")));
    std::fs::write(&input, text).unwrap();
    let mut request = Request::new(&input, Mode::Benchmark);
    request.config.min_counts = 0;
    (request.config.bin_um, request.config.scale) = (Some(bin_um), scale);
    (request.config.patch, request.config.origin_um) = (scale * scale, origin);
    prepare(&request, &output, &[])?;
    Ok(output)
}

/// All that was written: with --min-counts 0 every measured bin is in the tissue.
fn written(dataset: &Path) -> Counts {
    let mut all = Counts::new();
    for file in ["measured.parquet", "truth.parquet"] {
        for (gene, values) in read_values(&dataset.join(file)) {
            let counts = values.into_iter().filter(|(_, (count, _))| *count > 0).map(|(bin, (count, _))| (bin, count));
            all.entry(gene).or_default().extend(counts);
        }
    }
    let totals = read_bins(&dataset.join("bins.parquet"));
    let measured = totals.into_iter().filter_map(|(bin, (_, total))| Some((bin, total.filter(|total| *total > 0)?)));
    all.entry(None).or_default().extend(measured);
    all
}

/// The same by brute force; `None` where the grid is too small. Genes without a measured count are left out.
fn expected(rows: &[Row], (bin_um, scale, origin): (f64, usize, [f64; 2])) -> Option<Counts> {
    let s = scale as i64;
    let bin =
        |row: &Row| (((row.2 - origin[1]) / bin_um).floor() as i64, ((row.1 - origin[0]) / bin_um).floor() as i64);
    let measured = |row: &Row| bin(row).0.rem_euclid(s) == 0 && bin(row).1.rem_euclid(s) == 0 && row.3 > 0;
    let on_lattice = || rows.iter().filter(|row| measured(row));
    let (top, left) = (on_lattice().map(|row| bin(row).0).min()?, on_lattice().map(|row| bin(row).1).min()?);
    let (bottom, right) = (on_lattice().map(|row| bin(row).0).max()?, on_lattice().map(|row| bin(row).1).max()?);
    let (height, width) = (bottom - top + s, right - left + s);
    if height.min(width) < s * s {
        return None;
    }
    let mut counts = Counts::new();
    for row in rows.iter().filter(|row| row.3 > 0) {
        let at = (bin(row).0 - top, bin(row).1 - left);
        if at.0 < 0 || at.1 < 0 || at.0 >= height || at.1 >= width {
            continue;
        }
        let at = (at.0 as u32, at.1 as u32);
        *counts.entry(None).or_default().entry(at).or_default() += row.3;
        if on_lattice().any(|other| other.0 == row.0) {
            *counts.entry(Some(format!("G{}", row.0))).or_default().entry(at).or_default() += row.3;
        }
    }
    Some(counts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_transcript_is_lost_or_counted_twice(
        rows in rows(), bin_um in prop_oneof![Just(3.0), 2.0..20.0], scale in 2..4_usize, origin in origin(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let grid = (bin_um, scale, origin);
        match (write_dataset(folder.path(), "a", &rows, grid), expected(&rows, grid)) {
            (Ok(dataset), Some(expected)) => prop_assert_eq!(written(&dataset), expected),
            (Err(error), None) => prop_assert_eq!(error.exit_code(), 65),
            (got, expected) => prop_assert!(false, "{:?}, expected {:?}", got, expected),
        }
    }

    #[test]
    fn a_transposed_section_gives_the_transposed_dataset(rows in rows(), bin_um in 2.0..10.0, origin in origin()) {
        let folder = tempfile::tempdir().unwrap();
        let turned: Vec<Row> = rows.iter().map(|(gene, x, y, count)| (*gene, *y, *x, *count)).collect();
        let Ok(dataset) = write_dataset(folder.path(), "a", &rows, (bin_um, 2, origin)) else { return Ok(()) };
        let other = write_dataset(folder.path(), "b", &turned, (bin_um, 2, [origin[1], origin[0]])).unwrap();
        let turn = |values: BTreeMap<(u32, u32), u32>| values.into_iter().map(|((r, c), n)| ((c, r), n)).collect();
        let expected: Counts = written(&dataset).into_iter().map(|(gene, values)| (gene, turn(values))).collect();
        prop_assert_eq!(written(&other), expected);
        prop_assert_eq!(&read_manifest(&other)["target"], &read_manifest(&dataset)["target"]);
    }
}
