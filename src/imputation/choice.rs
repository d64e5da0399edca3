//! What predicts a gene: networks, experts or interpolation, decided from measured bins alone.

use super::experts::panel;
use super::neighbours::Beside;
use super::network::NetworkImputer;
use crate::dataset::Dataset;
use crate::experts::{Evidence, Experts, Known, Prediction, Trials, Weights};
use crate::section::Raster;
use crate::store::{Choice, Expected, Predictor};
use crate::{Error, Result};

/// The network's name among the weights of a choice.
const NETWORK: &str = "network";

/// The experts of a section, and what is known of them without truth.
pub(super) struct Chooser {
    experts: Experts,
    trials: Option<Trials>,
    beside: Beside,
}

impl Chooser {
    pub(super) fn new(dataset: &Dataset) -> Result<Self> {
        let panel = panel(dataset)?;
        let trials = Trials::new(&panel);
        if trials.is_none() {
            tracing::warn!(
                "predict: too few measured bins in the tissue to tell what predicts them best: genes are interpolated, and nothing is known of their errors"
            );
        }
        Ok(Chooser { experts: Experts::new(panel), trials, beside: Beside::new(dataset)? })
    }

    /// The experts' prediction of `gene`, equal ones without a choice.
    pub(super) fn equal(
        &self,
        dataset: &Dataset,
        gene: &str,
        values: &Raster<f32>,
        coverage: f64,
    ) -> Result<Prediction> {
        let known = Known { values, guides: &self.beside.guides(gene)? };
        self.ask(dataset, known, &Weights::equal(), coverage)
    }

    /// The experts' prediction of `gene`, or of other values without one, by the weights that measured bins give them; and the choice, with a `network` and the share
    /// that it has if nothing speaks against it.
    pub(super) fn choose(
        &self,
        dataset: &Dataset,
        gene: Option<&str>,
        values: &Raster<f32>,
        network: Option<(&NetworkImputer, f64)>,
        coverage: f64,
    ) -> Result<(Prediction, Choice)> {
        let guides = gene.map_or_else(|| Ok(Vec::new()), |gene| self.beside.guides(gene))?;
        let known = Known { values, guides: &guides };
        let evidence = self.trials.as_ref().and_then(|trials| trials.evidence(known, 0));
        let choice = decide(evidence.as_ref(), network.map(|(network, share)| (held_out_ratio(network), share)));
        let weights = evidence.map_or_else(Weights::kriging, |evidence| evidence.weights);
        Ok((self.ask(dataset, known, &weights, coverage)?, choice))
    }

    fn ask(&self, dataset: &Dataset, known: Known, weights: &Weights, coverage: f64) -> Result<Prediction> {
        self.experts.predict(known, weights, coverage, 0).ok_or_else(|| {
            Error::data(dataset.folder(), "no measured bin is in the tissue. Lower min_counts of s2s-prep")
        })
    }
}

/// The network's part in the mean of a choice.
pub(super) fn network_weight(choice: &Choice) -> f64 {
    choice.weight(NETWORK)
}

/// The choice of a network alone, as the config asks for it.
pub(super) fn network_alone(network: &NetworkImputer) -> Choice {
    let why = match held_out_ratio(network) {
        Some(ratio) if ratio >= 1.0 => {
            let gene = network.gene();
            tracing::warn!(
                "predict: the network of {gene} did not beat the interpolation it starts from on its held-out bins ({ratio:.3} of its error). Train it longer, or give the experts a part: --set predict.network_share=0.25"
            );
            format!("as asked for, although its error on held-out bins was {ratio:.3} of that of interpolation")
        }
        Some(ratio) => format!("as asked for; its error on held-out bins was {ratio:.3} of that of interpolation"),
        None => "as asked for; no bins were held out of its fit".to_owned(),
    };
    Choice { by: Predictor::Network, why, network: None, weights: vec![(NETWORK.to_owned(), 1.0)], expected: None }
}

fn held_out_ratio(network: &NetworkImputer) -> Option<f64> {
    network.metadata().1.held_out_ratio
}

/// What predicts, given the evidence on the experts, and of a network the ratio on held-out bins and its share.
fn decide(evidence: Option<&Evidence>, network: Option<(Option<f64>, f64)>) -> Choice {
    let weights = evidence.map_or_else(Weights::kriging, |evidence| evidence.weights);
    let (share, network) = match (evidence, network) {
        (Some(evidence), Some((ratio, share))) if !evidence.interpolated => match ratio {
            Some(ratio) if ratio >= 1.0 => {
                let lost = format!("on held-out bins its error was {ratio:.3} of that of interpolation");
                (0.0, Some(format!("the network has no part: {lost}")))
            }
            _ => (share, None),
        },
        _ => (0.0, None),
    };
    let experts = Weights::EXPERTS.iter().zip(weights.values());
    let experts = experts.map(|(name, weight)| ((*name).to_owned(), (1.0 - share) * weight));
    let weights = experts.chain([(NETWORK.to_owned(), share)]).filter(|(_, weight)| *weight > 0.0).collect();
    let (by, why) = match evidence {
        None => (Predictor::Interpolation, "too few measured bins to tell what is better".to_owned()),
        Some(evidence) if evidence.interpolated => {
            (Predictor::Interpolation, "it predicted measured bins better than the experts, beyond doubt".to_owned())
        }
        Some(evidence) => {
            let ratio = evidence.ratio;
            (Predictor::Blend, format!("measured bins were predicted with {ratio:.3} of the error of interpolation"))
        }
    };
    let expected = evidence.map(|evidence| Expected {
        rmse_ratio: evidence.ratio,
        between: evidence.between,
        correlation: evidence.correlation,
        bins: evidence.bins,
    });
    Choice { by, why, network, weights, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(interpolated: bool) -> Evidence {
        let weights = if interpolated { Weights::kriging() } else { Weights::equal() };
        Evidence { weights, interpolated, ratio: 0.95, between: [0.9, 1.0], correlation: Some(0.6), bins: 900 }
    }

    #[test]
    fn weights_add_up_to_one_and_nothing_that_lost_has_a_part() {
        let none = decide(None, Some((Some(0.8), 0.25)));
        assert_eq!((none.by, none.weights.clone()), (Predictor::Interpolation, vec![("kriging".to_owned(), 1.0)]));
        assert!(none.expected.is_none());
        let lost = decide(Some(&evidence(true)), Some((Some(0.8), 0.25)));
        assert_eq!((lost.by, network_weight(&lost)), (Predictor::Interpolation, 0.0));
        let bad_network = decide(Some(&evidence(false)), Some((Some(1.2), 0.25)));
        assert_eq!((bad_network.by, network_weight(&bad_network)), (Predictor::Blend, 0.0));
        assert!(bad_network.network.as_ref().is_some_and(|why| why.contains("1.200")));
        let both = decide(Some(&evidence(false)), Some((Some(0.8), 0.25)));
        assert_eq!((both.by, network_weight(&both)), (Predictor::Blend, 0.25));
        for choice in [none, lost, bad_network, both] {
            assert!((choice.weights.iter().map(|(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-12, "{choice:?}");
        }
    }
}
