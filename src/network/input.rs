//! From measured pixels to the network's input: 𝒰, M and the guides (§1 and §3 of the method).

use crate::kernels::ops;
use crate::section::{Filling, REACH, Raster};
use burn::tensor::{Tensor, TensorData, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// 𝒰: how the pixels between measured ones start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upsampling {
    /// Every measured pixel fills its S×S block, as in the paper.
    Nearest,
    /// Bilinear between measured pixels; those outside the tissue have no weight.
    Bilinear,
}

/// A further input channel of the network beside the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Guide {
    /// M: 1 at measured pixels. After a bilinear start nothing else tells the network where they are.
    Lattice,
    /// The share of tissue among the surrounding measured pixels.
    Tissue,
}

/// What the network is given for one batch of measured images.
#[derive(Clone, Debug)]
pub struct Input {
    /// 𝒰 of the measured image [b, 1, S·m, S·n].
    pub x0: Tensor<4>,
    /// M [b, 1, S·m, S·n].
    pub mask: Tensor<4>,
    /// The guides [b, g, S·m, S·n], if there are any.
    pub guides: Option<Tensor<4>>,
}

/// How a measured image becomes the network's input; kept with the weights, since both belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputConfig {
    /// S.
    pub scale: usize,
    /// 𝒰.
    pub upsampling: Upsampling,
    /// The guides, in the order of the input channels behind the expression.
    pub guides: Vec<Guide>,
    /// Further measured images that guide it, in the channels behind those.
    #[serde(default)]
    pub components: usize,
    /// Images that are known between measured pixels as well, such as stains, in the channels behind those. In a stack each is S² channels, one for
    /// each place in the S×S block of a measured pixel, the pixel itself first.
    #[serde(default)]
    pub stains: usize,
    /// The measured bins lie on no lattice: images are as large as the whole grid and hold nothing between measured
    /// pixels, the second channel of a stack is M, and 𝒰 is `fill`.
    #[serde(default)]
    pub scattered: bool,
}

impl InputConfig {
    /// The expression alone, on a lattice of S = `scale`.
    pub fn new(scale: usize, upsampling: Upsampling) -> Self {
        InputConfig { scale, upsampling, guides: vec![], components: 0, stains: 0, scattered: false }
    }

    /// The input of measured images.
    ///
    /// # Shapes
    /// - values: `[b, 1, m, n]`, 0 outside the tissue
    /// - tissue: `[b, 1, m, n]`, 1 inside the tissue, else 0
    /// - components: `[b, components, m, n]`, 0 outside the tissue; `None` where there are none
    /// - stains: `[b, stains, S·m, S·n]`; `None` where there are none
    /// - output: `[b, ·, S·m, S·n]`
    pub fn build(
        &self,
        values: Tensor<4>,
        tissue: Tensor<4>,
        components: Option<Tensor<4>>,
        stains: Option<Tensor<4>>,
    ) -> Input {
        let (x0, components) = match components {
            // Which pixel takes a value from which is found once for all of them.
            Some(images) if self.scattered => {
                let filled = fill(Tensor::cat(vec![values, images], 1), tissue.clone());
                let rest = filled.dims()[1] - 1;
                (filled.clone().narrow(1, 0, 1), Some(filled.narrow(1, 1, rest)))
            }
            components => {
                let components = components.map(|images| self.up(images, &tissue, Upsampling::Bilinear));
                (self.up(values, &tissue, self.upsampling), components)
            }
        };
        let mask = self.mask(&tissue);
        Input { x0, guides: self.guides(tissue, &mask, components, stains), mask }
    }

    /// M.
    fn mask(&self, tissue: &Tensor<4>) -> Tensor<4> {
        let ([b, _, m, n], s) = (tissue.dims(), self.scale);
        match self.scattered {
            true => tissue.clone(),
            false => lattice_mask(&Tensor::zeros([b, 1, s * m, s * n], &tissue.device()), s),
        }
    }

    fn guides(
        &self,
        tissue: Tensor<4>,
        mask: &Tensor<4>,
        components: Option<Tensor<4>>,
        stains: Option<Tensor<4>>,
    ) -> Option<Tensor<4>> {
        let guides: Vec<Tensor<4>> = self
            .guides
            .iter()
            .map(|guide| match guide {
                Guide::Lattice => mask.clone(),
                Guide::Tissue => upsample(tissue.clone(), None, self.scale, Upsampling::Bilinear),
            })
            .chain(components)
            .chain(stains)
            .collect();
        (!guides.is_empty()).then(|| Tensor::cat(guides, 1))
    }

    fn up(&self, image: Tensor<4>, tissue: &Tensor<4>, how: Upsampling) -> Tensor<4> {
        match self.scattered {
            true => fill(image, tissue.clone()),
            false => upsample(image, Some(tissue.clone()), self.scale, how),
        }
    }
}

impl InputConfig {
    /// How many times as high and wide the network's input is as a measured image: S, or 1 without a lattice.
    pub fn factor(&self) -> usize {
        if self.scattered { 1 } else { self.scale }
    }

    /// 𝒟: the sparser image of a stack of measured ones. Without a lattice, its last channel is 1 at the pixels that stay.
    pub fn sparser(&self, stack: &Tensor<4>) -> Tensor<4> {
        match self.scattered {
            true => stack.clone() * stack.clone().narrow(1, stack.dims()[1] - 1, 1),
            false => subsample(stack.clone(), self.scale),
        }
    }

    /// The input of a stack of measured images `[b, 3 + components + …, m, n]`: values, tissue, one that is not looked at here,
    /// and the components; with the stains of its output `[b, stains, S·m, S·n]`.
    pub fn of_stack(&self, stack: &Tensor<4>, stains: Option<Tensor<4>>) -> Input {
        let [values, tissue] = [0, 1].map(|channel| stack.clone().narrow(1, channel, 1));
        self.build(values, tissue, self.components_of(stack), stains)
    }

    fn components_of(&self, stack: &Tensor<4>) -> Option<Tensor<4>> {
        (self.components > 0).then(|| stack.clone().narrow(1, 3, self.components))
    }

    /// Of that input, what a gene has for itself and where it is measured: 𝒰 and M.
    pub(super) fn start_of_stack(&self, stack: &Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let [values, tissue] = [0, 1].map(|channel| stack.clone().narrow(1, channel, 1));
        (self.up(values, &tissue, self.upsampling), self.mask(&tissue))
    }

    /// And what all genes share: the guides.
    pub(super) fn guides_of_stack(&self, stack: &Tensor<4>, stains: Option<Tensor<4>>) -> Option<Tensor<4>> {
        let tissue = stack.clone().narrow(1, 1, 1);
        let components = self.components_of(stack).map(|images| self.up(images, &tissue, Upsampling::Bilinear));
        let mask = self.mask(&tissue);
        self.guides(tissue, &mask, components, stains)
    }

    /// The stains of a stack at its own pixels `[b, stains, m, n]`; `None` where there are none.
    pub fn stains_at(&self, stack: &Tensor<4>) -> Option<Tensor<4>> {
        (self.stains > 0).then(|| stack.clone().narrow(1, 3 + self.components, self.stains))
    }

    /// The stains of a stack that lies as it was measured, at all pixels of its output `[b, stains, S·m, S·n]`; `None` where there are none.
    pub fn stains_between(&self, stack: &Tensor<4>) -> Option<Tensor<4>> {
        let ([b, _, m, n], f, count) = (stack.dims(), self.factor(), self.stains);
        (count > 0).then(|| {
            let folded = stack.clone().narrow(1, 3 + self.components, f * f * count);
            folded.reshape([b, f, f, count, m, n]).permute([0, 3, 4, 1, 5, 2]).reshape([b, count, f * m, f * n])
        })
    }

    /// The stains of a stack that was turned, in which only those at its own pixels are where they belong: these, and between them what lies on the
    /// way.
    pub fn stains_across(&self, stack: &Tensor<4>) -> Option<Tensor<4>> {
        let at = self.stains_at(stack)?;
        Some(if self.scattered { at } else { upsample(at, None, self.scale, Upsampling::Bilinear) })
    }
}

/// Every S-th pixel of both axes, from the first: 𝒟 on the lattice.
///
/// # Shapes
///
/// - x: `[b, c, h, w]`
/// - output: `[b, c, ⌈h/S⌉, ⌈w/S⌉]`
pub fn subsample(x: Tensor<4>, scale: usize) -> Tensor<4> {
    let step = scale as isize;
    x.slice(s![.., .., 0..;step, 0..;step])
}

/// 1 on the sampling lattice, else 0: M.
///
/// # Shapes
///
/// - like, output: `[b, c, h, w]`
pub(super) fn lattice_mask(like: &Tensor<4>, scale: usize) -> Tensor<4> {
    let step = scale as isize;
    like.zeros_like().slice_fill(s![.., .., 0..;step, 0..;step], 1.0)
}

/// 𝒰(`x`), S times as high and wide.
///
/// Bilinear weighs pixels by `known` (1 in tissue, else 0; `None` knows all). A pixel none of whose neighbours is known
/// becomes 0, and so does a measured pixel that is not known: the same as [`crate::section::interpolate`].
///
/// # Shapes
///
/// - x: `[b, c, h, w]`
/// - known: `[b, 1, h, w]`
/// - output: `[b, c, S·h, S·w]`
pub fn upsample(x: Tensor<4>, known: Option<Tensor<4>>, scale: usize, how: Upsampling) -> Tensor<4> {
    let linear = |image| between(between(image, scale, 2), scale, 3);
    match (how, known) {
        (Upsampling::Nearest, _) => repeat(repeat(x, scale, 2), scale, 3),
        (Upsampling::Bilinear, None) => linear(x),
        (Upsampling::Bilinear, Some(known)) => {
            let weight = linear(known.clone());
            let mean = linear(x * known) / weight.clone();
            let nothing = weight.lower_equal_elem(1e-6).expand(mean.dims());
            mean.mask_fill(nothing, 0.0)
        }
    }
}

/// 𝒰 without a lattice: pixel by pixel outwards from the `known` ones, the mean of those of the eight neighbours that have a
/// value, those beside weighing twice those at the corners. On a lattice with S = 2 it is bilinear. The same as
/// [`crate::section::fill`]; a pixel further than [`REACH`] from every known one becomes 0.
///
/// # Shapes
///
/// - x, output: `[b, c, h, w]`, only looked at where known
/// - known: `[b, 1, h, w]`, 1 or 0
pub(super) fn fill(x: Tensor<4>, known: Tensor<4>) -> Tensor<4> {
    if ops::available(&x) { filled(x, known) } else { fill_by_operations(x, known) }
}

/// [`fill`] on the CPU: which pixels take a value from which is found once for all channels, and each is written once.
fn filled(x: Tensor<4>, known: Tensor<4>) -> Tensor<4> {
    let (shape, device) = (x.dims(), x.device());
    let [_, channels, rows, cols] = shape;
    let of = |tensor: Tensor<4>| {
        tensor.try_into_vec_as::<f32>().unwrap_or_else(|e| unreachable!("f32 of the CPU can be read: {e}"))
    };
    let (mut values, known) = (of(x), of(known));
    let images = values.par_chunks_mut(channels * rows * cols).zip(known.par_chunks(rows * cols));
    images.for_each(|(image, known)| {
        let filling = Filling::between(&Raster::from_fn(rows, cols, |row, col| known[row * cols + col] > 0.0));
        image.par_chunks_mut(rows * cols).for_each(|channel| {
            channel.iter_mut().zip(known).for_each(|(value, known)| *value *= known);
            filling.fill(channel);
        });
    });
    Tensor::from_data(TensorData::new(values, shape), &device)
}

/// [`fill`] by burn's operations: the reference, and the way of other devices.
fn fill_by_operations(x: Tensor<4>, known: Tensor<4>) -> Tensor<4> {
    let tent = |image| neighbours(neighbours(image, 2), 3);
    let (mut value, mut has) = (x * known.clone(), known);
    for _ in 0..REACH {
        let weight = tent(has.clone());
        let nothing = weight.clone().lower_elem(0.5);
        let found = (tent(value.clone()) / weight.clone().clamp_min(1.0)) * (has.clone() * -1.0 + 1.0);
        value = value + found;
        has = weight.ones_like().mask_fill(nothing, 0.0);
    }
    value
}

/// Every pixel twice and its neighbours along `axis` once; beyond the edge there is nothing.
fn neighbours(x: Tensor<4>, axis: usize) -> Tensor<4> {
    let length = x.dims()[axis];
    let edge = x.clone().narrow(axis, 0, 1).zeros_like();
    let before = Tensor::cat(vec![edge.clone(), x.clone().narrow(axis, 0, length - 1)], axis);
    let after = Tensor::cat(vec![x.clone().narrow(axis, 1, length - 1), edge], axis);
    x * 2.0 + before + after
}

/// Every pixel `scale` times along `axis`.
fn repeat(x: Tensor<4>, scale: usize, axis: usize) -> Tensor<4> {
    interleave(vec![x; scale], axis)
}

/// `scale` − 1 new pixels between neighbours along `axis`, on the straight line between them; beyond the last pixel
/// it is repeated.
fn between(x: Tensor<4>, scale: usize, axis: usize) -> Tensor<4> {
    let length = x.dims()[axis];
    if length == 1 {
        return repeat(x, scale, axis);
    }
    let last = x.clone().narrow(axis, length - 1, 1);
    let next = Tensor::cat(vec![x.clone().narrow(axis, 1, length - 1), last], axis);
    let phase = |i: usize| {
        let share = i as f64 / scale as f64;
        if i == 0 { x.clone() } else { x.clone() * (1.0 - share) + next.clone() * share }
    };
    interleave((0..scale).map(phase).collect(), axis)
}

/// The first pixels of all `phases` along `axis`, then their second ones, and so on.
fn interleave(phases: Vec<Tensor<4>>, axis: usize) -> Tensor<4> {
    let mut shape = phases[0].dims();
    shape[axis] *= phases.len();
    Tensor::stack::<5>(phases, axis + 1).reshape(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Interpolation, Lattice, Raster, Scale, interpolate};
    use burn::tensor::{Device, TensorData};

    fn image(values: Vec<f32>, h: usize, w: usize) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values, [1, 1, h, w]), &Device::flex())
    }

    fn values(x: Tensor<4>) -> Vec<f32> {
        x.try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn bilinear_upsampling_is_the_interpolation_of_the_section() {
        for scale in [2, 3] {
            let (h, w) = (5, 7);
            let sparse = Raster::from_fn(h, w, |r, c| ((r * 7 + c * 3) % 11) as f32);
            let known = Raster::from_fn(h, w, |r, c| (r * c) % 4 != 1 && (r, c) != (4, 6) && !(r < 2 && c < 2));
            let lattice = Lattice::new(Scale::new(scale).unwrap());
            let expected = interpolate(Interpolation::Bilinear, lattice, &sparse, &known, h * scale, w * scale);
            let weight = known.values().iter().map(|&known| known as u8 as f32).collect();
            let sparse = image(sparse.values().to_vec(), h, w);
            let found = values(upsample(sparse, Some(image(weight, h, w)), scale, Upsampling::Bilinear));
            for (at, (found, expected)) in found.iter().zip(expected.values()).enumerate() {
                assert!((found - expected).abs() < 1e-5, "S={scale} at {at}: {found}, expected {expected}");
            }
        }
    }

    #[test]
    fn filling_is_that_of_the_section_in_every_way() {
        let (b, c, h, w) = (2, 3, 23, 31);
        let x = |b: usize, c: usize| Raster::from_fn(h, w, |row, col| ((row * 7 + col * 3 + b * 5) % (11 + c)) as f32);
        let known = |b: usize| Raster::from_fn(h, w, |row, col| (row * 13 + col * (29 + b)) % 10 < 2 && col < 26 - b);
        let all = (0..b * c).flat_map(|at| x(at / c, at % c).into_values()).collect();
        let all: Tensor<4> = image(all, b * c * h, w).reshape([b, c, h, w]);
        let flags = (0..b).flat_map(|b| known(b).into_values()).map(|known| f32::from(u8::from(known))).collect();
        let flags: Tensor<4> = image(flags, b * h, w).reshape([b, 1, h, w]);
        for way in [filled, fill_by_operations] {
            let found = values(way(all.clone(), flags.clone()));
            for (at, found) in found.chunks_exact(h * w).enumerate() {
                let expected = crate::section::fill(&x(at / c, at % c), &known(at / c)).unwrap();
                let near = |(found, expected): (&f32, &f32)| (found - expected).abs() < 1e-4;
                assert!(found.iter().zip(expected.values()).all(near), "image {at}");
            }
        }
    }

    #[test]
    fn pixels_far_from_every_known_one_are_zero() {
        let x = image(vec![7.0; 90], 3, 30);
        let known = image((0..90).map(|pixel| f32::from(u8::from(pixel % 30 == 5))).collect(), 3, 30);
        for way in [filled, fill_by_operations] {
            let found = values(way(x.clone(), known.clone()));
            let expected = (0..90).map(|pixel| if pixel % 30 <= 5 + REACH { 7.0 } else { 0.0 }).collect::<Vec<_>>();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn upsampling_leaves_measured_pixels_as_they_are() {
        let x = image((0..12).map(|i| (i * i) as f32 * 0.1).collect(), 3, 4);
        for how in [Upsampling::Nearest, Upsampling::Bilinear] {
            let up = upsample(x.clone(), None, 2, how);
            assert_eq!(up.dims(), [1, 1, 6, 8]);
            assert_eq!(values(subsample(up, 2)), values(x.clone()), "{how:?}");
        }
    }

    #[test]
    fn folded_stains_unfold_to_what_they_were() {
        let (scale, h, w) = (2, 6, 8);
        let dense = |which: usize| image((0..h * w).map(|i| (i * (which + 1)) as f32).collect(), h, w);
        let phase = |x: Tensor<4>, down: isize, right: isize| x.slice(s![.., .., down..;2, right..;2]);
        let folded = [(0, 0), (0, 1), (1, 0), (1, 1)]
            .into_iter()
            .flat_map(|(down, right)| (0..2).map(move |which| phase(dense(which), down, right)));
        let nothing = (0..4).map(|_| phase(dense(0), 0, 0));
        let stack = Tensor::cat(nothing.chain(folded).collect(), 1);
        let input = InputConfig {
            scale,
            upsampling: Upsampling::Bilinear,
            guides: Vec::new(),
            components: 1,
            stains: 2,
            scattered: false,
        };
        let expected = Tensor::cat(vec![dense(0), dense(1)], 1);
        assert_eq!(input.stains_between(&stack).unwrap().into_data(), expected.clone().into_data());
        assert_eq!(input.stains_at(&stack).unwrap().into_data(), subsample(expected, scale).into_data());
    }

    #[test]
    fn the_lattice_is_the_first_pixel_of_every_block() {
        let mask = lattice_mask(&image(vec![5.0; 15], 3, 5), 2);
        assert_eq!(values(mask), [1., 0., 1., 0., 1., 0., 0., 0., 0., 0., 1., 0., 1., 0., 1.]);
    }
}
