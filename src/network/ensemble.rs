//! The eight flips and quarter turns of a window: eight predictions of every bin, and how far they lie apart.

use super::cdcin::Cdcin;
use super::input::{Input, InputConfig};
use burn::tensor::{Tensor, s};

/// What the turns of a window say of each of its bins.
#[derive(Clone, Debug)]
pub(crate) struct Ensemble {
    /// Their mean [b, 1, S·m, S·n].
    pub mean: Tensor<4>,
    /// The mean of their squares [b, 1, S·m, S·n].
    pub square: Tensor<4>,
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
        let forward = |windows: &Tensor<4>, stains: Option<Tensor<4>>| {
            let Input { x0, mask, guides } = input.of_stack(windows, stains);
            let start = x0.clone();
            net.forward(x0, mask, guides).pop().unwrap_or(start)
        };
        let plain = forward(windows, stains.clone());
        let (mut sum, mut squares, mut count) = (plain.clone(), plain.clone() * plain.clone(), plain.ones_like());
        for turn in 1..if turns { 8 } else { 1 } {
            let (transpose, down, across) = (turn & 1 > 0, turn & 2 > 0, turn & 4 > 0);
            let turned = |x: Tensor<4>| {
                let flipped = flip(x, down, across);
                if transpose { flipped.swap_dims(2, 3) } else { flipped }
            };
            let stains = stains.clone().map(|stains| turned(align(stains, input.factor(), down, across)));
            let dense = forward(&turned(windows.clone()), stains);
            let dense = flip(if transpose { dense.swap_dims(2, 3) } else { dense }, down, across);
            let (part, cover) = realign(dense, input.factor(), down, across);
            squares = squares + part.clone() * part.clone();
            sum = sum + part;
            count = count + cover;
        }
        Ensemble { mean: sum / count.clone(), square: squares / count }
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
}
