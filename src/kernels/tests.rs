//! Every kernel, on every instruction set of this processor, against the naive f64 operations; its
//! gradients against differences of those.

use proptest::prelude::*;

use super::attention::WindowAttention;
use super::channel_attention::ChannelAttention;
use super::conv::{Taps, convolve};
use super::conv_gradient::convolution_gradients;
use super::dense::DenseBlock;
use super::functions::{gelu_gradient, gelu_of};
use super::hybrid::HybridBlock;
use super::image::{Extent, Finish, Source};
use super::mlp::Mlp;
use super::norm::Norm;
use super::reference;
use super::simd::{InstructionSet, with_instruction_set};

/// Reproducible values in −1..1, different for every seed.
pub(super) fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Parameters of some shapes: noise of a size that keeps values near 1, each with another seed.
fn parameters(lengths: &[usize], fan_in: &[usize], seed: u64) -> Vec<Vec<f32>> {
    let scaled = |(i, (len, fan)): (usize, (&usize, &usize))| {
        let scale = 1.0 / (*fan as f32).sqrt();
        noise(*len, seed + 100 * i as u64).iter().map(|x| x * scale).collect()
    };
    lengths.iter().zip(fan_in).enumerate().map(scaled).collect()
}

fn on_every_instruction_set(check: impl Fn() + Send + Sync) {
    for set in InstructionSet::available() {
        for threads in [1, 3] {
            with_instruction_set(set, threads, &check).expect("threads start");
        }
    }
}

fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let size = expected.iter().fold(1.0f64, |size, x| size.max(x.abs()));
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*found) - expected).abs();
        assert!(error <= 2e-5 * size, "{what}[{i}]: {found}, expected {expected}");
    }
}

/// The slopes of a function at one value of one input.
struct Slope {
    input: usize,
    at: usize,
    /// By a step up and a step down: ReLU may have a kink on one side.
    slopes: [f64; 2],
}

/// The slopes of Σ grad·f(inputs) at a few values of every input, by differences in f64.
fn slopes(inputs: &[Vec<f32>], grad: &[f32], f: &dyn Fn(&[Vec<f32>]) -> Vec<f64>) -> Vec<Slope> {
    let mut all = Vec::new();
    for (input, values) in inputs.iter().enumerate() {
        for at in (0..values.len()).step_by((values.len() / 3).max(1)) {
            let mut moved = inputs.to_vec();
            let mut loss = |x: f32| -> f64 {
                moved[input][at] = x;
                f(&moved).iter().zip(grad).map(|(y, g)| y * f64::from(*g)).sum()
            };
            let x = values[at];
            let here = loss(x);
            // The denominator is the step that f32 really makes.
            let slopes = [x + 1e-6, x - 1e-6].map(|y| (loss(y) - here) / (f64::from(y) - f64::from(x)));
            all.push(Slope { input, at, slopes });
        }
    }
    all
}

fn assert_gradients(found: &[Vec<f32>], inputs: &[Vec<f32>], expected: &[Slope]) {
    let lengths = |list: &[Vec<f32>]| list.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(found), lengths(inputs), "the shapes of the gradients");
    for Slope { input, at, slopes } in expected {
        let size = found[*input].iter().fold(1.0f32, |size, x| size.max(x.abs()));
        let found = f64::from(found[*input][*at]);
        let candidates = [slopes[0], slopes[1], 0.5 * (slopes[0] + slopes[1])];
        let error = candidates.map(|slope| (found - slope).abs()).into_iter().fold(f64::MAX, f64::min);
        assert!(
            error <= 2e-4 * f64::from(size),
            "gradient of input {input} at {at}: {found}, by differences {slopes:?}"
        );
    }
}

/// Mostly odd shapes: batch, height, width, up to more tiles in a row than kernels take at once.
fn extents() -> impl Strategy<Value = Extent> {
    (1..3usize, 1..8usize, 1..50usize).prop_map(|(batch, height, width)| Extent { batch, height, width })
}

/// Of sources with so many channels: the values, however they are finished, and the gradients.
fn check_convolution(e: Extent, channels: &[usize], o: usize, side: usize, seed: u64) {
    let (p, taps, all) = (e.pixels(), side * side, channels.iter().sum::<usize>());
    let mut lengths: Vec<usize> = channels.iter().map(|c| p * c).collect();
    lengths.extend([o * all * taps, o]);
    let mut fan = vec![1; channels.len()];
    fan.extend([all * taps, 1]);
    let inputs = parameters(&lengths, &fan, seed);
    let [grad, before, gate] = [7, 8, 9].map(|i| noise(p * o, seed + i));
    let f = |inputs: &[Vec<f32>]| {
        let pixel = |pixel: usize| channels.iter().zip(inputs).flat_map(move |(c, x)| &x[pixel * c..(pixel + 1) * c]);
        let x: Vec<f64> = (0..p).flat_map(pixel).map(|x| f64::from(*x)).collect();
        reference::conv(e, &x, (&inputs[channels.len()], &inputs[channels.len() + 1]), side)
    };
    let expected = f(&inputs);
    let finished = |i: usize| {
        let sum = (expected[i] + f64::from(before[i])).max(0.0);
        if gate[i] > 0.0 { sum } else { 0.0 }
    };
    let finished: Vec<f64> = (0..p * o).map(finished).collect();
    let differences = slopes(&inputs, &grad, &f);
    on_every_instruction_set(|| {
        let (weight, bias) = (&inputs[channels.len()], &inputs[channels.len() + 1]);
        let sources = inputs.iter().zip(channels).map(|(values, channels)| Source { values, channels: *channels });
        let sources: Vec<Source> = sources.collect();
        let taps = Taps::forward(weight, o, side);
        let mut out = vec![f32::NAN; p * o];
        let finish = Finish { bias: Some(bias), ..Finish::default() };
        convolve(e, &sources, &taps, finish, &mut out);
        assert_close(&out, &expected, "convolution");
        let mut out = before.clone();
        convolve(e, &sources, &taps, Finish { add: true, relu: true, gate: Some(&gate), ..finish }, &mut out);
        assert_close(&out, &finished, "finished convolution");
        let mut first = 0;
        let wanted = channels.iter().map(|channels| {
            first += channels;
            Some(first - channels..first)
        });
        let wanted: Vec<_> = wanted.collect();
        let g = convolution_gradients(e, &sources, weight, side, Source { values: &grad, channels: o }, &wanted);
        assert_gradients(&[g.inputs, vec![g.weight, g.bias]].concat(), &inputs, &differences);
    });
}

#[test]
fn convolutions_of_few_inputs_or_outputs() {
    let many = [1, 2, 4, 6, 9, 16, 17, 24];
    let shapes = (1..=8).flat_map(|few| many.into_iter().flat_map(move |many| [(few, many), (many, few)]));
    for (i, (inputs, outputs)) in shapes.enumerate() {
        // Narrower than a kernel, and wider than a tile of pixels or a few of them.
        let width = [1, 2, 7, 16, 37][i % 5];
        let extent = Extent { batch: 1 + i % 2, height: 1 + i % 4, width };
        check_convolution(extent, &[inputs], outputs, 3, i as u64);
    }
}

#[test]
fn what_a_pixel_holds_reaches_its_neighbours_only() {
    let extent = Extent { batch: 1, height: 5, width: 40 };
    on_every_instruction_set(|| {
        for (inputs, outputs) in [(5, 1), (3, 4), (7, 8), (4, 16), (5, 24), (20, 20)] {
            let mut x = noise(extent.pixels() * inputs, 1);
            let (y0, x0) = (2, 21);
            x[(y0 * extent.width + x0) * inputs..][..inputs].fill(f32::NAN);
            let weight = noise(9 * inputs * outputs, 2);
            let mut out = vec![0.0; extent.pixels() * outputs];
            let source = Source { values: &x, channels: inputs };
            convolve(extent, &[source], &Taps::forward(&weight, outputs, 3), Finish::default(), &mut out);
            // By tiles, to the other pixel of a tile, too.
            let near = |a: usize, b: usize| a.abs_diff(b) <= 2;
            for (pixel, values) in out.chunks_exact(outputs).enumerate() {
                let far = !near(pixel / extent.width, y0) || !near(pixel % extent.width, x0);
                assert!(!far || values.iter().all(|value| value.is_finite()), "{inputs}→{outputs}, pixel {pixel}");
            }
        }
    });
}

#[test]
fn gelu_and_its_slope_match_f64() {
    let x: Vec<f32> = (-8000..8000).map(|i| i as f32 / 1000.0).collect();
    on_every_instruction_set(|| {
        let (mut y, mut slope) = (vec![0.0; x.len()], vec![1.0; x.len()]);
        gelu_of(&x, &mut y);
        gelu_gradient(&x, &mut slope);
        for (i, &x) in x.iter().enumerate() {
            let x = f64::from(x);
            let expected = reference::gelu(x);
            assert!((f64::from(y[i]) - expected).abs() <= 4e-7 * (1.0 + x.abs()), "gelu({x}) = {}", y[i]);
            let h = 1e-4;
            let expected = (reference::gelu(x + h) - reference::gelu(x - h)) / (2.0 * h);
            assert!((f64::from(slope[i]) - expected).abs() <= 1e-6, "gelu'({x}) = {}", slope[i]);
        }
    });
}

#[test]
fn exp_is_accurate_to_a_few_units_in_the_last_place() {
    use super::simd::{self, Simd, Work};
    struct Exp<'a>(&'a mut [f32]);
    impl Work for Exp<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for x in self.0.chunks_mut(S::LANES) {
                s.store_part(x, super::functions::exp(s, s.load_part(x)));
            }
        }
    }
    let x: Vec<f32> = (-8700..8800).map(|i| i as f32 / 100.0).collect();
    on_every_instruction_set(|| {
        let mut y = x.clone();
        simd::run(Exp(&mut y));
        for (x, y) in x.iter().zip(y) {
            let expected = f64::from(*x).exp();
            assert!((f64::from(y) / expected - 1.0).abs() < 2e-7, "exp({x}) = {y}");
        }
    });
}

#[test]
fn probabilities_of_masked_scores_are_exactly_0() {
    use super::simd::{self, Simd, Work};
    struct Exp<'a>(&'a mut [f32]);
    impl Work for Exp<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for x in self.0.chunks_mut(S::LANES) {
                s.store_part(x, super::functions::pow2_of_score(s, s.load_part(x)));
            }
        }
    }
    let x: Vec<f32> = (-60_000..=0).map(|i| i as f32 / 100.0).collect();
    on_every_instruction_set(|| {
        let mut y = x.clone();
        simd::run(Exp(&mut y));
        for (x, y) in x.iter().zip(y) {
            let expected = f64::from(*x).exp2();
            // Below the smallest normal number it may be 0.
            let near = (f64::from(y) - expected).abs() <= 2e-7 * expected + 1.2e-38;
            assert!(near && (*x > -150.0 || y == 0.0), "2^{x} = {y}");
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolution(e in extents(), a in 1..20usize, b in 1..10usize, o in 1..40usize, side in prop::sample::select(vec![1usize, 3]), seed in 0..1000u64) {
        check_convolution(e, &[a, b], o, side, seed);
    }

    #[test]
    fn dense_block(e in extents(), c in 1..20usize, growth in 1..20usize, depth in 1..4usize, seed in 0..1000u64) {
        let p = e.pixels();
        let (mut lengths, mut fan) = (vec![p * c], vec![1]);
        for i in 0..depth {
            lengths.extend([(c + i * growth) * growth * 9, growth]);
            fan.extend([(c + i * growth) * 9, 1]);
        }
        lengths.extend([(c + depth * growth) * c, c]);
        fan.extend([c + depth * growth, 1]);
        let inputs = parameters(&lengths, &fan, seed);
        let grad = noise(p * c, seed + 7);
        fn with<R>(inputs: &[Vec<f32>], e: Extent, c: usize, f: impl FnOnce(&DenseBlock) -> R) -> R {
            let pairs: Vec<(&[f32], &[f32])> = inputs[1..].chunks_exact(2).map(|pair| (&pair[0][..], &pair[1][..])).collect();
            let (fusion, layers) = pairs.split_last().expect("a fusion");
            f(&DenseBlock { extent: e, channels: c, layers, fusion: *fusion })
        }
        let f = |inputs: &[Vec<f32>]| with(inputs, e, c, |block| reference::dense(&reference::wide(&inputs[0]), block));
        let expected = f(&inputs);
        let differences = slopes(&inputs, &grad, &f);
        on_every_instruction_set(|| with(&inputs, e, c, |block| {
            let (out, kept) = block.forward(&inputs[0]);
            assert_close(&out, &expected, "dense block");
            let g = block.backward(&inputs[0], &kept, &grad);
            let mut found = vec![g.input];
            for (weight, bias) in g.layers.into_iter().chain([g.fusion]) {
                found.extend([weight, bias]);
            }
            assert_gradients(&found, &inputs, &differences);
        }));
    }

    #[test]
    fn hybrid_block(batch in 1..3usize, windows in (1..3usize, 1..4usize), window in 1..5usize, shifted: bool, heads in 1..4usize, d in 3..7usize, few in 1..5usize, seed in 0..1000u64) {
        let e = Extent { batch, height: windows.0 * window, width: windows.1 * window };
        let c = heads * d;
        let shift = if shifted { window / 2 } else { 0 };
        let (p, table) = (e.pixels(), (2 * window - 1).pow(2) * heads);
        let lengths = [p * c, c, c, 3 * c * c, 3 * c, table, c * c, c, few * c * 9, few, c * few * 9, c,
            few * c, few, c * few, c, c, c, 4 * c * c, 4 * c, 4 * c * c, c];
        let fan = [1, 1, 1, c, 1, 1, c, 1, 9 * c, 1, 9 * few, 1, c, 1, few, 1, 1, 1, c, 1, 4 * c, 1];
        let inputs = parameters(&lengths, &fan, seed);
        let grad = noise(p * c, seed + 7);
        let block = |p: &[Vec<f32>]| -> HybridBlock<'static> {
            // Leaked: the tests are small and the process short.
            let p: Vec<&'static [f32]> = p.iter().map(|p| &*p.clone().leak()).collect();
            HybridBlock {
                alpha: 0.5,
                norm: Norm { weight: p[1], bias: p[2] },
                attention: WindowAttention { extent: e, window, shift, heads, qkv: (p[3], p[4]), proj: (p[6], p[7]), position_bias: p[5] },
                conv1: (p[8], p[9]),
                conv2: (p[10], p[11]),
                channels: ChannelAttention { squeeze: (p[12], p[13]), excite: (p[14], p[15]) },
                mlp: Mlp { norm: Norm { weight: p[16], bias: p[17] }, fc1: (p[18], p[19]), fc2: (p[20], p[21]) },
            }
        };
        let f = |inputs: &[Vec<f32>]| reference::hybrid(&reference::wide(&inputs[0]), &block(inputs));
        let expected = f(&inputs);
        let differences = slopes(&inputs, &grad, &f);
        let kernel = block(&inputs);
        on_every_instruction_set(|| {
            let (out, kept) = kernel.forward(&inputs[0]);
            assert_close(&out, &expected, "hybrid block");
            let g = kernel.backward(&inputs[0], &kept, &grad);
            let a = g.attention;
            let pairs = [(g.conv1), (g.conv2), (g.channels.squeeze), (g.channels.excite), (g.mlp.norm), (g.mlp.fc1), (g.mlp.fc2)];
            let mut found = vec![g.input, g.norm.0, g.norm.1, a.qkv.0, a.qkv.1, a.position_bias, a.proj.0, a.proj.1];
            found.extend(pairs.into_iter().flat_map(|(weight, bias)| [weight, bias]));
            assert_gradients(&found, &inputs, &differences);
        });
    }
}
