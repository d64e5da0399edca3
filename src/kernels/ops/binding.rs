//! Makes a kernel an operation on burn tensors with a backward pass of its own (burn's flex backend,
//! with or without autodiff).

use std::fmt;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, BackendTensor, Dispatch, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind,
    ExtensionType, Flex, TensorMetadata, backend_extension,
};
use burn::tensor::{Tensor, TensorData};

use super::path::turned_off;

/// Inputs of an operation, in the order in which it was given them.
pub(super) type Inputs<'a> = [&'a [f32]];
/// From the inputs, the gradient of the output, and which inputs' gradients anybody wants, to the gradient of every input; those that nobody
/// wants mean nothing.
pub(super) type Gradient = Box<dyn Fn(&Inputs, &[f32], &[bool]) -> Vec<Vec<f32>> + Send + Sync>;
/// From the inputs to the output, and what computes the gradients (with all that the forward pass kept).
type Forward = dyn Fn(&Inputs) -> (Vec<f32>, Gradient) + Send + Sync;

/// A kernel, and the shape of what it returns.
#[derive(Clone)]
pub(crate) struct Operation {
    shape: [usize; 4],
    forward: Arc<Forward>,
}

/// The largest number of inputs that an operation may have: burn fixes the number at compile time.
pub(super) const MOST_INPUTS: usize = 32;

/// The inputs of an operation, on any backend.
pub(crate) struct Tensors<B: Backend>(pub(crate) Vec<FloatTensor<B>>);

impl<B: Backend> ExtensionType<B> for Tensors<B> {
    type Target = Tensors<Dispatch>;

    fn map_to_dispatch<F>(self, map_kind: F, autodiff: DispatchAutodiffContext) -> Tensors<Dispatch>
    where
        F: Fn(BackendTensor<B>) -> DispatchTensorKind,
    {
        let wrap = |tensor| DispatchTensor { kind: map_kind(BackendTensor::Float(tensor)), autodiff };
        Tensors(self.0.into_iter().map(wrap).collect())
    }

    fn map_from_dispatch<F>(target: Tensors<Dispatch>, unwrap_kind: F) -> Self
    where
        F: Fn(DispatchTensor) -> BackendTensor<B>,
    {
        Tensors(target.0.into_iter().map(|tensor| unwrap_kind(tensor).float()).collect())
    }

    fn routing_tensor(target: &Tensors<Dispatch>) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn routing_float_tensor(target: &Tensors<Dispatch>) -> Option<&DispatchTensor> {
        target.0.first()
    }

    fn autodiff_context(target: &Tensors<Dispatch>) -> DispatchAutodiffContext {
        let contexts = target.0.iter().map(|tensor| tensor.autodiff);
        contexts.fold(DispatchAutodiffContext::Disabled, |all, context| all.merge(context))
    }
}

/// Backends on which kernels run as operations.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait KernelBackend: Backend {
    /// Runs `operation` on at most 32 tensors.
    fn run_kernel(#[extension_type] inputs: Tensors<Self>, operation: Operation) -> FloatTensor<Self>;
}

/// Runs a kernel on `inputs`; its output has `shape`.
pub(super) fn run(
    inputs: Vec<DispatchTensor>,
    shape: [usize; 4],
    forward: impl Fn(&Inputs) -> (Vec<f32>, Gradient) + Send + Sync + 'static,
) -> Tensor<4> {
    assert!(!turned_off(), "a kernel was called on the plain path");
    let operation = Operation { shape, forward: Arc::new(forward) };
    Tensor::from_dispatch(<Dispatch as KernelBackend>::run_kernel(Tensors(inputs), operation))
}

/// Contiguous, so that [`values`] finds all of them.
fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().unwrap_or_else(|| unreachable!("kernels run on contiguous f32 tensors"))
}

fn tensor(values: Vec<f32>, shape: impl Into<Vec<usize>>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

impl Operation {
    fn forward(&self, inputs: &[FlexTensor]) -> (FlexTensor, Gradient) {
        let inputs: Vec<&[f32]> = inputs.iter().map(values).collect();
        let (output, gradient) = (self.forward)(&inputs);
        (tensor(output, self.shape), gradient)
    }
}

impl KernelBackend for Flex {
    fn run_kernel(inputs: Tensors<Self>, operation: Operation) -> FlexTensor {
        let inputs: Vec<FlexTensor> = inputs.0.into_iter().map(contiguous).collect();
        operation.forward(&inputs).0
    }
}

/// What the backward pass needs.
#[derive(Clone)]
struct Kept {
    inputs: Vec<FlexTensor>,
    gradient: Arc<Gradient>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

/// The backward step of every operation with `N` inputs.
#[derive(Debug)]
struct KernelBackward<const N: usize>;

impl<const N: usize> Backward<Flex, N> for KernelBackward<N> {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = contiguous(grads.consume::<Flex>(&ops.node));
        let inputs: Vec<&[f32]> = ops.state.inputs.iter().map(values).collect();
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = (ops.state.gradient)(&inputs, values(&grad), &wanted);
        for ((node, input), found) in ops.parents.iter().zip(&ops.state.inputs).zip(found) {
            if let Some(node) = node {
                grads.register::<Flex>(node.id, tensor(found, input.shape().to_vec()));
            }
        }
    }
}

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

fn tracked<C: CheckpointStrategy, const N: usize>(inputs: Vec<Tracked<C>>, operation: &Operation) -> Tracked<C> {
    let nodes = std::array::from_fn(|i| inputs[i].node());
    let inputs: Vec<FlexTensor> = inputs.into_iter().map(|input| contiguous(input.into_primitive())).collect();
    let (output, gradient) = operation.forward(&inputs);
    match KernelBackward::<N>.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish(Kept { inputs, gradient: Arc::new(gradient) }, output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    }
}

impl<C: CheckpointStrategy> KernelBackend for Autodiff<Flex, C> {
    fn run_kernel(Tensors(inputs): Tensors<Self>, operation: Operation) -> Tracked<C> {
        macro_rules! with_count {
            ($($n:literal)*) => {
                match inputs.len() {
                    $($n => tracked::<C, $n>(inputs, &operation),)*
                    n => unreachable!("{n} inputs; `fits` admits at most {MOST_INPUTS}"),
                }
            };
        }
        with_count!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32)
    }
}
