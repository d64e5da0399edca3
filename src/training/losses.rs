//! What training minimises (method §4): L1 against measured bins and natural images, weighted over the cascade.
//!
//! Pure functions of tensors `[b, 1, h, w]`; nothing here reads a value back from the device.

use crate::network::Cdcin;
use burn::tensor::{Tensor, s};
use serde::{Deserialize, Serialize};

/// 𝒰: how a low-resolution image becomes the network's input. Measured pixels are unchanged in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Upsampling {
    /// Every pixel fills its S×S block, as in the paper.
    #[default]
    Nearest,
    /// Bilinear between measured pixels, which keep their place at the top left of each block; pixels that are not
    /// known have no weight.
    Bilinear,
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
pub fn lattice_mask(like: &Tensor<4>, scale: usize) -> Tensor<4> {
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
/// - x, known: `[b, 1, h, w]`
/// - output: `[b, 1, S·h, S·w]`
pub fn upsample(x: Tensor<4>, known: Option<Tensor<4>>, scale: usize, how: Upsampling) -> Tensor<4> {
    let linear = |image| between(between(image, scale, 2), scale, 3);
    match (how, known) {
        (Upsampling::Nearest, _) => repeat(repeat(x, scale, 2), scale, 3),
        (Upsampling::Bilinear, None) => linear(x),
        (Upsampling::Bilinear, Some(known)) => {
            let weight = linear(known.clone());
            let nothing = weight.clone().lower_equal_elem(1e-6);
            (linear(x * known) / weight).mask_fill(nothing, 0.0)
        }
    }
}

/// Every pixel `scale` times along `axis`.
fn repeat(x: Tensor<4>, scale: usize, axis: usize) -> Tensor<4> {
    interleave(vec![x; scale], axis)
}

/// `scale` − 1 new pixels between neighbours along `axis`, on the straight line between them; beyond the last pixel
/// it is repeated.
fn between(x: Tensor<4>, scale: usize, axis: usize) -> Tensor<4> {
    let length = x.dims()[axis];
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

/// Mean of |pred − target| where `mask` is 1; 0 where it is nowhere 1.
///
/// # Shapes
///
/// - pred, target, mask: `[b, 1, h, w]`
pub fn masked_l1(pred: Tensor<4>, target: Tensor<4>, mask: Tensor<4>) -> Tensor<1> {
    ((pred - target).abs() * mask.clone()).sum() / mask.sum().clamp_min(1.0)
}

/// Σ k/K · loss_k over the K stages.
pub fn cascade(losses: &[Tensor<1>]) -> Tensor<1> {
    let share = |k: usize| (k + 1) as f64 / losses.len() as f64;
    let weighted = losses.iter().enumerate().map(|(k, loss)| loss.clone() * share(k));
    Tensor::cat(weighted.collect(), 0).sum()
}

/// The four losses and their weighted sum, each `[1]`.
#[derive(Clone, Debug)]
pub struct Losses {
    /// L_m^st, sparser → sparse on the section.
    pub st_m: Tensor<1>,
    /// L_h^st, sparse → dense on the section, seen only where measured.
    pub st_h: Tensor<1>,
    /// L_m^gni, the same step as `st_m` on natural images; 0 without images.
    pub gni_m: Tensor<1>,
    /// L_h^gni, sparse → dense on natural images, seen everywhere; 0 without images.
    pub gni_h: Tensor<1>,
    /// λ·(`st_m` + `st_h`) + `gni_m` + `gni_h`: what to minimise.
    pub total: Tensor<1>,
}

/// What one step of training sees.
#[derive(Clone, Debug)]
pub struct Batch {
    /// X_m, the measured bins, scaled: `[b, 1, P/S, P/S]`.
    pub st_m: Tensor<4>,
    /// 1 where a measured bin is in tissue, else 0: `[b, 1, P/S, P/S]`.
    pub tissue_m: Tensor<4>,
    /// X_h^gni, natural images in [0, 1]: `[b', 1, P, P]`; `None` trains on the section alone (an ablation).
    pub gni_h: Option<Tensor<4>>,
}

/// How the losses see the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossConfig {
    /// S.
    pub scale: usize,
    /// 𝒰.
    pub upsampling: Upsampling,
    /// λ, the weight of the section against the images. Paper: 10
    pub lambda: f64,
}

impl LossConfig {
    /// All losses of `net` on `batch`. P must be a multiple of S².
    ///
    /// Section and images go through the network as one batch: two passes instead of four.
    pub fn losses(&self, net: &Cdcin, batch: Batch) -> Losses {
        let Batch { st_m, tissue_m, gni_h } = batch;
        let scale = self.scale;
        let patches = st_m.dims()[0];
        let gni_m = gni_h.clone().map(|images| subsample(images, scale));
        let gni_l = gni_m.clone().map(|images| subsample(images, scale));
        let (st_l, tissue_l) = (subsample(st_m.clone(), scale), subsample(tissue_m.clone(), scale));
        let to_sparse = self.outputs(net, st_l, tissue_l, gni_l);
        let to_dense = self.outputs(net, st_m.clone(), tissue_m.clone(), gni_m.clone());

        let zero = st_m.zeros_like().sum();
        let section = |outputs: &[Tensor<4>], step: usize| {
            let loss = |x: &Tensor<4>| {
                let seen = subsample(x.clone().narrow(0, 0, patches), step);
                masked_l1(seen, st_m.clone(), tissue_m.clone())
            };
            cascade(&outputs.iter().map(loss).collect::<Vec<_>>())
        };
        let images = |outputs: &[Tensor<4>], target: Option<Tensor<4>>| {
            let Some(target) = target else { return zero.clone() };
            let all = target.dims()[0];
            let loss = |x: &Tensor<4>| (x.clone().narrow(0, patches, all) - target.clone()).abs().mean();
            cascade(&outputs.iter().map(loss).collect::<Vec<_>>())
        };
        let (st_m_loss, st_h_loss) = (section(&to_sparse, 1), section(&to_dense, scale));
        let (gni_m_loss, gni_h_loss) = (images(&to_sparse, gni_m), images(&to_dense, gni_h));
        let total = (st_m_loss.clone() + st_h_loss.clone()) * self.lambda + gni_m_loss.clone() + gni_h_loss.clone();
        Losses { st_m: st_m_loss, st_h: st_h_loss, gni_m: gni_m_loss, gni_h: gni_h_loss, total }
    }

    /// The stages' outputs for low-resolution patches of the section, followed by those for images where there are any.
    fn outputs(&self, net: &Cdcin, st: Tensor<4>, known: Tensor<4>, images: Option<Tensor<4>>) -> Vec<Tensor<4>> {
        let st = upsample(st, Some(known), self.scale, self.upsampling);
        let x = match images {
            Some(images) => Tensor::cat(vec![st, upsample(images, None, self.scale, self.upsampling)], 0),
            None => st,
        };
        let mask = lattice_mask(&x, self.scale);
        net.forward(x, mask, None)
    }
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
    fn upsampling_leaves_measured_pixels_as_they_are() {
        let x = image((0..12).map(|i| (i * i) as f32 * 0.1).collect(), 3, 4);
        for how in [Upsampling::Nearest, Upsampling::Bilinear] {
            let up = upsample(x.clone(), None, 2, how);
            assert_eq!(up.dims(), [1, 1, 6, 8]);
            assert_eq!(values(subsample(up, 2)), values(x.clone()), "{how:?}");
        }
    }

    #[test]
    fn the_lattice_is_the_first_pixel_of_every_block() {
        let mask = lattice_mask(&image(vec![5.0; 15], 3, 5), 2);
        assert_eq!(values(mask), [1., 0., 1., 0., 1., 0., 0., 0., 0., 0., 1., 0., 1., 0., 1.]);
    }

    #[test]
    fn an_empty_mask_gives_a_loss_of_zero() {
        let zero = masked_l1(image(vec![1.0; 4], 2, 2), image(vec![3.0; 4], 2, 2), image(vec![0.0; 4], 2, 2));
        assert_eq!(zero.into_scalar::<f32>(), 0.0);
    }
}
