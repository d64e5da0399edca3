//! Writes the CUDA C++ of every kernel variant that a training step of a network launches, and a line for each: its file, how often it is
//! launched, its bytes of dynamic shared memory, and a number that it has in every network that launches it.
//!
//!     cuda_kernels ARCHITECTURE FOLDER KEY=NUMBER...       with the keys of a recipe's network
//!
//! The kernels and the passes that launch them are those of s2s, source for source; what they see as burn and CubeCL's client is
//! `device`, which notes launches instead of making them.
#![allow(dead_code, unused_imports, hidden_glob_reexports, reason = "the kernels' own sources, of which s2s uses more")]

extern crate self as burn;
extern crate self as burn_cubecl;
extern crate self as cubecl;

mod device;

pub use cubecl_core::*;

/// What the kernels' sources import.
pub mod prelude {
    pub use crate::device::{Client, KernelLauncher, LaunchArg};
    pub use cubecl_core::prelude::*;
}
pub mod tensor {
    pub use crate::device::{CubeTensor, DType, Shape};
}
pub mod kernel {
    /// All tensors here are.
    pub fn into_contiguous(tensor: crate::device::CubeTensor) -> crate::device::CubeTensor {
        tensor
    }
}
pub mod backend {
    pub trait TensorMetadata {
        fn shape(&self) -> crate::device::Shape;
    }
    pub mod fusion {
        pub mod custom {
            use crate::device::{DType, Shape};
            pub struct TensorSpec {
                pub shape: Shape,
                pub dtype: DType,
            }
            impl TensorSpec {
                pub fn new(shape: Shape, dtype: DType) -> Self {
                    TensorSpec { shape, dtype }
                }
            }
        }
    }
}

#[path = "../../../src/kernels/gpu"]
mod gpu {
    mod attention;
    mod attention_gradient;
    mod attention_rows;
    mod attention_rows_gradient;
    mod attention_rows_sums;
    mod backward;
    mod branch;
    mod conv;
    mod cubes;
    mod dense;
    mod dense_end;
    mod dense_gradient;
    mod dense_weights;
    mod film;
    mod film_gradient;
    mod forward;
    mod functions;
    mod gates;
    mod layout;
    mod load;
    mod losses;
    mod matrix;
    mod mlp;
    mod mlp_rows;
    mod mlp_rows_gradient;
    mod pixelwise;
    mod plan;
    mod products;
    mod rows;
    mod scattered;
    mod stage;
    mod step_input;
    mod tables;
    mod tiles;
    mod tokens;
    mod weights;
    mod windows;
    mod words;

    #[path = "../../../scripts/cuda_kernels/src/step.rs"]
    pub mod step;
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(architecture), Some(folder)) = (arguments.next(), arguments.next()) else {
        panic!("expected ARCHITECTURE FOLDER KEY=NUMBER...");
    };
    device::begin(architecture.parse().expect("a compute capability such as 80"), folder.into());
    let numbers = arguments.map(|pair| {
        let (key, number) = pair.split_once('=').expect("KEY=NUMBER");
        (key.to_owned(), number.parse().expect("a number"))
    });
    gpu::step::launch(&numbers.collect());
    device::tell();
}
