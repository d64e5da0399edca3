//! What a store promises: what was written comes back, in Python's tools too, and a broken or foreign one is named as such.

mod common;
#[path = "common/panel.rs"]
mod panel;

use s2s::dataset::Dataset;
use s2s::provenance::Provenance;
use s2s::section::Raster;
use s2s::store::{Answers, FORMAT, Plan, Store, StoreWriter};
use std::path::{Path, PathBuf};

fn plan<'a>(dataset: &'a Dataset, genes: &[usize], uncertainty: bool) -> Plan<'a> {
    let provenance = Provenance::new("test", serde_json::Value::Null, None, Vec::new());
    let genes = genes.iter().map(|gene| (panel::name(*gene), None)).collect();
    Plan { dataset, method: "bilinear", genes, uncertainty, distribution: None, totals: None, cells: None, provenance }
}

/// A prediction: the measured values, elsewhere `shift` and the bin's number, NaN outside the tissue.
fn picture(dataset: &Dataset, gene: usize, shift: f32) -> Raster<f32> {
    let (measured, tissue) = (dataset.measured_values(&panel::name(gene)).unwrap(), dataset.tissue());
    Raster::from_fn(tissue.rows(), tissue.cols(), |row, col| match (tissue[(row, col)], dataset.sampling()) {
        (false, _) => f32::NAN,
        (true, sampling) if sampling.measures(row, col) => measured[(row, col)],
        _ => shift + (row * tissue.cols() + col) as f32,
    })
}

/// Genes 1 and 0, in this order, with room for their uncertainty.
fn write(path: &Path, dataset: &Dataset) -> s2s::Result<()> {
    let writer = StoreWriter::create(path, plan(dataset, &[1, 0], true))?;
    for (index, gene) in [(1, 0), (0, 1)] {
        let (value, doubt) = (picture(dataset, gene, 0.25 * gene as f32), picture(dataset, gene, 1e6));
        writer.write_gene(
            index,
            Answers { imputed: &value, uncertainty: Some(&doubt), distribution: None, choice: None },
        )?;
    }
    writer.finish()
}

/// The bits, so that NaN equals NaN.
fn bits(values: &Raster<f32>) -> Vec<u32> {
    values.values().iter().map(|value| value.to_bits()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn what_was_written_comes_back_also_from_several_chunks() {
    for shape in [(7, 9), (35, 2500)] {
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::open(&panel::dataset(folder.path(), shape, 2)).unwrap();
        let path = folder.path().join("s.zarr");
        write(&path, &dataset).unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!((store.genes(), store.missing().len()), (&[panel::name(1), panel::name(0)][..], 0));
        assert_eq!((store.method(), store.dataset_fingerprint()), ("bilinear", dataset.fingerprint().as_str()));
        for gene in [0, 1] {
            let found = store.gene(&panel::name(gene)).unwrap();
            assert_eq!(bits(&found), bits(&picture(&dataset, gene, 0.25 * gene as f32)));
        }
    }
}

#[test]
fn the_files_of_a_prediction_are_few_and_belong_to_one_gene() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&panel::dataset(folder.path(), (35, 2500), 2)).unwrap();
    let path = folder.path().join("s.zarr");
    drop(StoreWriter::join(&path, None, plan(&dataset, &[0], true)).unwrap());
    let before = files(&path).len();
    let write = |gene| {
        let writer = StoreWriter::join(&path, None, plan(&dataset, &[gene], true)).unwrap();
        let values = picture(&dataset, gene, 0.0);
        writer
            .write_gene(0, Answers { imputed: &values, uncertainty: Some(&values), distribution: None, choice: None })
            .unwrap();
    };
    write(0);
    // Levels of 2500, 1250, 625, 313 and 157 columns, the first in two chunks, and a column of the table; for the prediction
    // and for its uncertainty. And the record.
    assert_eq!(files(&path).len() - before, 2 * 7 + 1);
    let written = files(&path).into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect::<Vec<_>>();
    write(1);
    assert_eq!(files(&path).len() - before, 4 * 7 + 2);
    assert!(written.into_iter().all(|(file, content)| std::fs::read(file).unwrap() == content));
}

#[test]
fn spatialdata_anndata_and_ome_zarr_find_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = panel::dataset(folder.path(), (300, 517), 3);
    let dataset = Dataset::open(&path).unwrap();
    let store = folder.path().join("s.zarr");
    write(&store, &dataset).unwrap();
    let clients = ["spatialdata", "anndata", "ome_zarr", "zarr"];
    let Some(found) = common::python("check_store.py", &clients, &[store.as_os_str(), path.as_os_str()]) else {
        return;
    };
    assert_eq!(found["predicted"], serde_json::json!(["GENE01", "GENE00"]));
    assert_eq!(found["images"], serde_json::json!(["imputed", "uncertainty"]));
    assert_eq!(found["levels"], 3);
    assert_eq!(found["bins"], dataset.tissue().values().iter().filter(|inside| **inside).count());
}

#[test]
fn an_unfinished_store_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&panel::dataset(folder.path(), (8, 8), 1)).unwrap();
    drop(StoreWriter::create(&folder.path().join("s.zarr"), plan(&dataset, &[0], false)).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn only_an_earlier_store_of_ours_is_replaced_or_joined() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&panel::dataset(folder.path(), (8, 8), 2)).unwrap();
    let foreign = folder.path().join("spatialdata.zarr");
    std::fs::create_dir(&foreign).unwrap();
    let metadata =
        r#"{"zarr_format": 3, "node_type": "group", "attributes": {"spatialdata_attrs": {"version": "0.2"}}}"#;
    for text in [metadata, "not JSON"] {
        std::fs::write(foreign.join("zarr.json"), text).unwrap();
        assert_eq!(write(&foreign, &dataset).unwrap_err().exit_code(), 2);
        assert_eq!(StoreWriter::join(&foreign, None, plan(&dataset, &[0], false)).err().unwrap().exit_code(), 65);
        assert_eq!(std::fs::read_to_string(foreign.join("zarr.json")).unwrap(), text);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_broken_or_foreign_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&panel::dataset(folder.path(), (7, 9), 2)).unwrap();
    let path = folder.path().join("s.zarr");
    let missing = Store::open(&path).err().unwrap();
    assert_eq!(missing.exit_code(), 66);

    std::fs::create_dir(&path).unwrap();
    let no_zarr = Store::open(&path).err().unwrap();
    assert!(no_zarr.exit_code() == 65 && no_zarr.to_string().contains("s.zarr"), "{no_zarr}");

    write(&path, &dataset).unwrap();
    let absent = Store::open(&path).unwrap().gene("GENE7").err().unwrap();
    assert!(absent.exit_code() == 65 && absent.to_string().contains("GENE0"), "{absent}");

    for chunk in files(&path.join("images/imputed/s0")).iter().filter(|file| !file.ends_with("zarr.json")) {
        let whole = std::fs::read(chunk).unwrap();
        std::fs::write(chunk, &whole[..whole.len() / 2]).unwrap();
    }
    let cut = Store::open(&path).unwrap().gene("GENE01").err().unwrap();
    assert!(cut.exit_code() == 65 && cut.to_string().contains("GENE01"), "{cut}");

    let text = std::fs::read_to_string(path.join("zarr.json")).unwrap();
    let mut root: serde_json::Value = serde_json::from_str(&text).unwrap();
    root["attributes"]["s2s"]["format"] = serde_json::json!(FORMAT + 1);
    std::fs::write(path.join("zarr.json"), root.to_string()).unwrap();
    let newer = Store::open(&path).err().unwrap();
    assert!(newer.exit_code() == 65 && newer.to_string().contains("format 3"), "{newer}");
}

#[test]
fn a_prediction_whose_chunks_are_not_those_written_is_no_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&panel::dataset(folder.path(), (7, 9), 2)).unwrap();
    let path = folder.path().join("s.zarr");
    write(&path, &dataset).unwrap();
    let of = |gene: usize| path.join(format!("images/imputed/s0/c.{gene}.0.0"));
    let whole = std::fs::read(of(0)).unwrap();
    std::fs::remove_file(of(0)).unwrap();
    let gone = Store::open(&path).unwrap().gene("GENE01").err().unwrap();
    assert!(gone.exit_code() == 65 && gone.to_string().contains("missing"), "{gone}");
    std::fs::copy(of(1), of(0)).unwrap();
    assert_eq!(Store::open(&path).unwrap().gene("GENE01").err().unwrap().exit_code(), 65);
    std::fs::write(of(0), &whole).unwrap();
    assert!(Store::open(&path).unwrap().gene("GENE01").is_ok());
    std::fs::remove_file(path.join("images/uncertainty/s0/c.1.0.0")).unwrap();
    assert!(Store::open(&path).unwrap().gene("GENE00").is_ok());
}

#[test]
fn impossible_shapes_are_refused_before_anything_is_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&panel::dataset(folder.path(), (7, 9), 2)).unwrap();
    let path = folder.path().join("s.zarr");
    write(&path, &dataset).unwrap();
    let huge = 1_u64 << 31;
    for (array, key, value) in [
        ("images/imputed/s0", "/shape", serde_json::json!([2, huge, huge])),
        ("images/imputed/s0", "/shape", serde_json::json!([huge, 7, 9])),
        ("images/imputed/s0", "/chunk_grid/configuration/chunk_shape", serde_json::json!([1, huge, huge])),
        ("s2s/genes", "/shape", serde_json::json!([huge])),
        ("s2s/genes", "/chunk_grid/configuration/chunk_shape", serde_json::json!([huge])),
    ] {
        let file = path.join(array).join("zarr.json");
        let before = std::fs::read_to_string(&file).unwrap();
        let mut metadata: serde_json::Value = serde_json::from_str(&before).unwrap();
        *metadata.pointer_mut(key).unwrap() = value;
        std::fs::write(&file, metadata.to_string()).unwrap();
        let told = Store::open(&path).err().unwrap();
        assert!(told.exit_code() == 65 && told.to_string().contains("expected"), "{told}");
        std::fs::write(&file, before).unwrap();
    }
    let manifest = dataset.folder().join("manifest.json");
    let mut text: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    text["grid"]["cols"] = serde_json::json!(1_u64 << 53);
    std::fs::write(&manifest, text.to_string()).unwrap();
    assert_eq!(Dataset::open(dataset.folder()).err().unwrap().exit_code(), 65);
}

#[test]
fn flipped_bytes_of_records_and_chunks_are_errors_and_no_panics() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(&panel::dataset(folder.path(), (7, 9), 2)).unwrap();
    let path = folder.path().join("s.zarr");
    write(&path, &dataset).unwrap();
    let expected = bits(&Store::open(&path).unwrap().gene("GENE01").unwrap());
    for file in ["s2s/genes/c.0", "images/imputed/s0/c.0.0.0"].map(|name| path.join(name)) {
        let whole = std::fs::read(&file).unwrap();
        for at in 0..whole.len() {
            for mask in [1, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[at] ^= mask;
                std::fs::write(&file, broken).unwrap();
                // What still can be read is what was written: only the story of the gene may have changed.
                if let Ok(found) = Store::open(&path).and_then(|store| store.gene("GENE01")) {
                    assert_eq!(bits(&found), expected, "{} at {at}", file.display());
                }
            }
        }
        std::fs::write(&file, whole).unwrap();
    }
}
