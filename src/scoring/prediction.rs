//! The predictions to be scored: where they come from and what they are called.

use crate::dataset::Dataset;
use crate::error::nearest_names;
use crate::imputation::Method;
use crate::section::Raster;
use crate::store::{Choice, Interval, Store};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Reads the prediction of a gene: [rows, cols], NaN where it says nothing.
pub type ReadGene = Box<dyn Fn(&str) -> Result<Raster<f32>>>;

/// Reads the intervals of a gene, [rows, cols]; `None` if it has none.
pub type ReadInterval = Box<dyn Fn(&str) -> Result<Option<Interval>>>;

/// Reads the median of what bins may hold of a gene, [rows, cols]; `None` if it has none.
pub type ReadMedian = Box<dyn Fn(&str) -> Result<Option<Raster<f32>>>>;

/// One prediction of some genes of a section.
pub struct Prediction {
    /// What it is called in the tables.
    pub label: String,
    /// The method that made it, for example `s2s` or `bilinear`.
    pub method: String,
    /// The path of its store as it was given.
    pub path: String,
    /// The fingerprint of the dataset that it was made from.
    pub dataset_fingerprint: String,
    /// The genes that it holds.
    pub genes: Vec<String>,
    /// The genes that its store has room for and that are not predicted yet.
    pub missing: Vec<String>,
    /// What predicted them and why, by gene, where measured bins decided.
    pub choices: BTreeMap<String, Choice>,
    /// Reads one of them.
    pub read: ReadGene,
    /// Reads how sure it is of one of them.
    pub interval: ReadInterval,
    /// Reads the median of one of them.
    pub median: ReadMedian,
}

impl Prediction {
    /// Opens the store that `s2s-predict` wrote; it is called by its method.
    pub fn open(path: &Path) -> Result<Self> {
        Store::open(path).map(|store| Self::of(path, store))
    }

    /// The same of a store that is to be of `dataset`; [`Error::Data`] names the sample that it is of.
    pub(super) fn open_for(path: &Path, dataset: &Dataset) -> Result<Self> {
        let store = Store::open(path)?;
        if store.dataset_fingerprint() == dataset.fingerprint() {
            return Ok(Self::of(path, store));
        }
        let (sample, given) = (&store.header().sample, dataset.folder().display());
        let from = if *sample == dataset.manifest().sample {
            format!(
                "predicted from sample {sample} before it was prepared anew, or from another one of that name (fingerprint {:.12}, expected {:.12})",
                store.dataset_fingerprint(),
                dataset.fingerprint()
            )
        } else {
            format!("predicted from sample {sample}, not from {given}")
        };
        Err(Error::data(path, format!("{from}. Score it with the dataset it was made from, or run s2s-predict again")))
    }

    fn of(path: &Path, store: Store) -> Self {
        let store = Arc::new(store);
        let (same, too) = (store.clone(), store.clone());
        Prediction {
            label: store.method().to_owned(),
            method: store.method().to_owned(),
            path: path.display().to_string(),
            dataset_fingerprint: store.dataset_fingerprint().to_owned(),
            genes: store.genes().to_vec(),
            missing: store.missing(),
            choices: store
                .records()
                .iter()
                .flatten()
                .filter_map(|one| Some((one.gene.clone(), one.choice.clone()?)))
                .collect(),
            interval: Box::new(move |gene| same.interval(gene)),
            median: Box::new(move |gene| too.median(gene)),
            read: Box::new(move |gene| store.gene(gene)),
        }
    }

    /// [`Error::Data`] if this prediction was made from another dataset, or holds a gene that `dataset` does not have.
    pub fn check(&self, dataset: &Dataset) -> Result<()> {
        let expected = dataset.fingerprint();
        if self.dataset_fingerprint != expected {
            return Err(Error::data(
                Path::new(&self.path),
                format!(
                    "predicted from a dataset with fingerprint {}, but {} has {expected}. Score it with the dataset it was made from, or run s2s-predict again",
                    self.dataset_fingerprint,
                    dataset.folder().display()
                ),
            ));
        }
        for gene in &self.genes {
            dataset.manifest().gene(gene).map_err(|e| Error::data(Path::new(&self.path), e))?;
        }
        Ok(())
    }

    /// The prediction of `gene`; `None` if it holds none. [`Error::Data`] if its shape is not the dataset's.
    pub fn gene(&self, dataset: &Dataset, gene: &str) -> Result<Option<Raster<f32>>> {
        if !self.genes.iter().any(|own| own == gene) {
            return Ok(None);
        }
        let map = (self.read)(gene)?;
        let (found, expected) = (map.shape(), dataset.tissue().shape());
        if found != expected {
            return Err(Error::data(
                Path::new(&self.path),
                format!(
                    "gene {gene}: {} × {} bins, expected {} × {}. Run s2s-predict again",
                    found.0, found.1, expected.0, expected.1
                ),
            ));
        }
        Ok(Some(map))
    }
}

/// Labels for predictions by `methods`: those given on the command line, else the methods' own names.
///
/// [`Error::Usage`] if their number is not that of the predictions, or two predictions would have the same.
pub(super) fn labels(given: &[String], methods: &[&str]) -> Result<Vec<String>> {
    let all: Vec<String> =
        if given.is_empty() { methods.iter().map(|m| (*m).to_owned()).collect() } else { given.to_vec() };
    if all.len() != methods.len() {
        return Err(Error::Usage(format!(
            "--label: {} given for {} predictions. Give one for each, in the same order",
            all.len(),
            methods.len()
        )));
    }
    for (i, label) in all.iter().enumerate() {
        if all[..i].contains(label) {
            return Err(Error::Usage(format!(
                "two predictions are both called {label}. Give each a name of its own: --label A --label B …"
            )));
        }
    }
    Ok(all)
}

/// The names that the command line gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// What to call the predictions, in their order; none: by their methods.
    pub labels: &'a [String],
    /// The label of the prediction that the others are compared with bin by bin.
    pub reference: Option<&'a str>,
}

/// Whether this method sees one gene and no more.
pub(super) fn interpolates(method: &str) -> bool {
    matches!(method.parse(), Ok(Method::Baseline(_)))
}

/// The label of the bilinear baseline: by its method, else by its label.
pub(super) fn baseline(predictions: &[Prediction]) -> Option<&str> {
    let by_method = predictions.iter().find(|p| p.method == "bilinear");
    let found = by_method.or_else(|| predictions.iter().find(|p| p.label.eq_ignore_ascii_case("bilinear")));
    found.map(|prediction| prediction.label.as_str())
}

/// The label of the prediction that the others are compared with: the one `given`, else the `baseline`, else the last.
///
/// `None` if there is nothing to compare. [`Error::Usage`] if no prediction is called as `given`.
pub(super) fn reference<'a>(
    given: Option<&'a str>,
    baseline: Option<&'a str>,
    predictions: &'a [Prediction],
) -> Result<Option<&'a str>> {
    let labels = || predictions.iter().map(|prediction| prediction.label.as_str());
    if let Some(given) = given.filter(|given| labels().all(|label| label != *given)) {
        return Err(Error::Usage(format!(
            "--reference {given}: no prediction is called that. The nearest: {}",
            nearest_names(given, labels()).join(", ")
        )));
    }
    let found = given.or(baseline).or(labels().next_back());
    Ok(found.filter(|_| predictions.len() > 1))
}

#[cfg(test)]
mod tests {
    use super::labels;

    #[test]
    fn labels_are_the_methods_names_unless_given_and_never_the_same() {
        assert_eq!(labels(&[], &["s2s", "bilinear"]).unwrap(), ["s2s", "bilinear"]);
        let given = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(labels(&given(&["a", "b"]), &["s2s", "s2s"]).unwrap(), ["a", "b"]);
        assert_eq!(labels(&[], &["s2s", "s2s"]).unwrap_err().exit_code(), 2);
        assert_eq!(labels(&given(&["a"]), &["s2s", "bilinear"]).unwrap_err().exit_code(), 2);
    }
}
