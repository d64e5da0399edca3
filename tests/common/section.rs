//! A small section for tests that need a dataset, written through the product's own writer.

use s2s::dataset::{GeneCounts, Mode, SectionCounts, Settings, write};
use s2s::provenance::Provenance;
use s2s::section::{Grid, Lattice, Pattern, Raster, Sampling, Scale};
use std::path::{Path, PathBuf};

/// A round tissue of `rows` × `cols` bins with a smooth gene `WAVE` and a sharp gene `STRIPE`, as a dataset in `folder`.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn dataset(folder: &Path, rows: usize, cols: usize, mode: Mode) -> PathBuf {
    of_genes(folder, (rows, cols), mode, &["STRIPE", "WAVE"])
}

/// The same of these genes: STRIPE (and what begins so), WAVE, and any other one without counts.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn of_genes(folder: &Path, (rows, cols): (usize, usize), mode: Mode, genes: &[&str]) -> PathBuf {
    let lattice = Lattice::new(Scale::new(2).unwrap());
    sampled(folder, (rows, cols), mode, genes, Sampling::regular(lattice, rows, cols))
}

/// [`dataset`], of which about a fifth of the bins was measured, on no lattice.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn scattered(folder: &Path, rows: usize, cols: usize, mode: Mode) -> PathBuf {
    let measured = Raster::from_fn(rows, cols, |r, c| (r * 31 + c * 17 + r * c) % 10 < 2);
    let lattice = Lattice::new(Scale::new(2).unwrap());
    let sampling = Sampling::of(lattice, Pattern::Random { rate: 0.2, seed: 0 }, measured);
    sampled(folder, (rows, cols), mode, &["STRIPE", "WAVE"], sampling)
}

fn sampled(folder: &Path, (rows, cols): (usize, usize), mode: Mode, genes: &[&str], sampling: Sampling) -> PathBuf {
    let inside = |r: usize, c: usize| {
        let (y, x) = (r as f64 / rows as f64 - 0.5, c as f64 / cols as f64 - 0.5);
        y * y + x * x < 0.22
    };
    let wave = |r: usize, c: usize| (4.0 + 3.5 * (r as f64 / 5.0).sin() * (c as f64 / 7.0).cos()) as u32;
    let stripe = |_: usize, c: usize| if (c / 6).is_multiple_of(2) { 6 } else { 1 };
    let gene = |name: &str, count: &dyn Fn(usize, usize) -> u32| GeneCounts {
        name: name.to_owned(),
        counts: (0..rows * cols)
            .filter(|i| inside(i / cols, i % cols) && count(i / cols, i % cols) > 0)
            .map(|i| (i as u32, count(i / cols, i % cols)))
            .collect(),
    };
    let section = SectionCounts {
        grid: Grid { rows, cols, bin_um: 30.0, origin_um: [0.0, 0.0] },
        totals: Raster::from_fn(rows, cols, |r, c| if inside(r, c) { 60 + wave(r, c) + stripe(r, c) } else { 0 }),
        genes: genes
            .iter()
            .map(|name| match *name {
                name if name.starts_with("STRIPE") => gene(name, &stripe),
                "WAVE" => gene(name, &wave),
                silent => gene(silent, &|_, _| 0),
            })
            .collect(),
    };
    let settings = Settings { mode, sampling, min_counts: 10, patch: 32, platform: "test".to_owned() };
    let path = folder.join("sample.s2s");
    let provenance = Provenance::new("test", serde_json::Value::Null, None, Vec::new());
    write(&path, &section, &settings, provenance).unwrap();
    path
}
