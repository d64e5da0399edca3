//! A run: its losses step by step, kept as `NAME.fit.parquet`.

use crate::{Error, Result};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;

/// The losses of one step; a term that did not join in it is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The step, from 1.
    pub step: usize,
    /// Seconds since the start.
    pub seconds: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// L_m^st, sparser → sparse.
    pub st_m: f64,
    /// L_h^st, sparse → dense where measured.
    pub st_h: f64,
    /// L_m^gni of the natural images.
    pub gni_m: f64,
    /// L_h^gni of the natural images.
    pub gni_h: f64,
    /// The weighted sum that was minimised.
    pub total: f64,
    /// Mean absolute error on held-out measured bins, where it was looked at after this step; scaled like the losses.
    pub held_out: f64,
}

impl Point {
    /// A step whose losses are still to be read.
    pub fn unread(step: usize, seconds: f64, learning_rate: f64, held_out: Option<f64>) -> Self {
        let [st_m, st_h, gni_m, gni_h, total] = [f64::NAN; 5];
        let held_out = held_out.unwrap_or(f64::NAN);
        Point { step, seconds, learning_rate, st_m, st_h, gni_m, gni_h, total, held_out }
    }
}

/// All recorded steps of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves(pub Vec<Point>);

impl Curves {
    /// Every number as its bits, point by point.
    pub fn to_bits(&self) -> Vec<Vec<u64>> {
        let bits = |p: &Point| {
            let numbers = [p.seconds, p.learning_rate, p.st_m, p.st_h, p.gni_m, p.gni_h, p.total, p.held_out];
            std::iter::once(p.step as u64).chain(numbers.map(f64::to_bits)).collect()
        };
        self.0.iter().map(bits).collect()
    }

    /// What [`Curves::to_bits`] gave; `None` if a point has not all its numbers.
    pub fn from_bits(points: &[Vec<u64>]) -> Option<Self> {
        let point = |bits: &Vec<u64>| {
            let (step, numbers) = bits.split_first()?;
            let numbers: Vec<f64> = numbers.iter().copied().map(f64::from_bits).collect();
            let [seconds, learning_rate, st_m, st_h, gni_m, gni_h, total, held_out] = numbers.try_into().ok()?;
            Some(Point { step: *step as usize, seconds, learning_rate, st_m, st_h, gni_m, gni_h, total, held_out })
        };
        points.iter().map(point).collect::<Option<_>>().map(Curves)
    }

    /// A Parquet file of one row per recorded step, without its seconds: the same run gives the same file. With `provenance` (JSON) in the file's
    /// metadata.
    pub fn encode(&self, provenance: &str) -> Result<Vec<u8>> {
        let column = |get: fn(&Point) -> f64| -> ArrayRef {
            Arc::new(self.0.iter().map(get).map(Some).collect::<Float64Array>())
        };
        let columns = [
            ("step", Arc::new(self.0.iter().map(|point| Some(point.step as u64)).collect::<UInt64Array>()) as ArrayRef),
            ("learning_rate", column(|p| p.learning_rate)),
            ("st_m", column(|p| p.st_m)),
            ("st_h", column(|p| p.st_h)),
            ("gni_m", column(|p| p.gni_m)),
            ("gni_h", column(|p| p.gni_h)),
            ("total", column(|p| p.total)),
            ("held_out", column(|p| p.held_out)),
        ];
        encode(columns, provenance).map_err(|e| Error::bug(format!("loss curves: {e}")))
    }
}

fn encode<const N: usize>(columns: [(&str, ArrayRef); N], provenance: &str) -> parquet::errors::Result<Vec<u8>> {
    let batch = RecordBatch::try_from_iter(columns)?;
    let metadata = vec![KeyValue::new("provenance".to_owned(), provenance.to_owned())];
    let properties = WriterProperties::builder().set_key_value_metadata(Some(metadata)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.into_inner()
}
