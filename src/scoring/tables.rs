//! The scores as files: CSV and Parquet (tidy: one row per gene, method and region), and as aligned text.

use super::metric::{Metric, Place};
use super::outcome::Outcome;
use super::profiles::ProfileRow;
use super::regions::Region;
use super::registry::{in_files, shown};
use super::score::Score;
use super::verdict::verdicts;
use crate::{Error, Result};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// The columns before the metrics.
const NAMES: [&str; 3] = ["gene", "method", "region"];
const COUNTS: [&str; 2] = ["bins", "missed"];

fn names(score: &Score) -> [&str; 3] {
    [&score.gene, &score.method, region_name(score.region)]
}

fn counts(score: &Score) -> [usize; 2] {
    [score.bins, score.missed]
}

fn region_name(region: Region) -> &'static str {
    match region {
        Region::Unmeasured => "unmeasured",
        Region::Tissue => "tissue",
    }
}

/// A text that no spreadsheet takes for a formula: one that begins like one gets an apostrophe in front.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// The tidy table as CSV; undefined figures are empty fields.
pub(super) fn csv(scores: &[Score]) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::bug(format!("scores.csv: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(NAMES.into_iter().chain(COUNTS).chain(in_files().map(|metric| metric.key)))
        .map_err(|e| failed(&e))?;
    for score in scores {
        let numbers =
            in_files().map(|metric| score.metric(metric).map(|number| number.to_string()).unwrap_or_default());
        let counts = counts(score).map(|count| count.to_string());
        let fields = names(score).map(harmless).into_iter().chain(counts).chain(numbers);
        writer.write_record(fields).map_err(|e| failed(&e))?;
    }
    writer.into_inner().map_err(|e| failed(&e))
}

/// The errors by class of bins as CSV, a row for each method and class.
pub(super) fn profiles(rows: &[ProfileRow]) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::bug(format!("profiles.csv: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let harmless = |row: &ProfileRow| ProfileRow { method: harmless(&row.method), ..row.clone() };
    rows.iter().try_for_each(|row| writer.serialize(harmless(row))).map_err(|e| failed(&e))?;
    writer.into_inner().map_err(|e| failed(&e))
}

/// The tidy table as Parquet, undefined figures null, with `provenance` (JSON) in the metadata of the file.
pub(super) fn parquet(scores: &[Score], provenance: String) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::bug(format!("scores.parquet: {e}"));
    // Named nullable whatever the values are: the schema is the same for every table.
    let text = NAMES.iter().enumerate().map(|(i, name)| {
        let array: ArrayRef = Arc::new(StringArray::from_iter_values(scores.iter().map(|score| names(score)[i])));
        (*name, array, false)
    });
    let count = COUNTS.iter().enumerate().map(|(i, name)| {
        let array: ArrayRef = Arc::new(UInt64Array::from_iter_values(scores.iter().map(|s| counts(s)[i] as u64)));
        (*name, array, false)
    });
    let number = in_files().map(|metric| {
        let array: ArrayRef = Arc::new(scores.iter().map(|score| score.metric(metric)).collect::<Float64Array>());
        (metric.key, array, true)
    });
    let columns = text.chain(count).chain(number);
    let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(|e| failed(&e))?;
    let metadata = vec![KeyValue::new("s2s".to_owned(), provenance)];
    let properties = WriterProperties::builder().set_key_value_metadata(Some(metadata)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).map_err(|e| failed(&e))?;
    writer.write(&batch).map_err(|e| failed(&e))?;
    writer.into_inner().map_err(|e| failed(&e))
}

/// The scores of `outcome` over the unmeasured bins as aligned text, then, with several genes, a line for every method.
pub fn text(outcome: &Outcome) -> String {
    let Outcome { scores, summary, .. } = outcome;
    let columns: Vec<(&Metric, String)> = shown(&[Place::Terminal])
        .into_iter()
        .filter_map(|metric| Some((metric, outcome.heading(metric)?.replace('\n', " "))))
        .collect();
    let line = |gene: &str, method: &str, of: &dyn Fn(&Metric) -> String| {
        let figures = columns.iter().map(|(metric, _)| of(metric));
        [gene.to_owned(), method.to_owned()].into_iter().chain(figures).collect::<Vec<String>>()
    };
    let heads = ["gene", "method"].map(str::to_owned).into_iter().chain(columns.iter().map(|(_, head)| head.clone()));
    let mut lines: Vec<Vec<String>> = vec![heads.collect()];
    for s in scores.iter().filter(|score| score.region == Region::Unmeasured) {
        lines.push(line(&s.gene, &s.method, &|metric| metric.text(s.metric(metric))));
    }
    for s in summary.iter().filter(|_| scores.iter().any(|first| first.gene != scores[0].gene)) {
        lines.push(line("(median)", &s.label, &|metric| metric.text(s.medians.of(metric))));
    }
    let verdicts = verdicts(outcome);
    let ends = verdicts.iter().map(|verdict| format!("{verdict}\n"));
    aligned(&lines) + &ends.collect::<String>()
}

/// Lines of cells in columns as wide as their widest cell.
fn aligned(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            // Names to the left, figures to the right.
            let padded = if column < 2 { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
            text.push_str(&padded);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
