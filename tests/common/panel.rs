//! A section whose genes all differ, for tests that must notice when two are exchanged.

use s2s::dataset::{GeneCounts, Mode, SectionCounts, Settings, write};
use s2s::provenance::Provenance;
use s2s::section::{Grid, Lattice, Raster, Sampling, Scale};
use std::path::{Path, PathBuf};

/// The name of the gene of this number.
pub fn name(gene: usize) -> String {
    format!("GENE{gene:02}")
}

/// A slanted tissue of `rows` × `cols` bins of 20 µm that begins at (−12.5, 40) µm, with so many genes, as a dataset in `folder`.
pub fn dataset(folder: &Path, (rows, cols): (usize, usize), genes: usize) -> PathBuf {
    let inside = |bin: usize| (bin / cols + bin % cols) * 5 > rows && bin % cols * 9 < cols * 8;
    let gene = |gene: usize| {
        let count = |bin: usize| ((bin / cols / 3 * (gene + 2) + bin % cols / 4 * (gene + 5)) % 11) as u32;
        let counts = (0..rows * cols).filter(|bin| inside(*bin) && count(*bin) > 0).map(|bin| (bin as u32, count(bin)));
        GeneCounts { name: name(gene), counts: counts.collect() }
    };
    let section = SectionCounts {
        grid: Grid { rows, cols, bin_um: 20.0, origin_um: [-12.5, 40.0] },
        totals: Raster::from_fn(rows, cols, |r, c| if inside(r * cols + c) { 200 + (r + c) as u32 % 17 } else { 0 }),
        genes: (0..genes).map(gene).collect(),
    };
    let sampling = Sampling::regular(Lattice::new(Scale::new(2).unwrap()), rows, cols);
    let settings = Settings { mode: Mode::Impute, sampling, min_counts: 10, patch: 32, platform: "test".to_owned() };
    let path = folder.join("sample.s2s");
    write(&path, &section, &settings, Provenance::new("test", serde_json::Value::Null, None, Vec::new())).unwrap();
    path
}
