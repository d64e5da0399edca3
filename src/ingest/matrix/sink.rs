//! From a matrix to the collector: every entry becomes molecules of its gene at the place of its observation.

use super::entries::{Matrix, Piece};
use super::pieces::read_pieces;
use super::places::Places;
use crate::dataset::Quantity;
use crate::error::listed;
use crate::ingest::binning::{Collector, Feature, Intake, Molecule, ReadStats};
use crate::{Error, Result};
use std::collections::HashSet;
use std::path::Path;

/// A column of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gene {
    /// Its name; columns of the same name are added up.
    pub name: String,
    /// Whether it is a control, a codeword or anything else that is no gene.
    pub control: bool,
}

/// The genes and places of a matrix, and where its entries go.
pub(crate) struct MatrixSink<'a> {
    path: &'a Path,
    genes: &'a [Gene],
    features: Vec<Feature>,
    places: &'a Places,
    collector: &'a Collector,
    /// Other matrices of the same file, to name where this one holds no counts; `None` where the format has no layers.
    layers: Option<Vec<String>>,
}

impl<'a> MatrixSink<'a> {
    /// Checks that the bins fit the places, and that normalised values need not be added up.
    pub(crate) fn new(path: &'a Path, genes: &'a [Gene], places: &'a Places, collector: &'a Collector) -> Result<Self> {
        places.check(&collector.binning, path)?;
        if collector.quantity == Quantity::Values {
            let mut names = HashSet::new();
            if let Some(twice) = genes.iter().find(|gene| !names.insert(&gene.name)) {
                return Err(Error::data(
                    path,
                    format!(
                        "two genes are called {}, and normalised values cannot be added up. Rename one",
                        twice.name
                    ),
                ));
            }
            if let Some([a, b]) = places.shared_bin(&collector.binning) {
                return Err(Error::data(
                    path,
                    format!(
                        "observations {a} and {b} (counted from 0) fall into one bin of {} µm, and normalised values cannot be added up. Give counts, or a smaller --bin-um",
                        collector.binning.bin_um
                    ),
                ));
            }
        }
        let mut intake = collector.intake();
        let resolve = |(i, gene): (usize, &Gene)| {
            let control = || Ok(Feature::Control);
            let feature = if gene.control { control() } else { intake.feature(gene.name.as_bytes()) };
            feature.map_err(|what| Error::data(path, format!("gene {i} (counted from 0): {what}")))
        };
        let features = genes.iter().enumerate().map(resolve).collect::<Result<Vec<Feature>>>()?;
        Ok(MatrixSink { path, genes, features, places, collector, layers: None })
    }

    /// The same, which names `layers` where this matrix holds no counts.
    pub(crate) fn with_layers(self, layers: Vec<String>) -> Self {
        MatrixSink { layers: Some(layers), ..self }
    }

    /// What to do with a matrix that holds no counts.
    fn advice(&self, value: f64) -> String {
        let as_it_is = match value.fract() > 0.0 {
            true => "--already-normalised takes the values as they are. ",
            false => "",
        };
        match self.layers.as_deref() {
            None => "Give the matrix of counts, before it was normalised".to_owned(),
            Some([]) => format!("{as_it_is}There is no other layer in it that could hold them"),
            Some(layers) => format!(
                "{as_it_is}Choose the layer that holds counts with --layer: {}",
                listed(layers.iter().map(String::as_str))
            ),
        }
    }

    /// Whether an entry may be given in one part only.
    pub(crate) fn once(&self) -> bool {
        self.collector.quantity == Quantity::Values
    }

    /// An intake for one thread.
    pub(crate) fn entries(&self) -> EntrySink<'_> {
        EntrySink { sink: self, intake: self.collector.intake(), outside: 0 }
    }

    /// Reads all of `matrix`, on all cores.
    pub(crate) fn matrix(&self, matrix: &Matrix) -> Result<ReadStats> {
        if matrix.shape() != (self.places.len() as u64, self.genes.len() as u64) {
            return Err(Error::data(
                self.path,
                format!(
                    "a matrix of {:?} for {} observations and {} genes. Is the file damaged?",
                    matrix.shape(),
                    self.places.len(),
                    self.genes.len()
                ),
            ));
        }
        let read = |piece: &Piece| {
            let mut entries = self.entries();
            matrix
                .read(piece, self.once(), |observation, gene, value| entries.push(observation, gene, value))
                .map_err(|what| Error::data(self.path, what))?;
            Ok(entries.finish())
        };
        read_pieces("entries", &matrix.pieces(), Piece::len, read)
    }
}

/// One thread's way from the entries of a matrix into the collector.
pub(crate) struct EntrySink<'a> {
    sink: &'a MatrixSink<'a>,
    intake: Intake<'a>,
    outside: u64,
}

impl EntrySink<'_> {
    /// Takes the value of a gene in an observation; the error says what is wrong with it.
    pub(crate) fn push(&mut self, observation: usize, gene: usize, value: f64) -> Result<(), String> {
        let (Some(feature), true) = (self.sink.features.get(gene), observation < self.sink.places.len()) else {
            return Err(format!("an entry for observation {observation} and gene {gene}, which are not there"));
        };
        let at = |what: String| {
            format!("gene {} in observation {observation} (counted from 0): {what}", self.sink.genes[gene].name)
        };
        let count = match self.sink.collector.quantity {
            Quantity::Counts => count(value).map_err(|what| format!("{what}. {}", self.sink.advice(value))),
            Quantity::Values => normalised(value),
        };
        let count = count.map_err(at)?;
        let Some([x, y]) = self.sink.places.get(observation) else {
            self.outside += if self.sink.once() { 1 } else { u64::from(count) };
            return Ok(());
        };
        self.intake.take(Molecule { feature: *feature, x, y, qv: f64::INFINITY, count }).map_err(at)
    }

    /// Hands everything over.
    pub(crate) fn finish(self) -> ReadStats {
        let outside = ReadStats { read: self.outside, outside_tissue: self.outside, ..ReadStats::default() };
        self.intake.finish() + outside
    }
}

fn count(value: f64) -> Result<u32, String> {
    if value >= 0.0 && value < f64::from(u32::MAX) && value.fract() == 0.0 {
        return Ok(value as u32);
    }
    Err(if value.is_finite() && value > 0.0 && value.fract() != 0.0 {
        format!("found {value}, which is no count: the matrix is normalised already")
    } else {
        format!("found {value}, expected a count: a whole number, 0 or more")
    })
}

fn normalised(value: f64) -> Result<u32, String> {
    let value = value as f32;
    if value.is_finite() && value >= 0.0 {
        return Ok(Quantity::payload(value));
    }
    Err(format!(
        "found {value}, expected normalised values of 0 or more. Centred or scaled values cannot be imputed: give those before scaling"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_whole_and_normalised_values_are_kept_bit_for_bit() {
        assert_eq!((count(3.0), count(0.0)), (Ok(3), Ok(0)));
        assert!(count(1.5).unwrap_err().contains("normalised already"));
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e12] {
            assert!(count(wrong).unwrap_err().contains("expected a count"), "{wrong}");
        }
        assert_eq!(normalised(1.386_294_4), Ok(1.386_294_4_f32.to_bits()));
        assert!(normalised(-0.5).is_err() && normalised(1e60).is_err());
    }
}
