//! Writes a dataset: the measured bins, and in benchmark mode the withheld ones into a file of their own.

use super::columns::{Columns, properties, write_table};
use super::earlier::earlier;
use super::guides::{FILE as GUIDES, write_guides};
use super::manifest::{FORMAT, GeneEntry, Manifest, Mode};
use super::neighbours::{KEPT, Neighbour, folder as neighbour_folder};
use super::outline::Outline;
use super::quantity::Quantity;
use super::reader::patches;
use super::truth::noted;
use crate::components::principal_components;
use crate::files::{Entry, Layout, Replace, fingerprint, make_below, write_atomically};
use crate::guides::Guide;
use crate::provenance::Provenance;
use crate::section::{Grid, Lattice, LogNormaliser, Neighbours, Raster, Sampling, infer_tissue, normalisation_target};
use crate::{Error, Result};
use arrow_array::{ArrayRef, BooleanArray, Float32Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::Schema;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// The counts of one gene: bins in the order of their index (row × cols + col), none of them zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneCounts {
    /// The gene's name.
    pub name: String,
    /// (bin index, count).
    pub counts: Vec<(u32, u32)>,
}

/// A binned section: what the readers of all platforms come down to.
#[derive(Clone, Debug)]
pub struct SectionCounts {
    /// Where the bins lie.
    pub grid: Grid,
    /// Counts per bin over all genes, whether or not they are in `genes`.
    pub totals: Raster<u32>,
    /// The genes to be written.
    pub genes: Vec<GeneCounts>,
}

/// What s2s-prep was asked for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether there is a truth.
    pub mode: Mode,
    /// Which bins are measured, on the whole grid.
    pub sampling: Sampling,
    /// A measured bin with fewer counts is outside the tissue.
    pub min_counts: u64,
    /// Side of the dense training patch P in bins.
    pub patch: usize,
    /// The platform whose files were read.
    pub platform: String,
}

/// What guides a section.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guidance<'a> {
    /// Maps of every bin, for all genes.
    pub guides: &'a [Guide],
    /// Serial sections.
    pub neighbours: &'a [Neighbour],
}

/// How many principal components of the panel a dataset holds, at most.
const COMPONENTS: usize = 20;

/// How many of the most widespread genes they are made of, at most: rarer ones add noise and hours.
const COMPONENT_GENES: usize = 2000;

/// The file of the withheld bins.
const TRUTH: &str = "truth.parquet";

/// Whether a dataset can be written to `folder`; the errors are those that [`write()`] would give after all the work.
pub fn check_output(folder: &Path) -> Result<()> {
    begin(folder).map(drop)
}

fn begin(folder: &Path) -> Result<Replace> {
    if folder.file_name().is_some() && sample_name(folder).is_empty() {
        return Err(Error::Usage(format!(
            "{}: the sample is called as its dataset without .s2s, and that is no name. Give one: SAMPLE.s2s",
            folder.display()
        )));
    }
    Replace::begin(folder, |folder| earlier(folder).is_some(), is_part)
}

/// Whether a dataset, of whatever version, has such a part.
fn is_part(entry: &Entry) -> bool {
    const LAYOUT: Layout = Layout {
        folders: &["sections/*.s2s"],
        files: &["manifest.json", "bins.parquet|components.parquet|measured.parquet|patches.parquet", GUIDES, TRUTH],
    };
    LAYOUT.holds(entry)
}

/// Writes `section` as the dataset `folder`, whole or not at all, and returns its manifest.
///
/// [`Error::Data`] if no measured bin reaches `min_counts`.
pub fn write(folder: &Path, section: &SectionCounts, settings: &Settings, provenance: Provenance) -> Result<Manifest> {
    write_as(Quantity::Counts, folder, section, Guidance::default(), &Outline::default(), settings, provenance)
}

/// As [`write()`], of a section whose entries are of that `quantity`, with what guides it and what the user says of its tissue.
pub fn write_as(
    quantity: Quantity,
    folder: &Path,
    section: &SectionCounts,
    guidance: Guidance,
    outline: &Outline,
    settings: &Settings,
    mut provenance: Provenance,
) -> Result<Manifest> {
    let grid = section.grid;
    let sampling = &settings.sampling;
    let given = outline.given_tissue();
    let is_tissue = |at: (usize, usize)| match &given {
        Some(given) => given[at],
        None => u64::from(section.totals[at]) >= settings.min_counts && outline.holds(at),
    };
    let flags = Raster::from_fn(grid.rows, grid.cols, |row, col| sampling.measures(row, col) && is_tissue((row, col)));
    // With a minimum of 0, bins without any count are tissue too; the target is that of bins that hold something.
    let in_tissue: Vec<u64> = pairs(&section.totals, &flags).map(u64::from).filter(|total| *total > 0).collect();
    let target = normalisation_target(&in_tissue).ok_or_else(|| {
        Error::Data(format!(
            "no measured bin of {} µm holds {} counts or more, so there is no tissue to learn from. Choose a larger --bin-um or a smaller --min-counts",
            grid.bin_um, settings.min_counts
        ))
    })?;
    let tissue = given.clone().unwrap_or_else(|| {
        let inferred = infer_tissue(sampling, &flags);
        Raster::from_fn(grid.rows, grid.cols, |row, col| inferred[(row, col)] && outline.holds((row, col)))
    });
    let replace = begin(folder)?;
    let to = |name: &str| replace.path().join(name);

    let inputs = match settings.mode {
        Mode::Benchmark => std::mem::take(&mut provenance.inputs),
        Mode::Impute => Vec::new(),
    };
    write_bins(&to("bins.parquet"), section, sampling.measured(), &tissue)?;
    let target = (quantity == Quantity::Counts).then_some(target);
    let largest = section.totals.values().iter().copied().max().unwrap_or(0);
    let table = Table { section, normaliser: target.map(|target| LogNormaliser::new(target, largest)) };
    let measured = sampling.measured().values();
    let kept = |index: usize| tissue.values()[index] && measured[index];
    let mut names =
        ["bins.parquet", "components.parquet", "measured.parquet", "patches.parquet"].map(str::to_owned).to_vec();
    write_patches(&to("patches.parquet"), &tissue, sampling.nominal(), settings.patch)?;
    let withheld = || match settings.mode {
        Mode::Benchmark => {
            let (path, file_metadata) = (to(TRUTH), noted(&inputs));
            let withheld = |index: usize| !measured[index] && outline.holds((index / grid.cols, index % grid.cols));
            table.write(&path, withheld, Some(&section.totals), file_metadata).map(drop)
        }
        Mode::Impute => Ok(()),
    };
    let (visible, withheld) = rayon::join(
        || {
            let mut genes = table.write(&to("measured.parquet"), kept, None, vec![])?;
            table.autocorrelate(&mut genes, sampling, &tissue);
            Ok::<_, Error>((genes, table.write_components(&to("components.parquet"), kept)?))
        },
        withheld,
    );
    let (genes, (components, panel_variance)) = visible?;
    withheld?;
    let Guidance { guides, neighbours } = guidance;
    if !guides.is_empty() {
        write_guides(&to(GUIDES), guides, &grid)?;
        names.push(GUIDES.to_owned());
    }
    for (index, neighbour) in neighbours.iter().enumerate() {
        let below = neighbour_folder(index);
        make_below(replace.path(), &to(&below))?;
        neighbour.keep(&to(&below))?;
        names.extend(KEPT.map(|name| format!("{below}/{name}")));
    }
    if settings.mode == Mode::Benchmark {
        names.push(TRUTH.to_owned());
    }
    let fingerprints = names
        .into_par_iter()
        .map(|name| {
            let sum = fingerprint(&to(&name))?;
            Ok((name, sum))
        })
        .collect::<Result<BTreeMap<_, _>>>()?;
    let manifest = Manifest {
        format: FORMAT,
        provenance,
        sample: sample_name(folder),
        platform: settings.platform.clone(),
        mode: settings.mode,
        grid,
        lattice: sampling.nominal(),
        pattern: sampling.pattern().clone(),
        min_counts: settings.min_counts,
        tissue_given: given.is_some(),
        areas: outline.areas.clone(),
        target,
        patch: settings.patch,
        genes,
        components,
        panel_variance: Some(panel_variance),
        guides: guides.iter().map(|guide| guide.entry.clone()).collect(),
        sections: neighbours.iter().map(|neighbour| neighbour.entry.clone()).collect(),
        fingerprints,
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|e| Error::bug(format!("manifest: {e}")))?;
    write_atomically(&to("manifest.json"), (text + "\n").as_bytes())?;
    replace.finish()?;
    Ok(manifest)
}

fn sample_name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".s2s").unwrap_or(&name).to_owned()
}

fn pairs<'a>(totals: &'a Raster<u32>, flags: &'a Raster<bool>) -> impl Iterator<Item = u32> + 'a {
    totals.values().iter().zip(flags.values()).filter(|(_, flag)| **flag).map(|(total, _)| *total)
}

/// `bins.parquet`: row, col, tissue, measured, total (null where the bin is not measured).
///
/// Written piece by piece, so that a large grid needs little memory.
fn write_bins(path: &Path, section: &SectionCounts, measured: &Raster<bool>, tissue: &Raster<bool>) -> Result<()> {
    const PIECE: usize = 1 << 20;
    let (cols, all) = (tissue.cols(), tissue.values().len());
    let pieces = (0..all).step_by(PIECE).map(|first| {
        let bins = first..(first + PIECE).min(all);
        let flags = |raster: &Raster<bool>| -> ArrayRef {
            Arc::new(BooleanArray::from(raster.values()[bins.clone()].to_vec()))
        };
        let number = |of: fn(usize, usize) -> usize| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(bins.clone().map(|bin| of(bin, cols) as u32)))
        };
        let total = |bin: usize| measured.values()[bin].then(|| section.totals.values()[bin]);
        let totals: ArrayRef = Arc::new(bins.clone().map(total).collect::<UInt32Array>());
        vec![
            ("row", number(|bin, cols| bin / cols), false),
            ("col", number(|bin, cols| bin % cols), false),
            ("tissue", flags(tissue), false),
            ("measured", flags(measured), false),
            ("total", totals, true),
        ]
    });
    write_table(path, pieces)
}

/// `patches.parquet`: row and col of the origin, share of the patch in tissue.
fn write_patches(path: &Path, tissue: &Raster<bool>, lattice: Lattice, side: usize) -> Result<()> {
    let all = patches(tissue, lattice, side);
    let columns: Columns = vec![
        ("row", Arc::new(UInt32Array::from_iter_values(all.iter().map(|p| p.row as u32))), false),
        ("col", Arc::new(UInt32Array::from_iter_values(all.iter().map(|p| p.col as u32))), false),
        ("tissue", Arc::new(Float32Array::from_iter_values(all.iter().map(|p| p.tissue))), false),
    ];
    write_table(path, std::iter::once(columns))
}

/// The sparse table gene, row, col, count, value, one row group per gene.
struct Table<'a> {
    section: &'a SectionCounts,
    /// `None` where the entries are values already.
    normaliser: Option<LogNormaliser>,
}

impl Table<'_> {
    /// Writes the bins that `keep` chooses. With `totals`, a first row group without a gene holds their totals.
    fn write(
        &self,
        path: &Path,
        keep: impl Fn(usize) -> bool,
        totals: Option<&Raster<u32>>,
        metadata: Vec<KeyValue>,
    ) -> Result<Vec<GeneEntry>> {
        let failed = |e: &dyn std::fmt::Display| Error::Io(format!("{}: could not write: {e}", path.display()));
        let file = File::create(path).map_err(|e| Error::io(path, "create", e))?;
        let schema = self.batch(None, &[]).map_err(|e| failed(&e))?.schema();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties(metadata))).map_err(|e| failed(&e))?;
        let mut group = |name: Option<&str>, counts: &[(u32, u32)]| {
            // Parquet has no empty row groups: a gene without counts holds one explicit zero.
            let batch = self.batch(name, if counts.is_empty() { &[(0, 0)] } else { counts })?;
            writer.write(&batch)?;
            writer.flush()
        };
        if let Some(totals) = totals {
            let kept: Vec<(u32, u32)> =
                totals.values().iter().enumerate().filter(|(i, _)| keep(*i)).map(|(i, t)| (i as u32, *t)).collect();
            group(None, &kept).map_err(|e| failed(&e))?;
        }
        let mut genes = Vec::with_capacity(self.section.genes.len());
        for gene in &self.section.genes {
            let kept: Vec<(u32, u32)> = gene.counts.iter().copied().filter(|(i, _)| keep(*i as usize)).collect();
            group(Some(&gene.name), &kept).map_err(|e| failed(&e))?;
            genes.push(GeneEntry {
                name: gene.name.clone(),
                row_group: genes.len(),
                counts: kept.iter().map(|(_, count)| self.normaliser.as_ref().map_or(1, |_| u64::from(*count))).sum(),
                bins: kept.len() as u64,
                morans_i: None,
            });
        }
        let file = writer.into_inner().map_err(|e| failed(&e))?;
        file.sync_all().map_err(|e| Error::io(path, "write", e))?;
        Ok(genes)
    }

    /// Fills in Moran's I of the measured in-tissue bins; neighbours are S bins apart on a lattice, elsewhere they touch.
    fn autocorrelate(&self, genes: &mut [GeneEntry], sampling: &Sampling, tissue: &Raster<bool>) {
        let cols = self.section.grid.cols;
        let measured = match sampling.lattice() {
            Some(lattice) => lattice.subsample(tissue),
            None => Raster::from_fn(tissue.rows(), cols, |row, col| tissue[(row, col)] && sampling.measures(row, col)),
        };
        let step = sampling.lattice().map_or(1, |lattice| lattice.scale.get());
        let place = |row: usize, col: usize| row / step * measured.cols() + col / step;
        let neighbours = Neighbours::new(&measured);
        for (entry, gene) in genes.iter_mut().zip(&self.section.genes) {
            let placed = gene.counts.iter().map(|count| (count.0 as usize / cols, count.0 as usize % cols, count));
            let kept = placed.filter(|(row, col, _)| sampling.measures(*row, *col));
            let values = kept.map(|(row, col, count)| (place(row, col), f64::from(self.value(count))));
            entry.morans_i = neighbours.morans_i(&values.collect::<Vec<_>>());
        }
    }

    /// Writes `components.parquet` of the bins that `keep` chooses: row, col, pc1, pc2, …. Returns their shares of the variance,
    /// and the variance.
    fn write_components(&self, path: &Path, keep: impl Fn(usize) -> bool) -> Result<(Vec<f64>, f64)> {
        let cols = self.section.grid.cols;
        let bins: Vec<usize> = (0..self.section.totals.values().len()).filter(|&index| keep(index)).collect();
        // Only bins that are kept may choose the genes: the withheld ones are not to be known here.
        let widespread = |gene: &&GeneCounts| gene.counts.iter().filter(|entry| keep(entry.0 as usize)).count();
        let mut genes: Vec<&GeneCounts> = self.section.genes.iter().collect();
        genes.sort_by_cached_key(|gene| std::cmp::Reverse(widespread(gene)));
        genes.truncate(COMPONENT_GENES);
        // A table, not a search: the components ask for the place of every count of every gene.
        let mut places = vec![None; self.section.totals.values().len()];
        for (place, &index) in bins.iter().enumerate() {
            places[index] = Some(place as u32);
        }
        // They are asked for in every pass.
        let place = |entry: &(u32, u32)| Some((places[entry.0 as usize]?, self.value(entry)));
        let values: Vec<Vec<(u32, f32)>> =
            genes.par_iter().map(|gene| gene.counts.iter().filter_map(place).collect()).collect();
        let entries = |gene: usize| Cow::Borrowed(&values[gene][..]);
        let found = principal_components(bins.len(), genes.len(), COMPONENTS, entries);
        let names: Vec<String> = (1..=found.scores.len()).map(|number| format!("pc{number}")).collect();
        let place = |of: fn(usize, usize) -> usize| -> ArrayRef {
            Arc::new(UInt32Array::from_iter_values(bins.iter().map(|&index| of(index, cols) as u32)))
        };
        let mut columns: Columns =
            vec![("row", place(|index, cols| index / cols), false), ("col", place(|index, cols| index % cols), false)];
        for (name, scores) in names.iter().zip(found.scores) {
            columns.push((name, Arc::new(Float32Array::from(scores)), false));
        }
        write_table(path, std::iter::once(columns))?;
        Ok((found.shares, found.variance))
    }

    /// The log-normalised value of a (bin index, count), or the value that came normalised already.
    fn value(&self, &(index, count): &(u32, u32)) -> f32 {
        let total = self.section.totals.values()[index as usize];
        self.normaliser.as_ref().map_or_else(|| Quantity::value(count), |normaliser| normaliser.value(count, total))
    }

    fn batch(&self, gene: Option<&str>, counts: &[(u32, u32)]) -> parquet::errors::Result<RecordBatch> {
        let cols = self.section.grid.cols as u32;
        let names: StringArray = counts.iter().map(|_| gene).collect();
        let schema = Schema::new(vec![
            arrow_schema::Field::new("gene", arrow_schema::DataType::Utf8, true),
            arrow_schema::Field::new("row", arrow_schema::DataType::UInt32, false),
            arrow_schema::Field::new("col", arrow_schema::DataType::UInt32, false),
            arrow_schema::Field::new("count", arrow_schema::DataType::UInt32, self.normaliser.is_none()),
            arrow_schema::Field::new("value", arrow_schema::DataType::Float32, true),
        ]);
        // Values that came normalised have no counts; the totals of the truth do.
        let count = |entry: &(u32, u32)| (gene.is_none() || self.normaliser.is_some()).then_some(entry.1);
        let values: Float32Array = counts.iter().map(|entry| gene.map(|_| self.value(entry))).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(names),
            Arc::new(UInt32Array::from_iter_values(counts.iter().map(|(i, _)| i / cols))),
            Arc::new(UInt32Array::from_iter_values(counts.iter().map(|(i, _)| i % cols))),
            Arc::new(counts.iter().map(count).collect::<UInt32Array>()),
            Arc::new(values),
        ];
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }
}
