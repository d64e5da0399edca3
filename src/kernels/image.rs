//! Channels-last images that convolutions read and write.

use std::ops::Range;

use super::simd::Simd;

/// How many images of how many pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Images.
    pub(crate) batch: usize,
    /// Rows of an image.
    pub(crate) height: usize,
    /// Columns of an image.
    pub(crate) width: usize,
}

impl Extent {
    /// Pixels of all images together.
    pub(crate) fn pixels(&self) -> usize {
        self.batch * self.height * self.width
    }
}

/// A channels-last image `[batch, height, width, channels]` that is part of an input.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The values.
    pub(crate) values: &'a [f32],
    /// Its channels.
    pub(crate) channels: usize,
}

impl<'a> Source<'a> {
    /// Some of its pixels, counted through all images.
    pub(crate) fn part(&self, pixels: Range<usize>) -> Source<'a> {
        Source { values: &self.values[pixels.start * self.channels..pixels.end * self.channels], ..*self }
    }
}

/// What is done with each value of a product before it is written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Finish<'a> {
    /// One value for each channel, to add.
    pub(crate) bias: Option<&'a [f32]>,
    /// Add to what the output holds, instead of replacing it.
    pub(crate) add: bool,
    /// Negative values become 0.
    pub(crate) relu: bool,
    /// Of the output's shape: where it is not positive, the value becomes 0 (the gradient of ReLU).
    pub(crate) gate: Option<&'a [f32]>,
}

impl<'a> Finish<'a> {
    /// The same for a part of the output.
    #[inline(always)]
    pub(crate) fn part(&self, values: Range<usize>) -> Self {
        Self { gate: self.gate.map(|gate| &gate[values]), ..*self }
    }

    /// Finishes as many of the lanes of `v` as a pixel has outputs from `o` on, and writes them to `out`, of which the gate has the
    /// shape and in which the pixel's outputs begin at `pixel`.
    #[inline(always)]
    pub(crate) fn write<S: Simd>(&self, s: S, v: S::V, o: usize, outputs: usize, pixel: usize, out: &mut [f32]) {
        let last = outputs.min(o + S::LANES);
        let lanes = pixel + o..pixel + last;
        let mut v = v;
        if let Some(bias) = self.bias {
            v = s.add(v, s.load_part(&bias[o..last]));
        }
        if self.add {
            v = s.add(v, s.load_part(&out[lanes.clone()]));
        }
        if self.relu {
            v = s.max(v, s.splat(0.0));
        }
        if let Some(gate) = self.gate {
            v = s.keep_positive(s.load_part(&gate[lanes.clone()]), v);
        }
        s.store_part(&mut out[lanes], v);
    }
}
