//! Convolutions to few outputs, which would leave most lanes of a vector idle: there the lanes are the inputs.
//!
//! What a row of taps reads of a row of pixels is one slice of numbers, as are its weights to an output. Vectors of both are multiplied and
//! added up; the lanes of what comes of a tile of pixels and outputs are summed at its end, all together.
#![allow(unsafe_code, reason = "the innermost loops read what was checked before them")]
#![allow(clippy::needless_range_loop, reason = "iterators over arrays of vectors take them through memory")]

use super::aligned::Aligned;
use super::image::Finish;
use super::padded::{PaddedRows, SIDE};
use super::simd::{MOST_LANES, Simd};

/// Whether this is the fastest way, as measured.
pub(super) fn suits<S: Simd>(inputs: usize, outputs: usize) -> bool {
    let most = if S::MANY_REGISTERS { 8 } else { 6 };
    // Vectors that are multiplied, and one step of the sums of their lanes; as many are multiplied where the lanes are outputs.
    let steps = outputs * ((SIDE * inputs).div_ceil(S::LANES) + 1);
    outputs <= most && steps <= SIDE * inputs * outputs.div_ceil(S::LANES)
}

/// Weights `[row of taps, vector, output]`: vectors of those of the three taps and their inputs side by side, the last padded with zeros.
pub(super) struct FewOutputs {
    values: Aligned,
    inputs: usize,
    outputs: usize,
    lanes: usize,
}

impl FewOutputs {
    /// Packs `weight(input, tap)(output)`.
    pub(super) fn new<S: Simd, R: Fn(usize) -> f32>(
        inputs: usize,
        outputs: usize,
        weight: impl Fn(usize, usize) -> R,
    ) -> Self {
        let vectors = (SIDE * inputs).div_ceil(S::LANES);
        let mut values = Aligned::zeros(SIDE * vectors * outputs * S::LANES);
        for (row, values) in values.chunks_exact_mut(vectors * outputs * S::LANES).enumerate() {
            for k in 0..SIDE * inputs {
                let weight = weight(k % inputs, row * SIDE + k / inputs);
                for o in 0..outputs {
                    values[(k / S::LANES * outputs + o) * S::LANES + k % S::LANES] = weight(o);
                }
            }
        }
        Self { values, inputs, outputs, lanes: S::LANES }
    }

    /// How many outputs there are.
    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Writes one row of output.
    #[inline(always)]
    pub(super) fn convolve<S: Simd>(&self, s: S, rows: &PaddedRows, finish: Finish, out: &mut [f32]) {
        assert_eq!(S::LANES, self.lanes, "the instruction set for which the weights were packed");
        // Tiles of as many pixels as registers hold, and as a vector or two hold the sums of.
        macro_rules! tiles {
            ($many:literal, $few:literal, $outputs:literal) => {
                if S::MANY_REGISTERS {
                    self.tiles::<S, $many, $outputs>(s, rows, finish, out)
                } else {
                    self.tiles::<S, $few, $outputs>(s, rows, finish, out)
                }
            };
        }
        match self.outputs {
            1 => tiles!(16, 8, 1),
            2 => tiles!(8, 4, 2),
            3 => tiles!(5, 3, 3),
            4 => tiles!(4, 2, 4),
            5 => tiles!(4, 2, 5),
            6 => tiles!(4, 2, 6),
            // Only where there are many.
            7 => self.tiles::<S, 3, 7>(s, rows, finish, out),
            8 => self.tiles::<S, 2, 8>(s, rows, finish, out),
            outputs => unreachable!("{outputs} outputs are not few"),
        }
    }

    /// By tiles of `P` pixels and all `O` outputs.
    #[inline(always)]
    fn tiles<S: Simd, const P: usize, const O: usize>(&self, s: S, rows: &PaddedRows, finish: Finish, out: &mut [f32]) {
        // An output is a sum of lanes, and its bias one of them.
        let mut start = [s.splat(0.0); O];
        if let Some(bias) = finish.bias {
            for o in 0..O {
                start[o] = s.load_part(&bias[o..o + 1]);
            }
        }
        let finish = Finish { bias: None, ..finish };
        for (tile, first) in (0..out.len()).step_by(P * O).enumerate() {
            let acc = self.tile::<S, P, O>(s, rows, tile * P, start);
            let values = out.len().min(first + P * O) - first;
            macro_rules! write {
                ($($vector:literal)*) => {$(
                    let i = $vector * S::LANES;
                    if i < P * O {
                        let mut sums = [s.splat(0.0); MOST_LANES];
                        for lane in 0..S::LANES.min(P * O - i) {
                            sums[lane] = acc[(i + lane) / O][(i + lane) % O];
                        }
                        let sums = s.lane_sums(sums);
                        if i < values {
                            finish.write(s, sums, 0, values - i, first + i, out);
                        }
                    }
                )*};
            }
            // Written out: in a loop they would go through memory.
            write!(0 1 2 3 4 5);
        }
    }

    /// Vectors whose lanes add up to the outputs of `P` pixels from `x` on.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const O: usize>(
        &self,
        s: S,
        rows: &PaddedRows,
        x: usize,
        start: [S::V; O],
    ) -> [[S::V; O]; P] {
        let (inputs, window) = (self.inputs, SIDE * self.inputs);
        let mut acc = [start; P];
        let mut weights = self.values.chunks_exact(O * S::LANES);
        for tap in 0..SIDE {
            let pixels = &rows.row(tap)[x * inputs..][..(P - 1) * inputs + window];
            let mut k = 0;
            while k + S::LANES <= window {
                let weights = weights.next().expect("weights of every vector");
                add_products::<S, P, O>(s, &pixels[k..], inputs, S::LANES, weights, &mut acc);
                k += S::LANES;
            }
            if k < window {
                let weights = weights.next().expect("weights of every vector");
                add_products::<S, P, O>(s, &pixels[k..], inputs, window - k, weights, &mut acc);
            }
        }
        acc
    }
}

/// Adds the products of `lanes` numbers of each pixel, a `step` behind those of the one before, and the weights to each output.
#[inline(always)]
fn add_products<S: Simd, const P: usize, const O: usize>(
    s: S,
    pixels: &[f32],
    step: usize,
    lanes: usize,
    weights: &[f32],
    acc: &mut [[S::V; O]; P],
) {
    let pixels = &pixels[..(P - 1) * step + lanes];
    let weights = &weights[..O * S::LANES];
    macro_rules! pixel {
        // SAFETY: the last pixel's numbers end where `pixels` do.
        ($p:expr) => {
            s.load_part(unsafe { pixels.get_unchecked($p * step..$p * step + lanes) })
        };
    }
    // The fewer stay in registers.
    if O <= P {
        let mut w = [s.splat(0.0); O];
        for o in 0..O {
            w[o] = s.load(&weights[o * S::LANES..]);
        }
        for p in 0..P {
            let v = pixel!(p);
            for o in 0..O {
                acc[p][o] = s.fma(v, w[o], acc[p][o]);
            }
        }
    } else {
        let mut v = [s.splat(0.0); P];
        for p in 0..P {
            v[p] = pixel!(p);
        }
        for o in 0..O {
            let w = s.load(&weights[o * S::LANES..]);
            for p in 0..P {
                acc[p][o] = s.fma(v[p], w, acc[p][o]);
            }
        }
    }
}
