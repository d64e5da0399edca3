//! Examples that see no guide, so that one network also works where there is none.

use crate::network::InputConfig;
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, RngExt};

/// Stacks `[count, channels, h, w]` as [`Sampler::batch`](super::Sampler::batch) gives them, with zeros in all guides (images and serial sections) of about this
/// `share` of them. Where nothing can be dropped, no number is taken from the stream.
pub(super) fn without_guides(stacks: Tensor<4>, input: &InputConfig, share: f64, rng: &mut impl Rng) -> Tensor<4> {
    let [count, channels, _, _] = stacks.dims();
    let Some(kept) = kept(count, channels, input, share, rng) else { return stacks };
    let kept = Tensor::from_data(TensorData::new(kept, [count * channels]), &stacks.device());
    with(stacks, kept)
}

/// Of each example 1 for each channel that it sees, else 0; `None` where nothing can be dropped.
pub(super) fn kept(
    count: usize,
    channels: usize,
    input: &InputConfig,
    share: f64,
    rng: &mut impl Rng,
) -> Option<Vec<f32>> {
    let first = 3 + input.components;
    let guides = first..first + input.stains * input.factor().pow(2);
    if share == 0.0 || guides.is_empty() {
        return None;
    }
    let dropped: Vec<bool> = (0..count).map(|_| rng.random_range(0.0..1.0) < share).collect();
    let kept = (0..count * channels).map(|i| !(dropped[i / channels] && guides.contains(&(i % channels))));
    Some(kept.map(|kept| f32::from(u8::from(kept))).collect())
}

/// Stacks `[count, channels, h, w]` with these of their channels, `[count · channels]`, and zeros in the others.
pub(super) fn with(stacks: Tensor<4>, kept: Tensor<1>) -> Tensor<4> {
    let [count, channels, _, _] = stacks.dims();
    stacks * kept.reshape([count, channels, 1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Upsampling;
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn the_guides_of_about_that_share_are_zero_and_nothing_else() {
        let input = InputConfig { components: 1, stains: 2, ..InputConfig::new(2, Upsampling::Bilinear) };
        // Values, tissue, where to look; one component; two guides at four places; and a channel behind them.
        let (count, channels) = (400, 3 + 1 + 8 + 1);
        let stacks = Tensor::<4>::ones([count, channels, 1, 1], &Device::flex());
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
        let found: Vec<f32> = without_guides(stacks.clone(), &input, 0.25, rng).try_into_vec_as().unwrap();
        let dropped = found.chunks(channels).filter(|example| {
            assert!([0, 1, 2, 3, 12].iter().all(|other| example[*other] == 1.0));
            assert!(example[4..12].iter().all(|guide| *guide == example[4]));
            example[4] == 0.0
        });
        assert!((70..130).contains(&dropped.count()));
        let (before, after) = (rng.clone(), without_guides(stacks.clone(), &input, 0.0, rng));
        assert_eq!(after.into_data(), stacks.into_data());
        assert_eq!(*rng, before);
    }
}
