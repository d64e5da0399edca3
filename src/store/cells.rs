//! The table `cells`: AnnData on disk, one row per cell, one column per gene, each by the bins that the cell covers.

use super::zarr::{Kind, LONGEST_CHUNK, Values, Zarr, encoding};
use crate::Result;
use crate::dataset::Dataset;
use crate::files::content_fingerprint;
use crate::section::{Cells, Raster};
use serde_json::json;
use zarrs::array::{ZARR_NAN_F32, data_type};

/// What identifies cells: their names, middles and areas.
pub fn fingerprint(cells: &Cells) -> String {
    let places = cells.centres_um.as_flattened().iter().chain(&cells.areas_um2).flat_map(|number| number.to_le_bytes());
    content_fingerprint(&[cells.ids.join("\n").into_bytes(), places.collect()].concat())
}

/// The path of the table.
const TABLE: &str = "/tables/cells";

/// A table of cells that is being written.
pub(super) struct CellTable<'a> {
    cells: &'a Cells,
    expression: Values,
    counts: Option<Values>,
    /// Whether values are logarithms.
    logarithms: bool,
}

/// Writes all of the table that does not depend on predictions, with room for `counts` if they are expected.
pub(super) fn create(zarr: &Zarr, dataset: &Dataset, cells: &Cells, genes: &[String], counts: bool) -> Result<()> {
    let mut attributes = encoding("anndata", "0.1.0");
    attributes["spatialdata-encoding-type"] = json!("ngff:regions_table");
    attributes["version"] = json!("0.2");
    for key in ["region", "region_key", "instance_key"] {
        attributes[key] = json!(null);
    }
    zarr.group(TABLE, attributes)?;
    for group in ["layers", "obsm", "obsp", "uns", "uns/log1p", "varm", "varp"] {
        zarr.dict(&format!("{TABLE}/{group}"))?;
    }
    let frame = |name: &str, columns: &[&str], index: &[String]| {
        let mut attributes = encoding("dataframe", "0.2.0");
        attributes["_index"] = json!("_index");
        attributes["column-order"] = json!(columns);
        zarr.group(&format!("{TABLE}/{name}"), attributes)?;
        let kind = Kind::vector(index.len(), data_type::string(), "");
        zarr.column(&format!("{TABLE}/{name}/_index"), kind, index)
    };
    let n = cells.ids.len();
    let number = || Kind::vector(n, data_type::float64(), f64::NAN);
    frame("obs", &["area_um2", "in_tissue"], &cells.ids)?;
    zarr.column(&format!("{TABLE}/obs/area_um2"), number(), &cells.areas_um2)?;
    zarr.column(&format!("{TABLE}/obs/in_tissue"), number(), &cells.share_within(dataset.tissue()))?;
    let kind = Kind { shape: vec![n, 2], chunk: vec![n.clamp(1, LONGEST_CHUNK / 2), 2], ..number() };
    zarr.column(&format!("{TABLE}/obsm/spatial"), kind, cells.centres_um.as_flattened())?;
    frame("var", &[], genes)?;
    for name in std::iter::once("X").chain(counts.then_some("layers/expected_counts")) {
        let kind = Kind {
            shape: vec![n, genes.len()],
            chunk: vec![n.min(LONGEST_CHUNK), 1],
            element: data_type::float32(),
            fill: ZARR_NAN_F32.into(),
            axes: None,
            attributes: encoding("array", "0.2.0"),
        };
        zarr.array(&format!("{TABLE}/{name}"), kind)?;
    }
    Ok(())
}

impl<'a> CellTable<'a> {
    /// Opens the table.
    pub(super) fn open(zarr: &Zarr, dataset: &Dataset, cells: &'a Cells, counts: bool) -> Result<Self> {
        let open = |name: &str| zarr.open(&format!("{TABLE}/{name}"));
        let counts = counts.then(|| open("layers/expected_counts")).transpose()?;
        let logarithms = dataset.manifest().target.is_some();
        Ok(CellTable { cells, expression: open("X")?, counts, logarithms })
    }

    /// Writes the column of the gene at `index`: the mean of its normalised counts over what a cell covers, from the `imputed` values
    /// [rows, cols], as their logarithm; and the counts to expect in it.
    pub(super) fn write(
        &self,
        zarr: &Zarr,
        index: usize,
        imputed: &Raster<f32>,
        counts: Option<&Raster<f32>>,
    ) -> Result<()> {
        let means = match self.logarithms {
            true => self.cells.means(imputed, f64::exp_m1, f64::ln_1p),
            false => self.cells.means(imputed, |value| value, |value| value),
        };
        let write = |array: &Values, values: Vec<f32>| {
            for (part, values) in values.chunks(LONGEST_CHUNK).enumerate() {
                let mut column = values.to_vec();
                if part > 0 {
                    column.resize(LONGEST_CHUNK, f32::NAN);
                }
                array.store_chunk(&[part as u64, index as u64], column).map_err(|e| zarr.failed(e))?;
            }
            Ok(())
        };
        write(&self.expression, means)?;
        let counts = self.counts.as_ref().zip(counts);
        counts.map_or(Ok(()), |(array, counts)| write(array, self.cells.sums(counts)))
    }
}
