//! A step of Adam on the vector of all weights, and their moving average, written over what they were. What differs from step to
//! step is read from a buffer: a recorded step can be replayed.

use super::forward::cubes;
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Int, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Numbers of a step: β₁ and 1 − β₁; β₂ and 1 − β₂; the rate over 1 − β₁ᵗ, and √(1 − β₂ᵗ); the average's decay d, and 1 − d.
pub(crate) const RATES: usize = 8;

/// Units of a cube.
const UNITS: u32 = 256;

/// How often vectors were copied because somebody else held them: what replays a step must not have copied any.
pub(crate) type Copies = Arc<AtomicUsize>;

/// What of a step is written into buffers that stay.
#[derive(Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) reals: Vec<f32>,
    pub(crate) whole: Vec<i32>,
}

/// Backends on which these are operations.
#[backend_extension(Cube, Fusion)]
pub(crate) trait AdamBackend: Backend {
    /// See [`adam_step`].
    #[fusion(meta = |weights: &TensorSpec, first: &TensorSpec, second: &TensorSpec, _: &TensorSpec, _: &TensorSpec, _: &f32, _: &Copies| {
        (weights.clone(), first.clone(), second.clone())
    })]
    fn adam_step(
        weights: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        rates: FloatTensor<Self>,
        epsilon: f32,
        copies: Copies,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// See [`follow`].
    #[fusion(dtype = average, shape = average)]
    fn follow(
        average: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        rates: FloatTensor<Self>,
        copies: Copies,
    ) -> FloatTensor<Self>;

    /// See [`write`].
    #[fusion(meta = |reals: &TensorSpec, whole: &TensorSpec, _: &Arc<Written>| (reals.clone(), whole.clone()))]
    fn write(
        reals: FloatTensor<Self>,
        whole: IntTensor<Self>,
        written: Arc<Written>,
    ) -> (FloatTensor<Self>, IntTensor<Self>);
}

/// Weights, and both moments, after a step of Adam by the gradient and these [`RATES`], without autodiff. They lie where they lay,
/// unless somebody else holds them.
pub(crate) fn adam_step(
    [weights, first, second]: [Tensor<1>; 3],
    gradient: Tensor<1>,
    rates: Tensor<1>,
    epsilon: f32,
    copies: &Copies,
) -> [Tensor<1>; 3] {
    let (weights, first, second) = <Dispatch as AdamBackend>::adam_step(
        weights.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        gradient.into_dispatch(),
        rates.into_dispatch(),
        epsilon,
        copies.clone(),
    );
    [weights, first, second].map(Tensor::from_dispatch)
}

/// The average, moved towards the weights, under the same conditions.
pub(crate) fn follow(average: Tensor<1>, weights: Tensor<1>, rates: Tensor<1>, copies: &Copies) -> Tensor<1> {
    let (average, weights, rates) = (average.into_dispatch(), weights.into_dispatch(), rates.into_dispatch());
    Tensor::from_dispatch(<Dispatch as AdamBackend>::follow(average, weights, rates, copies.clone()))
}

/// The same buffers with other numbers in them, whoever else reads them.
pub(crate) fn write(reals: Tensor<1>, whole: Tensor<1, Int>, written: Written) -> (Tensor<1>, Tensor<1, Int>) {
    let (reals, whole) = (reals.into_dispatch(), whole.into_dispatch());
    let (reals, whole) = <Dispatch as AdamBackend>::write(reals, whole, Arc::new(written));
    (Tensor::from_dispatch(reals), Tensor::from_dispatch(whole))
}

/// The tensor itself where nobody else holds it, else a copy.
fn owned(tensor: CubeTensor, copies: &Copies) -> CubeTensor {
    if tensor.can_mut() && tensor.is_contiguous() {
        return tensor;
    }
    copies.fetch_add(1, Ordering::Relaxed);
    into_contiguous(tensor).copy()
}

impl AdamBackend for CubeBackend {
    fn adam_step(
        weights: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        gradient: CubeTensor,
        rates: CubeTensor,
        epsilon: f32,
        copies: Copies,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let [weights, first, second] = [weights, first, second].map(|vector| owned(vector, &copies));
        let count = weights.shape()[0];
        descend::launch(
            &weights.client,
            cubes(count, UNITS as usize),
            CubeDim::new_1d(UNITS),
            weights.clone().into_buffer_arg(),
            first.clone().into_buffer_arg(),
            second.clone().into_buffer_arg(),
            into_contiguous(gradient).into_buffer_arg(),
            into_contiguous(rates).into_buffer_arg(),
            count,
            epsilon,
        );
        (weights, first, second)
    }

    fn follow(average: CubeTensor, weights: CubeTensor, rates: CubeTensor, copies: Copies) -> CubeTensor {
        let average = owned(average, &copies);
        let count = average.shape()[0];
        approach::launch(
            &average.client,
            cubes(count, UNITS as usize),
            CubeDim::new_1d(UNITS),
            average.clone().into_buffer_arg(),
            into_contiguous(weights).into_buffer_arg(),
            into_contiguous(rates).into_buffer_arg(),
            count,
        );
        average
    }

    fn write(reals: CubeTensor, whole: CubeTensor, written: Arc<Written>) -> (CubeTensor, CubeTensor) {
        let bytes = |numbers: &[u8]| cubecl::bytes::Bytes::from_bytes_vec(numbers.to_vec());
        reals.client.write(&reals.handle, bytes(f32::as_bytes(&written.reals)));
        whole.client.write(&whole.handle, bytes(i32::as_bytes(&written.whole)));
        (reals, whole)
    }
}

/// A step of Adam.
#[cube(launch)]
fn descend(
    weights: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    gradient: &[f32],
    rates: &[f32],
    count: usize,
    epsilon: f32,
) {
    let at = ABSOLUTE_POS;
    if at < count {
        let slope = gradient[at];
        let mean = first[at] * rates[0] + slope * rates[1];
        let square = second[at] * rates[2] + slope * slope * rates[3];
        first[at] = mean;
        second[at] = square;
        weights[at] -= mean / (square.sqrt() / rates[5] + epsilon) * rates[4];
    }
}

/// A step of the average towards the weights.
#[cube(launch)]
fn approach(average: &mut [f32], weights: &[f32], rates: &[f32], count: usize) {
    let at = ABSOLUTE_POS;
    if at < count {
        average[at] = average[at] * rates[6] + weights[at] * rates[7];
    }
}
