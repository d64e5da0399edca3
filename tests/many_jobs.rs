//! Many runs of s2s-predict, one store: whatever order they write in and whoever is killed, rerun, the store is the one that
//! a single run after the other writes, byte for byte.

mod common;
#[path = "common/panel.rs"]
mod panel;

use s2s::store::Store;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const JOBS: usize = 8;
/// The jobs that are killed, and how many genes they have: enough to be in the middle of them.
const KILLED: [usize; 2] = [2, 5];
const MANY: usize = 20;
/// How many the others have.
const FEW: usize = 2;

/// The genes of a job, by number.
fn genes(job: usize) -> std::ops::Range<usize> {
    let many = KILLED.iter().filter(|killed| **killed < job).count();
    let first = many * MANY + (job - many) * FEW;
    first..first + if KILLED.contains(&job) { MANY } else { FEW }
}

/// The run that predicts the genes of a job into `o.zarr`.
fn job(folder: &Path, job: usize) -> Command {
    let genes: Vec<String> = genes(job).map(panel::name).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_s2s-predict"));
    command.current_dir(folder).args(["--dataset", "sample.s2s", "--method", "bilinear", "--threads", "1"]);
    command.args(["--genes", &genes.join(","), "--into", "o.zarr"]).stderr(Stdio::piped());
    command
}

fn succeed(done: Output) {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Kills the job once it has written one of its genes.
fn kill(folder: &Path, job: usize, mut child: Child) {
    let record = folder.join(format!("o.zarr/s2s/genes/c.{}", genes(job).start));
    let start = Instant::now();
    while !record.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "job {job} writes nothing");
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9), "job {job} was done before it could be killed");
}

/// Every file of a folder by its name, with its content.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                all.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    all
}

#[test]
fn eight_jobs_at_once_two_of_them_killed_leave_what_one_after_the_other_leaves() {
    let (serial, parallel) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dataset = panel::dataset(serial.path(), (270, 150), genes(JOBS - 1).end);
    std::os::unix::fs::symlink(&dataset, parallel.path().join("sample.s2s")).unwrap();
    (0..JOBS).for_each(|each| succeed(job(serial.path(), each).output().unwrap()));

    let mut running: Vec<(usize, Child)> =
        (0..JOBS).map(|each| (each, job(parallel.path(), each).spawn().unwrap())).collect();
    std::thread::scope(|scope| {
        for each in KILLED {
            let at = running.iter().position(|(job, _)| *job == each).unwrap();
            let (folder, child) = (parallel.path(), running.remove(at).1);
            scope.spawn(move || kill(folder, each, child));
        }
    });
    for (_, child) in running {
        succeed(child.wait_with_output().unwrap());
    }
    let store = parallel.path().join("o.zarr");
    let (expected, found) = (content(&serial.path().join("o.zarr")), content(&store));
    let missing = Store::open(&store).unwrap().missing();
    assert!(!missing.is_empty() && found != expected);
    let of_killed = |gene: &String| KILLED.iter().any(|job| genes(*job).any(|number| panel::name(number) == *gene));
    assert!(missing.iter().all(of_killed), "{missing:?}");

    // At once again, and none of what the killed ones left is in the way.
    let again = KILLED.map(|each| job(parallel.path(), each).spawn().unwrap());
    again.into_iter().for_each(|child| succeed(child.wait_with_output().unwrap()));
    let found = content(&store);
    let names = |all: &BTreeMap<String, Vec<u8>>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    let differ: Vec<_> =
        expected.iter().filter(|(name, bytes)| found[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(differ.is_empty(), "{differ:?}");
    assert_eq!(Store::open(&store).unwrap().missing().len(), 0);
    let clients = ["spatialdata", "anndata", "ome_zarr", "zarr"];
    let Some(told) = common::python("check_store.py", &clients, &[store.as_os_str(), dataset.as_os_str()]) else {
        return;
    };
    assert_eq!((&told["predicted"], &told["levels"]), (&told["genes"], &serde_json::json!(2)));
}

#[test]
fn a_store_has_room_for_a_panel_and_for_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    panel::dataset(folder.path(), (40, 30), 4);
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_s2s-predict"));
        command.current_dir(folder.path()).args(["--dataset", "sample.s2s"]).args(more).output().unwrap()
    };
    let into = |method: &str, genes: &str, more: &[&str]| {
        run(&[&["--into", "o.zarr", "--method", method, "--genes", genes], more].concat())
    };
    succeed(into("nearest", "GENE03", &["--panel", "GENE03,GENE01"]));
    let store = Store::open(&folder.path().join("o.zarr")).unwrap();
    assert_eq!((store.genes(), store.missing()), (&["GENE03".to_owned()][..], vec!["GENE01".to_owned()]));
    let unknown = store.gene("GENE01").err().unwrap();
    assert!(unknown.exit_code() == 65 && unknown.to_string().contains("not predicted yet"), "{unknown}");
    let before = content(folder.path());
    let cases: [(Output, i32, &[&str]); 6] = [
        (into("nearest", "GENE02", &[]), 2, &["GENE02", "GENE01"]),
        (into("bilinear", "GENE01", &[]), 2, &["nearest", "bilinear"]),
        (into("nearest", "GENE01", &["--panel", "GENE01"]), 2, &["panel"]),
        (into("nearest", "GENE01", &["--panel", "GENE09"]), 65, &["GENE09"]),
        (into("nearest", "GENE01", &["--output", "p.zarr"]), 2, &["--output"]),
        (run(&["--method", "nearest", "--output", "p.zarr", "--panel", "GENE01"]), 2, &["--output", "--panel"]),
    ];
    for (done, code, words) in cases {
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
    assert_eq!(content(folder.path()), before);
    succeed(into("nearest", "GENE01", &["--panel", "GENE03,GENE01"]));
    assert_eq!(Store::open(&folder.path().join("o.zarr")).unwrap().missing().len(), 0);
}
