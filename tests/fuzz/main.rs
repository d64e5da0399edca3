//! Damaged files of every kind that is read: an error of the user's, never a panic, an abort, a hang or memory without bound.
//!
//! Each reader gets damaged versions of a genuine file for `S2S_FUZZ_SECONDS` (default 1), or `S2S_FUZZ_INPUTS` of them, in a process of
//! its own with bounded memory. The same number makes the same damage: what went wrong is told with it, and kept.

#[path = "../common/mod.rs"]
mod common;
mod damage;
mod genuine;
#[path = "../common/panel.rs"]
mod panel;
mod readers;
#[path = "../common/section.rs"]
mod section;
#[path = "../common/zip.rs"]
mod zip;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use readers::Reader;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Address space of a process that reads: far more than any of these files needs.
const MEMORY_KIB: u64 = 3 << 20;
/// Longest time for one input.
const PATIENCE: Duration = Duration::from_secs(30);
/// The name of the test that reads, in a process of its own.
const WORKER: &str = "worker";

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a process has done so far: inputs, how many of them were read, and where the next one begins.
#[derive(Clone, Copy, Default, PartialEq)]
struct Progress {
    next: u64,
    read: u64,
    told: u64,
}

impl Progress {
    fn write(self, path: &Path) {
        fs::write(path, format!("{} {} {}", self.next, self.read, self.told)).unwrap();
    }

    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut numbers = text.split(' ').map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Progress { next: next(), read: next(), told: next() }
    }
}

/// Every file below `folder`, or itself.
fn files(folder: &Path) -> Vec<PathBuf> {
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect();
    all.sort();
    all
}

/// Damages one file of the reader's at a time until `until`, and writes down how far it came. A panic is told by its place.
fn work(reader: &Reader, folder: &Path, progress: &Path, until: impl Fn(u64) -> bool) {
    let Some(genuine) = (reader.make)(folder) else {
        return Progress { next: u64::MAX, ..Progress::default() }.write(progress);
    };
    let read = reader.read;
    read(&genuine).unwrap_or_else(|e| panic!("{}, undamaged: {e}", reader.name));
    let parts: Vec<(PathBuf, Vec<u8>)> =
        files(&genuine).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let mut at = Progress::read(progress);
    while !until(at.next) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(at.next);
        let (file, whole) = &parts[rng.random_range(0..parts.len())];
        let damaged = damage::damaged(whole, &mut rng);
        fs::write(file, &damaged).unwrap();
        at.write(progress);
        match std::panic::catch_unwind(|| read(&genuine)) {
            Ok(Ok(())) => at.read += 1,
            Ok(Err(error)) if [2, 65, 66, 74].contains(&error.exit_code()) => at.told += 1,
            Ok(Err(error)) => panic!("{}: {error}", file.display()),
            Err(_) => panic!("{}: a panic", file.display()),
        }
        at.next += 1;
        fs::write(file, whole).unwrap();
    }
    at.write(progress);
}

#[test]
#[ignore = "what the other tests start"]
fn worker() {
    let name = std::env::var("S2S_FUZZ_READER").unwrap();
    let (folder, progress) = (std::env::var("S2S_FUZZ_FOLDER").unwrap(), std::env::var("S2S_FUZZ_PROGRESS").unwrap());
    let reader = readers::all().into_iter().find(|reader| reader.name == name).unwrap();
    let (inputs, seconds) = (setting("S2S_FUZZ_INPUTS"), setting("S2S_FUZZ_SECONDS").unwrap_or(1));
    let start = Instant::now();
    let until = |next: u64| {
        inputs.map_or(next >= 10 && start.elapsed() >= Duration::from_secs(seconds), |inputs| next >= inputs)
    };
    work(&reader, Path::new(&folder), Path::new(&progress), until);
}

fn start(reader: &str, folder: &Path, progress: &Path, said: &Path) -> Child {
    let said = fs::File::create(said).unwrap();
    Command::new("sh")
        .args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", WORKER, "--nocapture"])
        .env("S2S_FUZZ_READER", reader)
        .env("S2S_FUZZ_FOLDER", folder)
        .env("S2S_FUZZ_PROGRESS", progress)
        .env("RAYON_NUM_THREADS", "1")
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .unwrap()
}

/// Whether the process ended well; one that stays at an input for too long is ended.
fn waited(mut child: Child, progress: &Path) -> bool {
    let (mut last, mut since) = (Progress::read(progress), Instant::now());
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        let now = Progress::read(progress);
        if now != last {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Goes on behind an input that ended the process, up to five times: then all of them are told.
fn survives(reader: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (progress, said) = (folder.path().join("progress"), folder.path().join("said"));
    let mut found = Vec::new();
    while found.len() < 5 {
        let inner = tempfile::tempdir_in(folder.path()).unwrap();
        if waited(start(reader, inner.path(), &progress, &said), &progress) {
            break;
        }
        let at = Progress::read(&progress);
        let kept = std::env::temp_dir().join(format!("s2s-fuzz-{reader}-{}", at.next));
        let _ = fs::remove_dir_all(&kept);
        fs::rename(inner.keep(), &kept).unwrap();
        found.push(format!("input {}, kept in {}: {}", at.next, kept.display(), fs::read_to_string(&said).unwrap()));
        Progress { next: at.next + 1, ..at }.write(&progress);
    }
    let Progress { next, read, told } = Progress::read(&progress);
    if next == u64::MAX {
        return;
    }
    common::say(&format!("{reader}: {next} damaged inputs, {told} refused, {read} read, {} faults", found.len()));
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(told > 0, "no damage was noticed");
}

macro_rules! survive {
    ($($name:ident)*) => {
        /// The readers that have a test.
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { survives(stringify!($name)); })*
    };
}

survive!(
    xenium_csv merscope cosmx stereo_seq plain_csv parquet h5ad h5ad_cells h5ad_csr anndata_zarr spatialdata tenx_h5 mtx visium
    visium_hd xenium_cells image_tiff image_png image_jpeg image_jpeg2000 dataset model checkpoint store config measured
    gef_squares gef_cells xenium_zarr zip_xenium zip_anndata zip_spatialdata image_zarr polygons selection mask excluded
    cells_polygons cells_table section_transform
);

#[test]
fn every_reader_has_a_test() {
    assert_eq!(readers::all().map(|reader| reader.name), *TESTED);
}
