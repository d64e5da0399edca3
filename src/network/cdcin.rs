//! The cascade of stages, each started from data consistency.

use super::data_consistency::data_consistency;
use super::genes::Genes;
use super::hybrid_attention::HybridAttentionConfig;
use super::input::Input;
use super::layers::Draw;
use super::rdhab::RdhabConfig;
use super::rdhan::{Rdhan, RdhanConfig};
use super::rounding::Rounding;
use super::window_attention::Windows;
use crate::{Error, Result};
use burn::module::Module;
use burn::tensor::ops::PadMode;
use burn::tensor::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

/// Configuration of a [`Cdcin`]. The defaults are the paper's network, 3,310,659 parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CdcinConfig {
    /// K, the stages of the cascade. Default: 3
    pub cascades: usize,
    /// C, the channels between layers. Default: 32
    pub channels: usize,
    /// G, the channels that each dense layer adds. Default: 32
    pub growth: usize,
    /// D, the blocks of a stage. Default: 8
    pub blocks: usize,
    /// Dense layers of a block. Default: 4
    pub layers: usize,
    /// Side of an attention window in bins, even. Default: 8
    pub window: usize,
    /// Attention heads; they divide `channels`. Default: 4
    pub heads: usize,
    /// α, the weight of channel attention beside window attention. Default: 0.01
    pub alpha: f64,
    /// Hidden features of the MLP over `channels`. Default: 4
    pub mlp_ratio: usize,
    /// Channel attention convolves through `channels` / `compress` channels. Default: 4
    pub compress: usize,
    /// Channel attention summarises through `channels` / `squeeze` features. Default: 8
    pub squeeze: usize,
    /// 1 for expression alone; each guide image adds one. Default: 1
    pub input_channels: usize,
    /// Whether blocks have hybrid attention (the ablation "without HAB" is false). Default: true
    pub attention: bool,
    /// Whether measured pixels are put back before every stage (the ablation "without DC" is false). Default: true
    pub data_consistency: bool,
    /// Start each stage's last convolution at zero, so that an untrained network returns its input. Default: false
    pub zero_reconstruct: bool,
    /// E, the numbers by which genes that share a network scale and shift its features, each its own; 0 for none. Default: 0
    pub gene_embedding: usize,
}

impl Default for CdcinConfig {
    fn default() -> Self {
        CdcinConfig {
            cascades: 3,
            channels: 32,
            growth: 32,
            blocks: 8,
            layers: 4,
            window: 8,
            heads: 4,
            alpha: 0.01,
            mlp_ratio: 4,
            compress: 4,
            squeeze: 8,
            input_channels: 1,
            attention: true,
            data_consistency: true,
            zero_reconstruct: false,
            gene_embedding: 0,
        }
    }
}

impl CdcinConfig {
    /// Refuses dimensions that make no network, with [`Error::Usage`] naming the key, what it is and what it must be.
    pub fn check(&self) -> Result<()> {
        let at_least_one = [
            ("cascades", self.cascades),
            ("channels", self.channels),
            ("growth", self.growth),
            ("blocks", self.blocks),
            ("layers", self.layers),
            ("input_channels", self.input_channels),
        ];
        let attention_only = [("heads", self.heads), ("mlp_ratio", self.mlp_ratio)];
        let attention_only = attention_only.iter().filter(|_| self.attention);
        if let Some((key, _)) = at_least_one.iter().chain(attention_only).find(|(_, value)| *value == 0) {
            return Err(Error::Usage(format!("network.{key} is 0; expected at least 1")));
        }
        if self.attention {
            self.check_attention()?;
        }
        self.check_size()
    }

    fn check_attention(&self) -> Result<()> {
        if self.window < 2 || !self.window.is_multiple_of(2) {
            return Err(Error::Usage(format!(
                "network.window is {}; expected an even number, because every second block shifts by half a window",
                self.window
            )));
        }
        for (key, divisor) in [("heads", self.heads), ("compress", self.compress), ("squeeze", self.squeeze)] {
            if !self.channels.is_multiple_of(divisor) {
                return Err(Error::Usage(format!(
                    "network.{key} is {divisor}; expected a divisor of network.channels, which is {}",
                    self.channels
                )));
            }
        }
        if !self.alpha.is_finite() {
            return Err(Error::Usage(format!("network.alpha is {}; expected a finite number", self.alpha)));
        }
        Ok(())
    }

    /// Initialise a [`Cdcin`] on `device` from a config that passes [`CdcinConfig::check`].
    ///
    /// A seed gives the same weights, bit for bit, on every device.
    pub fn init(&self, seed: u64, device: &Device) -> Cdcin {
        let draw = &mut Draw::new(seed);
        let stage = self.stage();
        let stages = (0..self.cascades).map(|_| stage.init(draw, device)).collect();
        Cdcin { stages, genes: None, config: self.clone(), flat: None, rounding: Rounding::None }
    }

    fn stage(&self) -> RdhanConfig {
        let attention = self.attention.then_some(HybridAttentionConfig {
            channels: self.channels,
            window: self.window,
            heads: self.heads,
            alpha: self.alpha,
            mlp_ratio: self.mlp_ratio,
            compress: self.compress,
            squeeze: self.squeeze,
        });
        RdhanConfig {
            input_channels: self.input_channels,
            blocks: self.blocks,
            block: RdhabConfig { channels: self.channels, growth: self.growth, layers: self.layers, attention },
            zero_reconstruct: self.zero_reconstruct,
            gene_embedding: self.gene_embedding,
        }
    }
}

/// The cascaded data-consistent imputation network (method §3).
///
/// # Params
///
/// - `stages`: [`Rdhan`], one per cascade; they share no weights
/// - `genes`: [`Genes`], of a network that genes share; they change nothing before they have learned
///
/// Should be created with [`CdcinConfig`].
#[derive(Module, Debug)]
pub struct Cdcin {
    /// One per cascade.
    pub stages: Vec<Rdhan>,
    /// What it knows of each gene.
    pub genes: Option<Genes>,
    #[module(skip)]
    pub(super) config: CdcinConfig,
    /// The weights where they are not in the stages; see [`super::trainable`].
    #[module(skip)]
    pub(super) flat: Option<Tensor<1>>,
    /// What kernels of a GPU round; see [`Cdcin::with_rounding`].
    #[module(skip)]
    pub(super) rounding: Rounding,
}

impl Cdcin {
    /// The configuration that this network was made from.
    pub fn config(&self) -> &CdcinConfig {
        &self.config
    }

    /// The same network, whose kernels on a GPU round like this.
    pub fn with_rounding(self, rounding: Rounding) -> Self {
        Cdcin { rounding, ..self }
    }

    /// The network for other genes: each takes the embedding of one that this network knows, or, where it is `None`, the mean of
    /// all. Where it knows none, they are drawn from `seed`. A network without embeddings stays as it is.
    pub fn for_genes(&self, genes: &[Option<usize>], seed: u64, device: &Device) -> Cdcin {
        let embedding = self.config.gene_embedding;
        let genes = match &self.genes {
            Some(known) => Some(known.only(genes)),
            // Not the stream of the first weights.
            None if embedding > 0 => Some(Genes::draw(genes.len(), embedding, &mut Draw::new(!seed), device)),
            None => None,
        };
        Cdcin { genes, ..self.clone() }
    }

    /// The same network with embeddings of `embedding` numbers, which change nothing yet, if it has none.
    pub fn with_embedding(&self, embedding: usize, device: &Device) -> Cdcin {
        if self.config.gene_embedding > 0 {
            return self.clone();
        }
        let config = CdcinConfig { gene_embedding: embedding, ..self.config.clone() };
        let stage = config.stage();
        let stages = self.stages.iter().map(|old| Rdhan { film: stage.film(device), ..old.clone() });
        Cdcin { stages: stages.collect(), genes: None, config, flat: None, rounding: Rounding::None }
    }

    /// How many genes it knows by an embedding.
    pub fn known_genes(&self) -> usize {
        self.genes.as_ref().map_or(0, |genes| genes.table.dims()[0])
    }

    /// As [`forward_of`](Cdcin::forward_of), of a gene that the network does not know.
    pub fn forward(&self, x0: Tensor<4>, mask: Tensor<4>, guides: Option<Tensor<4>>) -> Vec<Tensor<4>> {
        let genes = vec![None; x0.dims()[0]];
        self.forward_of(x0, mask, guides, &genes)
    }

    /// The outputs x₁ … x_K of all stages; the last one is the imputation, the others serve the loss.
    ///
    /// Images whose sides are no multiple of the window are padded by reflection (by repetition where they are too
    /// small for that) and cropped again.
    ///
    /// # Shapes
    ///
    /// - x0: `[b, 1, h, w]`, the upsampled measurement
    /// - mask: `[b, 1, h, w]`, 1 where x0 is a measured pixel, else 0
    /// - guides: `[b, input_channels − 1, h, w]`, further images that every stage sees; `None` where there are none
    /// - genes: b times the row of the gene's embedding; `None` for the mean of all, and without effect where there are none
    /// - output: K times `[b, 1, h, w]`
    pub fn forward_of(
        &self,
        x0: Tensor<4>,
        mask: Tensor<4>,
        guides: Option<Tensor<4>>,
        genes: &[Option<usize>],
    ) -> Vec<Tensor<4>> {
        #[cfg(feature = "gpu")]
        if self.fuses(&x0) {
            return self.fused(vec![(Input { x0, mask, guides }, genes.to_vec())]).remove(0);
        }
        let embedded = self.genes.as_ref().map(|known| known.of(genes));
        let [_, _, h, w] = x0.dims();
        let [x0, mask] = [x0, mask].map(|image| self.to_windows(image));
        let guides = guides.map(|image| self.to_windows(image));
        let mut x = x0.clone();
        let [b, tall, wide, _] = x.dims();
        let windows = self.config.attention.then(|| Windows::new(tall, wide, self.config.window, &x.device()));
        let mut outputs = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            if self.config.data_consistency {
                x = data_consistency(x, x0.clone(), mask.clone());
            }
            let input = std::iter::once(&x).chain(&guides).map(|image| image.clone().cast(self.dtype()));
            let residual = stage.forward(input.collect(), windows.as_ref(), embedded.as_ref());
            x = x + residual.cast(DType::F32);
            outputs.push(x.clone().reshape([b, 1, tall, wide]).narrow(2, 0, h).narrow(3, 0, w));
        }
        outputs
    }

    /// [`Cdcin::forward_of`] of each of these inputs and its genes, whose sizes may differ: one after the other as they are asked
    /// for, or all in one pass where the whole cascade is one operation.
    pub fn forward_each<'a>(
        &'a self,
        inputs: impl Iterator<Item = (Input, Vec<Option<usize>>)> + 'a,
    ) -> Box<dyn Iterator<Item = Vec<Tensor<4>>> + 'a> {
        #[cfg(feature = "gpu")]
        let inputs = {
            let mut inputs = inputs.peekable();
            if inputs.peek().is_some_and(|(input, _)| self.fuses(&input.x0)) {
                return Box::new(self.fused(inputs.collect()).into_iter());
            }
            inputs
        };
        Box::new(inputs.map(|(Input { x0, mask, guides }, genes)| self.forward_of(x0, mask, guides, &genes)))
    }

    /// What the stages compute in: the type of the weights. Between the stages everything is f32, so that measured pixels
    /// stay what they are.
    fn dtype(&self) -> DType {
        self.stages.first().map_or(DType::F32, |stage| stage.reconstruct.bias.val().dtype())
    }

    /// Guides as the stages read them, for passes that see the same ones: what is laid out once need not be copied for each stage of each pass.
    ///
    /// # Shapes
    ///
    /// - guides: `[b, g, h, w]`
    /// - output: `[b, g, h', w']`, with sides that are multiples of the window where stages are separate operations
    pub(super) fn laid_out(&self, guides: Tensor<4>) -> Tensor<4> {
        #[cfg(feature = "gpu")]
        if self.fuses(&guides) {
            return guides;
        }
        let images = self.to_windows(guides);
        let [b, h, w, g] = images.dims();
        // Numbers lie in the order of the axes after a reshape, and stay where they are when axes are swapped.
        images.reshape([b * h * w, g]).reshape([b, h, w, g]).permute([0, 3, 1, 2])
    }

    /// `[b, c, h, w]` → `[b, h', w', c]` with sides that are multiples of the window.
    pub(super) fn to_windows(&self, image: Tensor<4>) -> Tensor<4> {
        let [_, _, h, w] = image.dims();
        let missing = |length: usize| match self.config.attention {
            true => length.next_multiple_of(self.config.window) - length,
            false => 0,
        };
        let image = pad(image, [(0, missing(h)), (0, 0)], h);
        pad(image, [(0, 0), (0, missing(w))], w).permute([0, 2, 3, 1])
    }
}

/// Pads the axis of `length` pixels after its end.
fn pad(image: Tensor<4>, padding: [(usize, usize); 2], length: usize) -> Tensor<4> {
    match padding[0].1.max(padding[1].1) {
        0 => image,
        missing if missing < length => image.pad(padding, PadMode::Reflect),
        _ => image.pad(padding, PadMode::Edge),
    }
}
