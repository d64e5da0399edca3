//! The types of `cubecl-llvm` 0.11.3 that `cubecl-cuda` names, with a compiler that refuses to compile.
//!
//! Used by nobody as long as `cubecl-cuda` has its feature `cpp` (NVRTC); README.md says why it is here.

#![warn(missing_docs)]

use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_runtime::compiler::CompilationError;
use cubecl_runtime::kernel::BufferIOAttr;

/// What is compiled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LlvmTarget {
    /// The host.
    #[default]
    Cpu,
    /// NVIDIA GPUs.
    Nvptx,
}

/// The compiler that refuses.
#[derive(Clone, Debug, Default)]
pub struct PlironCompiler {
    /// What it would compile for.
    pub target: LlvmTarget,
}

/// What the compiler would be told.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// Alignment of buffers on the host.
    pub cpu_buffer_alignment: Option<u32>,
    /// An AMD GPU.
    pub arch: Option<()>,
    /// An NVIDIA GPU.
    pub sm_arch: Option<SmArch>,
    /// The newest PTX that its driver loads.
    pub ptx_version: Option<nvptx::ptx_version::PtxVersion>,
    /// Whether arguments are grid constants.
    pub grid_constants: bool,
}

/// A kernel in PTX.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// Its text.
    pub ptx: Vec<core::ffi::c_char>,
    /// Its entry point.
    pub entrypoint: String,
    /// LLVM's text of it.
    pub ir: String,
    /// Shared memory of a launch in bytes.
    pub shared_memory_size: usize,
    /// How its buffers are used.
    pub io: Vec<BufferIOAttr>,
}

/// What the compiler would give.
#[derive(Clone)]
pub enum PlironArtifact {
    /// Code of the host.
    Jit(()),
    /// Code of an NVIDIA GPU.
    NvptxCode(NvptxModule),
}

impl PlironCompiler {
    /// Refuses.
    pub fn compile(&mut self, _: KernelDefinition, _: &PlironOptions) -> Result<PlironArtifact, CompilationError> {
        unimplemented!("this build compiles CUDA kernels with NVRTC alone: cubecl-cuda needs its feature cpp")
    }

    /// The name of its language.
    pub fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}

/// NVIDIA GPUs.
pub mod nvptx {
    /// Versions of PTX.
    pub mod ptx_version {
        /// A version of PTX.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct PtxVersion(u32);

        impl PtxVersion {
            /// None: nothing is compiled to PTX here.
            pub fn for_driver(_: i32) -> Option<Self> {
                None
            }
        }

        impl core::fmt::Display for PtxVersion {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "ptx{}", self.0)
            }
        }
    }
}

/// What targets have in common.
pub mod shared {
    /// What a target can express.
    pub mod lowered_features {
        /// A GPU to compile for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Leaves the features as they are: called for the LLVM backend alone.
        pub fn restrict_features(_: &mut cubecl_core::ir::DeviceProperties, _: GpuTarget) {}
    }
}
