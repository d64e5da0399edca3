//! Tables of molecules as Parquet, decoded row group by row group on all cores.

use super::batch::{Batch, Names, Problem, entries};
use super::columns::Columns;
use super::header::Header;
use super::parts::{Part, parts};
use super::types::plain;
use crate::compute::Progress;
use crate::error::listed;
use crate::ingest::binning::{Collector, Feature, Intake, Molecule, ReadStats};
use crate::{Error, Result};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use rayon::prelude::*;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Rows that are decoded at a time.
const BATCH: usize = 1 << 16;

/// A Parquet file, or a folder of them, whose columns are known.
pub(crate) struct ParquetTable {
    /// The names of its columns: those of all files, and those that folders' names hold.
    pub header: Header,
    parts: Vec<(Part, ArrowReaderMetadata)>,
}

impl ParquetTable {
    /// Opens `path` and reads what its files say of themselves.
    ///
    /// [`Error::Data`] if one is no Parquet.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let with_metadata = |part: Part| Ok((part.clone(), metadata(&part.path)?));
        let parts: Vec<_> = parts(path)?.into_iter().map(with_metadata).collect::<Result<_>>()?;
        let mut names: Vec<String> = Vec::new();
        for (part, metadata) in &parts {
            let mut known = names.clone();
            for field in metadata.schema().fields() {
                // Each stands for one column of this file: of two that have one name, the second is a column too.
                match known.iter().position(|name| name == field.name()) {
                    Some(at) => drop(known.swap_remove(at)),
                    None => names.push(field.name().clone()),
                }
            }
            let keys = part.keys.iter().map(|(key, _)| key.clone());
            let new: Vec<String> = keys.filter(|key| !names.contains(key)).collect();
            names.extend(new);
        }
        let header = Header { path: path.to_owned(), names, comments: Vec::new(), is_text: false };
        Ok(ParquetTable { header, parts })
    }

    /// Reads all rows into `collector`.
    ///
    /// [`Error::Data`] names the file, the column or the row, and what is wrong with it.
    pub(crate) fn read(self, columns: &Columns, collector: &Collector) -> Result<ReadStats> {
        let name = |column: usize| self.header.names[column].clone();
        let names = Names {
            gene: name(columns.gene),
            x: name(columns.x),
            y: name(columns.y),
            count: columns.count.map(name),
            qv: columns.qv.map(name),
            is_gene: columns.is_gene.map(name),
        };
        let parts = self.parts.into_iter().map(|(part, metadata)| {
            let metadata = with_dictionary(&part, &metadata, &names)?;
            Ok((part, metadata))
        });
        let parts: Vec<(Part, ArrowReaderMetadata)> = parts.collect::<Result<_>>()?;
        let mut groups = Vec::new();
        for (part, metadata) in &parts {
            let mut first_row = 0;
            for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
                groups.push(Group { part, names: &names, columns, metadata, index, first_row });
                first_row += group.num_rows() as u64;
            }
        }
        read_groups(groups, collector)
    }
}

fn read_groups(groups: Vec<Group>, collector: &Collector) -> Result<ReadStats> {
    let length: u64 = groups.iter().map(Group::rows).sum();
    let progress = Mutex::new(Progress::new("reading", "transcripts", length));
    let done = AtomicU64::new(0);
    let advance = |rows: usize| {
        let position = done.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        // Whoever finds it busy leaves the drawing to the other thread.
        if let Ok(mut progress) = progress.try_lock() {
            progress.at(position, String::new);
        }
    };
    let read_group = |group: Group| {
        let mut intake = collector.intake();
        group.read(&mut intake, advance)?;
        Ok(intake.finish())
    };
    groups.into_par_iter().map(read_group).try_reduce(ReadStats::default, |a, b| Ok(a + b))
}

/// What a file says of itself.
fn metadata(path: &Path) -> Result<ArrowReaderMetadata> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    ArrowReaderMetadata::load(&file, plain()).map_err(|e| unreadable(path, &e))
}

/// The same, with names to be read as dictionaries: a name is looked up once and not for every transcript.
fn with_dictionary(part: &Part, metadata: &ArrowReaderMetadata, names: &Names) -> Result<ArrowReaderMetadata> {
    let found = metadata.schema();
    let is_there = |name: &str| found.column_with_name(name).is_some() || part.keys.iter().any(|(key, _)| key == name);
    if let Some(missing) = names.all().find(|name| !is_there(name)) {
        let fields = found.fields().iter().map(|field| field.name().as_str());
        return Err(Error::data(
            &part.path,
            format!("no column {missing}, which other parts have; found {}", listed(fields)),
        ));
    }
    let as_dictionary = |field: &Arc<Field>| match field.data_type() {
        value @ (DataType::Utf8 | DataType::Binary) if *field.name() == names.gene => {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(value.clone()));
            Arc::new(field.as_ref().clone().with_data_type(dictionary))
        }
        _ => field.clone(),
    };
    let schema = Schema::new(found.fields().iter().map(as_dictionary).collect::<Vec<_>>());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(|e| unreadable(&part.path, &e))
}

fn unreadable(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::data(
        path,
        format!(
            "not readable as Parquet ({cause}). Is the file complete, and of the kind --platform says? Copy or download it again"
        ),
    )
}

/// One row group of a file.
struct Group<'a> {
    part: &'a Part,
    names: &'a Names,
    columns: &'a Columns,
    metadata: &'a ArrowReaderMetadata,
    index: usize,
    /// The number of its first row in the file.
    first_row: u64,
}

impl Group<'_> {
    fn rows(&self) -> u64 {
        self.metadata.metadata().row_group(self.index).num_rows() as u64
    }

    fn read(&self, intake: &mut Intake, advance: impl Fn(usize)) -> Result<()> {
        let path = &self.part.path;
        let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let columns = ProjectionMask::columns(builder.parquet_schema(), self.names.all());
        let reader = builder
            .with_row_groups(vec![self.index])
            .with_projection(columns)
            .with_batch_size(BATCH)
            .build()
            .map_err(|e| unreadable(path, &e))?;
        let mut row = self.first_row;
        let mut features = Features::default();
        for batch in reader {
            let batch = batch.map_err(|e| unreadable(path, &e))?;
            let taken = Batch::of(&batch, self.part, self.names).and_then(|columns| {
                features.update(&self.names.gene, columns.genes.values(), intake)?;
                self.give(&columns, &features.of_name, intake)
            });
            taken.map_err(|(i, what)| match i {
                Some(i) => Error::data(path, format!("row {} (counted from 0): {what}", row + i as u64)),
                None => Error::data(path, what),
            })?;
            row += batch.num_rows() as u64;
            advance(batch.num_rows());
        }
        Ok(())
    }

    /// Gives every row to `intake`.
    fn give(&self, batch: &Batch, features: &[Result<Feature, String>], intake: &mut Intake) -> Result<(), Problem> {
        let keys = batch.genes.keys();
        let Columns { offset, um_per_unit, .. } = *self.columns;
        for i in 0..keys.len() {
            let wrong = |what: String| (Some(i), what);
            let mut feature = match keys.is_null(i) {
                true => Feature::Unnamed,
                false => features[keys.value(i) as usize].clone().map_err(wrong)?,
            };
            if batch.is_gene.as_ref().is_some_and(|flags| flags.is_null(i) || !flags.value(i)) {
                feature = Feature::Control;
            }
            let molecule = Molecule {
                feature,
                x: (batch.x[i] + offset[0]) * um_per_unit,
                y: (batch.y[i] + offset[1]) * um_per_unit,
                qv: batch.qv.as_ref().map_or(f64::INFINITY, |qv| qv[i]),
                count: batch.count(i, self.names).map_err(wrong)?,
            };
            intake.take(molecule).map_err(wrong)?;
        }
        Ok(())
    }
}

/// What the entries of the dictionary in use stand for.
#[derive(Default)]
struct Features {
    dictionary: Option<ArrayRef>,
    of_name: Vec<Result<Feature, String>>,
}

impl Features {
    /// Looks the names up, unless they are those of the last batch. A bad name is an error only where a row uses it.
    fn update(&mut self, column: &str, dictionary: &ArrayRef, intake: &mut Intake) -> Result<(), Problem> {
        if self.dictionary.as_ref().is_some_and(|last| Arc::ptr_eq(last, dictionary)) {
            return Ok(());
        }
        let mut feature = |name: Option<Vec<u8>>| name.map_or(Ok(Feature::Unnamed), |name| intake.feature(&name));
        self.of_name = entries(dictionary, column)?.into_iter().map(&mut feature).collect();
        self.dictionary = Some(dictionary.clone());
        Ok(())
    }
}
