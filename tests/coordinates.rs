//! Where things are: µm, rows down along y, columns right along x, from the platform's file to the Zarr store.

#[path = "common/transcripts.rs"]
mod transcripts;

use s2s::store::Store;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use transcripts::prep_well;

/// The centre in µm, as the store has it, of the bin with most of BEACON.
fn brightest(folder: &Path, flags: &[&str]) -> [f64; 2] {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (dataset, store) = (path("a.s2s"), path("a.zarr"));
    prep_well(["--output", &dataset, "--mode", "impute", "--min-counts", "1"].iter().chain(flags));
    let predict = ["--dataset", &dataset, "--method", "nearest", "--genes", "BEACON", "--output", &store, "--force"];
    let done = Command::new(env!("CARGO_BIN_EXE_s2s-predict")).args(predict).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let store = Store::open(Path::new(&store)).unwrap();
    let map = store.gene("BEACON").unwrap();
    let values = map.values().iter().enumerate().filter(|(_, value)| value.is_finite());
    let (best, _) = values.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0))).unwrap();
    let header = store.header();
    let centre = |axis: usize, index: usize| header.origin_um[axis] + (index as f64 + 0.5) * header.bin_um;
    [centre(0, best % map.cols()), centre(1, best / map.cols())]
}

/// A table with a molecule at every unit of a wide field and many of BEACON at one place, in the units of the file.
fn table(header: &str, place: [f64; 2], row: impl Fn(&str, f64, f64) -> String) -> String {
    let mut text = header.to_owned();
    for (x, y) in (0..60).flat_map(|x| (0..40).map(move |y| (x, y))) {
        // Another one: the rows of the field are the same for every place.
        writeln!(text, "{}", row("FIELD", f64::from(x) * 10.0, f64::from(y) * 10.0)).unwrap();
    }
    (0..50).for_each(|_| writeln!(text, "{}", row("BEACON", place[0], place[1])).unwrap());
    text
}

/// The beacon is found within half a bin of where the file has it, on both axes, on every platform.
#[test]
fn a_place_in_the_file_is_the_same_place_in_the_store() {
    let bin_um = 12.5_f64;
    // All in bins that are measured: even ones, counted from the origin.
    for (at, origin) in [([100.0, 300.0], [0.0, 0.0]), ([405.0, 55.0], [-20.0, 5.0]), ([580.0, 380.0], [3.0, 4.0])] {
        let folder = tempfile::tempdir().unwrap();
        let bin = |axis: usize| ((at[axis] - origin[axis]) / (2.0 * bin_um)).floor() * 2.0 * bin_um + origin[axis];
        // Three quarters into the measured bin: no rounding may carry it into another.
        let place = [bin(0) + 0.75 * bin_um, bin(1) + 0.75 * bin_um];
        let origin = format!("{},{}", origin[0], origin[1]);
        let (px, dnb) = (0.120_280_945, 0.5);
        let files = [
            ("a.csv", table("y,x,gene\n", place, |gene, x, y| format!("{y},{x},{gene}")), "csv"),
            (
                "b.csv",
                table("fov,cell_ID,x_global_px,y_global_px,target\n", place, |gene, x, y| {
                    format!("1,0,{},{},{gene}", x / px, y / px)
                }),
                "cosmx",
            ),
            (
                "c.gem",
                table("#OffsetX=20\n#OffsetY=8\ngeneID\tx\ty\tMIDCount\n", place, |gene, x, y| {
                    format!("{gene}\t{}\t{}\t1", (x / dnb).floor() - 20.0, (y / dnb).floor() - 8.0)
                }),
                "stereo-seq",
            ),
            (
                "d.csv",
                table(",barcode_id,global_x,global_y,global_z,x,y,fov,gene\n", place, |gene, x, y| {
                    format!("0,7,{x},{y},1,{y},{x},0,{gene}")
                }),
                "merscope",
            ),
        ];
        for (name, text, platform) in files {
            let input = folder.path().join(name);
            std::fs::write(&input, text).unwrap();
            let input = input.to_str().unwrap();
            let found = brightest(folder.path(), &["--input", input, "--bin-um", "12.5", "--origin", &origin]);
            for axis in 0..2 {
                assert!((found[axis] - place[axis]).abs() <= bin_um / 2.0, "{platform}: {found:?}, expected {place:?}");
            }
        }
    }
}
