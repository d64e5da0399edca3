//! The section `fit` of the config: how a network is trained.

use crate::network::{Guide, InputConfig, Upsampling};
use crate::section::Scale;
use crate::{Error, Result};
use burn::tensor::DType;
use serde::{Deserialize, Serialize};

/// What a training example of the section is cut to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crop {
    /// The P×P patches of the dataset, as in the paper.
    Patches,
    /// The whole section at once: fewer and better steps on small sections.
    Whole,
}

/// What a gene's values are divided by before the network, and multiplied by after it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected rms or a number")]
pub enum GeneScale {
    /// The same number for every gene: 10 in the paper.
    Fixed(f64),
    /// A figure of the gene's own measured values.
    Of(Statistic),
}

/// A figure of a gene's measured in-tissue values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Statistic {
    /// Root mean square: genes of every strength then look alike to the network.
    Rms,
}

/// How an output of the network is held against its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distance {
    /// |e|, as in the paper: favours the median, and with it the MAE.
    L1,
    /// e² up to half of the gene's scale, straight beyond: between both.
    Huber,
    /// e²: favours the mean, and with it RMSE and PCC.
    L2,
}

/// How many examples go through the network at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected auto or a number of examples")]
pub enum MicroBatch {
    /// At most so many of the section, and so many images: the gradients of several passes are added up.
    Most(usize),
    /// What the device decides.
    By(ByDevice),
}

/// What the device decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByDevice {
    /// As many as the memory of a GPU holds; on the CPU all.
    Auto,
}

/// What the network computes in while it learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point.
    F32,
    /// f32, but products on the matrix units of an NVIDIA GPU, which keep ten bits of each factor. Once tried on the GPU beside f32 before
    /// a run; where there are no such units, f32.
    Tf32,
    /// bfloat16, eight bits of each number: for GPUs, whose kernels round what convolutions multiply and most of what lies in memory between
    /// them. Where there are no such kernels, burn's operations compute in it. Weights, sums over many pixels, losses and the optimiser stay f32,
    /// and so do the held-out error and the prediction.
    Bf16,
}

impl Precision {
    /// As a type of tensors, for burn's operations.
    pub fn dtype(self) -> DType {
        match self {
            Precision::F32 | Precision::Tf32 => DType::F32,
            Precision::Bf16 => DType::BF16,
        }
    }
}

/// How the learning rate changes over the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// The same throughout, as in the paper.
    Constant,
    /// Down to zero along half a cosine.
    Cosine,
}

/// The section `fit`. The defaults are the paper's recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FitConfig {
    /// Length of the run in passes over the patches; `steps` above 0 overrides it.
    pub epochs: usize,
    /// Length of the run in optimiser steps; 0 means `epochs`.
    pub steps: usize,
    /// What an example of the section is cut to.
    pub crop: Crop,
    /// Examples of the section per step.
    pub batch: usize,
    /// Whether natural images are learned from too.
    pub images: bool,
    /// Natural-image patches per step.
    pub image_batch: usize,
    /// Side in pixels of a dense natural-image patch.
    pub image_patch: usize,
    /// Natural images join every n-th step.
    pub image_every: usize,
    /// The sparse → dense loss joins every n-th step.
    pub dense_every: usize,
    /// How many examples go through the network at once: the result is that of the whole batch up to rounding.
    pub micro_batch: MicroBatch,
    /// What the network computes in while it learns.
    pub precision: Precision,
    /// Whether a GPU records a step and replays it, where all steps are alike.
    pub replay: bool,
    /// λ, the weight of the section's losses against the images'.
    pub lambda: f64,
    /// How an output is held against its target.
    pub loss: Distance,
    /// 𝒰, how the low-resolution image becomes the network's input.
    pub upsampling: Upsampling,
    /// What a gene's values are divided by.
    pub gene_scale: GeneScale,
    /// Input channels beside the expression; `network.input_channels` is their number plus one, plus `components`, plus `stains`.
    pub guides: Vec<Guide>,
    /// Of the panel's principal components over the measured bins, so many first ones are input channels too.
    pub components: usize,
    /// Of the dataset's guides (images and serial sections), so many first ones are input channels too.
    pub stains: usize,
    /// Share of the examples that see zeros in place of these, so that the network also works without.
    pub guide_dropout: f64,
    /// Of a panel, the share of the examples whose gene is drawn by Moran's I of its measured bins; the others are drawn evenly.
    pub by_structure: f64,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// What share of it genes start from that are trained on after their panel (`--finetune`).
    pub finetune_rate: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Steps over which the learning rate rises from zero.
    pub warmup: usize,
    /// Adam's decay rates β₁ and β₂.
    pub betas: [f64; 2],
    /// Adam's ε.
    pub epsilon: f64,
    /// Longest gradient, by its Euclidean norm over all parameters; a longer one is shortened to it. 0 clips nothing.
    pub clip: f64,
    /// Decay of the moving average of the weights that is kept as the result; 0 keeps the last weights.
    pub average: f64,
    /// Share of the measured tissue bins, in blocks, that is held out of training to choose the weights by; 0 trains on all of them.
    pub holdout: f64,
    /// Side of such a block in measured bins.
    pub holdout_block: usize,
    /// Steps between two looks at the held-out bins.
    pub evaluate_every: usize,
    /// Stop after this many steps without a lower held-out error; 0 never stops early.
    pub patience: usize,
}

impl Default for FitConfig {
    fn default() -> Self {
        FitConfig {
            epochs: 3000,
            steps: 0,
            crop: Crop::Patches,
            batch: 16,
            images: true,
            image_batch: 16,
            image_patch: 64,
            image_every: 1,
            dense_every: 1,
            micro_batch: MicroBatch::By(ByDevice::Auto),
            precision: Precision::F32,
            replay: true,
            lambda: 10.0,
            loss: Distance::L1,
            upsampling: Upsampling::Nearest,
            gene_scale: GeneScale::Fixed(10.0),
            guides: Vec::new(),
            components: 0,
            stains: 0,
            guide_dropout: 0.0,
            by_structure: 0.0,
            learning_rate: 1e-4,
            finetune_rate: 0.5,
            schedule: Schedule::Constant,
            warmup: 0,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            clip: 0.0,
            average: 0.0,
            holdout: 0.0,
            holdout_block: 5,
            evaluate_every: 100,
            patience: 0,
        }
    }
}

impl FitConfig {
    /// Refuses values that make no sense, naming the key.
    pub fn check(&self, scale: Scale) -> Result<()> {
        let wrong = |key: &str, found: String, expected: &str| {
            Err(Error::Usage(format!("fit.{key}: found {found}, expected {expected}")))
        };
        let counts = [
            ("batch", self.batch),
            ("image_batch", self.image_batch),
            ("image_every", self.image_every),
            ("dense_every", self.dense_every),
            ("holdout_block", self.holdout_block),
            ("evaluate_every", self.evaluate_every),
            ("steps or fit.epochs", self.steps.max(self.epochs)),
        ];
        let micro_batch = self.most_at_once().unwrap_or(1);
        for (key, value) in counts.into_iter().chain([("micro_batch", micro_batch)]) {
            if value == 0 {
                return wrong(key, "0".into(), "1 or more");
            }
        }
        // Above all that memory holds: what comes of them is not multiplied out first.
        let most = [
            ("batch", self.batch, 1 << 16),
            ("image_batch", self.image_batch, 1 << 16),
            ("image_patch", self.image_patch, 1 << 13),
            ("components", self.components, 1 << 10),
            ("steps", self.steps, 1 << 40),
            ("epochs", self.epochs, 1 << 40),
        ];
        if let Some((key, value, most)) = most.into_iter().find(|(_, value, most)| value > most) {
            return wrong(key, value.to_string(), &format!("{most} at most"));
        }
        let block = scale.get() * scale.get();
        if self.image_patch == 0 || !self.image_patch.is_multiple_of(block) {
            return wrong("image_patch", self.image_patch.to_string(), &format!("a multiple of scale² = {block}"));
        }
        let GeneScale::Fixed(divisor) = self.gene_scale else { return self.check_optimiser() };
        if !(divisor > 0.0 && divisor.is_finite()) {
            return wrong("gene_scale", divisor.to_string(), "a number above 0, or rms");
        }
        self.check_optimiser()
    }

    /// The most examples of a kind that go through the network at once, where that is a number.
    pub fn most_at_once(&self) -> Option<usize> {
        match self.micro_batch {
            MicroBatch::Most(most) => Some(most),
            MicroBatch::By(ByDevice::Auto) => None,
        }
    }

    /// How measured images on a lattice become the network's input.
    pub fn input(&self, scale: Scale) -> InputConfig {
        let FitConfig { upsampling, components, stains, .. } = *self;
        InputConfig {
            scale: scale.get(),
            upsampling,
            guides: self.guides.clone(),
            components,
            stains,
            scattered: false,
        }
    }

    fn check_optimiser(&self) -> Result<()> {
        let share = |value: f64| (0.0..1.0).contains(&value);
        let checks = [
            ("learning_rate", self.learning_rate > 0.0 && self.learning_rate.is_finite(), "a number above 0"),
            ("finetune_rate", self.finetune_rate > 0.0 && self.finetune_rate.is_finite(), "a number above 0"),
            ("lambda", self.lambda >= 0.0 && self.lambda.is_finite(), "0 or more"),
            ("epsilon", self.epsilon > 0.0, "a number above 0"),
            ("betas", self.betas.iter().all(|beta| share(*beta)), "two numbers from 0 up to, not including, 1"),
            ("clip", self.clip >= 0.0 && self.clip.is_finite(), "0 or more"),
            ("average", share(self.average), "a number from 0 up to, not including, 1"),
            ("guide_dropout", (0.0..=1.0).contains(&self.guide_dropout), "a share from 0 to 1"),
            ("by_structure", (0.0..=1.0).contains(&self.by_structure), "a share from 0 to 1"),
            ("holdout", (0.0..=0.5).contains(&self.holdout), "a share from 0 to 0.5"),
            ("patience", self.patience == 0 || self.holdout > 0.0, "0, or fit.holdout above 0 to see a plateau by"),
        ];
        match checks.iter().find(|(_, holds, _)| !holds) {
            Some((key, _, expected)) => {
                let found = serde_json::to_value(self).map_err(|e| Error::bug(format!("fit.{key}: {e}")))?;
                Err(Error::Usage(format!("fit.{key}: found {}, expected {expected}", found[*key])))
            }
            None => Ok(()),
        }
    }
}
