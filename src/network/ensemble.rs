//! The eight flips and quarter turns of a window: eight predictions of every bin, and how far they lie apart.

use super::cdcin::Cdcin;
use super::input::InputConfig;
use burn::tensor::{Tensor, s};
use std::sync::OnceLock;

/// What the turns of a window say of each of its bins.
#[derive(Clone, Debug)]
pub(crate) struct Ensemble {
    /// Their mean [b, 1, S·m, S·n].
    pub mean: Tensor<4>,
    /// The mean of their squares [b, 1, S·m, S·n].
    pub square: Tensor<4>,
}

/// Bytes of guides that are kept from gene to gene: those of a section of a million bins by eight components. What does not fit is made again for
/// each gene.
const MOST_KEPT: usize = 300 << 20;

/// What guides a network in several windows, each in all its turns: the same for every gene that is measured in the same bins, so made once
/// for all genes.
pub(crate) struct KeptGuides {
    /// Of each window, once a gene has needed them, in each turn, if there are any.
    windows: Vec<OnceLock<Vec<Option<Tensor<4>>>>>,
    most: usize,
}

impl Ensemble {
    /// The prediction of `net` of measured windows [b, 3 + components, m, n]; with `turns`, over their eight flips and
    /// quarter turns, else as they lie alone. `stains` [b, stains, S·m, S·n] are those of the output.
    pub(crate) fn of(
        net: &Cdcin,
        input: &InputConfig,
        windows: &Tensor<4>,
        stains: Option<Tensor<4>>,
        turns: bool,
    ) -> Self {
        Self::by(net, input, windows, turns, |turn| turn.guides(net, input, windows, stains.clone()))
    }

    fn by(
        net: &Cdcin,
        input: &InputConfig,
        windows: &Tensor<4>,
        turns: bool,
        guides: impl Fn(Turn) -> Option<Tensor<4>>,
    ) -> Self {
        // Values and tissue.
        let own = windows.clone().narrow(1, 0, 2);
        let forward = |turn: Turn| {
            let (x0, mask) = input.start_of_stack(&turn.turned(own.clone()));
            let start = x0.clone();
            net.forward(x0, mask, guides(turn)).pop().unwrap_or(start)
        };
        let plain = forward(Turn::NONE);
        let (mut sum, mut squares, mut count) = (plain.clone(), plain.clone() * plain.clone(), plain.ones_like());
        for turn in Turn::all(turns).skip(1) {
            let (part, cover) = turn.back(forward(turn), input.factor());
            squares = squares + part.clone() * part.clone();
            sum = sum + part;
            count = count + cover;
        }
        Ensemble { mean: sum / count.clone(), square: squares / count }
    }
}

impl KeptGuides {
    /// Of so many windows, for so many genes: nothing is kept for a single one.
    pub(crate) fn new(windows: usize, genes: usize) -> Self {
        let most = if genes > 1 { MOST_KEPT } else { 0 };
        KeptGuides { windows: (0..windows).map(|_| OnceLock::new()).collect(), most }
    }

    /// As [`Ensemble::of`], of the window with this `index`.
    pub(crate) fn predict(
        &self,
        index: usize,
        net: &Cdcin,
        input: &InputConfig,
        window: &Tensor<4>,
        stains: Option<Tensor<4>>,
        turns: bool,
    ) -> Ensemble {
        let kept = &self.windows[index];
        let [b, _, m, n] = window.dims();
        let channels = input.guides.len() + input.components + input.stains;
        let bytes = Turn::all(turns).count() * b * channels * m * n * input.factor().pow(2) * size_of::<f32>();
        if kept.get().is_none() && self.bytes() + bytes <= self.most {
            kept.get_or_init(|| Turn::all(turns).map(|turn| turn.guides(net, input, window, stains.clone())).collect());
        }
        match kept.get() {
            Some(guides) => Ensemble::by(net, input, window, turns, |turn| guides[turn.0].clone()),
            None => Ensemble::of(net, input, window, stains, turns),
        }
    }

    fn bytes(&self) -> usize {
        let kept = self.windows.iter().filter_map(OnceLock::get).flat_map(|guides| guides.iter().flatten());
        kept.map(|guides| guides.dims().iter().product::<usize>() * size_of::<f32>()).sum()
    }
}

/// One of the eight flips and quarter turns: its lowest bit swaps rows and columns, the next turns upside down, the last mirrors.
#[derive(Clone, Copy)]
struct Turn(usize);

impl Turn {
    const NONE: Turn = Turn(0);

    /// All, that which does nothing first, or that alone.
    fn all(turns: bool) -> impl Iterator<Item = Turn> {
        (0..if turns { 8 } else { 1 }).map(Turn)
    }

    fn transposes(self) -> bool {
        self.0 & 1 > 0
    }

    fn down(self) -> bool {
        self.0 & 2 > 0
    }

    fn across(self) -> bool {
        self.0 & 4 > 0
    }

    fn turned(self, x: Tensor<4>) -> Tensor<4> {
        let flipped = flip(x, self.down(), self.across());
        if self.transposes() { flipped.swap_dims(2, 3) } else { flipped }
    }

    /// A prediction of what was turned, in its place again as [`realign`] says.
    fn back(self, dense: Tensor<4>, scale: usize) -> (Tensor<4>, Tensor<4>) {
        let dense = if self.transposes() { dense.swap_dims(2, 3) } else { dense };
        realign(flip(dense, self.down(), self.across()), scale, self.down(), self.across())
    }

    /// What guides `net` in turned windows, laid out as it reads it.
    fn guides(
        self,
        net: &Cdcin,
        input: &InputConfig,
        windows: &Tensor<4>,
        stains: Option<Tensor<4>>,
    ) -> Option<Tensor<4>> {
        let stains = stains.map(|stains| self.turned(align(stains, input.factor(), self.down(), self.across())));
        input.guides_of_stack(&self.turned(windows.clone()), stains).map(|guides| net.laid_out(guides))
    }
}

/// Upside down, mirrored, or both.
fn flip(x: Tensor<4>, down: bool, across: bool) -> Tensor<4> {
    let x = if down { x.flip([2]) } else { x };
    if across { x.flip([3]) } else { x }
}

/// Moves an image of the output's pixels to where [`realign`] takes it from: S − 1 pixels on, along axes that will be flipped; what comes in is the edge.
fn align(x: Tensor<4>, scale: usize, down: bool, across: bool) -> Tensor<4> {
    let along = |x: Tensor<4>, axis: usize| {
        let edge = x.clone().narrow(axis, 0, 1);
        let kept = x.dims()[axis] - (scale - 1);
        Tensor::cat([vec![edge; scale - 1], vec![x.narrow(axis, 0, kept)]].concat(), axis)
    };
    let x = if down { along(x, 2) } else { x };
    if across { along(x, 3) } else { x }
}

/// Moves a prediction that was flipped back onto the lattice it came from.
///
/// In a flipped image the measured bin sits at the other end of its S×S block: flipped back, everything lies S − 1 bins too
/// far, and the last S − 1 bins have no prediction. Returns the prediction, 0 there, and 1 where there is one.
fn realign(dense: Tensor<4>, scale: usize, down: bool, across: bool) -> (Tensor<4>, Tensor<4>) {
    let [b, c, h, w] = dense.dims();
    let shift = |flipped: bool| if flipped { scale - 1 } else { 0 };
    let (y, x) = (shift(down), shift(across));
    let kept = dense.slice(s![.., .., y as isize.., x as isize..]);
    let cover = kept.ones_like();
    let empty = Tensor::zeros([b, c, h, w], &kept.device());
    let place = |part: Tensor<4>| empty.clone().slice_assign([0..b, 0..c, 0..h - y, 0..w - x], part);
    (place(kept), place(cover))
}

#[cfg(test)]
mod tests {
    use super::super::cdcin::CdcinConfig;
    use super::super::input::{Guide, Input, Upsampling};
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn what_is_aligned_before_a_flip_is_back_in_its_place_after_it() {
        for scale in [2, 3] {
            let (h, w) = (4 * scale, 5 * scale);
            let values = (0..h * w).map(|i| i as f32).collect::<Vec<_>>();
            let x = Tensor::<4>::from_data(TensorData::new(values, [1, 1, h, w]), &Device::flex());
            for (down, across) in [(false, false), (true, false), (false, true), (true, true)] {
                let seen = flip(align(x.clone(), scale, down, across), down, across);
                // Measured pixels are the first of their blocks again, as those of the flipped measured image are.
                let measured = |x: Tensor<4>| super::super::input::subsample(x, scale);
                let turned = flip(measured(x.clone()), down, across);
                assert_eq!(measured(seen.clone()).into_data(), turned.into_data(), "{scale} {down} {across}");
                let (back, cover) = realign(flip(seen, down, across), scale, down, across);
                assert_eq!(back.into_data(), (x.clone() * cover).into_data(), "{scale} {down} {across}");
            }
        }
    }

    #[test]
    fn guides_that_are_kept_are_those_of_every_gene() {
        let device = Device::flex();
        let input = InputConfig {
            guides: vec![Guide::Lattice, Guide::Tissue],
            components: 2,
            ..InputConfig::new(2, Upsampling::Bilinear)
        };
        let net = CdcinConfig { cascades: 2, channels: 8, blocks: 1, input_channels: 5, ..CdcinConfig::default() };
        let net = net.init(7, &device);
        // No multiple of the attention's windows, and not all of it tissue.
        let (rows, cols) = (5, 7);
        let kept = KeptGuides::new(1, 2);
        for gene in 1..3 {
            let at = |channel: usize, i: usize| match channel {
                0 => ((gene * i) % 5) as f32 * 0.3,
                1 => f32::from(u8::from(i % 6 != 1)),
                _ => ((i * (channel + 2)) % 7) as f32 * 0.2 - 0.5,
            };
            let pixels = (0..5).flat_map(|channel| (0..rows * cols).map(move |i| at(channel, i)));
            let window = Tensor::from_data(TensorData::new(pixels.collect::<Vec<f32>>(), [1, 5, rows, cols]), &device);
            let Input { x0, mask, guides } = input.of_stack(&window, None);
            let expected = net.forward(x0, mask, guides).pop().unwrap().into_data();
            let found = KeptGuides::new(1, 2).predict(0, &net, &input, &window, None, false).mean;
            assert_eq!(found.into_data(), expected);
            let Ensemble { mean, square } = Ensemble::of(&net, &input, &window, None, true);
            let found = kept.predict(0, &net, &input, &window, None, true);
            assert_eq!((found.mean.into_data(), found.square.into_data()), (mean.into_data(), square.into_data()));
        }
    }
}
