//! What a panel of genes is used for, done with the predictions and with the truth: finding spatially variable genes, genes
//! that go together, and clusters of bins.

use super::clusters::{adjusted_rand_index, k_means};
use crate::components::principal_components;
use crate::section::{product, spearman, standardised};
use rayon::prelude::*;

/// Fewer genes are no panel.
pub(super) const FEWEST_GENES: usize = 10;
/// Principal components that clusters are found in.
const COMPONENTS: usize = 15;
/// Number of clusters.
pub(super) const CLUSTERS: usize = 8;

/// The values of a panel: for each gene, those of the unmeasured in-tissue bins.
pub(super) type Table = Vec<Vec<f32>>;

/// Moran's I of the genes of a panel.
#[derive(Clone, Copy)]
pub(super) struct MoransI<'a> {
    /// Of the truth.
    pub(super) truth: &'a [f64],
    /// Of the prediction.
    pub(super) predicted: &'a [f64],
}

/// The truth of a panel, with what every method is compared with.
pub(super) struct Panel {
    table: Table,
    correlations: Vec<Option<f64>>,
    clusters: Vec<usize>,
}

impl Panel {
    /// The panel whose true values are `table`.
    pub(super) fn new(table: Table) -> Self {
        let (correlations, clusters) = rayon::join(|| correlations(&table), || clusters(&table, 0));
        Panel { correlations, clusters, table }
    }

    /// Number of genes.
    pub(super) fn genes(&self) -> usize {
        self.table.len()
    }

    /// Number of bins.
    pub(super) fn bins(&self) -> usize {
        self.table.first().map_or(0, Vec::len)
    }

    /// How many of the most variable genes are compared: a fifth, at least five and at most fifty.
    pub(super) fn top(&self) -> usize {
        self.table.len().div_ceil(5).clamp(5, 50)
    }

    /// Adjusted Rand index of two clusterings of the truth from different random starts.
    pub(super) fn ari_repeat(&self) -> Option<f64> {
        adjusted_rand_index(&self.clusters, &clusters(&self.table, 1))
    }

    /// One method on the panel: Moran's I of its genes, and its predicted values.
    pub(super) fn compare<'a>(&'a self, morans_i: MoransI<'a>, predicted: &'a Table) -> PanelComparison<'a> {
        let own = correlations(predicted);
        let pairs = self.correlations.iter().zip(own).filter_map(|(truth, own)| Some(((*truth)?, own?)));
        PanelComparison { panel: self, morans_i, predicted, correlations: pairs.collect() }
    }
}

/// One prediction of a panel beside its truth: what its metrics are computed from.
pub struct PanelComparison<'a> {
    panel: &'a Panel,
    morans_i: MoransI<'a>,
    predicted: &'a Table,
    /// The correlations of every pair of genes that have one in both, of truth and prediction.
    correlations: Vec<(f64, f64)>,
}

impl PanelComparison<'_> {
    /// Spearman's correlation, over the genes, of Moran's I of prediction and truth.
    pub fn morans_i_spearman(&self) -> Option<f64> {
        spearman(self.morans_i.truth, self.morans_i.predicted)
    }

    /// Share of the truth's [`Panel::top`] genes by Moran's I that are among as many of the prediction.
    pub fn top_overlap(&self) -> f64 {
        overlap(&self.morans_i, self.panel.top())
    }

    /// Correlation of the gene–gene correlations of prediction and truth, each pair of genes once.
    pub fn gene_correlation_pcc(&self) -> Option<f64> {
        let (truth, predicted): (Vec<f64>, Vec<f64>) = self.correlations.iter().copied().unzip();
        standardised(&truth).zip(standardised(&predicted)).map(|(x, y)| product(&x, &y))
    }

    /// Mean absolute difference of the gene–gene correlations.
    pub fn gene_correlation_difference(&self) -> Option<f64> {
        self.mean(|(truth, own)| (own - truth).abs())
    }

    /// Mean gene–gene correlation of the prediction less that of the truth, in absolute values: above 0 it correlates genes
    /// more than they are.
    pub fn gene_correlation_excess(&self) -> Option<f64> {
        self.mean(|(truth, own)| own.abs() - truth.abs())
    }

    /// Adjusted Rand index of the clusters of the prediction and those of the truth.
    pub fn ari(&self) -> Option<f64> {
        adjusted_rand_index(&self.panel.clusters, &clusters(self.predicted, 0))
    }

    fn mean(&self, of: fn((f64, f64)) -> f64) -> Option<f64> {
        let pairs = &self.correlations;
        (!pairs.is_empty()).then(|| pairs.iter().map(|pair| of(*pair)).sum::<f64>() / pairs.len() as f64)
    }
}

/// The share of the `top` genes by Moran's I that truth and prediction have in common.
fn overlap(morans: &MoransI, top: usize) -> f64 {
    let first = |values: &[f64]| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
        order.truncate(top);
        order
    };
    let (truth, predicted) = (first(morans.truth), first(morans.predicted));
    truth.iter().filter(|gene| predicted.contains(gene)).count() as f64 / truth.len().max(1) as f64
}

/// The correlations of every pair of genes, row by row of the upper triangle; `None` where one of them is constant.
fn correlations(table: &Table) -> Vec<Option<f64>> {
    let wide = |gene: &Vec<f32>| standardised(&gene.iter().map(|value| f64::from(*value)).collect::<Vec<_>>());
    let genes: Vec<Option<Vec<f64>>> = table.par_iter().map(wide).collect();
    let row = |i: usize| {
        let others = genes[i + 1..].iter();
        others.map(|other| Some(product(genes[i].as_ref()?, other.as_ref()?))).collect::<Vec<_>>()
    };
    (0..genes.len()).into_par_iter().flat_map_iter(row).collect()
}

/// The clusters of the bins: k-means in the space of the first principal components.
fn clusters(table: &Table, seed: u64) -> Vec<usize> {
    let bins = table.first().map_or(0, Vec::len);
    let filled = |gene: usize| (0..).zip(table[gene].iter().copied()).filter(|(_, value)| *value != 0.0).collect();
    let components = principal_components(bins, table.len(), COMPONENTS, filled);
    // Their scores have variance 1: the distances of the table are those of scores times the root of the share.
    let point = |bin: usize| {
        let axes = components.scores.iter().zip(&components.shares);
        axes.map(|(scores, share)| f64::from(scores[bin]) * share.sqrt()).collect()
    };
    k_means(&(0..bins).map(point).collect::<Vec<Vec<f64>>>(), CLUSTERS, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve genes over 300 bins, in three groups of their own pattern each.
    fn table(noise: f32) -> Table {
        let gene = |gene: usize| {
            (0..300).map(move |bin: usize| {
                let level = if bin / 100 == gene % 3 { 3.0 } else { 0.5 };
                level + noise * (((bin * 31 + gene * 17) % 13) as f32 / 13.0 - 0.5)
            })
        };
        (0..12).map(|number| gene(number).collect()).collect()
    }

    #[test]
    fn the_truth_itself_is_perfect() {
        let (truth, morans) = (table(0.4), (0..12).map(f64::from).collect::<Vec<_>>());
        let panel = Panel::new(truth.clone());
        let own = panel.compare(MoransI { truth: &morans, predicted: &morans }, &truth);
        assert_eq!((panel.genes(), panel.bins(), panel.top(), own.top_overlap()), (12, 300, 5, 1.0));
        assert_eq!(own.ari(), Some(1.0), "the same bins, the same start, the same clusters");
        assert!((own.morans_i_spearman().unwrap() - 1.0).abs() < 1e-12);
        assert!((own.gene_correlation_pcc().unwrap() - 1.0).abs() < 1e-12);
        assert_eq!((own.gene_correlation_difference(), own.gene_correlation_excess()), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn smoothing_raises_correlations_and_an_upside_down_rank_is_minus_one() {
        let (rising, falling): (Vec<f64>, Vec<f64>) =
            ((0..12).map(f64::from).collect(), (0..12).rev().map(f64::from).collect());
        let (panel, smooth) = (Panel::new(table(3.0)), table(0.0));
        let own = panel.compare(MoransI { truth: &rising, predicted: &falling }, &smooth);
        assert_eq!((own.morans_i_spearman(), own.top_overlap()), (Some(-1.0), 0.0));
        assert!(own.gene_correlation_excess().unwrap() > 0.05 && own.gene_correlation_pcc().unwrap() > 0.9);
    }

    #[test]
    fn a_gene_that_does_not_vary_has_no_correlations() {
        let found = correlations(&vec![vec![1.0, 2.0, 3.0], vec![0.1; 3], vec![3.0, 2.0, 1.0]]);
        assert!(found[0].is_none() && found[2].is_none() && (found[1].unwrap() + 1.0).abs() < 1e-12);
    }
}
