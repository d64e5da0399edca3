//! What the surroundings say of the panel's components in a bin: features that a gene is learned from.
//!
//! A measured bin's own neighbours are farther away than those of an unmeasured one: what is learned from them distrusts neighbours too
//! much. So as much of the bin's own scores is mixed in as makes both equally uncertain under the model of each component
//! ([`Context::of`]); the gene that is learned is taken out of them first.
//!
//! Around holes it is the other way round: there, measured bins have neighbours nearer by. They are learned from as if they lay in a
//! hole themselves, with neighbours as far away ([`Context::in_holes`]).

use super::covariances::Standard;
use super::kriging::{Cokriging, Kriged};
use super::sites::{Neighbours, Sites};

/// One component of the panel.
pub struct Context {
    /// At the unmeasured bins: kriged from the measured ones.
    pub(super) targets: Vec<f64>,
    /// At the measured bins: kriged from the others.
    left_out: Vec<f64>,
    /// The share of a measured bin's own score.
    share: Vec<f64>,
}

impl Context {
    /// Of a component with these scores.
    pub(super) fn of(sites: &Sites, score: &Standard, at_targets: &Neighbours, at_sites: &Neighbours) -> Self {
        let kriging = Cokriging::new(sites, score, &[], None);
        let Kriged { mean: targets, variance } = kriging.at(at_targets);
        let wanted = variance.iter().sum::<f64>() / variance.len().max(1) as f64;
        let Kriged { mean: left_out, variance } = kriging.at(at_sites);
        let share = variance.iter().map(|variance| share(*variance, kriging.noise(), wanted)).collect();
        Context { targets, left_out, share }
    }

    /// Of a component with these scores around holes: at the measured bins from `likes`, neighbours as those of `at_targets`.
    pub(super) fn in_holes(sites: &Sites, score: &Standard, at_targets: &Neighbours, likes: &Neighbours) -> Self {
        let kriging = Cokriging::new(sites, score, &[], None);
        let left_out = kriging.at(likes).mean;
        Context { targets: kriging.at(at_targets).mean, share: vec![0.0; left_out.len()], left_out }
    }

    /// At the measured bins, with own scores `own` [site].
    pub(super) fn at_sites<'a>(&'a self, own: impl Iterator<Item = f64> + 'a) -> impl Iterator<Item = f64> + 'a {
        let others = self.left_out.iter().zip(&self.share);
        others.zip(own).map(|((left_out, share), own)| left_out + share * (own - left_out))
    }
}

/// The share a of an own value with variance `noise` beside a prediction with variance `left_out` that gives their mixture the
/// variance `wanted`: (1 − a)² · left_out + a² · noise = wanted, the smaller root; the best mixture where none is as good.
fn share(left_out: f64, noise: f64, wanted: f64) -> f64 {
    let both = left_out + noise;
    if both <= 0.0 {
        return 0.0;
    }
    let root = left_out * left_out - both * (left_out - wanted);
    if root < 0.0 { left_out / both } else { ((left_out - root.sqrt()) / both).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixture_has_the_variance_that_is_wanted() {
        for (left_out, noise, wanted) in [(0.5, 1.0, 0.4), (0.3, 0.2, 0.15), (1.0, 3.0, 0.8)] {
            let a = share(left_out, noise, wanted);
            let found = (1.0 - a).powi(2) * left_out + a * a * noise;
            assert!((found - wanted).abs() < 1e-12, "{found}, expected {wanted}");
        }
        assert_eq!(share(0.4, 0.4, 0.01), 0.5);
        assert_eq!(share(0.4, 0.1, 0.9), 0.0);
    }
}
