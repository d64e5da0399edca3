//! What was measured in every bin, images above all, as further features of the forest.
//!
//! A guide is known at a bin itself, so that nothing has to be guessed at a distance: its value there, and that value minus what the
//! measured bins around say of it, which is what the guide knows and neighbours do not.

use super::covariances::Standard;
use super::forest::{Distribution, Features, Forest};
use super::kriging::Cokriging;
use super::sites::{Neighbours, Sites};
use crate::section::Raster;
use rayon::prelude::*;

/// Guides as columns of features.
pub(super) struct Guides {
    /// [column][measured bin]
    at_sites: Vec<Vec<f64>>,
    /// [column][unmeasured bin]
    at_targets: Vec<Vec<f64>>,
}

/// A forest that learned a gene with guides, and what is asked of it at the unmeasured bins.
pub(super) struct Guided {
    pub(super) forest: Forest,
    pub(super) asked: Features,
    /// At the measured bins, where those that were learned from are as if in holes.
    pub(super) pictured: Option<Features>,
}

/// What guides change in the predictions of a gene.
pub(super) struct Guidance {
    /// How much of the change in the forest the measured bins confirm, 0 to 1.
    pub(super) share: f64,
    pub(super) unmeasured: Vec<Change>,
    pub(super) measured: Vec<Change>,
}

/// The means of the forests without and with guides at a bin, and the guides' share.
#[derive(Clone, Copy)]
pub(super) struct Change {
    without: f64,
    with: f64,
    share: f64,
}

impl Guides {
    /// Of `maps` [rows, cols], NaN where they have no value, standardised over the measured bins; `None` without any that varies.
    pub(super) fn new(
        maps: &[Raster<f32>],
        sites: &Sites,
        at_targets: &Neighbours,
        at_sites: &Neighbours,
    ) -> Option<Self> {
        let both = |map: &Raster<f32>| {
            let of = |bins: &[(usize, usize)]| bins.iter().map(|bin| f64::from(map[*bin])).collect::<Vec<f64>>();
            let (own, wanted) = (of(&sites.at), of(&at_targets.bins));
            let known: Vec<f64> = own.iter().copied().filter(|value| value.is_finite()).collect();
            let Standard { mean, deviation, .. } = Standard::of(&known);
            (deviation > 1e-9).then(|| {
                let standard = |value: f64| if value.is_finite() { (value - mean) / deviation } else { 0.0 };
                let [own, wanted] = [own, wanted].map(|values| values.into_iter().map(standard).collect::<Vec<f64>>());
                let field = Standard::of(&own);
                let kriging = Cokriging::new(sites, &field, &[], None);
                let beyond = |values: &[f64], around: &Neighbours| {
                    values.iter().zip(kriging.at(around).mean).map(|(value, expected)| value - expected).collect()
                };
                [(beyond(&own, at_sites), beyond(&wanted, at_targets)), (own, wanted)]
            })
        };
        let columns: Vec<_> = maps.par_iter().filter_map(both).collect();
        let (at_sites, at_targets): (Vec<_>, Vec<_>) = columns.into_iter().flatten().unzip();
        (!at_sites.is_empty()).then_some(Guides { at_sites, at_targets })
    }

    /// The columns at the measured bins.
    pub(super) fn at_sites(&self) -> &[Vec<f64>] {
        &self.at_sites
    }

    /// The columns at the unmeasured bins.
    pub(super) fn at_targets(&self) -> &[Vec<f64>] {
        &self.at_targets
    }
}

impl Guided {
    /// What it changes beside the forest `without` guides, which is `asked` at the unmeasured bins and `pictured` at the measured ones, if not
    /// as they were learned; bins that every tree drew are told the `whole`. `targets` are the gene's values in the measured bins.
    ///
    /// The share is the coefficient of the regression of what the forest without guides leaves on what guides change in it, both out of
    /// bag: no bin that was not measured has a part in it. A guide that says nothing has a share near 0.
    pub(super) fn beside(
        &self,
        without: (&Forest, &Features, Option<&Features>),
        whole: &Distribution,
        targets: &[f32],
    ) -> Guidance {
        let (without, asked, pictured) = without;
        let out_of_bag = |forest: &Forest, features: Option<&Features>| {
            forest.each_out_of_bag_at(features, |_, found| found.unwrap_or(whole).mean())
        };
        let everywhere = |forest: &Forest, asked| forest.each(asked, |_, distribution| distribution.mean());
        let (before, after) = (out_of_bag(without, None), out_of_bag(&self.forest, None));
        let (mut both, mut square) = (0.0, 0.0);
        for ((before, after), target) in before.iter().zip(&after).zip(targets) {
            both += (f64::from(*target) - before) * (after - before);
            square += (after - before).powi(2);
        }
        let share = if square > 0.0 { (both / square).clamp(0.0, 1.0) } else { 0.0 };
        let changes = |without: Vec<f64>, with: Vec<f64>| {
            without.into_iter().zip(with).map(|(without, with)| Change { without, with, share }).collect()
        };
        let unmeasured = changes(everywhere(without, asked), everywhere(&self.forest, &self.asked));
        let measured = match (pictured, &self.pictured) {
            (Some(pictured), Some(own)) => {
                changes(out_of_bag(without, Some(pictured)), out_of_bag(&self.forest, Some(own)))
            }
            _ => changes(before, after),
        };
        Guidance { share, unmeasured, measured }
    }
}

impl Change {
    /// The `value` of an expert without guides, moved by their share: half way to the forest with guides, half by as much as guides
    /// changed the forest.
    pub(super) fn moved(&self, value: f64) -> f64 {
        value + self.share * ((self.with - value) + (self.with - self.without)) / 2.0
    }

    /// The forest's mean with the guides' share.
    pub(super) fn forest(&self) -> f64 {
        self.moved(self.without)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experts::{Experts, Panel, Trials};
    use crate::section::{Lattice, Sampling, Scale};

    /// A gene of bins whose stain is known everywhere and looks like noise to neighbours: the error of the mean, by the guide that is given.
    fn errors(guides: &dyn Fn(usize, usize) -> Option<f32>) -> f64 {
        let noise = |row: usize, col: usize, seed: usize| {
            let bits = (row * 7919 + col * 104_729 + seed * 1_299_709).wrapping_mul(2_654_435_761) >> 7;
            (bits % 1000) as f32 / 500.0 - 1.0
        };
        let sampling = Sampling::regular(Lattice::new(Scale::new(2).expect("two")), 40, 44);
        let tissue = Raster::filled(40, 44, true);
        let gene = Raster::from_fn(40, 44, |row, col| 2.0 + noise(row, col, 1) + 0.2 * noise(row, col, 2));
        let guide = Raster::from_fn(40, 44, |row, col| guides(row, col).unwrap_or_else(|| noise(row, col, 1)));
        let none = guides(0, 0) == Some(f32::INFINITY);
        let panel = Panel {
            sampling: sampling.clone(),
            tissue: tissue.clone(),
            components: Vec::new(),
            variances: Vec::new(),
            guides: if none { Vec::new() } else { vec![guide] },
        };
        let seen =
            Raster::from_fn(40, 44, |row, col| if sampling.measures(row, col) { gene[(row, col)] } else { f32::NAN });
        let evidence = Trials::new(&panel).and_then(|trials| trials.evidence(&seen, 0)).expect("enough bins");
        let found = Experts::new(panel).predict(&seen, &evidence.weights, 0.9, 0).expect("bins are measured");
        let squares = (0..40 * 44).map(|i| (i / 44, i % 44)).filter(|(row, col)| !sampling.measures(*row, *col));
        squares.map(|bin| f64::from(found.mean[bin] - gene[bin]).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn a_guide_that_knows_the_gene_is_followed_and_one_that_does_not_is_left_alone() {
        let none = errors(&|_, _| Some(f32::INFINITY));
        assert!(errors(&|_, _| None) < 0.5 * none);
        let strange = |row: usize, col: usize| Some((((row * 31 + col * 17) * 7907) % 101) as f32);
        assert!(errors(&strange) < 1.02 * none, "{} {none}", errors(&strange));
        // A constant says nothing, and nor do bins that the image does not reach.
        assert_eq!(errors(&|_, _| Some(3.0)), none);
        assert_eq!(errors(&|_, _| Some(f32::NAN)), none);
    }
}
