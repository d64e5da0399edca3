//! The primitives: convolution, linear map and layer normalisation on channels-last tensors, with parameters in
//! PyTorch's layouts and PyTorch's default initialisation.

use crate::kernels::ops;
use burn::module::{Module, Param};
use burn::tensor::module::{conv2d, layer_norm, linear};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// The source of initial weights: drawn on the host in the order of construction, so that a seed gives the same
/// network, bit for bit, on every device.
#[derive(Debug)]
pub struct Draw(Xoshiro256PlusPlus);

impl Draw {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Draw(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A parameter of `shape` drawn from U(−1/√`fan_in`, 1/√`fan_in`): PyTorch's default for weights and biases.
    pub(super) fn uniform<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        device: &Device,
    ) -> Param<Tensor<D>> {
        let bound = 1.0 / (fan_in as f64).sqrt();
        let unit = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|_| (bound * (2.0 * unit(self.0.next_u64()) - 1.0)) as f32).collect();
        Param::from_data(TensorData::new(values, shape), device)
    }
}

/// A parameter of `shape` that holds `value` everywhere.
pub(super) fn constant<const D: usize>(shape: [usize; D], value: f32, device: &Device) -> Param<Tensor<D>> {
    Param::from_data(TensorData::new(vec![value; shape.iter().product()], shape), device)
}

/// `f` of `x` in f32, and the result in the type of `x`: for what sums over many numbers, in a network of bf16.
pub(super) fn exactly<const D: usize, const E: usize>(
    x: Tensor<D>,
    f: impl FnOnce(Tensor<D>) -> Tensor<E>,
) -> Tensor<E> {
    let of = x.dtype();
    f(x.cast(DType::F32)).cast(of)
}

/// GELU, x·Φ(x), by the error function.
///
/// Not burn's own: its forward pass is this one too, but on GPUs its backward pass is that of the approximation by tanh, whose
/// gradients miss PyTorch's by up to 5e-4.
pub(super) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let doubled = (x.clone() / std::f64::consts::SQRT_2).erf() + 1.0;
    x * doubled * 0.5
}

/// Configuration of a [`Conv`].
#[derive(Clone, Debug)]
pub struct ConvConfig {
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Side of the kernel, odd.
    pub kernel: usize,
}

impl ConvConfig {
    /// A 3×3 convolution.
    pub fn square(inputs: usize, outputs: usize) -> Self {
        ConvConfig { inputs, outputs, kernel: 3 }
    }

    /// A 1×1 convolution.
    pub fn pointwise(inputs: usize, outputs: usize) -> Self {
        ConvConfig { inputs, outputs, kernel: 1 }
    }

    /// Initialise a [`Conv`] on `device`.
    pub fn init(&self, draw: &mut Draw, device: &Device) -> Conv {
        let fan_in = self.inputs * self.kernel * self.kernel;
        Conv {
            weight: draw.uniform([self.outputs, self.inputs, self.kernel, self.kernel], fan_in, device),
            bias: draw.uniform([self.outputs], fan_in, device),
        }
    }
}

/// Convolution with stride 1 that keeps the size (zeros beyond the border).
///
/// # Params
///
/// - `weight`: `[outputs, inputs, kernel, kernel]`
/// - `bias`: `[outputs]`
#[derive(Module, Debug)]
pub struct Conv {
    /// `[outputs, inputs, kernel, kernel]`
    pub weight: Param<Tensor<4>>,
    /// `[outputs]`
    pub bias: Param<Tensor<1>>,
}

impl Conv {
    /// Applies the convolution.
    ///
    /// # Shapes
    ///
    /// - x: `[b, h, w, inputs]`
    /// - output: `[b, h, w, outputs]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.forward_side_by_side(vec![x])
    }

    /// The same of images whose channels lie side by side.
    ///
    /// # Shapes
    ///
    /// - images: `[b, h, w, ·]`, at least one and together of `inputs` channels
    /// - output: `[b, h, w, outputs]`
    pub fn forward_side_by_side(&self, images: Vec<Tensor<4>>) -> Tensor<4> {
        if images.iter().all(ops::available) {
            return ops::convolution(images, self.parameters());
        }
        let x = <[_; 1]>::try_from(images).map_or_else(|images| Tensor::cat(images, 3), |[x]| x);
        let weight = self.weight.val();
        let [outputs, inputs, kernel, _] = weight.dims();
        let bias = Some(self.bias.val());
        if kernel == 1 {
            return linear(x, weight.reshape([outputs, inputs]).transpose(), bias);
        }
        let border = kernel / 2;
        let options = ConvOptions::new([1, 1], [border, border], [1, 1], 1);
        conv2d(x.permute([0, 3, 1, 2]), weight, bias, options).permute([0, 2, 3, 1])
    }

    /// The parameters as the kernels take them.
    pub(super) fn parameters(&self) -> ops::Linear<4> {
        (self.weight.val(), self.bias.val())
    }

    /// The same convolution with all parameters zero: its output is zero until it has learned.
    pub(super) fn zeroed(self) -> Self {
        let device = self.bias.device();
        Conv { weight: constant(self.weight.dims(), 0.0, &device), bias: constant(self.bias.dims(), 0.0, &device) }
    }
}

/// Configuration of a [`Linear`].
#[derive(Clone, Debug)]
pub struct LinearConfig {
    /// Features of the input.
    pub inputs: usize,
    /// Features of the output.
    pub outputs: usize,
}

impl LinearConfig {
    /// Initialise a [`Linear`] on `device`.
    pub fn init(&self, draw: &mut Draw, device: &Device) -> Linear {
        Linear {
            weight: draw.uniform([self.outputs, self.inputs], self.inputs, device),
            bias: draw.uniform([self.outputs], self.inputs, device),
        }
    }
}

/// Linear map of the last axis, x·Wᵀ + b.
///
/// # Params
///
/// - `weight`: `[outputs, inputs]`
/// - `bias`: `[outputs]`
#[derive(Module, Debug)]
pub struct Linear {
    /// `[outputs, inputs]`
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    /// The parameters as the kernels take them.
    pub(super) fn parameters(&self) -> ops::Linear<2> {
        (self.weight.val(), self.bias.val())
    }

    /// Applies the map.
    ///
    /// # Shapes
    ///
    /// - x: `[..., inputs]`
    /// - output: `[..., outputs]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        linear(x, self.weight.val().transpose(), Some(self.bias.val()))
    }
}

/// Layer normalisation of the last axis (ε = 1e-5).
///
/// # Params
///
/// - `weight`: `[channels]`, starts at 1
/// - `bias`: `[channels]`, starts at 0
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// `[channels]`
    pub weight: Param<Tensor<1>>,
    /// `[channels]`
    pub bias: Param<Tensor<1>>,
}

impl LayerNorm {
    /// Added to the variance, as PyTorch does.
    pub const EPSILON: f64 = 1e-5;

    /// Initialise over `channels` on `device`.
    pub fn new(channels: usize, device: &Device) -> Self {
        LayerNorm { weight: constant([channels], 1.0, device), bias: constant([channels], 0.0, device) }
    }

    /// The parameters as the kernels take them.
    pub(super) fn parameters(&self) -> ops::Linear<1> {
        (self.weight.val(), self.bias.val())
    }

    /// Applies the normalisation.
    ///
    /// # Shapes
    ///
    /// - x, output: `[..., channels]`
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let (weight, bias) = (self.weight.val().cast(DType::F32), self.bias.val().cast(DType::F32));
        exactly(x, |x| layer_norm(x, weight, Some(bias), Self::EPSILON))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gelu_and_its_gradient_are_exact() {
        // x·Φ(x) and Φ(x) + x·φ(x) in f64.
        let expected = [(-2.0, -0.04550026, -0.08523180), (-1.0, -0.15865525, -0.08331547), (0.0, 0.0, 0.5)];
        for (x, value, slope) in expected.into_iter().chain([(1.0, 0.84134475, 1.08331547)]) {
            let x = Tensor::<1>::from_floats([x as f32], &Device::flex().autodiff()).require_grad();
            let y = gelu(x.clone());
            let found = x.grad(&y.backward()).unwrap().into_scalar::<f32>();
            assert!((f64::from(found) - slope).abs() < 1e-6, "{found}, expected {slope}");
            let found = y.into_scalar::<f32>();
            assert!((f64::from(found) - value).abs() < 1e-6, "{found}, expected {value}");
        }
    }
}
