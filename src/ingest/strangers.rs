//! Inputs that are known and not read: what they are, and what to give instead.

use super::folders::{entries, is_apple_double, lower_name};
use std::path::{Path, PathBuf};

/// Ends of names, in lower case, what such a file is, and what to do.
const STRANGERS: &[(&[&str], &str)] = &[
    (&[".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".7z"], "an archive. Unpack it and give what was in it"),
    (&[".bz2", ".xz", ".zst", ".lz4"], "packed in a way that is not read. Unpack it, or pack it with gzip"),
    (
        &[".rds", ".rda", ".rdata", ".qs", ".h5seurat"],
        "an object of R, which is not read. Write it as .h5ad (anndataR, zellkonverter) or as a folder of MTX files",
    ),
    (&[".loom"], "a Loom file, which is not read. Write it as .h5ad: anndata.io.read_loom(FILE).write_h5ad(NEW)"),
    (
        &[".h5mu"],
        "a MuData file, which is not read. Write its genes as .h5ad: mudata.read(FILE).mod[\"rna\"].write_h5ad(NEW)",
    ),
    (
        &["molecule_info.h5", "feature_slice.h5", ".cloupe"],
        "a file of Space Ranger that is no matrix of places. Give the folder outs",
    ),
    (&[".xlsx", ".xls", ".ods"], "a spreadsheet, which is not read. Save the table as CSV"),
    (
        &[".pkl", ".pickle", ".npz", ".npy"],
        "a file of Python objects, which is not read. Write it as .h5ad or as a table",
    ),
    (&[".tif", ".tiff", ".png", ".jpg", ".jpeg", ".jp2", ".btf"], "an image. Give the file or folder of the counts"),
    (
        &[".safetensors", ".ckpt"],
        "a model of s2s-fit. s2s-prep reads the files of a section; s2s-predict takes --model",
    ),
];

/// Tables that go with others and cannot be read alone.
const COMPANIONS: [&str; 12] = [
    "barcodes",
    "features",
    "genes.tsv",
    "tissue_positions",
    "metadata",
    "cells.",
    "cell_",
    "nucleus_boundaries",
    "fov_positions",
    "exprmat",
    "polygons",
    "gene_panel",
];

/// What `path` is and what to give instead, if it is known and not read.
pub(crate) fn told(path: &Path) -> Option<&'static str> {
    if is_apple_double(path) {
        return Some("what macOS keeps beside a file, and no data. Give the file whose name has no ._ in front");
    }
    if path.is_dir() && path.join("manifest.json").is_file() && path.join("bins.parquet").is_file() {
        return Some("a dataset that s2s-prep wrote. Give it to s2s-fit, s2s-predict or s2s-score as --dataset");
    }
    if path.join("zarr.json").is_file() && path.join("s2s/jobs").is_dir() {
        return Some(
            "a prediction that s2s-predict wrote, and no measurement. Give s2s-prep the files of the section; s2s-score takes the prediction",
        );
    }
    let name = lower_name(path);
    if name.ends_with(".zarr.zip") {
        return None;
    }
    let known = STRANGERS.iter().find(|(ends, _)| ends.iter().any(|end| name.ends_with(end)));
    known.map(|(_, what)| *what)
}

/// What to give instead of `folder`, in which nothing was found to read.
pub(crate) fn instead(folder: &Path) -> String {
    let all = entries(folder).unwrap_or_default();
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let alone: Vec<String> = all.iter().filter(|path| is_read_alone(path)).map(name).collect();
    if !alone.is_empty() {
        let more = if alone.len() > 5 { format!(", … ({} files)", alone.len()) } else { String::new() };
        return format!("It holds {}{more}: give the one to read itself", alone[..alone.len().min(5)].join(", "));
    }
    if let Some((path, what)) = all.iter().find_map(|path| Some((path, told(path)?))) {
        return format!("It holds {}: {what}", name(path));
    }
    let is_matrix =
        |path: &&PathBuf| [".h5", "matrix.mtx", "matrix.mtx.gz"].iter().any(|end| lower_name(path).ends_with(end));
    match all.iter().find(is_matrix) {
        Some(matrix) => format!(
            "It holds the matrix {}, but no spatial/tissue_positions (of Visium) and no cells.parquet (of Xenium) that says where its columns lie",
            name(matrix)
        ),
        None => "Give the bundle's folder or the file itself".to_owned(),
    }
}

/// Whether a file or store can be given by itself, by its name.
fn is_read_alone(path: &Path) -> bool {
    const TABLES: [&str; 7] = [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".gem", ".gem.gz"];
    let name = lower_name(path);
    let is_companion = COMPANIONS.iter().any(|companion| name.contains(companion));
    let is_table = path.is_file() && TABLES.iter().any(|end| name.ends_with(end)) && !is_companion;
    is_table || (path.is_file() && name.ends_with(".h5ad")) || (path.is_dir() && name.ends_with(".zarr"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_and_not_read_is_told_and_nothing_is_offered_that_cannot_be_read_alone() {
        for (name, words) in [
            ("GSM1.tar.gz", "Unpack"),
            ("t.csv.bz2", "gzip"),
            ("a.h5mu", "mudata"),
            ("._a.h5ad", "macOS"),
            ("fit.safetensors", "s2s-predict"),
        ] {
            assert!(told(Path::new(name)).is_some_and(|what| what.contains(words)), "{name}");
        }
        assert_eq!(told(Path::new("transcripts.zarr.zip")), None);
        assert_eq!((told(Path::new("a.h5ad")), told(Path::new("transcripts.csv.gz"))), (None, None));
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        ["filtered_feature_bc_matrix.h5", "barcodes.tsv.gz", "._b.csv"].into_iter().for_each(write);
        let said = instead(folder.path());
        assert!(said.contains("tissue_positions") && !said.contains("itself"), "{said}");
        write("b.csv");
        assert_eq!(instead(folder.path()), "It holds b.csv: give the one to read itself");
    }
}
