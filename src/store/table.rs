//! The table `bins`: AnnData on disk, one row per in-tissue bin, one column per gene, annotating the labels `tissue`.

use super::choice::{Choice, Expected};
use super::record::Record;
use super::zarr::{Kind, LONGEST_CHUNK, Zarr, encoding};
use crate::dataset::{Dataset, GeneEntry};
use crate::section::{Bin, Raster};
use crate::{Error, Result};
use serde_json::json;
use zarrs::array::data_type;

/// The path of the table.
pub(super) const TABLE: &str = "/tables/bins";

/// The labels whose instances the rows are, the column that names them, and the column of the instances.
const LINK: [(&str, &str); 3] = [("region", "tissue"), ("region_key", "region"), ("instance_key", "instance_id")];

/// A figure of what is expected.
type Figure = fn(&Expected) -> f64;

/// The columns of `var` that tell what is to be expected of a gene.
const EXPECTED: [(&str, Figure); 4] = [
    ("expected_rmse_ratio", |expected| expected.rmse_ratio),
    ("expected_rmse_ratio_lower", |expected| expected.between[0]),
    ("expected_rmse_ratio_upper", |expected| expected.between[1]),
    ("expected_pcc", |expected| expected.correlation.unwrap_or(f64::NAN)),
];

/// Writes all of the table that does not depend on predictions.
///
/// `bins` are the in-tissue bins as indices (row × cols + col) of the grid, in ascending order, `totals` the counts of all genes to expect [rows, cols].
pub(super) fn create(
    zarr: &Zarr,
    dataset: &Dataset,
    method: &str,
    genes: &[String],
    bins: &[usize],
    totals: Option<&Raster<f32>>,
) -> Result<()> {
    let mut attributes = encoding("anndata", "0.1.0");
    for (key, value) in LINK {
        attributes[key] = json!(value);
    }
    attributes["spatialdata-encoding-type"] = json!("ngff:regions_table");
    attributes["version"] = json!("0.2");
    zarr.group("/tables", json!({}))?;
    zarr.group(TABLE, attributes)?;
    // `uns/log1p` tells scanpy that the values are logarithms already, by its default base.
    for group in ["layers", "obsm", "obsp", "uns", "uns/log1p", "uns/s2s", "uns/spatialdata_attrs", "varm", "varp"] {
        zarr.dict(&format!("{TABLE}/{group}"))?;
    }
    for (key, value) in LINK {
        zarr.text(&format!("{TABLE}/uns/spatialdata_attrs/{key}"), value)?;
    }
    zarr.number(&format!("{TABLE}/uns/s2s/bin_um"), dataset.manifest().grid.bin_um)?;
    zarr.number(&format!("{TABLE}/uns/s2s/target"), dataset.manifest().target.unwrap_or(f64::NAN))?;
    zarr.text(&format!("{TABLE}/uns/s2s/method"), method)?;
    zarr.text(&format!("{TABLE}/uns/s2s/version"), env!("CARGO_PKG_VERSION"))?;
    observations(zarr, dataset, bins, totals)?;
    variables(zarr, dataset, genes)?;
    if dataset.manifest().target.is_some() { counts(zarr, dataset, genes, bins) } else { Ok(()) }
}

/// The column `NAME` of a data frame.
fn frame(zarr: &Zarr, name: &str, columns: &[&str]) -> Result<()> {
    let mut attributes = encoding("dataframe", "0.2.0");
    attributes["_index"] = json!("_index");
    attributes["column-order"] = json!(columns);
    zarr.group(&format!("{TABLE}/{name}"), attributes)
}

/// `obs` and `obsm/spatial`.
fn observations(zarr: &Zarr, dataset: &Dataset, bins: &[usize], expected: Option<&Raster<f32>>) -> Result<()> {
    let (grid, n) = (&dataset.manifest().grid, bins.len());
    let path = |name: &str| format!("{TABLE}/obs/{name}");
    let place = |bin: &usize| (bin / grid.cols, bin % grid.cols);
    let columns = ["row", "col", "measured", "tissue", "total", "region", "instance_id"].into_iter();
    frame(zarr, "obs", &columns.chain(expected.map(|_| "expected_total")).collect::<Vec<_>>())?;
    let names: Vec<String> = bins.iter().map(place).map(|(row, col)| format!("{row}_{col}")).collect();
    zarr.column(&path("_index"), Kind::vector(n, data_type::string(), ""), &names)?;
    drop(names);
    let number = || Kind::vector(n, data_type::uint32(), 0_u32);
    let rows: Vec<u32> = bins.iter().map(|bin| place(bin).0 as u32).collect();
    zarr.column(&path("row"), number(), &rows)?;
    let cols: Vec<u32> = bins.iter().map(|bin| place(bin).1 as u32).collect();
    zarr.column(&path("col"), number(), &cols)?;
    let ids: Vec<u32> = bins.iter().map(|bin| instance(*bin)).collect();
    zarr.column(&path("instance_id"), number(), &ids)?;
    let flag = || Kind::vector(n, data_type::bool(), false);
    let measured: Vec<bool> = bins.iter().map(|bin| dataset.sampling().measured().values()[*bin]).collect();
    zarr.column(&path("measured"), flag(), &measured)?;
    zarr.column(&path("tissue"), flag(), &vec![true; n])?;
    // Nobody knows the totals of unmeasured bins.
    let total = |bin: &usize| f64::from(dataset.totals().values()[*bin]);
    let totals = bins.iter().zip(&measured).map(|(bin, known)| if *known { total(bin) } else { f64::NAN });
    zarr.column(&path("total"), Kind::vector(n, data_type::float64(), f64::NAN), &totals.collect::<Vec<_>>())?;

    if let Some(expected) = expected {
        let totals: Vec<f64> = bins.iter().map(|bin| f64::from(expected.values()[*bin])).collect();
        zarr.column(&path("expected_total"), Kind::vector(n, data_type::float64(), f64::NAN), &totals)?;
    }

    let mut categorical = encoding("categorical", "0.2.0");
    categorical["ordered"] = json!(false);
    zarr.group(&path("region"), categorical)?;
    zarr.column(&path("region/codes"), Kind::vector(n, data_type::int8(), 0_i8), &vec![0_i8; n])?;
    zarr.column(&path("region/categories"), Kind::vector(1, data_type::string(), ""), &["tissue".to_owned()])?;

    let centre = |(row, col): (usize, usize)| grid.centre_um(Bin { row: row as u32, col: col as u32 });
    let centres: Vec<f64> = bins.iter().map(place).flat_map(centre).collect();
    let kind = Kind::vector(n, data_type::float64(), f64::NAN);
    let kind = Kind { shape: vec![n, 2], chunk: vec![n.clamp(1, LONGEST_CHUNK / 2), 2], ..kind };
    zarr.column(&format!("{TABLE}/obsm/spatial"), kind, &centres)
}

/// The instance of a bin in the labels; 0 is background.
pub(super) fn instance(bin: usize) -> u32 {
    bin as u32 + 1
}

/// `var`: what the dataset knows of the genes, and room for what is known of their predictions.
fn variables(zarr: &Zarr, dataset: &Dataset, genes: &[String]) -> Result<()> {
    let columns = ["counts", "bins", "morans_i", "predicted", "model_sha256", "model_steps", "model_held_out_ratio"];
    let expected = EXPECTED.iter().map(|(name, _)| *name);
    let columns: Vec<&str> = columns.into_iter().chain(["predicted_by", "advice"]).chain(expected).collect();
    frame(zarr, "var", &columns)?;
    let n = genes.len();
    let path = |name: &str| format!("{TABLE}/var/{name}");
    let entries = genes.iter().map(|gene| dataset.manifest().gene(gene)).collect::<Result<Vec<_>>>()?;
    zarr.column(&path("_index"), Kind::vector(n, data_type::string(), ""), genes)?;
    let number = |name: &str, value: &dyn Fn(&GeneEntry) -> u64| {
        let values: Vec<u64> = entries.iter().map(|entry| value(entry)).collect();
        zarr.column(&path(name), Kind::vector(n, data_type::uint64(), 0_u64), &values)
    };
    number("counts", &|entry| entry.counts)?;
    number("bins", &|entry| entry.bins)?;
    let morans_i: Vec<f64> = entries.iter().map(|entry| entry.morans_i.unwrap_or(f64::NAN)).collect();
    zarr.column(&path("morans_i"), Kind::vector(n, data_type::float64(), f64::NAN), &morans_i)?;
    zarr.array(&path("predicted"), Kind::vector(n, data_type::bool(), false))?;
    zarr.array(&path("model_sha256"), Kind::vector(n, data_type::string(), ""))?;
    zarr.array(&path("model_steps"), Kind::vector(n, data_type::uint64(), 0_u64))?;
    zarr.array(&path("model_held_out_ratio"), Kind::vector(n, data_type::float64(), f64::NAN))?;
    zarr.array(&path("predicted_by"), Kind::vector(n, data_type::string(), ""))?;
    zarr.array(&path("advice"), Kind::vector(n, data_type::string(), ""))?;
    EXPECTED
        .iter()
        .try_for_each(|(name, _)| zarr.array(&path(name), Kind::vector(n, data_type::float64(), f64::NAN)).map(drop))
}

/// Writes the columns of `var` that tell which genes are predicted, and by which networks.
pub(super) fn tell(zarr: &Zarr, records: &[Option<Record>]) -> Result<()> {
    let path = |name: &str| format!("{TABLE}/var/{name}");
    let models = || records.iter().map(|record| record.as_ref().and_then(|record| record.model.as_ref()));
    let predicted: Vec<bool> = records.iter().map(Option::is_some).collect();
    zarr.fill(&zarr.open(&path("predicted"))?, &predicted)?;
    let sums: Vec<String> = models().map(|model| model.map_or(String::new(), |model| model.sha256.clone())).collect();
    zarr.fill(&zarr.open(&path("model_sha256"))?, &sums)?;
    let steps: Vec<u64> = models().map(|model| model.map_or(0, |model| model.steps as u64)).collect();
    zarr.fill(&zarr.open(&path("model_steps"))?, &steps)?;
    let ratios: Vec<f64> =
        models().map(|model| model.and_then(|model| model.held_out_ratio).unwrap_or(f64::NAN)).collect();
    zarr.fill(&zarr.open(&path("model_held_out_ratio"))?, &ratios)?;
    let choices = || records.iter().map(|record| record.as_ref().and_then(|record| record.choice.as_ref()));
    let words = |word: &dyn Fn(&Choice) -> String| choices().map(|choice| choice.map_or(String::new(), word)).collect();
    let by: Vec<String> = words(&|choice| choice.by.to_string());
    zarr.fill(&zarr.open(&path("predicted_by"))?, &by)?;
    let advice: Vec<String> = words(&|choice| choice.advice().to_string());
    zarr.fill(&zarr.open(&path("advice"))?, &advice)?;
    EXPECTED.iter().try_for_each(|(name, of)| {
        let expected = choices().map(|choice| choice.and_then(|choice| choice.expected.as_ref()).map_or(f64::NAN, of));
        zarr.fill(&zarr.open(&path(name))?, &expected.collect::<Vec<f64>>())
    })
}

/// The layer `measured`: a sparse matrix of the counts in measured bins, gene by gene, so that memory holds one chunk.
fn counts(zarr: &Zarr, dataset: &Dataset, genes: &[String], bins: &[usize]) -> Result<()> {
    let cols = dataset.manifest().grid.cols;
    let path = |name: &str| format!("{TABLE}/layers/measured{name}");
    let mut attributes = encoding("csc_matrix", "0.1.0");
    attributes["shape"] = json!([bins.len(), genes.len()]);
    zarr.group(&path(""), attributes)?;
    let entries = genes.iter().map(|gene| dataset.manifest().gene(gene)).collect::<Result<Vec<_>>>()?;
    let all = entries.iter().map(|entry| entry.bins as usize).sum();
    let data = zarr.array(&path("/data"), Kind::vector(all, data_type::float32(), 0_f32))?;
    let indices = zarr.array(&path("/indices"), Kind::vector(all, data_type::int64(), 0_i64))?;
    let (mut values, mut rows, mut written) = (Vec::new(), Vec::new(), 0);
    let mut starts = vec![0_i64];
    for gene in genes {
        for ((row, col), count) in dataset.counts(gene)? {
            rows.extend(bins.binary_search(&(row * cols + col)).map(|row| row as i64));
            values.push(count as f32);
        }
        starts.push((written + rows.len()) as i64);
        while rows.len() >= LONGEST_CHUNK || (starts.len() > genes.len() && !rows.is_empty()) {
            let part = rows.len().min(LONGEST_CHUNK);
            let range = written as u64..(written + part) as u64;
            let range = [range];
            indices.store_array_subset(&range, &rows[..part]).map_err(|e| zarr.failed(e))?;
            data.store_array_subset(&range, &values[..part]).map_err(|e| zarr.failed(e))?;
            (rows, values) = (rows.split_off(part), values.split_off(part));
            written += part;
        }
    }
    if written != all {
        return Err(Error::data(
            dataset.folder(),
            format!(
                "measured.parquet holds {written} counts of these genes, but the manifest says {all}. Run s2s-prep again"
            ),
        ));
    }
    zarr.column(&path("/indptr"), Kind::vector(starts.len(), data_type::int64(), 0_i64), &starts)
}
