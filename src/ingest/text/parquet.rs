//! Tables of transcripts as Parquet, decoded row group by row group on all cores.

use crate::compute::Progress;
use crate::error::nearest_names;
use crate::ingest::binning::{Collector, Feature, Intake, Molecule, ReadStats};
use crate::{Error, Result};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use rayon::prelude::*;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Not in every file.
const QUALITY: &str = "qv";
/// From version 3 of the bundle on; false for controls.
const IS_GENE: &str = "is_gene";

/// Rows that are decoded at a time.
const BATCH: usize = 1 << 16;

/// The columns of a table of transcripts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ParquetColumns<'a> {
    /// The names of the genes: texts, bytes or a dictionary of them.
    pub gene: &'a str,
    /// x, a float.
    pub x: &'a str,
    /// y, a float.
    pub y: &'a str,
    /// µm per unit of x and y.
    pub um_per_unit: f64,
}

/// The columns of the Parquet file `path`.
pub(crate) fn parquet_columns(path: &Path) -> Result<Vec<String>> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::load(&file, plain).map_err(|e| unreadable(path, &e))?;
    Ok(metadata.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// Reads all transcripts of `path` into `collector`.
///
/// [`Error::Data`] names what is wrong: no Parquet, a missing column, a transcript without a name or a position.
pub(crate) fn read_parquet(path: &Path, wanted: &ParquetColumns, collector: &Collector) -> Result<ReadStats> {
    let metadata = open(path, wanted)?;
    let groups = metadata.metadata().row_groups();
    let length: u64 = groups.iter().map(|group| group.num_rows() as u64).sum();
    let progress = Mutex::new(Progress::new("reading", "transcripts", length));
    let done = AtomicU64::new(0);
    let advance = |rows: usize| {
        let position = done.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        // Whoever finds it busy leaves the drawing to the other thread.
        if let Ok(mut progress) = progress.try_lock() {
            progress.at(position, String::new);
        }
    };
    let mut first_row = 0;
    let groups: Vec<Group> = (groups.iter().enumerate())
        .map(|(index, group)| {
            let this = Group { path, wanted, metadata: &metadata, index, first_row };
            first_row += group.num_rows() as u64;
            this
        })
        .collect();
    let read_group = |group: Group| {
        let mut intake = collector.intake();
        group.read(&mut intake, advance)?;
        Ok(intake.finish())
    };
    groups.into_par_iter().map(read_group).try_reduce(ReadStats::default, |a, b| Ok(a + b))
}

/// The file's metadata, with names to be read as dictionaries: a name is looked up once and not for every transcript.
fn open(path: &Path, wanted: &ParquetColumns) -> Result<ArrowReaderMetadata> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::load(&file, plain).map_err(|e| unreadable(path, &e))?;
    let found = metadata.schema();
    for name in [wanted.gene, wanted.x, wanted.y] {
        if found.column_with_name(name).is_none() {
            return Err(missing_column(path, name, wanted, found));
        }
    }
    let as_dictionary = |field: &Arc<Field>| match field.data_type() {
        value @ (DataType::Utf8 | DataType::Binary) if field.name() == wanted.gene => {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(value.clone()));
            Arc::new(field.as_ref().clone().with_data_type(dictionary))
        }
        _ => field.clone(),
    };
    let schema = Schema::new(found.fields().iter().map(as_dictionary).collect::<Vec<_>>());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::data(
        path,
        format!(
            "not readable as Parquet ({cause}). Is the file complete, and of the kind --platform says? Copy or download it again"
        ),
    )
}

fn missing_column(path: &Path, name: &str, wanted: &ParquetColumns, found: &Schema) -> Error {
    let names: Vec<&str> = found.fields().iter().map(|field| field.name().as_str()).collect();
    let near = nearest_names(name, names.iter().copied());
    Error::data(
        path,
        format!(
            "no column {name}; found {} (nearest: {}). Expected the columns {}, {} and {} of a table of transcripts",
            names.join(", "),
            near.first().unwrap_or(&"none"),
            wanted.gene,
            wanted.x,
            wanted.y
        ),
    )
}

/// One row group of the file.
struct Group<'a> {
    path: &'a Path,
    wanted: &'a ParquetColumns<'a>,
    metadata: &'a ArrowReaderMetadata,
    index: usize,
    /// The number of its first row in the file.
    first_row: u64,
}

impl Group<'_> {
    fn read(&self, intake: &mut Intake, advance: impl Fn(usize)) -> Result<()> {
        let file = File::open(self.path).map_err(|e| Error::io(self.path, "read", e))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let columns = ProjectionMask::columns(
            builder.parquet_schema(),
            [self.wanted.gene, self.wanted.x, self.wanted.y, QUALITY, IS_GENE],
        );
        let reader = builder
            .with_row_groups(vec![self.index])
            .with_projection(columns)
            .with_batch_size(BATCH)
            .build()
            .map_err(|e| unreadable(self.path, &e))?;
        let mut row = self.first_row;
        let mut names = Names::default();
        for batch in reader {
            let batch = batch.map_err(|e| unreadable(self.path, &e))?;
            let columns = Batch::of(&batch, self.wanted).map_err(|what| Error::data(self.path, what))?;
            names
                .update(self.wanted.gene, columns.genes.values(), intake)
                .map_err(|what| Error::data(self.path, what))?;
            columns.give(self.wanted, &names.features, intake).map_err(|(i, what)| {
                Error::data(self.path, format!("row {} (counted from 0): {what}", row + i as u64))
            })?;
            row += batch.num_rows() as u64;
            advance(batch.num_rows());
        }
        Ok(())
    }
}

/// What the entries of the dictionary in use stand for.
#[derive(Default)]
struct Names {
    dictionary: Option<ArrayRef>,
    features: Vec<Result<Feature, String>>,
}

impl Names {
    /// Looks the names up, unless they are those of the last batch. A bad name is an error only where a row uses it.
    fn update(&mut self, column: &str, dictionary: &ArrayRef, intake: &mut Intake) -> Result<(), String> {
        if self.dictionary.as_ref().is_some_and(|last| Arc::ptr_eq(last, dictionary)) {
            return Ok(());
        }
        let names = cast(dictionary, &DataType::Binary).map_err(|e| format!("column {column}: {e}"))?;
        self.features = names.as_binary::<i32>().iter().map(|name| intake.feature(name.unwrap_or_default())).collect();
        self.dictionary = Some(dictionary.clone());
        Ok(())
    }
}

/// The columns of a record batch that matter.
struct Batch {
    genes: DictionaryArray<Int32Type>,
    x: Float64Array,
    y: Float64Array,
    qv: Option<Float64Array>,
    is_gene: Option<BooleanArray>,
}

impl Batch {
    fn of(batch: &RecordBatch, wanted: &ParquetColumns) -> Result<Self, String> {
        let column = |name: &str| batch.column_by_name(name);
        let wrong = |name: &str, expected: &str| {
            let found = column(name).map_or("nothing".to_owned(), |column| column.data_type().to_string());
            format!("column {name}: found {found}, expected {expected}. Is this a table of transcripts?")
        };
        let numbers = |name: &str| {
            let is_float = |c: &&ArrayRef| matches!(c.data_type(), DataType::Float32 | DataType::Float64);
            let column = column(name).filter(is_float).and_then(|c| cast(c, &DataType::Float64).ok());
            column.map(|c| c.as_primitive::<Float64Type>().clone()).ok_or_else(|| wrong(name, "float or double"))
        };
        let genes = column(wanted.gene).and_then(|c| c.as_dictionary_opt::<Int32Type>());
        let is_gene = column(IS_GENE).map(|c| c.as_boolean_opt().ok_or_else(|| wrong(IS_GENE, "boolean")));
        Ok(Batch {
            genes: genes.ok_or_else(|| wrong(wanted.gene, "strings"))?.clone(),
            x: numbers(wanted.x)?,
            y: numbers(wanted.y)?,
            qv: column(QUALITY).map(|_| numbers(QUALITY)).transpose()?,
            is_gene: is_gene.transpose()?.cloned(),
        })
    }

    /// Gives every row to `intake`; the error says which row of the batch is wrong, and why.
    fn give(
        &self,
        wanted: &ParquetColumns,
        features: &[Result<Feature, String>],
        intake: &mut Intake,
    ) -> Result<(), (usize, String)> {
        let keys = self.genes.keys();
        for i in 0..keys.len() {
            for (name, missing) in
                [(wanted.gene, keys.is_null(i)), (wanted.x, self.x.is_null(i)), (wanted.y, self.y.is_null(i))]
            {
                if missing {
                    return Err((i, format!("{name} is null, expected a value. Remove the row or give its value")));
                }
            }
            let mut feature = features[keys.value(i) as usize].clone().map_err(|what| (i, what))?;
            if self.is_gene.as_ref().is_some_and(|flags| flags.is_null(i) || !flags.value(i)) {
                feature = Feature::Control;
            }
            let qv = match &self.qv {
                None => f64::INFINITY,
                Some(qv) if qv.is_null(i) => f64::NAN,
                Some(qv) => qv.value(i),
            };
            let [x, y] = [&self.x, &self.y].map(|column| column.value(i) * wanted.um_per_unit);
            let molecule = Molecule { feature, x, y, qv, count: 1 };
            intake.take(molecule).map_err(|what| (i, what))?;
        }
        Ok(())
    }
}
