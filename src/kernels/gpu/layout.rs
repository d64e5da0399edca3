//! Where the parameters of a hybrid attention block lie in the network's vector, in the order of its layers, and those by which genes
//! scale and shift features.

use super::cubes::UNITS;
use super::matrix::{K, M, N, PLANE};
use super::products::Products;
use super::rows::ROWS;

/// What the hybrid attention blocks of a network have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hybrid {
    pub(super) channels: usize,
    pub(super) heads: usize,
    /// Side of a window.
    pub(super) window: usize,
    /// Channels between the convolutions of the channel attention.
    pub(super) few: usize,
    /// Features that its gates are computed through.
    pub(super) squeezed: usize,
    /// Features of the MLP's hidden layer.
    pub(super) hidden: usize,
    /// How what is no convolution multiplies.
    pub(super) products: Products,
}

impl Hybrid {
    /// Whether matrix units can have it in rows (`rows`): by eights of channels, as many as registers hold, and 16 features of the hidden
    /// layer for every eight of them, or a multiple of that.
    pub(super) const fn in_rows(&self) -> bool {
        let eights = self.channels.is_multiple_of(N) && self.channels <= 32;
        eights && self.hidden.is_multiple_of(2 * self.channels) && self.hidden <= 128
    }

    /// How attention multiplies: on matrix units where two rows of a window are a plane's, and a head's channels are one product's.
    pub(super) const fn attention(&self) -> Products {
        if self.window == N && self.head() <= K { self.products } else { Products::F32 }
    }

    /// Units of a cube of attention.
    pub(super) const fn attention_units(&self) -> u32 {
        let tokens = self.tokens();
        if self.attention().matrices { (tokens / ROWS * PLANE) as u32 } else { tokens as u32 }
    }

    /// Planes of a cube of the MLP's gradients.
    pub(super) const fn planes(&self) -> usize {
        self.hidden / M
    }

    /// Words of a pixel in the buffer of what the MLP read: bf16 by twos, or f32.
    pub(super) const fn middle(&self) -> usize {
        if self.products.halves { self.channels / 2 } else { self.channels }
    }

    /// Words of a pixel in the buffers of the few channels, and of their gradients.
    pub(super) const fn narrow(&self) -> usize {
        if self.products.halves { self.few / 2 } else { self.few }
    }

    /// Tokens of a window.
    pub(super) const fn tokens(&self) -> usize {
        self.window * self.window
    }

    /// Channels of a head.
    pub(super) const fn head(&self) -> usize {
        self.channels / self.heads
    }

    /// By what queries are multiplied.
    pub(super) fn scale(&self) -> f32 {
        1.0 / (self.head() as f32).sqrt()
    }

    /// Distances between two tokens of a window along an axis.
    pub(super) const fn distances(&self) -> usize {
        2 * self.window - 1
    }

    /// Taps of the second convolution of the channel attention, of all its inputs.
    pub(super) const fn taps(&self) -> usize {
        9 * self.few
    }

    /// Parameters of that convolution.
    pub(super) const fn expanding(&self) -> usize {
        (self.taps() + 1) * self.channels
    }

    /// Numbers of an image that the gates keep: the gates, the means that they come from, the features between, and what the taps of the
    /// second convolution meet, `[few, 9]`.
    pub(super) const fn gates(&self) -> usize {
        2 * self.channels + self.squeezed + self.taps()
    }

    /// Where of them the features between begin, and what the taps meet.
    pub(super) const fn kept_features(&self) -> usize {
        2 * self.channels
    }

    pub(super) const fn kept_taps(&self) -> usize {
        2 * self.channels + self.squeezed
    }

    pub(super) const fn norm1(&self) -> usize {
        0
    }

    pub(super) const fn norm2(&self) -> usize {
        2 * self.channels
    }

    pub(super) const fn qkv(&self) -> usize {
        self.norm2() + 2 * self.channels
    }

    pub(super) const fn proj(&self) -> usize {
        self.qkv() + 3 * self.channels * (self.channels + 1)
    }

    pub(super) const fn position_bias(&self) -> usize {
        self.proj() + self.channels * (self.channels + 1)
    }

    pub(super) const fn conv1(&self) -> usize {
        self.position_bias() + self.distances() * self.distances() * self.heads
    }

    pub(super) const fn conv2(&self) -> usize {
        self.conv1() + (9 * self.channels + 1) * self.few
    }

    pub(super) const fn squeeze(&self) -> usize {
        self.conv2() + (9 * self.few + 1) * self.channels
    }

    pub(super) const fn excite(&self) -> usize {
        self.squeeze() + (self.channels + 1) * self.squeezed
    }

    pub(super) const fn fc1(&self) -> usize {
        self.excite() + (self.squeezed + 1) * self.channels
    }

    pub(super) const fn fc2(&self) -> usize {
        self.fc1() + (self.channels + 1) * self.hidden
    }

    /// All parameters of the block.
    pub(super) const fn parameters(&self) -> usize {
        self.fc2() + (self.hidden + 1) * self.channels
    }

    /// Pixels that the MLP has in shared memory at once: a few thousand numbers of the hidden layer, twice.
    pub(super) const fn pixels(&self) -> usize {
        let mut pixels = 16;
        while pixels > 1 && pixels * (self.hidden + 2 * self.channels) > 3200 {
            pixels /= 2;
        }
        pixels
    }

    /// Units of a cube of the MLP's backward pass.
    pub(super) const fn gradient_units(&self) -> u32 {
        if self.products.matrices { (self.planes() * PLANE) as u32 } else { UNITS }
    }
}

/// Where scales and shifts, and the parameters that they come from, lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Film {
    pub(super) channels: usize,
    pub(super) cascades: usize,
    /// Sites of a stage.
    pub(super) sites: usize,
    /// Numbers of a gene.
    pub(super) embedding: usize,
    /// Parameters of a stage, and where among them W and V of its sites begin: `[sites, 2, channels, embedding]`.
    pub(super) stage: usize,
    pub(super) first: usize,
}

impl Film {
    /// Scales and shifts of an image at the sites of a stage, `[sites, 2, channels]`.
    pub(super) const fn of_stage(&self) -> usize {
        self.sites * 2 * self.channels
    }

    /// The same of all stages.
    pub(super) const fn of_image(&self) -> usize {
        self.cascades * self.of_stage()
    }
}
