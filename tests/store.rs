//! What a store promises: what was written comes back, and a broken or foreign one is named as such.

use s2s::provenance::Provenance;
use s2s::section::Raster;
use s2s::store::{FORMAT, Header, Store, StoreWriter};
use std::path::{Path, PathBuf};

fn header(genes: &[&str]) -> Header {
    Header {
        format: FORMAT,
        sample: "sample".to_owned(),
        method: "bilinear".to_owned(),
        genes: genes.iter().map(|gene| (*gene).to_owned()).collect(),
        bin_um: 30.0,
        origin_um: [12.5, -4.0],
        scale: 2,
        dataset_fingerprint: "f00d".to_owned(),
        provenance: Provenance::new("test", serde_json::Value::Null, None, Vec::new()),
    }
}

fn picture(rows: usize, cols: usize, shift: f32) -> Raster<f32> {
    Raster::from_fn(
        rows,
        cols,
        |row, col| if (row + col) % 5 == 0 { f32::NAN } else { shift + (row * cols + col) as f32 },
    )
}

fn write(path: &Path, rows: usize, cols: usize) -> s2s::Result<()> {
    let mask = Raster::from_fn(rows, cols, |row, col| (row + col) % 5 != 0);
    let writer = StoreWriter::create(path, &header(&["CFTR", "INS"]), &mask, &mask, false)?;
    writer.write_gene(1, &picture(rows, cols, 0.5), None)?;
    writer.write_gene(0, &picture(rows, cols, 0.25), None)?;
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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.zarr");
    for (rows, cols) in [(7, 9), (3, 2500)] {
        write(&path, rows, cols).unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!(store.header(), &header(&["CFTR", "INS"]));
        assert_eq!(bits(&store.gene("CFTR").unwrap()), bits(&picture(rows, cols, 0.25)));
        assert_eq!(bits(&store.gene("INS").unwrap()), bits(&picture(rows, cols, 0.5)));
    }
    // 2500 columns in chunks of at most 1024.
    assert_eq!(files(&path.join("imputed/c/0")).len(), 3);
}

#[test]
fn an_unfinished_store_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mask = Raster::filled(4, 4, true);
    drop(StoreWriter::create(&folder.path().join("s.zarr"), &header(&["INS"]), &mask, &mask, false).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn only_an_earlier_store_of_ours_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("spatialdata.zarr");
    std::fs::create_dir(&foreign).unwrap();
    let metadata =
        r#"{"zarr_format": 3, "node_type": "group", "attributes": {"spatialdata_attrs": {"version": "0.2"}}}"#;
    for text in [metadata, "not JSON"] {
        std::fs::write(foreign.join("zarr.json"), text).unwrap();
        assert_eq!(write(&foreign, 4, 4).unwrap_err().exit_code(), 2);
        assert_eq!(std::fs::read_to_string(foreign.join("zarr.json")).unwrap(), text);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_broken_or_foreign_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.zarr");
    let missing = Store::open(&path).err().unwrap();
    assert_eq!(missing.exit_code(), 66);

    std::fs::create_dir(&path).unwrap();
    let no_zarr = Store::open(&path).err().unwrap();
    assert!(no_zarr.exit_code() == 65 && no_zarr.to_string().contains("s.zarr"), "{no_zarr}");

    write(&path, 7, 9).unwrap();
    let absent = Store::open(&path).unwrap().gene("CFTX").err().unwrap();
    assert!(absent.exit_code() == 65 && absent.to_string().contains("CFTR"), "{absent}");

    for chunk in files(&path.join("imputed/c/0")) {
        let whole = std::fs::read(&chunk).unwrap();
        std::fs::write(&chunk, &whole[..whole.len() / 2]).unwrap();
    }
    let cut = Store::open(&path).unwrap().gene("CFTR").err().unwrap();
    assert!(cut.exit_code() == 65 && cut.to_string().contains("CFTR"), "{cut}");

    let text = std::fs::read_to_string(path.join("zarr.json")).unwrap();
    let mut root: serde_json::Value = serde_json::from_str(&text).unwrap();
    root["attributes"]["s2s"]["format"] = serde_json::json!(FORMAT + 1);
    std::fs::write(path.join("zarr.json"), root.to_string()).unwrap();
    let newer = Store::open(&path).err().unwrap();
    assert!(newer.exit_code() == 65 && newer.to_string().contains("format 2"), "{newer}");
}
