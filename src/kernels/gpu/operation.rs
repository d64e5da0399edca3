//! The cascade as one operation on burn's tensors, with a backward pass of its own, for every device that CubeCL has kernels for.

use super::forward::StageTape;
use super::plan::{Pass, Plan};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Int, Shape, Tensor};
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
    /// The outputs of a pass, of which the tape keeps what its backward pass needs.
    fn forward(&self, pass: Pass) -> CubeTensor {
        let mut stages = Vec::new();
        let outputs = pass.forward(|stage| stages.push(stage));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((pass, stages));
        outputs
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

    /// The same of images whose genes are numbers on the device, as [`gene_numbers`](super::plan::gene_numbers) has them, and not those of `plan`.
    #[fusion(dtype = weights, shape = outputs(images, plan))]
    fn cascade_outputs_of(
        images: FloatTensor<Self>,
        weights: FloatTensor<Self>,
        genes: IntTensor<Self>,
        plan: Arc<Plan>,
        tape: Tape,
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

/// The cascade without autodiff: its outputs as [`cascade`] gives them, and what gives the gradient of its weights. `genes` are those of
/// the images instead of the plan's, where the host does not know them ([`gene_numbers`](super::plan::gene_numbers)).
pub(crate) fn taped_cascade(
    images: Tensor<2>,
    weights: Tensor<1>,
    plan: Plan,
    genes: Option<Tensor<1, Int>>,
) -> (Tensor<2>, Taped) {
    let (images, weights, plan) = (images.into_dispatch(), weights.into_dispatch(), Arc::new(plan));
    let (own, tape) = (weights.clone(), Tape::default());
    let found = match genes.map(Tensor::into_dispatch) {
        Some(genes) => <Dispatch as CascadeBackend>::cascade_outputs_of(images, own, genes, plan, tape.clone()),
        None => <Dispatch as CascadeBackend>::cascade_outputs(images, own, plan, Some(tape.clone())),
    };
    let outputs = Tensor::from_dispatch(found);
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
        let found = match tape {
            Some(tape) => tape.forward(pass),
            None => pass.forward(drop),
        };
        shaped(found, shape)
    }

    fn cascade_outputs_of(
        images: CubeTensor,
        weights: CubeTensor,
        genes: CubeTensor,
        plan: Arc<Plan>,
        tape: Tape,
    ) -> CubeTensor {
        let shape = outputs(&images.shape(), &plan);
        let pass = Pass::of_genes(&plan, into_contiguous(images), into_contiguous(weights), into_contiguous(genes));
        shaped(tape.forward(pass), shape)
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

    fn cascade_outputs_of(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: IntTensor<Self>,
        _: Arc<Plan>,
        _: Tape,
    ) -> FloatTensor<Self> {
        unreachable!("only steps without autodiff are told of genes so")
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
