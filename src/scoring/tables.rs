//! The scores as files: CSV and Parquet (tidy: one row per gene, method and region), and as aligned text.

use super::evaluate::{Region, Score};
use super::outcome::Outcome;
use super::profiles::ProfileRow;
use crate::{Error, Result};
use arrow::array::{ArrayRef, Float64Array, StringArray, UInt64Array};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// How a column is read off a score.
enum Column {
    Text(fn(&Score) -> &str),
    Count(fn(&Score) -> usize),
    Number(fn(&Score) -> Option<f64>),
}

/// The columns of the tidy table, in order.
const COLUMNS: [(&str, Column); 27] = [
    ("gene", Column::Text(|s| &s.gene)),
    ("method", Column::Text(|s| &s.method)),
    ("region", Column::Text(|s| region_name(s.region))),
    ("bins", Column::Count(|s| s.bins)),
    ("missed", Column::Count(|s| s.missed)),
    ("mae", Column::Number(|s| s.mae)),
    ("rmse", Column::Number(|s| s.rmse)),
    ("pcc", Column::Number(|s| s.pcc)),
    ("ssim", Column::Number(|s| s.ssim)),
    ("ssim_frame", Column::Number(|s| s.ssim_frame)),
    ("psnr_frame", Column::Number(|s| s.psnr_frame)),
    ("morans_i", Column::Number(|s| s.morans_i)),
    ("morans_i_truth", Column::Number(|s| s.morans_i_truth)),
    ("morans_i_difference", Column::Number(|s| s.morans_i_difference)),
    ("gearys_c", Column::Number(|s| s.gearys_c)),
    ("gearys_c_truth", Column::Number(|s| s.gearys_c_truth)),
    ("gearys_c_difference", Column::Number(|s| s.gearys_c_difference)),
    ("reliability", Column::Number(|s| s.reliability)),
    ("pcc_ceiling", Column::Number(|s| s.pcc_ceiling)),
    ("mae_ratio", Column::Number(|s| s.mae_ratio)),
    ("rmse_ratio", Column::Number(|s| s.rmse_ratio)),
    ("improvement_ratio", Column::Number(|s| s.improvement_ratio)),
    ("tie_ratio", Column::Number(|s| s.tie_ratio)),
    ("mean_gain", Column::Number(|s| s.mean_gain)),
    ("coverage", Column::Number(|s| s.coverage)),
    ("interval_width", Column::Number(|s| s.interval_width)),
    ("interval_score", Column::Number(|s| s.interval_score)),
];

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
pub fn csv(scores: &[Score]) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::Bug(format!("scores.csv: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS.iter().map(|(name, _)| *name)).map_err(|e| failed(&e))?;
    for score in scores {
        let fields = COLUMNS.iter().map(|(_, column)| match column {
            Column::Text(of) => harmless(of(score)),
            Column::Count(of) => of(score).to_string(),
            Column::Number(of) => of(score).map(|number| number.to_string()).unwrap_or_default(),
        });
        writer.write_record(fields).map_err(|e| failed(&e))?;
    }
    writer.into_inner().map_err(|e| failed(&e))
}

/// The errors by class of bins as CSV, a row for each method and class.
pub fn profiles(rows: &[ProfileRow]) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::Bug(format!("profiles.csv: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| writer.serialize(row)).map_err(|e| failed(&e))?;
    writer.into_inner().map_err(|e| failed(&e))
}

/// The tidy table as Parquet, undefined figures null, with `provenance` (JSON) in the metadata of the file.
pub fn parquet(scores: &[Score], provenance: String) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::Bug(format!("scores.parquet: {e}"));
    let columns = COLUMNS.iter().map(|(name, column)| {
        let array: ArrayRef = match column {
            Column::Text(of) => Arc::new(StringArray::from_iter_values(scores.iter().map(of))),
            Column::Count(of) => Arc::new(UInt64Array::from_iter_values(scores.iter().map(|s| of(s) as u64))),
            Column::Number(of) => Arc::new(scores.iter().map(of).collect::<Float64Array>()),
        };
        // Named nullable whatever the values are: the schema is the same for every table.
        (*name, array, matches!(column, Column::Number(_)))
    });
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
    let against =
        |name: &str| outcome.baseline.as_ref().map_or(format!("{name} ratio"), |label| format!("{name}/{label}"));
    let mut lines = vec![["gene", "method", "MAE", "RMSE", "PCC", "ceiling", "SSIM"].map(str::to_owned).to_vec()];
    lines[0].push(against("MAE"));
    if let Some(reference) = &outcome.reference {
        lines[0].extend([format!("better than {reference}"), "mean gain".to_owned()]);
    }
    let columns = lines[0].len();
    let mut push = |gene: &str, method: &str, figures: [Option<f64>; 8]| {
        let line = [gene.to_owned(), method.to_owned()].into_iter().chain(figures.map(figure));
        lines.push(line.take(columns).collect());
    };
    for s in scores.iter().filter(|score| score.region == Region::Unmeasured) {
        let figures = [s.mae, s.rmse, s.pcc, s.pcc_ceiling, s.ssim, s.mae_ratio, s.improvement_ratio, s.mean_gain];
        push(&s.gene, &s.method, figures);
    }
    for s in summary.iter().filter(|_| scores.iter().any(|first| first.gene != scores[0].gene)) {
        let figures = [s.mae, s.rmse, s.pcc, s.pcc_ceiling, s.ssim, s.mae_ratio, s.improvement_ratio, s.mean_gain];
        push("(median)", &s.label, figures);
    }
    aligned(&lines)
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

/// A figure with four decimals, a dash where it is not defined.
pub fn figure(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.4}"))
}
