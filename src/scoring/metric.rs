//! What a metric is: its names, which way is better, where it is shown and what computes it; and the figures of several.

use super::comparison::Context;
use super::intervals::Intervals;
use super::panel::PanelComparison;
use super::regions::Region;
use serde::{Serialize, Serializer};

/// Which values of a metric are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Low ones.
    Low,
    /// High ones.
    High,
    /// Neither end: the metric describes.
    Neither,
}

/// Where a metric is shown, beside the files that hold all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What the program says at its end: every gene and method, and medians over the genes.
    Terminal,
    /// The report, below the map of a prediction.
    Caption,
    /// The report's table of methods: medians over the genes.
    Methods,
    /// MultiQC: every gene and method, and medians over the genes.
    MultiQc,
    /// MultiQC: methods on the panel.
    MultiQcPanel,
    /// The report's table of all scores: of unmeasured bins.
    Unmeasured,
    /// The same: compared with the reference, where there is one.
    Gain,
    /// The same: of all in-tissue bins.
    Tissue,
    /// The same: Moran's I.
    Moran,
    /// The same: Geary's C.
    Geary,
    /// The report's table of the panel.
    Panel,
    /// The report's table of intervals.
    Intervals,
}

/// Another prediction that a metric compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The bilinear baseline.
    Baseline,
    /// The reference that the user chose.
    Reference,
}

/// What a metric is of, and its computation; `None` where it is not defined.
#[derive(Clone, Copy)]
pub enum Of {
    /// A gene, a method and a region.
    Gene(fn(&Context) -> Option<f64>),
    /// The same, from figures of [`Of::Gene`]; in no file by itself.
    Figures(fn(&Values) -> Option<f64>),
    /// A method on the genes of a panel together.
    Panel(fn(&PanelComparison) -> Option<f64>),
    /// The intervals of a gene and a method.
    Intervals(fn(&Intervals) -> Option<f64>),
}

/// A metric.
pub struct Metric {
    /// Its name in files.
    pub key: &'static str,
    /// Its name in a table.
    pub title: &'static str,
    /// What it is, in a few words.
    pub explained: &'static str,
    /// What it is of.
    pub of: Of,
    /// Its name where a heading above says the rest; empty for its title.
    pub short: &'static str,
    /// Its name in two lines, with {} for the prediction that it compares with; empty for its title.
    pub heading: &'static str,
    /// Its unit; empty for a figure without one.
    pub unit: &'static str,
    /// Decimals in tables.
    pub digits: usize,
    /// The one region that it is defined for; `None` for both.
    pub region: Option<Region>,
    /// Which values are good.
    pub better: Better,
    /// Whether tables mark the best method.
    pub ranks: bool,
    /// What it compares with, beside the truth.
    pub against: Option<Against>,
    /// Where it is shown.
    pub places: &'static [Place],
    /// The key of the metric that it stands beside in tables; empty where it keeps its place of the files.
    pub beside: &'static str,
}

impl Metric {
    /// A metric in the files alone, without a unit, that ranks nothing.
    pub(super) const fn new(key: &'static str, title: &'static str, explained: &'static str, of: Of) -> Self {
        Metric {
            key,
            title,
            explained,
            of,
            short: "",
            heading: "",
            unit: "",
            digits: 3,
            region: None,
            better: Better::Neither,
            ranks: false,
            against: None,
            places: &[],
            beside: "",
        }
    }

    /// Its name where a heading above says the rest.
    pub fn short(&self) -> &'static str {
        if self.short.is_empty() { self.title } else { self.short }
    }

    /// Its name in up to two lines, where it compares with the prediction called `other`.
    pub fn heading(&self, other: &str) -> String {
        if self.heading.is_empty() { self.title.to_owned() } else { self.heading.replace("{}", other) }
    }

    /// `value` as tables show it: a dash where it is not defined.
    pub fn text(&self, value: Option<f64>) -> String {
        value.map_or("–".to_owned(), |value| format!("{value:.*}", self.digits))
    }

    /// The best of several methods' `values`, as it is shown; `None` where the metric ranks nothing.
    pub fn best(&self, values: impl Iterator<Item = Option<f64>>) -> Option<String> {
        let high = self.better == Better::High;
        let best = values.flatten().max_by(|a, b| if high { a.total_cmp(b) } else { b.total_cmp(a) });
        best.filter(|_| self.ranks).map(|best| self.text(Some(best)))
    }
}

/// Figures, each with its metric; `None` where one is not defined.
#[derive(Clone)]
pub struct Values(Vec<(&'static Metric, Option<f64>)>);

impl Values {
    /// Those of `metrics`.
    pub(super) fn new(metrics: impl Iterator<Item = (&'static Metric, Option<f64>)>) -> Self {
        Values(metrics.collect())
    }

    /// The figure called `key`; `None` where it is not defined.
    pub fn value(&self, key: &str) -> Option<f64> {
        let found = self.0.iter().find(|(metric, _)| metric.key == key);
        debug_assert!(found.is_some(), "no metric here is called {key}");
        found?.1
    }

    /// The figure of `metric`, which may be one of [`Of::Figures`].
    pub fn of(&self, metric: &Metric) -> Option<f64> {
        match metric.of {
            Of::Figures(of) if self.0.iter().all(|(own, _)| own.key != metric.key) => of(self),
            _ => self.value(metric.key),
        }
    }

    /// All metrics with their figures.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Metric, Option<f64>)> + '_ {
        self.0.iter().copied()
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.iter()
            .map(|(metric, value)| (metric.key, value))
            .eq(other.iter().map(|(metric, value)| (metric.key, value)))
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().map(|(metric, value)| (metric.key, value))).finish()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(metric, value)| (metric.key, value)))
    }
}
