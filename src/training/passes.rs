//! A step in several passes through the network, where memory does not hold it in one (gradient accumulation).

use super::losses::{Batch, Losses, Objective};
use crate::network::{Cdcin, gradient_of};
use burn::tensor::Tensor;

impl Objective {
    /// The losses of `net` on `batch`, without autodiff, and their gradient as [`crate::network::flatten`] orders it, from passes
    /// of at most `most` examples of the section and `most` images each.
    ///
    /// One pass gives what [`Objective::losses`] gives, and several the same up to rounding: each loss of a pass counts by
    /// its share of what the whole batch's mean is taken over.
    pub fn gradient(&self, net: &Cdcin, batch: &Batch, most: usize) -> (Losses, Tensor<1>) {
        let passes = batch.split(most);
        let alone = passes.len() == 1;
        #[cfg(feature = "gpu")]
        if alone && let Some((losses, gradient)) = self.fused_gradient(net, batch, None) {
            return (losses.each(), gradient);
        }
        let found = passes.into_iter().map(|pass| {
            let shares = pass.shares(batch);
            let terms = self.terms(net, pass);
            let losses = self.weighted(if alone { terms } else { shared(terms, shares) });
            let gradient = gradient_of(net, losses.total.backward());
            (losses.inner(), gradient)
        });
        let sum = found.reduce(|(losses, gradient), (more, further)| (losses.plus(more), gradient + further));
        sum.unwrap_or_else(|| unreachable!("a batch has at least one pass"))
    }
}

impl Batch {
    /// The batch in as few parts as have at most `most` examples of a kind each.
    fn split(&self, most: usize) -> Vec<Batch> {
        let count = |images: &Option<Tensor<4>>| images.as_ref().map_or(0, |images| images.dims()[0]);
        let parts = count(&self.section).max(count(&self.images)).div_ceil(most.max(1)).max(1);
        let range = |count: usize, index: usize| (index * count / parts, (index + 1) * count / parts);
        let part = |images: &Option<Tensor<4>>, index: usize| {
            let (first, end) = range(count(images), index);
            images.as_ref().filter(|_| first < end).map(|images| images.clone().narrow(0, first, end - first))
        };
        let genes = |index: usize| {
            let (first, end) = range(self.genes.len(), index);
            self.genes[first..end].to_vec()
        };
        let parts = (0..parts).map(|index| Batch {
            section: part(&self.section, index),
            genes: genes(index),
            images: part(&self.images, index),
            dense: self.dense,
        });
        parts.collect()
    }

    /// The share of this part in what the losses of the `whole` batch are means over: of the section's, and of the images'.
    fn shares(&self, whole: &Batch) -> [Option<Tensor<1>>; 2] {
        // Where the losses of the section look; like Distance::masked, which divides by it, never less than 1.
        let looked_at =
            |batch: &Batch| batch.section.as_ref().map(|section| section.clone().narrow(1, 2, 1).sum().clamp_min(1.0));
        let section = looked_at(self).zip(looked_at(whole)).map(|(part, whole)| part / whole);
        let images = self.images.as_ref().zip(whole.images.as_ref()).map(|(part, whole)| {
            // Images are looked at everywhere.
            let share = part.dims()[0] as f64 / whole.dims()[0] as f64;
            Tensor::full([1], share, &part.device())
        });
        [section, images]
    }
}

/// The terms of a part, each multiplied with its share in the whole.
fn shared(terms: [Option<Tensor<1>>; 4], [section, images]: [Option<Tensor<1>>; 2]) -> [Option<Tensor<1>>; 4] {
    let [st_m, st_h, gni_m, gni_h] = terms;
    let times = |term: Option<Tensor<1>>, share: &Option<Tensor<1>>| {
        term.zip(share.as_ref()).map(|(term, share)| term * share.clone())
    };
    [times(st_m, &section), times(st_h, &section), times(gni_m, &images), times(gni_h, &images)]
}

impl Losses {
    /// The same numbers without what led to them.
    fn inner(self) -> Self {
        let inner = |term: Option<Tensor<1>>| term.map(Tensor::inner);
        let Losses { st_m, st_h, gni_m, gni_h, total } = self;
        let [st_m, st_h, gni_m, gni_h] = [st_m, st_h, gni_m, gni_h].map(inner);
        Losses { st_m, st_h, gni_m, gni_h, total: total.inner() }
    }

    /// The sums of both, term by term.
    fn plus(self, more: Losses) -> Self {
        let plus = |a: Option<Tensor<1>>, b: Option<Tensor<1>>| match (a, b) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Losses {
            st_m: plus(self.st_m, more.st_m),
            st_h: plus(self.st_h, more.st_h),
            gni_m: plus(self.gni_m, more.gni_m),
            gni_h: plus(self.gni_h, more.gni_h),
            total: self.total + more.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{CdcinConfig, InputConfig, Upsampling, flatten, unflatten};
    use crate::training::{Distance, Precision};
    use burn::tensor::{DType, Device, TensorData};

    /// Noise in [0, 1), and tissue of another size in every example.
    fn batch(section: usize, images: usize, device: &Device) -> Batch {
        let noise = |i: usize| ((i * 7919) % 1009) as f32 / 1009.0;
        let stack = |n: usize, channels: usize, side: usize, value: &dyn Fn(usize) -> f32| {
            let values: Vec<f32> = (0..n * channels * side * side).map(value).collect();
            Tensor::from_data(TensorData::new(values, [n, channels, side, side]), device)
        };
        let values = stack(section, 1, 8, &noise);
        let tissue = stack(section, 1, 8, &|i| f32::from(u8::from(i % 64 < 20 + 9 * (i / 64))));
        Batch {
            section: Some(Tensor::cat(vec![values * tissue.clone(), tissue.clone(), tissue], 1)),
            genes: (0..section).collect(),
            images: Some(stack(images, 1, 16, &noise)),
            dense: true,
        }
    }

    fn net(device: &Device) -> Cdcin {
        let config = CdcinConfig {
            cascades: 2,
            channels: 8,
            growth: 4,
            blocks: 1,
            window: 4,
            gene_embedding: 3,
            ..CdcinConfig::default()
        };
        config.init(5, device).for_genes(&[None; 3], 5, device)
    }

    fn objective(distance: Distance) -> Objective {
        let input = InputConfig::new(2, Upsampling::Nearest);
        Objective { input, lambda: 10.0, distance }
    }

    #[test]
    fn several_passes_give_the_losses_and_the_gradient_of_one() {
        let device = Device::flex().autodiff();
        let net = net(&device);
        let values = |x: Tensor<1>| x.try_into_vec_as::<f32>().unwrap();
        for distance in [Distance::L1, Distance::L2] {
            let objective = objective(distance);
            // Odd numbers, and more images than examples of the section: parts of unequal size, some without a section.
            let batch = batch(3, 5, &device);
            let (whole, expected) = objective.gradient(&net, &batch, 5);
            let expected = values(expected);
            let scale = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
            for most in [1, 2, 3] {
                let (losses, gradient) = objective.gradient(&net, &batch, most);
                for (found, expected) in values(gradient).iter().zip(&expected) {
                    assert!((found - expected).abs() <= 1e-5 * scale, "most {most}: {found}, expected {expected}");
                }
                for (found, expected) in [(losses.st_m, &whole.st_m), (losses.gni_h, &whole.gni_h)] {
                    let (found, expected) = (found.unwrap(), expected.clone().unwrap());
                    let off = values(found)[0] / values(expected)[0] - 1.0;
                    assert!(off.abs() <= 1e-5, "most {most}: off by {off}");
                }
            }
        }
    }

    /// bfloat16 keeps eight bits of each number: the gradient points where that of f32 does, and has its length.
    #[test]
    fn bf16_gives_the_gradient_up_to_its_rounding() {
        let device = Device::flex().autodiff();
        let net = net(&device);
        let objective = objective(Distance::L1);
        let batch = batch(2, 2, &device);
        let of = |precision: Precision| {
            let net = unflatten(&net, &flatten(&net).cast(precision.dtype()), true);
            let (losses, gradient) = objective.gradient(&net, &batch, 2);
            assert_eq!((losses.total.dtype(), gradient.dtype()), (DType::F32, DType::F32));
            (losses.total.into_scalar::<f32>(), gradient.try_into_vec_as::<f32>().unwrap())
        };
        let ((exact, exactly), (rounded, roundly)) = (of(Precision::F32), of(Precision::Bf16));
        assert!((rounded / exact - 1.0).abs() < 0.01, "{rounded} instead of {exact}");
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let length = |a: &[f32]| dot(a, a).sqrt();
        let cosine = dot(&exactly, &roundly) / (length(&exactly) * length(&roundly));
        assert!(cosine > 0.99, "cosine {cosine}");
        assert!((length(&roundly) / length(&exactly) - 1.0).abs() < 0.05);
    }

    #[test]
    fn parts_are_few_and_none_is_empty() {
        let device = Device::flex();
        let parts = batch(3, 5, &device).split(2);
        let counts = |part: &Batch| {
            [&part.section, &part.images].map(|images| images.as_ref().map_or(0, |images| images.dims()[0]))
        };
        assert_eq!(parts.iter().map(counts).collect::<Vec<_>>(), [[1, 1], [1, 2], [1, 2]]);
        assert_eq!(batch(1, 4, &device).split(1).len(), 4);
        assert_eq!(batch(3, 5, &device).split(usize::MAX).len(), 1);
    }
}
