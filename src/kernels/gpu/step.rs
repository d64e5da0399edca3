//! What a step of training does around the network, as operations on burn's tensors: see [`StepInput`] and [`Terms`].

use super::losses::{NUMBERS, Terms, WEIGHTS};
use super::scattered::Scattered;
use super::step_input::{StepInput, specs};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, backend_extension};
use burn::tensor::{Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use std::sync::Arc;

/// Backends on which these are operations.
#[backend_extension(Cube, Fusion, Autodiff)]
pub(crate) trait StepBackend: Backend {
    /// See [`step_input`].
    #[fusion(meta = |_: &TensorSpec, _: &TensorSpec, step_input: &Arc<StepInput>| specs(step_input))]
    fn step_input(
        section: FloatTensor<Self>,
        natural: FloatTensor<Self>,
        step_input: Arc<StepInput>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// See [`filled`].
    #[fusion(dtype = stack, shape = filled_shape(stack, scattered))]
    fn filled(stack: FloatTensor<Self>, scattered: Scattered) -> FloatTensor<Self>;

    /// See [`losses`].
    #[fusion(dtype = outputs, shape = numbers())]
    fn losses(outputs: FloatTensor<Self>, targets: FloatTensor<Self>, terms: Terms) -> FloatTensor<Self>;

    /// The gradient of the outputs, given that of the losses, which begins at `first` of `grad`.
    #[fusion(dtype = outputs, shape = outputs)]
    fn losses_gradient(
        outputs: FloatTensor<Self>,
        targets: FloatTensor<Self>,
        losses: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        first: usize,
        terms: Terms,
    ) -> FloatTensor<Self>;
}

fn numbers() -> Shape {
    Shape::from([NUMBERS])
}

fn filled_shape(stack: &Shape, scattered: &Scattered) -> Shape {
    scattered.shape(stack)
}

/// The network's input of these images, and what its outputs are held against.
///
/// # Shapes
///
/// - section, natural: `[b, channels, h, w]`, stacks of measured images and natural images
/// - output: `[pixels, columns]`, and `[pixels, 2]`: target and whether the losses look at it
pub(crate) fn step_input(section: Tensor<4>, natural: Tensor<4>, step_input: StepInput) -> (Tensor<2>, Tensor<2>) {
    let (section, natural) = (section.into_dispatch(), natural.into_dispatch());
    let (inputs, targets) = <Dispatch as StepBackend>::step_input(section, natural, Arc::new(step_input));
    (Tensor::from_dispatch(inputs), Tensor::from_dispatch(targets))
}

/// A stack of images whose measured pixels lie on no lattice, filled between them.
///
/// # Shapes
///
/// - stack: `[b, ·, h, w]`, channels as [`Scattered`] says
/// - output: `[views · b, 4 + components + stains, h, w]`
pub(crate) fn filled(stack: Tensor<4>, scattered: Scattered) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as StepBackend>::filled(stack.into_dispatch(), scattered))
}

/// The losses of a pass, the first [`TERMS`](super::TERMS) numbers, and their weighted sum, the one at [`TOTAL`](super::TOTAL). A gradient comes from the
/// losses alone.
///
/// # Shapes
///
/// - outputs: `[stages, pixels]`
/// - targets: `[pixels, 2]`, as [`step_input`] gives them
pub(crate) fn losses(outputs: Tensor<2>, targets: Tensor<2>, terms: Terms) -> Tensor<1> {
    let (outputs, targets) = (outputs.into_dispatch(), targets.into_dispatch());
    Tensor::from_dispatch(<Dispatch as StepBackend>::losses(outputs, targets, terms))
}

/// The gradient of the outputs of which the weighted sum of `losses` was taken, all without autodiff.
///
/// # Shapes
///
/// - outputs, output: `[stages, pixels]`
/// - targets: `[pixels, 2]`
/// - losses: as [`losses`] gives them
pub(crate) fn total_gradient(outputs: Tensor<2>, targets: Tensor<2>, losses: Tensor<1>, terms: Terms) -> Tensor<2> {
    let (outputs, targets, losses) = (outputs.into_dispatch(), targets.into_dispatch(), losses.into_dispatch());
    let weights = losses.clone();
    let found = <Dispatch as StepBackend>::losses_gradient(outputs, targets, losses, weights, WEIGHTS, terms);
    Tensor::from_dispatch(found)
}

impl StepBackend for CubeBackend {
    fn step_input(section: CubeTensor, natural: CubeTensor, step_input: Arc<StepInput>) -> (CubeTensor, CubeTensor) {
        step_input.made(section, natural)
    }

    fn filled(stack: CubeTensor, scattered: Scattered) -> CubeTensor {
        scattered.filled(stack)
    }

    fn losses(outputs: CubeTensor, targets: CubeTensor, terms: Terms) -> CubeTensor {
        terms.losses(outputs, targets)
    }

    fn losses_gradient(
        outputs: CubeTensor,
        targets: CubeTensor,
        losses: CubeTensor,
        grad: CubeTensor,
        first: usize,
        terms: Terms,
    ) -> CubeTensor {
        terms.gradient(outputs, targets, losses, grad, first)
    }
}

/// The backward step of the losses.
#[derive(Debug)]
struct LossesBackward;

impl<B: StepBackend> Backward<B, 1> for LossesBackward {
    /// Outputs, targets and losses.
    type State = ([FloatTensor<B>; 3], Terms);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let ([outputs, targets, losses], terms) = ops.state;
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::losses_gradient(outputs, targets, losses, grad, 0, terms));
        }
    }
}

impl<B: StepBackend, C: CheckpointStrategy> StepBackend for Autodiff<B, C> {
    fn step_input(
        section: FloatTensor<Self>,
        natural: FloatTensor<Self>,
        step_input: Arc<StepInput>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (inputs, targets) = B::step_input(section.into_primitive(), natural.into_primitive(), step_input);
        (Self::from_inner(inputs), Self::from_inner(targets))
    }

    fn filled(stack: FloatTensor<Self>, scattered: Scattered) -> FloatTensor<Self> {
        Self::from_inner(B::filled(stack.into_primitive(), scattered))
    }

    fn losses(outputs: FloatTensor<Self>, targets: FloatTensor<Self>, terms: Terms) -> FloatTensor<Self> {
        let node = outputs.node();
        let (outputs, targets) = (outputs.into_primitive(), targets.into_primitive());
        let losses = B::losses(outputs.clone(), targets.clone(), terms);
        match LossesBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(([outputs, targets, losses.clone()], terms), losses),
            OpsKind::UnTracked(prepared) => prepared.finish(losses),
        }
    }

    fn losses_gradient(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: usize,
        _: Terms,
    ) -> FloatTensor<Self> {
        unreachable!("nobody asks for second derivatives")
    }
}
