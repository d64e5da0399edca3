//! Which names are genes, which of them were asked for, and their numbers.

use super::key::MAX_FEATURES;
use crate::error::nearest_names;
use crate::ingest::words::is_missing;
use crate::{Error, Result};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Prefixes of features that are no genes: negative controls, unused barcodes, unassigned codewords.
const CONTROLS: [&str; 13] = [
    "NegControlProbe",
    "NegControlCodeword",
    "antisense_",
    "BLANK_",
    "Blank",
    "UnassignedCodeword",
    "DeprecatedCodeword",
    "Intergenic_Region",
    "GenomicControl",
    // CosMx.
    "NegPrb",
    "Negative",
    "SystemControl",
    "FalseCode",
];

/// No gene has a longer name; longer ones are a sign of a broken table.
const LONGEST_NAME: usize = 255;

/// What becomes of a molecule with a certain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// A gene, by its number. Genes that were not asked for all have the number [`Features::OTHER`].
    Gene(u32),
    /// A control or unassigned feature: part of neither genes nor totals.
    Control,
    /// No name, or a word for none: part of neither genes nor totals.
    Unnamed,
}

/// The features met so far, shared by the threads that read.
#[derive(Debug)]
pub(crate) struct Features {
    selection: Option<BTreeSet<String>>,
    met: Mutex<Met>,
}

#[derive(Debug, Default)]
struct Met {
    features: HashMap<Vec<u8>, Feature>,
    /// Names of selected genes; the number of the first is 1.
    names: Vec<String>,
}

impl Features {
    /// The number of all genes that count towards the totals alone.
    pub(crate) const OTHER: u32 = 0;

    /// With `selection`, only these genes are told apart.
    pub(crate) fn new(selection: Option<BTreeSet<String>>) -> Self {
        Features { selection, met: Mutex::default() }
    }

    /// A view for one thread.
    pub(crate) fn cache(&self) -> FeatureCache<'_> {
        FeatureCache { features: self, known: HashMap::new() }
    }

    /// The selection, and the names of the genes numbered 1, 2, ….
    pub(crate) fn into_parts(self) -> (Option<BTreeSet<String>>, GeneNames) {
        let met = self.met.into_inner().unwrap_or_else(PoisonError::into_inner);
        let genes = met.features.iter().filter(|(_, feature)| matches!(feature, Feature::Gene(_)));
        let all = genes.map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
        (self.selection, GeneNames { numbered: met.names, all })
    }

    /// The feature called `name`, which gets a number if it has none. The error says what is wrong with the name.
    fn resolve(&self, name: &[u8]) -> Result<Feature, String> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let name = without_mark(name);
        if let Some(feature) = met.features.get(name) {
            return Ok(*feature);
        }
        let text = std::str::from_utf8(name).map_err(|_| {
            format!("gene name {:?} is not UTF-8. Save the file as UTF-8", String::from_utf8_lossy(name))
        })?;
        if text.len() > LONGEST_NAME || text.contains(['"', '\0']) {
            let start: String = text.chars().take(40).collect();
            return Err(format!(
                "gene name {start:?}… holds a quote or more than {LONGEST_NAME} bytes. Is the table broken here?"
            ));
        }
        let feature = if is_missing(name) {
            Feature::Unnamed
        } else if CONTROLS.iter().any(|prefix| text.starts_with(prefix)) {
            Feature::Control
        } else if self.selection.as_ref().is_none_or(|wanted| wanted.contains(text)) {
            met.names.push(text.to_owned());
            Feature::Gene(met.names.len() as u32)
        } else {
            Feature::Gene(Self::OTHER)
        };
        if met.features.len() >= MAX_FEATURES {
            return Err(format!("more than {MAX_FEATURES} different genes. Check which column holds the genes"));
        }
        met.features.insert(name.to_vec(), feature);
        Ok(feature)
    }
}

/// `ACTB` of `b'ACTB'`, which is how Python prints bytes, and how they get into tables.
fn without_mark(name: &[u8]) -> &[u8] {
    let between = |quote: &[u8]| name.strip_prefix(b"b")?.strip_prefix(quote)?.strip_suffix(quote);
    between(b"'").or_else(|| between(b"\"")).unwrap_or(name)
}

/// What one thread knows of the features, so that it seldom has to ask the others.
#[derive(Debug)]
pub(crate) struct FeatureCache<'a> {
    features: &'a Features,
    known: HashMap<Vec<u8>, Feature>,
}

impl FeatureCache<'_> {
    /// The feature called `name`. The error says what is wrong with the name.
    pub(crate) fn get(&mut self, name: &[u8]) -> Result<Feature, String> {
        if let Some(feature) = self.known.get(name) {
            return Ok(*feature);
        }
        let feature = self.features.resolve(name)?;
        self.known.insert(name.to_vec(), feature);
        Ok(feature)
    }
}

/// The names behind the numbers.
#[derive(Debug)]
pub(crate) struct GeneNames {
    numbered: Vec<String>,
    all: Vec<String>,
}

impl GeneNames {
    /// The gene with this number; `None` for [`Features::OTHER`].
    pub(crate) fn get(&self, number: u32) -> Option<&str> {
        self.numbered.get((number as usize).checked_sub(1)?).map(String::as_str)
    }

    /// The number of genes met, asked for or not.
    pub(crate) fn number(&self) -> usize {
        self.all.len()
    }

    /// [`Error::Data`] if a gene of `wanted` is none of `measured`, with the nearest names that are.
    pub(crate) fn all_measured(
        &self,
        wanted: &BTreeSet<String>,
        measured: &BTreeSet<&str>,
        input: &Path,
    ) -> Result<()> {
        let absent: Vec<&String> = wanted.iter().filter(|name| !measured.contains(name.as_str())).collect();
        let Some(first) = absent.first() else { return Ok(()) };
        let more = if absent.len() > 1 { format!(" (and {} more)", absent.len() - 1) } else { String::new() };
        let what = if self.all.contains(first) {
            format!(
                "gene {first}{more}: without a count in any measured bin, so nothing can be learned of it. Leave it out of --genes"
            )
        } else {
            let near = nearest_names(first, self.all.iter().map(String::as_str));
            format!(
                "gene {first}{more}: not among the {} genes of the input. Nearest names: {}",
                self.all.len(),
                near.join(", ")
            )
        };
        Err(Error::data(input, what))
    }
}
