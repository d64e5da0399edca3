//! AnnData as Zarr version 3, written without anndata: a matrix of observations × genes, and where the observations lie.
#![allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]

use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A matrix compressed by observation: values, genes, and where the entries of each observation begin.
pub struct Csr {
    pub data: Vec<f64>,
    pub indices: Vec<f64>,
    pub starts: Vec<f64>,
}

impl Csr {
    /// The matrix with these values [observation][gene], every one of them an entry.
    pub fn of(rows: &[Vec<f64>]) -> Csr {
        let starts = (0..=rows.len()).map(|row| rows[..row].iter().map(Vec::len).sum::<usize>() as f64).collect();
        let indices = rows.iter().flat_map(|row| (0..row.len()).map(|gene| gene as f64)).collect();
        Csr { data: rows.concat(), indices, starts }
    }
}

/// Writes the object `folder`: genes G0, G1, …, observations at `points` (x, y).
pub fn write(folder: &Path, points: &[[f64; 2]], genes: usize, matrix: &Csr) {
    let observations = points.len();
    group(folder, json!({"encoding-type": "anndata", "encoding-version": "0.1.0"}));
    let table = |name: &str, prefix: &str, length: usize| {
        let at = folder.join(name);
        group(&at, json!({"encoding-type": "dataframe", "_index": "_index", "column-order": []}));
        texts(&at.join("_index"), &(0..length).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>());
    };
    table("obs", "spot", observations);
    table("var", "G", genes);
    group(&folder.join("obsm"), json!({"encoding-type": "dict"}));
    numbers(&folder.join("obsm/spatial"), &[observations, 2], points.as_flattened());
    group(&folder.join("X"), json!({"encoding-type": "csr_matrix", "shape": [observations, genes]}));
    for (name, values) in [("data", &matrix.data), ("indices", &matrix.indices), ("indptr", &matrix.starts)] {
        numbers(&folder.join("X").join(name), &[values.len()], values);
    }
}

/// Makes `folder` a group with these attributes.
pub fn group(folder: &Path, attributes: Value) {
    fs::create_dir_all(folder).unwrap();
    let metadata = json!({"zarr_format": 3, "node_type": "group", "attributes": attributes});
    fs::write(folder.join("zarr.json"), metadata.to_string()).unwrap();
}

fn numbers(folder: &Path, shape: &[usize], values: &[f64]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let codec = json!({"name": "bytes", "configuration": {"endian": "little"}});
    array(folder, shape, json!({"data_type": "float64", "fill_value": 0.0, "codecs": [codec]}), &bytes);
}

fn texts(folder: &Path, values: &[String]) {
    let length = |length: usize| (length as u32).to_le_bytes().to_vec();
    let each = values.iter().flat_map(|text| [length(text.len()), text.clone().into_bytes()].concat());
    let bytes: Vec<u8> = length(values.len()).into_iter().chain(each).collect();
    let kind = json!({"data_type": "string", "fill_value": "", "codecs": [{"name": "vlen-utf8"}]});
    array(folder, &[values.len()], kind, &bytes);
}

/// An array of one chunk.
fn array(folder: &Path, shape: &[usize], kind: Value, chunk: &[u8]) {
    let grid = json!({"name": "regular", "configuration": {"chunk_shape": shape}});
    let keys = json!({"name": "default", "configuration": {"separator": "/"}});
    let mut metadata =
        json!({"zarr_format": 3, "node_type": "array", "shape": shape, "chunk_grid": grid, "chunk_key_encoding": keys});
    let fields = kind.as_object().unwrap().clone();
    metadata.as_object_mut().unwrap().extend(fields);
    let at = shape.iter().fold(folder.join("c"), |at, _| at.join("0"));
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    fs::write(folder.join("zarr.json"), metadata.to_string()).unwrap();
    fs::write(at, chunk).unwrap();
}
