//! Writes a store: a new one, whole or not at all, or some genes of one that many processes share.

use super::cells::{self, CellTable};
use super::choice::Choice;
use super::disk::Disk;
use super::earlier::is_store;
use super::header::Header;
use super::layer::{Layer, Matrix};
use super::parts::is_part;
use super::reader::Store;
use super::record::{Model, Record, Records, values_fingerprint};
use super::zarr::{Kind, Zarr};
use super::{ome, picture, table};
use crate::dataset::Dataset;
use crate::error::nearest_names;
use crate::files::{Replace, check_replaceable, content_fingerprint};
use crate::provenance::Provenance;
use crate::section::{Cells, Raster};
use crate::{Error, Result};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use zarrs::array::data_type;

/// The images of a store and where their values stand in the table.
const IMPUTED: (&str, &str) = ("imputed", "X");
const UNCERTAINTY: (&str, &str) = ("uncertainty", "layers/uncertainty");
const EXPECTED_COUNTS: &str = "layers/expected_counts";
const DISTRIBUTION: [(&str, &str); 6] = [
    ("median", "layers/median"),
    ("lower", "layers/lower"),
    ("upper", "layers/upper"),
    ("detected", "layers/detected"),
    ("smoothed", "layers/smoothed"),
    ("smoothed_uncertainty", "layers/smoothed_uncertainty"),
];

/// What is predicted of a gene; maps [rows, cols], NaN outside the tissue.
#[derive(Clone, Copy)]
pub struct Answers<'a> {
    /// What to expect; measured bins hold their values.
    pub imputed: &'a Raster<f32>,
    /// Half the width of intervals around it.
    pub uncertainty: Option<&'a Raster<f32>>,
    /// What else a bin may hold.
    pub distribution: Option<Distribution<'a>>,
    /// What predicted them, where there was a choice.
    pub choice: Option<&'a Choice>,
}

/// What a bin may hold; measured bins hold their values in the first three.
#[derive(Clone, Copy)]
pub struct Distribution<'a> {
    /// Half of what it may hold is below.
    pub median: &'a Raster<f32>,
    /// Lower end of the interval.
    pub lower: &'a Raster<f32>,
    /// Upper end of the interval.
    pub upper: &'a Raster<f32>,
    /// The probability of any count; at measured bins without their own.
    pub detected: &'a Raster<f32>,
    /// What to expect everywhere, at measured bins without their own count.
    pub smoothed: &'a Raster<f32>,
    /// Half the width of the intervals around that, at measured bins too.
    pub smoothed_uncertainty: &'a Raster<f32>,
    /// The count to expect.
    pub expected_counts: Option<&'a Raster<f32>>,
}

impl<'a> Distribution<'a> {
    /// In the order of the images.
    fn maps(&self) -> [&'a Raster<f32>; 6] {
        [self.median, self.lower, self.upper, self.detected, self.smoothed, self.smoothed_uncertainty]
    }
}

/// What a run is going to write.
pub struct Plan<'a> {
    /// The section.
    pub dataset: &'a Dataset,
    /// How it predicts: `s2s`, or an interpolation.
    pub method: &'a str,
    /// The genes that it predicts, each with its network, if it has one.
    pub genes: Vec<(String, Option<Model>)>,
    /// Whether it says how sure it is.
    pub uncertainty: bool,
    /// The probability with which its `lower` to `upper` holds an unmeasured bin, if it says what else bins may hold.
    pub distribution: Option<f64>,
    /// The counts of all genes to expect of every bin [rows, cols], if it says what counts to expect.
    pub totals: Option<&'a Raster<f32>>,
    /// Cells to tell the genes of, by the bins that they cover.
    pub cells: Option<&'a Cells>,
    /// How it came to be; the networks among its inputs stand with their genes.
    pub provenance: Provenance,
}

/// A store that is being written.
pub struct StoreWriter<'a> {
    zarr: Zarr,
    replace: Option<Replace>,
    /// The genes of the plan, each with its index in the store.
    genes: Vec<(usize, Record)>,
    bins: Vec<usize>,
    imputed: Layer,
    uncertainty: Option<Layer>,
    distribution: Vec<Layer>,
    expected_counts: Option<Matrix>,
    cells: Option<CellTable<'a>>,
    records: Records,
}

/// Whether a new store can be written to `path`; the errors are those that [`StoreWriter::create`] would give after all the work.
pub fn check_output(path: &Path) -> Result<()> {
    check_replaceable(path, is_store, is_part)
}

impl<'a> StoreWriter<'a> {
    /// Begins the store `path` for the genes of the plan. Nothing stands under that name until [`StoreWriter::finish`].
    pub fn create(path: &Path, plan: Plan<'a>) -> Result<Self> {
        let genes = plan.genes.iter().map(|(gene, _)| gene.clone()).collect();
        let header = header(&plan, genes);
        let replace = Replace::begin(path, is_store, is_part)?;
        let zarr = Zarr::new(Disk::private(replace.path().to_owned()), path);
        skeleton(&zarr, &plan, &header)?;
        Self::open(zarr, Some(replace), &header, plan)
    }

    /// Joins the store `path`, which other processes may write other genes into at the same time.
    ///
    /// Where there is none, one with room for the genes of `panel` (without it, all of the dataset) appears at once, empty.
    /// [`Error::Usage`] if it is of another dataset, method, panel or table of cells than the plan, or has no room for a gene of it.
    pub fn join(path: &Path, panel: Option<&[String]>, plan: Plan<'a>) -> Result<Self> {
        let all = || plan.dataset.manifest().genes.iter().map(|gene| gene.name.clone()).collect();
        let wanted = panel.map_or_else(all, <[String]>::to_vec);
        let wanted = header(&plan, wanted);
        let store = |path: &Path| path.join("zarr.json").exists();
        if !store(path) {
            // Another process may make it meanwhile; then this one is too late below.
            let replace = Replace::race(path, store)?;
            let zarr = Zarr::new(Disk::private(replace.path().to_owned()), path);
            skeleton(&zarr, &plan, &wanted)?;
            replace.finish_first()?;
        }
        let header = Store::open(path)?.header().clone();
        same(path, &header, &wanted, panel.is_some())?;
        Self::open(Zarr::new(Disk::shared(path.to_owned()), path), None, &header, plan)
    }

    fn open(zarr: Zarr, replace: Option<Replace>, header: &Header, plan: Plan<'a>) -> Result<Self> {
        let grid = &plan.dataset.manifest().grid;
        let provenance = serde_json::to_value(&plan.provenance).map_err(|e| Error::bug(e))?;
        let job = content_fingerprint(provenance.to_string().as_bytes())[..16].to_owned();
        let place = |(gene, model): (String, Option<Model>)| {
            let index = position(header, &gene).ok_or_else(|| {
                let near = nearest_names(&gene, header.genes.iter().map(String::as_str)).join(", ");
                Error::Usage(format!("--into: the store has no room for gene {gene}. Nearest of its genes: {near}"))
            })?;
            Ok((
                index,
                Record {
                    gene,
                    model,
                    choice: None,
                    job: job.clone(),
                    imputed: None,
                    uncertainty: None,
                    further: BTreeMap::new(),
                },
            ))
        };
        let genes = plan.genes.into_iter().map(place).collect::<Result<Vec<_>>>()?;
        zarr.group(&format!("/s2s/jobs/{job}"), provenance)?;
        Ok(StoreWriter {
            genes,
            bins: tissue_bins(plan.dataset),
            imputed: Layer::open(&zarr, IMPUTED, grid)?,
            uncertainty: header.uncertainty.then(|| Layer::open(&zarr, UNCERTAINTY, grid)).transpose()?,
            distribution: distribution(header).map(|names| Layer::open(&zarr, names, grid)).collect::<Result<_>>()?,
            expected_counts: header.counts.then(|| Matrix::open(&zarr, EXPECTED_COUNTS)).transpose()?,
            cells: plan.cells.map(|cells| CellTable::open(&zarr, plan.dataset, cells, header.counts)).transpose()?,
            records: Records::open(&zarr)?,
            zarr,
            replace,
        })
    }

    /// Writes the answers of the gene at `index` of the plan's list; those that the store has no room for are left out.
    pub fn write_gene(&self, index: usize, answers: Answers) -> Result<()> {
        let (at, record) = &self.genes[index];
        let Answers { imputed, uncertainty, distribution, choice } = answers;
        self.records.remove(&self.zarr, *at)?;
        self.imputed.write(&self.zarr, *at, imputed, &self.bins)?;
        let maps = distribution.map(|distribution| distribution.maps());
        let further = (0..self.distribution.len()).map(|i| maps.map(|maps| maps[i]));
        let counts = distribution.and_then(|distribution| distribution.expected_counts);
        if let Some(cells) = &self.cells {
            cells.write(&self.zarr, *at, imputed, counts)?;
        }
        if let Some(matrix) = &self.expected_counts {
            let none = counts.is_none().then(|| imputed.map(|_| f32::NAN));
            counts.or(none.as_ref()).map_or(Ok(()), |counts| matrix.write(&self.zarr, *at, counts, &self.bins))?;
        }
        let further = self.uncertainty.iter().zip([uncertainty]).chain(self.distribution.iter().zip(further));
        for (layer, values) in further {
            // What an earlier prediction of this gene may have left there goes, too.
            let none = values.is_none().then(|| imputed.map(|_| f32::NAN));
            if let Some(values) = values.or(none.as_ref()) {
                layer.write(&self.zarr, *at, values, &self.bins)?;
            }
        }
        let sum = |values: &Raster<f32>| Some(values_fingerprint(values.values()));
        let uncertainty = uncertainty.filter(|_| self.uncertainty.is_some()).and_then(sum);
        let names = DISTRIBUTION.iter().take(self.distribution.len()).map(|(image, _)| (*image).to_owned());
        let further = names.zip(maps.iter().flatten().map(|map| values_fingerprint(map.values()))).collect();
        let choice = choice.cloned();
        let record = Record { choice, imputed: sum(imputed), uncertainty, further, ..record.clone() };
        self.records.write(&self.zarr, *at, &record)
    }

    /// Brings the table up to what is predicted, and puts a new store in its place.
    pub fn finish(self) -> Result<()> {
        // Of several processes that finish at the same time, the one that writes last sees all records: whoever finds others
        // than those it wrote down writes again.
        let read = || self.records.read().map_err(|e| self.zarr.failed(e));
        let mut told = None;
        loop {
            let records = read()?;
            if told.as_ref() == Some(&records) {
                break;
            }
            table::tell(&self.zarr, &records)?;
            told = Some(records);
        }
        self.replace.map_or(Ok(()), Replace::finish)
    }
}

fn position(header: &Header, gene: &str) -> Option<usize> {
    header.genes.iter().position(|own| own == gene)
}

/// The in-tissue bins as indices of the grid, in ascending order.
fn tissue_bins(dataset: &Dataset) -> Vec<usize> {
    let flags = dataset.tissue().values().iter().enumerate();
    flags.filter_map(|(bin, inside)| inside.then_some(bin)).collect()
}

fn header(plan: &Plan, genes: Vec<String>) -> Header {
    let header = Header::of(plan.dataset, plan.method, genes, plan.uncertainty, plan.distribution);
    Header { counts: plan.totals.is_some(), cells: plan.cells.map(cells::fingerprint), ..header }
}

/// Writes all of a store that does not depend on predictions of genes.
fn skeleton(zarr: &Zarr, plan: &Plan, header: &Header) -> Result<()> {
    let dataset = plan.dataset;
    let grid = &dataset.manifest().grid;
    let bins = tissue_bins(dataset);
    zarr.group("/", json!({ "spatialdata_attrs": { "version": "0.2" }, "s2s": header }))?;
    Records::create(zarr, header.genes.len())?;
    zarr.group("/labels", json!({ "ome": { "labels": ["tissue", "measured"] } }))?;
    let known = |bin: &usize| dataset.sampling().measured().values()[*bin];
    labels(zarr, "tissue", dataset, bins.iter().copied())?;
    labels(zarr, "measured", dataset, bins.iter().copied().filter(known))?;
    table::create(zarr, dataset, &header.method, &header.genes, &bins, plan.totals)?;
    picture::create(zarr, dataset)?;
    if let Some(own) = plan.cells {
        cells::create(zarr, dataset, own, &header.genes, header.counts)?;
    }
    if header.counts {
        Matrix::create(zarr, EXPECTED_COUNTS, header.genes.len(), bins.len())?;
    }
    zarr.group("/images", json!({}))?;
    Layer::create(zarr, IMPUTED, grid, &header.genes, bins.len())?;
    if header.uncertainty {
        Layer::create(zarr, UNCERTAINTY, grid, &header.genes, bins.len())?;
    }
    distribution(header).try_for_each(|names| Layer::create(zarr, names, grid, &header.genes, bins.len()))
}

/// The images of what bins may hold, where the store has them.
fn distribution(header: &Header) -> impl Iterator<Item = (&'static str, &'static str)> {
    DISTRIBUTION.into_iter().filter(|_| header.distribution.is_some())
}

/// Labels that number these bins, as the table does.
fn labels(zarr: &Zarr, name: &str, dataset: &Dataset, bins: impl Iterator<Item = usize>) -> Result<()> {
    let grid = &dataset.manifest().grid;
    let mut image = vec![0_u32; grid.rows * grid.cols];
    for bin in bins {
        image[bin] = table::instance(bin);
    }
    zarr.group(&format!("/labels/{name}"), ome::labels(name, grid))?;
    let kind = Kind {
        shape: vec![grid.rows, grid.cols],
        chunk: vec![grid.rows.min(super::layer::LARGEST_CHUNK), grid.cols.min(super::layer::LARGEST_CHUNK)],
        element: data_type::uint32(),
        fill: 0_u32.into(),
        axes: Some(&["y", "x"]),
        attributes: json!({}),
    };
    zarr.column(&format!("/labels/{name}/s0"), kind, &image)
}

/// Whether the store `path` is of the same dataset, method and, if it was given, panel as a run wants.
fn same(path: &Path, found: &Header, wanted: &Header, panel: bool) -> Result<()> {
    let differs = |what: &str| {
        Err(Error::Usage(format!(
            "--into {}: the store there holds {what}. Choose another store, or remove it to begin anew",
            path.display()
        )))
    };
    if found.dataset_fingerprint != wanted.dataset_fingerprint {
        return differs(&format!(
            "predictions of another dataset (sample {}, fingerprint {:.12}…, expected {:.12}…)",
            found.sample, found.dataset_fingerprint, wanted.dataset_fingerprint
        ));
    }
    if found.method != wanted.method {
        return differs(&format!("predictions by {}, and these are by {}", found.method, wanted.method));
    }
    if wanted.uncertainty && !found.uncertainty {
        return differs("predictions without uncertainty, and these are with it");
    }
    if wanted.distribution != found.distribution || wanted.counts != found.counts {
        return differs("other images, or intervals of another coverage, than this run writes");
    }
    match (&found.cells, &wanted.cells) {
        (found, wanted) if found == wanted => {}
        (Some(_), None) => return differs("a table of cells, and this run gives none (--cells)"),
        (None, Some(_)) => return differs("no table of cells"),
        _ => return differs("a table of other cells than --cells, or of cells that lie elsewhere"),
    }
    if panel && found.genes != wanted.genes {
        return differs(&format!(
            "another panel of {} genes than --panel, of {}",
            found.genes.len(),
            wanted.genes.len()
        ));
    }
    Ok(())
}
