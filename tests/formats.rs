//! Matrix platforms: what s2s-prep makes of their files equals what anndata, scanpy and pandas make of them
//! (tests/python/expected_formats.py).

mod common;
#[path = "common/transcripts.rs"]
mod transcripts;
#[path = "common/typed.rs"]
mod typed;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt32Type};
use flate2::read::GzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use transcripts::{prep, prep_well, read_bins, read_manifest};

fn reference(rel: &str) -> Option<PathBuf> {
    common::shared(&format!("data/formats/{rel}"))
}

fn own(rel: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(rel)
}

/// Prepares `input` as a benchmark and compares the dataset with `expected[name]`.
fn compare(name: &str, input: &Path, flags: &str) {
    let expected: Value = serde_json::from_str(include_str!("expected/formats.json")).unwrap();
    let expected = &expected[name];
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let fixed = ["--mode", "benchmark", "--patch", "4"];
    prep_well(paths.into_iter().chain(fixed).chain(flags.split_whitespace()));
    check_grid(name, &output, expected);
    check_genes(name, &output, expected);
}

fn check_grid(name: &str, dataset: &Path, expected: &Value) {
    let manifest = read_manifest(dataset);
    for key in ["rows", "cols", "bin_um", "origin_um"] {
        assert_eq!(manifest["grid"][key], expected[key], "{name}: {key}");
    }
    assert_eq!(manifest.get("target").unwrap_or(&Value::Null), &expected["target"], "{name}");
    let bins = read_bins(&dataset.join("bins.parquet"));
    let measured: u64 = bins.values().filter_map(|(_, total)| *total).map(u64::from).sum();
    assert_eq!(measured, expected["measured_total"], "{name}");
    let tissue = bins.values().filter(|(tissue, total)| *tissue && total.is_some()).count();
    assert_eq!(tissue as u64, expected["measured_tissue"], "{name}");
    let truth = entries(&dataset.join("truth.parquet"));
    let withheld: u64 = truth[""].values().map(|(total, _)| u64::from(total.unwrap())).sum();
    assert_eq!(withheld, expected["withheld_total"], "{name}");
}

fn check_genes(name: &str, dataset: &Path, expected: &Value) {
    let measured = entries(&dataset.join("measured.parquet"));
    let truth = entries(&dataset.join("truth.parquet"));
    let genes: Vec<&String> = measured.keys().collect();
    assert_eq!(genes, expected["genes"].as_object().unwrap().keys().collect::<Vec<_>>(), "{name}");
    let amount = |entries: &Entries| -> f64 {
        entries.values().map(|(count, value)| count.map_or(f64::from(*value), f64::from)).sum()
    };
    for (gene, figures) in expected["genes"].as_object().unwrap() {
        let close = |found: f64, expected: &Value| {
            let expected = expected.as_f64().unwrap();
            assert!((found - expected).abs() <= 1e-6 * expected.max(1.0), "{name}: {gene}: {found}, not {expected}");
        };
        let found = measured[gene].values().filter(|(_, value)| *value > 0.0).count();
        close(amount(&measured[gene]), &figures[0]);
        assert_eq!(found as u64, figures[1], "{name}: {gene}");
        close(amount(&truth[gene]), &figures[2]);
    }
    for bin in expected["brightest"].as_array().unwrap() {
        let at = [1, 2].map(|i| bin[i].as_u64().unwrap() as u32);
        let (_, value) = measured[bin[0].as_str().unwrap()][&at];
        assert!((f64::from(value) - bin[3].as_f64().unwrap()).abs() < 1e-6, "{name}: {bin}: {value}");
    }
}

/// (row, col) → (count, value).
type Entries = BTreeMap<[u32; 2], (Option<u32>, f32)>;

/// The entries of every gene; the totals of the truth stand under "".
fn entries(path: &Path) -> BTreeMap<String, Entries> {
    let mut all: BTreeMap<String, Entries> = BTreeMap::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let numbers = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<UInt32Type>();
        let values = batch.column_by_name("value").unwrap().as_primitive::<Float32Type>();
        let genes = batch.column_by_name("gene").unwrap().as_string::<i32>();
        for (i, count) in numbers("count").iter().enumerate() {
            let of_gene = all.entry(genes.iter().nth(i).flatten().unwrap_or_default().to_owned()).or_default();
            let value = if values.iter().nth(i).flatten().is_some() { values.value(i) } else { 0.0 };
            of_gene.insert([numbers("row").value(i), numbers("col").value(i)], (count, value));
        }
    }
    all
}

#[test]
fn anndata_files_of_the_layout_of_hest_equal_anndata() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/hest1k.yaml");
    let config = format!("--config {}", config.display());
    for (name, file) in [("hest_h5ad", "hest_like_csr_gzip.h5ad"), ("hest_zarr", "hest_like.zarr")] {
        let Some(input) = reference(&format!("anndata/{file}")) else { return };
        compare(name, &input, &config);
    }
}

#[test]
fn anndata_of_every_layout_equals_anndata() {
    let cases = [
        ("csc_spatial", "csc_int_no_array_cols.h5ad", "--bin-um 60"),
        ("dense_layer", "dense_lognorm_with_counts_layer.h5ad", "--bin-um 60 --layer counts"),
        (
            "dense_normalised",
            "dense_lognorm_with_counts_layer.h5ad",
            "--bin-um 60 --already-normalised --min-counts 30",
        ),
        ("squidpy_points", "visium_squidpy.h5ad", "--bin-um 50 --um-per-unit 1 --already-normalised --min-counts 1"),
    ];
    for (name, file, flags) in cases {
        let Some(input) = reference(&format!("anndata/{file}")) else { return };
        compare(name, &input, flags);
    }
    compare("sharded_layer", &own("sharded_v3.zarr"), "--bin-um 10 --layer counts --gene-column symbol");
    compare("sharded_raw", &own("sharded_v3.zarr"), "--bin-um 10 --layer raw");
    compare("hexagonal", &own("hexagonal_lzf.h5ad"), "");
    compare("cells", &own("cells.h5ad"), "--bin-um 30 --um-per-unit 0.5");
}

#[test]
fn spatialdata_stores_equal_spatialdata() {
    compare("spatialdata_points", &own("spatialdata.zarr"), "--bin-um 20");
    compare("spatialdata_table", &own("spatialdata.zarr"), "--bin-um 10 --element bins");
}

#[test]
fn visium_and_visium_hd_equal_scanpy() {
    let (Some(visium), Some(hd)) = (reference("visium"), reference("visium_hd_layout/binned_outputs/square_008um"))
    else {
        return;
    };
    compare("visium", &visium, "--min-counts 1");
    compare("visium", &visium.join("filtered_feature_bc_matrix.h5"), "--min-counts 1");
    compare("visium_hd_32", &hd, "--bin-um 32 --min-counts 1");
    compare("visium_hd_40", &hd.join("filtered_feature_bc_matrix.h5"), "--bin-um 40 --min-counts 1");
}

#[test]
fn xenium_bundles_by_cell_and_of_version_1_equal_pandas() {
    let (Some(mini), Some(version_1)) = (reference("xenium_mini"), reference("xenium_v1_csv")) else { return };
    compare("xenium_cells", &mini, "--bin-um 50 --xenium-cells");
    compare("xenium_v1", &version_1, "--bin-um 1 --min-counts 1");
    // Without transcripts, and with cells as a table of text, cells are what is left.
    let bundle = tempfile::tempdir().unwrap();
    for name in ["cell_feature_matrix.h5", "cells.csv.gz"] {
        std::fs::copy(mini.join(name), bundle.path().join(name)).unwrap();
    }
    compare("xenium_cells", bundle.path(), "--bin-um 50");
}

/// A Visium folder of the matrix `file`, whose barcodes lie row by row of a square.
fn invent_places(folder: &Path, barcodes: &[String]) {
    let width = (barcodes.len() as f64).sqrt().ceil() as usize;
    let mut table = "barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres\n".to_owned();
    for (i, barcode) in barcodes.iter().enumerate() {
        let (row, col) = (i / width, i % width);
        writeln!(table, "{barcode},1,{row},{},0,0", 2 * col + row % 2).unwrap();
    }
    std::fs::create_dir_all(folder.join("spatial")).unwrap();
    std::fs::write(folder.join("spatial/tissue_positions.csv"), table).unwrap();
}

#[test]
fn matrices_of_every_version_of_10x_equal_scanpy() {
    let cases = [
        ("tenx_v2", "v2.h5", "hg19_chr21/barcodes"),
        ("tenx_v3", "v3.h5", "matrix/barcodes"),
        ("tenx_probe", "raw_probe_bc_matrix.h5", "matrix/barcodes"),
    ];
    for (name, file, barcodes) in cases {
        let Some(matrix) = reference(&format!("tenx_h5/{file}")) else { return };
        let folder = tempfile::tempdir().unwrap();
        let barcodes = hdf5_reader::Hdf5File::open(&matrix).unwrap().dataset(barcodes).unwrap().read_strings().unwrap();
        invent_places(folder.path(), &barcodes);
        std::fs::copy(&matrix, folder.path().join(file)).unwrap();
        compare(name, &folder.path().join(file), "--platform visium --min-counts 1");
    }
    let Some(matrix) = reference("tenx_mtx") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut barcodes = String::new();
    GzDecoder::new(File::open(matrix.join("barcodes.tsv.gz")).unwrap()).read_to_string(&mut barcodes).unwrap();
    invent_places(folder.path(), &barcodes.lines().map(str::to_owned).collect::<Vec<_>>());
    std::fs::create_dir(folder.path().join("filtered_feature_bc_matrix")).unwrap();
    for name in ["barcodes.tsv.gz", "features.tsv.gz", "matrix.mtx.gz"] {
        std::fs::copy(matrix.join(name), folder.path().join("filtered_feature_bc_matrix").join(name)).unwrap();
    }
    // The same matrix as v3.h5.
    compare("tenx_v3", folder.path(), "--min-counts 1");
}

/// The run has to end with `code` and one error that holds all of `words`, and leave nothing.
fn fails(input: &Path, flags: &str, code: i32, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let done = prep(paths.into_iter().chain(["--mode", "benchmark", "--patch", "4"]).chain(flags.split_whitespace()));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(code), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{said}");
}

#[test]
fn what_cannot_be_read_is_told() {
    let normalised = own("sharded_v3.zarr");
    fails(&normalised, "--bin-um 10", 65, &["--already-normalised", "--layer"]);
    fails(&normalised, "--bin-um 10 --layer count", 65, &["no layer count", "counts, raw"]);
    fails(&normalised, "--bin-um 10 --element bins", 2, &["--element", "anndata"]);
    fails(&normalised, "--bin-um 10 --layer raw --gene-column gene", 65, &["no column gene", "_index"]);
    fails(&own("cells.h5ad"), "--bin-um 100 --already-normalised", 65, &["one bin", "cannot be added up"]);
    fails(&own("spatialdata.zarr"), "--bin-um 10 --element cells", 65, &["no element cells", "tables/bins"]);
    fails(&own(""), "--bin-um 10", 66, &["no transcripts"]);
    let Some(hd) = reference("visium_hd_layout/binned_outputs") else { return };
    fails(&hd.join("square_016um"), "--bin-um 24", 2, &["squares of 16 µm", "multiple"]);
    fails(&hd.join("square_016um"), "--bin-um 32 --origin 8,0", 65, &["is not in it"]);
    fails(&hd.join("square_008um"), "--bin-um 32 --origin 4,0", 2, &["origin 4", "8 µm"]);
    fails(&hd, "--bin-um 3", 2, &["2", "8", "16", "multiple"]);
    fails(&hd.join("square_002um"), "--bin-um 8", 65, &["nothing was counted"]);
    let (Some(tenx), Some(visium)) = (reference("tenx_h5"), reference("visium")) else { return };
    fails(&tenx.join("v3.h5"), "", 66, &["tissue_positions"]);
    fails(&visium, "--bin-um 150", 2, &["squares of 100 µm", "100 or 200"]);
    fails(&visium, "--layer counts", 2, &["--layer", "visium"]);
    let folder = tempfile::tempdir().unwrap();
    invent_places(folder.path(), &["AACACGTGTACGCTGC-1".to_owned()]);
    let genomes = folder.path().join("two.h5");
    std::fs::copy(tenx.join("v2_two_genomes.h5"), &genomes).unwrap();
    fails(&genomes, "", 65, &["another_genome, hg19_chr21", "expected one"]);
}

/// An AnnData object of measured positions alone: the spacing in µm says which of the imputed bins they are.
#[test]
fn a_sparse_lattice_of_positions_is_imputed_between() {
    let Some(input) = reference("anndata/csc_int_no_array_cols.h5ad") else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    // 282.35 pixels of 0.2125 µm are 60 µm: two bins of 30 µm.
    let flags = "--mode impute --patch 16 --bin-um 30 --um-per-unit 0.2125";
    prep_well(paths.into_iter().chain(flags.split_whitespace()));
    let manifest = read_manifest(&output);
    assert_eq!((manifest["grid"]["rows"].as_u64(), manifest["grid"]["cols"].as_u64()), (Some(64), Some(64)));
    assert_eq!(manifest["grid"]["bin_um"], 30.0);
    let total: u64 = read_bins(&output.join("bins.parquet")).values().filter_map(|(_, t)| t.map(u64::from)).sum();
    assert_eq!(total, 836_197);
    let sums = folder.path().join("sums.s2s");
    let paths = ["--input", input.to_str().unwrap(), "--output", sums.to_str().unwrap(), "--mode", "benchmark"];
    prep_well(paths.into_iter().chain("--patch 4 --bin-um 120 --um-per-unit 0.2125".split_whitespace()));
    assert_eq!(read_manifest(&sums)["grid"]["rows"], 16);
    fails(&input, "--bin-um 50 --um-per-unit 0.2125", 2, &["60.0000 µm", "--um-per-unit"]);
}

#[test]
fn names_of_genes_may_be_texts_bytes_or_a_dictionary() {
    use arrow_array::{ArrayRef, Float32Array, Float64Array};
    use arrow_schema::DataType;
    use std::sync::Arc;
    let folder = tempfile::tempdir().unwrap();
    let numbers = |of: fn(u32) -> u32| (0..4000).map(move |i| f64::from(of(i) % 8000) / 100.0);
    let (x, y) = (numbers(|i| i * 7919), numbers(|i| i * 104_729));
    let names: Vec<_> = (0..4000).map(|i| Some(["ERBB2", "CD8A", "INS"][i % 3])).collect();
    let dictionary = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
    let types = [DataType::Utf8, DataType::LargeUtf8, DataType::Binary, DataType::LargeBinary, dictionary];
    let mut seen = Vec::new();
    for (i, kind) in types.iter().enumerate() {
        let (input, output) = (folder.path().join(format!("{i}.parquet")), folder.path().join(format!("{i}.s2s")));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("feature_name", typed::texts(&names, kind)),
            ("x_location", Arc::new(x.clone().map(|x| x as f32).collect::<Float32Array>())),
            ("y_location", Arc::new(y.clone().collect::<Float64Array>())),
        ];
        transcripts::write_columns(&input, columns, 1000);
        let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
        prep_well(paths.into_iter().chain("--mode benchmark --patch 4 --bin-um 10".split_whitespace()));
        seen.push(std::fs::read(output.join("measured.parquet")).unwrap());
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}
