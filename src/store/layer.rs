//! The predictions of all genes, twice: as the levels of an image, and as a matrix of the table.

use super::pyramid::{halve, shapes};
use super::zarr::{Kind, LONGEST_CHUNK, Values, Zarr, encoding};
use super::{ome, table};
use crate::Result;
use crate::section::{Grid, Raster};
use serde_json::json;
use zarrs::array::{ZARR_NAN_F32, data_type};

/// Longest side of an image's chunk in bins: a gene of a usual section is one chunk.
pub(super) const LARGEST_CHUNK: usize = 2048;

/// An image and its matrix.
pub(super) struct Layer {
    levels: Vec<Values>,
    matrix: Matrix,
}

/// A matrix [bin, gene] of the table. Every chunk belongs to one gene.
pub(super) struct Matrix(Values);

impl Matrix {
    /// Makes room for the values of `genes` genes in `bins` bins under this name: NaN everywhere.
    pub(super) fn create(zarr: &Zarr, name: &str, genes: usize, bins: usize) -> Result<()> {
        let kind = Kind {
            shape: vec![bins, genes],
            chunk: vec![bins.min(LONGEST_CHUNK), 1],
            element: data_type::float32(),
            fill: ZARR_NAN_F32.into(),
            axes: None,
            attributes: encoding("array", "0.2.0"),
        };
        zarr.array(&format!("{}/{name}", table::TABLE), kind).map(drop)
    }

    /// Opens the matrix of this name.
    pub(super) fn open(zarr: &Zarr, name: &str) -> Result<Self> {
        zarr.open(&format!("{}/{name}", table::TABLE)).map(Matrix)
    }

    /// Writes those of the values [rows, cols] of the gene at `index` that are in `bins`.
    pub(super) fn write(&self, zarr: &Zarr, index: usize, values: &Raster<f32>, bins: &[usize]) -> Result<()> {
        for (part, bins) in bins.chunks(LONGEST_CHUNK).enumerate() {
            let mut column: Vec<f32> = bins.iter().map(|bin| values.values()[*bin]).collect();
            if part > 0 {
                column.resize(LONGEST_CHUNK, f32::NAN);
            }
            self.0.store_chunk(&[part as u64, index as u64], column).map_err(|e| zarr.failed(e))?;
        }
        Ok(())
    }
}

impl Layer {
    /// Makes room for the image `name` [gene, row, col] of `genes`, and for its values in `bins` bins as the matrix `matrix`
    /// [bin, gene] of the table. NaN everywhere. Every chunk belongs to one gene.
    pub(super) fn create(zarr: &Zarr, names: (&str, &str), grid: &Grid, genes: &[String], bins: usize) -> Result<()> {
        let (name, matrix) = names;
        let shapes = shapes(grid.rows, grid.cols);
        zarr.group(&format!("/images/{name}"), ome::image(name, grid, genes, shapes.len()))?;
        for (level, (rows, cols)) in shapes.into_iter().enumerate() {
            let kind = Kind {
                shape: vec![genes.len(), rows, cols],
                chunk: vec![1, rows.min(LARGEST_CHUNK), cols.min(LARGEST_CHUNK)],
                element: data_type::float32(),
                fill: ZARR_NAN_F32.into(),
                axes: Some(&["c", "y", "x"]),
                attributes: json!({}),
            };
            zarr.array(&format!("/images/{name}/s{level}"), kind)?;
        }
        Matrix::create(zarr, matrix, genes.len(), bins)
    }

    /// Opens the image `names.0` and the matrix `names.1`.
    pub(super) fn open(zarr: &Zarr, names: (&str, &str), grid: &Grid) -> Result<Self> {
        let levels = 0..shapes(grid.rows, grid.cols).len();
        Ok(Layer {
            levels: levels.map(|level| zarr.open(&format!("/images/{}/s{level}", names.0))).collect::<Result<_>>()?,
            matrix: Matrix::open(zarr, names.1)?,
        })
    }

    /// Writes the values [rows, cols] of the gene at `index`; the matrix takes those of `bins`.
    pub(super) fn write(&self, zarr: &Zarr, index: usize, values: &Raster<f32>, bins: &[usize]) -> Result<()> {
        let mut image = values.clone();
        for (level, array) in self.levels.iter().enumerate() {
            if level > 0 {
                image = halve(&image);
            }
            for (row, top) in (0..image.rows()).step_by(LARGEST_CHUNK).enumerate() {
                for (col, left) in (0..image.cols()).step_by(LARGEST_CHUNK).enumerate() {
                    let chunk = cut(&image, top, left);
                    array.store_chunk(&[index as u64, row as u64, col as u64], chunk).map_err(|e| zarr.failed(e))?;
                }
            }
        }
        self.matrix.write(zarr, index, values, bins)
    }
}

/// The chunk of `image` whose first bin is (`top`, `left`), NaN beyond its ends.
///
/// Whole chunks are written without reading what was there: that may be what a killed process left of another prediction.
fn cut(image: &Raster<f32>, top: usize, left: usize) -> Vec<f32> {
    let (rows, cols) = (image.rows().min(LARGEST_CHUNK), image.cols().min(LARGEST_CHUNK));
    let value = |row, col| if row < image.rows() && col < image.cols() { image[(row, col)] } else { f32::NAN };
    Raster::from_fn(rows, cols, |row, col| value(top + row, left + col)).into_values()
}
