//! The cascade as one operation on burn's tensors, with a backward pass of its own, for every device that CubeCL has kernels for.

use super::forward::StageTape;
use super::plan::{Pass, Plan};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// What a forward pass leaves for the backward pass, once it was executed.
#[derive(Clone, Default)]
pub(crate) struct Tape(Arc<Mutex<Option<Passed>>>);

/// A pass, and what its backward pass needs of each stage.
type Passed = (Pass, Vec<StageTape>);

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").finish_non_exhaustive()
    }
}

impl Tape {
    fn fill(&self, pass: Pass, stages: Vec<StageTape>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((pass, stages));
    }

    fn take(&self) -> Passed {
        let tape = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        tape.unwrap_or_else(|| unreachable!("the forward pass comes first, and the backward pass once"))
    }
}

/// Backends on which the cascade is one operation.
#[backend_extension(Cube, Fusion, Autodiff)]
pub(crate) trait CascadeBackend: Backend {
    /// The outputs of all stages, `[cascades, pixels]`; `tape` is filled where there is one.
    #[fusion(dtype = weights, shape = outputs(images, plan))]
    fn cascade_outputs(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        plan: Arc<Plan>,
        tape: Option<Tape>,
    ) -> FloatTensor<Self>;

    /// The gradient of the weights, from that of the outputs. `outputs` are asked for so that they are computed before.
    #[fusion(dtype = weights, shape = weights)]
    fn cascade_gradient(
        outputs: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        tape: Tape,
    ) -> FloatTensor<Self>;
}

fn outputs(images: &Shape, plan: &Arc<Plan>) -> Shape {
    Shape::from([plan.dimensions.cascades, images[0]])
}

/// The outputs of all stages of a network of these dimensions, for images that lie side by side.
///
/// # Shapes
///
/// - images: `[pixels, 1 + input_channels]`: measurement, mask, guides
/// - weights: `[parameters]`, all parameters in the order of the layers, the genes' embeddings last
/// - output: `[cascades, pixels]`
pub(crate) fn cascade(images: Tensor<2>, weights: Tensor<1>, plan: Plan) -> Tensor<2> {
    let (images, weights) = (images.into_dispatch(), weights.into_dispatch());
    Tensor::from_dispatch(<Dispatch as CascadeBackend>::cascade_outputs(images, weights, Arc::new(plan), None))
}

/// The cascade without autodiff: its outputs as [`cascade`] gives them, and what gives the gradient of its weights.
pub(crate) fn taped_cascade(images: Tensor<2>, weights: Tensor<1>, plan: Plan) -> (Tensor<2>, Taped) {
    let (images, weights, tape) = (images.into_dispatch(), weights.into_dispatch(), Tape::default());
    let of = <Dispatch as CascadeBackend>::cascade_outputs(images, weights.clone(), Arc::new(plan), Some(tape.clone()));
    let outputs = Tensor::from_dispatch(of);
    let (weights, kept) = (Tensor::from_dispatch(weights), outputs.clone());
    (outputs, Taped { outputs: kept, weights, tape })
}

/// What a forward pass left for its gradient.
pub(crate) struct Taped {
    outputs: Tensor<2>,
    weights: Tensor<1>,
    tape: Tape,
}

impl Taped {
    /// The gradient of the weights, given that of the outputs.
    pub(crate) fn gradient(self, grad: Tensor<2>) -> Tensor<1> {
        let (outputs, weights) = (self.outputs.into_dispatch(), self.weights.into_dispatch());
        let found = <Dispatch as CascadeBackend>::cascade_gradient(outputs, grad.into_dispatch(), weights, self.tape);
        Tensor::from_dispatch(found)
    }
}

fn shaped(tensor: CubeTensor, shape: Shape) -> CubeTensor {
    CubeTensor::new_contiguous(tensor.client, tensor.device, shape, tensor.handle, tensor.dtype)
}

impl CascadeBackend for CubeBackend {
    fn cascade_outputs(images: CubeTensor, weights: CubeTensor, plan: Arc<Plan>, tape: Option<Tape>) -> CubeTensor {
        let shape = outputs(&images.shape(), &plan);
        let pass = Pass::new(&plan, into_contiguous(images), into_contiguous(weights));
        let mut stages = Vec::new();
        let found = pass.forward(|stage| {
            if tape.is_some() {
                stages.push(stage);
            }
        });
        if let Some(tape) = tape {
            tape.fill(pass, stages);
        }
        shaped(found, shape)
    }

    fn cascade_gradient(_: CubeTensor, grad: CubeTensor, _: CubeTensor, tape: Tape) -> CubeTensor {
        let (pass, stages) = tape.take();
        pass.backward(stages, &into_contiguous(grad))
    }
}

/// The backward step of the cascade.
#[derive(Debug)]
struct CascadeBackward;

/// What it needs: outputs and weights, and what the forward pass left.
#[derive(Clone, Debug)]
struct Kept<T> {
    outputs: T,
    weights: T,
    tape: Tape,
}

impl<B: CascadeBackend> Backward<B, 1> for CascadeBackward {
    type State = Kept<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node);
        let Kept { outputs, weights, tape } = ops.state;
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<B>(node.id, B::cascade_gradient(outputs, grad, weights, tape));
        }
    }
}

impl<B: CascadeBackend, C: CheckpointStrategy> CascadeBackend for Autodiff<B, C> {
    fn cascade_outputs(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        plan: Arc<Plan>,
        _: Option<Tape>,
    ) -> FloatTensor<Self> {
        let node = weights.node();
        let (images, weights) = (images.into_primitive(), weights.into_primitive());
        let tape = Tape::default();
        match CascadeBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let outputs = B::cascade_outputs(images, weights.clone(), plan, Some(tape.clone()));
                prepared.finish(Kept { outputs: outputs.clone(), weights, tape }, outputs)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::cascade_outputs(images, weights, plan, None)),
        }
    }

    fn cascade_gradient(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Tape,
    ) -> FloatTensor<Self> {
        unreachable!("nobody asks for second derivatives")
    }
}
