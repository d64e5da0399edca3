//! In place of a GPU: buffers are lengths, and a launch writes the kernel's CUDA C++ and what it was launched with. What was done is kept
//! in the order in which it was done, line by line in the file `trace`, so that it can be done again without a GPU.

use crate::backend::TensorMetadata;
use cubecl_common::device::{DeviceId, ServiceId};
use cubecl_common::profile::TimingMethod;
use cubecl_core::prelude::*;
use cubecl_cpp::cuda::arch::CudaArchitecture;
use cubecl_cpp::cuda::mma::manual::contiguous_elements_cuda;
use cubecl_cpp::cuda::supported_mma_combinations;
use cubecl_cpp::shared::{CompilationOptions, CppCompiler, CppSupportedFeatures};
use cubecl_cpp::target::Cuda;
use cubecl_environment::stream::StreamId;
use cubecl_ir::features::Plane;
use cubecl_ir::{
    ContiguousElements, DeviceIdentity, DeviceProperties, HardwareProperties, MemoryDeviceProperties, MmaProperties,
    TargetProperties,
};
use cubecl_runtime::compiler::Compiler;
use cubecl_runtime::kernel::CubeKernel;
use cubecl_runtime::server::Handle as Cube;
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

#[derive(Clone)]
pub struct Client;

#[derive(Clone, Debug, PartialEq)]
pub struct Device;

#[derive(Clone, Copy)]
pub enum DType {
    F32,
    U32,
}

#[derive(Clone)]
pub struct Shape(Vec<usize>);

impl Shape {
    pub fn num_elements(&self) -> usize {
        self.0.iter().product()
    }
}

impl std::ops::Index<usize> for Shape {
    type Output = usize;
    fn index(&self, axis: usize) -> &usize {
        &self.0[axis]
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(of: [usize; N]) -> Self {
        Shape(of.to_vec())
    }
}

/// A buffer: CubeCL's, and its number.
#[derive(Clone)]
pub struct Handle {
    cube: Cube,
    number: usize,
}

#[derive(Clone)]
pub struct CubeTensor {
    pub client: Client,
    pub device: Device,
    pub handle: Handle,
    shape: Shape,
}

impl CubeTensor {
    /// Given numbers, as large as `scale` at most.
    pub fn given(shape: [usize; 2], scale: f32) -> Self {
        let shape = Shape::from(shape);
        let handle = handle(4 * shape.num_elements());
        trace(&format!("given {} {} {scale}", handle.number, shape.num_elements()));
        CubeTensor { client: Client, device: Device, handle, shape }
    }

    pub fn new_contiguous(client: Client, device: Device, shape: Shape, handle: Handle, _: DType) -> Self {
        CubeTensor { client, device, handle, shape }
    }

    pub fn into_buffer_arg(self) -> BufferArg {
        let numbers = self.handle.cube.size_in_used() as usize / 4;
        PENDING.with_borrow_mut(|pending| pending.buffers.push(self.handle.number));
        // SAFETY: no kernel runs that could read beyond the buffer.
        unsafe { BufferArg::from_raw_parts(self.handle.cube, numbers) }
    }

    /// One of the results of all that is done.
    pub fn is_result(&self, name: &str) {
        trace(&format!("result {name} {}", self.handle.number));
    }
}

/// What the next launch is given.
#[derive(Default)]
struct Pending {
    buffers: Vec<usize>,
    whole: Vec<usize>,
    floats: Vec<f32>,
}

thread_local! {
    static PENDING: RefCell<Pending> = RefCell::default();
}

/// CubeCL's, but what is registered is noted.
pub trait LaunchArg: CubeType + 'static {
    type RuntimeArg: Send + Sync;
    type CompilationArg: CompilationArg;

    fn register(arg: Self::RuntimeArg, launcher: &mut cubecl_core::prelude::KernelLauncher) -> Self::CompilationArg;

    fn expand(arg: &Self::CompilationArg, builder: &mut KernelBuilder) -> <Self as CubeType>::ExpandType;
}

impl<T: cubecl_core::prelude::LaunchArg<RuntimeArg: 'static> + ?Sized> LaunchArg for T {
    type RuntimeArg = T::RuntimeArg;
    type CompilationArg = T::CompilationArg;

    fn register(arg: Self::RuntimeArg, launcher: &mut cubecl_core::prelude::KernelLauncher) -> Self::CompilationArg {
        PENDING.with_borrow_mut(|pending| {
            let noted: &dyn Any = &arg;
            pending.whole.extend(noted.downcast_ref::<usize>());
            pending.floats.extend(noted.downcast_ref::<f32>());
        });
        <T as cubecl_core::prelude::LaunchArg>::register(arg, launcher)
    }

    fn expand(arg: &Self::CompilationArg, builder: &mut KernelBuilder) -> <Self as CubeType>::ExpandType {
        <T as cubecl_core::prelude::LaunchArg>::expand(arg, builder)
    }
}

impl TensorMetadata for CubeTensor {
    fn shape(&self) -> Shape {
        self.shape.clone()
    }
}

fn handle(bytes: usize) -> Handle {
    struct Nobody;
    let service = ServiceId::of::<Nobody>(DeviceId { type_id: 0, index_id: 0 });
    let mut buffers = work().buffers.lock().unwrap();
    let number = *buffers;
    *buffers += 1;
    trace(&format!("buffer {number} {bytes}"));
    Handle { cube: Cube::new(service, StreamId { value: 0 }, bytes as u64), number }
}

fn trace(line: &str) {
    writeln!(work().trace.lock().unwrap(), "{line}").expect("memory can be written");
}

impl Client {
    pub fn empty(&self, bytes: usize) -> Handle {
        handle(bytes)
    }

    pub fn create_from_slice(&self, bytes: &[u8]) -> Handle {
        let made = handle(bytes.len());
        let words = bytes.chunks_exact(4).map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
        let words: Vec<_> = words.map(|word| word.to_string()).collect();
        trace(&format!("words {} {}", made.number, words.join(" ")));
        made
    }

    pub fn properties(&self) -> &DeviceProperties {
        &work().properties.0
    }

    pub fn properties_shared(&self) -> Arc<DeviceProperties> {
        work().properties.0.clone()
    }

    pub fn target_properties_shared(&self) -> Arc<TargetProperties> {
        work().properties.1.clone()
    }
}

/// What CubeCL finds on such a GPU, as far as our kernels ask.
fn properties(architecture: u32) -> (Arc<DeviceProperties>, Arc<TargetProperties>) {
    let hardware = HardwareProperties {
        load_width: 128,
        vector_register_count: None,
        plane_size_min: 32,
        plane_size_max: 32,
        max_bindings: 1024,
        max_shared_memory_size: 48 << 10,
        max_cube_count: (i32::MAX as u32, 65535, 65535),
        max_units_per_cube: 1024,
        max_cube_dim: (1024, 1024, 64),
        num_streaming_multiprocessors: Some(108),
        num_cpu_cores: None,
        last_level_cache_size: None,
        num_tensor_cores: Some(4),
        min_tensor_cores_dim: Some(8),
        max_vector_size: 16,
        cube_mma_reserved_shared_memory: 0,
    };
    let identity = DeviceIdentity { name: "GPU".into(), fingerprint: format!("ptx_sm{architecture}"), physical: None };
    let memory = MemoryDeviceProperties::new(16 << 30, 512);
    let mut device = DeviceProperties::new(Default::default(), memory, hardware, TimingMethod::Device, identity);
    cubecl_cpp::register_supported_types(&mut device);
    device.features.alignment = true;
    let architecture = CudaArchitecture { version: architecture, tensor_cores: true };
    device.features.matmul.mma = supported_mma_combinations(&architecture).into_iter().collect();
    for plane in [Plane::Sync, Plane::Ops, Plane::NonUniformControlFlow] {
        device.features.plane.insert(plane);
    }
    let mma = MmaProperties {
        register_size_bits: 32,
        const_plane_size: 32,
        register_layout_a: cubecl_core::cmma::MatrixLayout::RowMajor,
        register_layout_b: cubecl_core::cmma::MatrixLayout::ColMajor,
        register_layout_acc: cubecl_core::cmma::MatrixLayout::RowMajor,
        register_duplication_a: 1,
        register_duplication_b: 1,
        register_duplication_acc: 1,
        contiguous_elements: ContiguousElements::new(contiguous_elements_cuda),
    };
    (Arc::new(device), Arc::new(TargetProperties { mma }))
}

/// What is written, and the kernels so far.
struct Work {
    architecture: u32,
    folder: PathBuf,
    properties: (Arc<DeviceProperties>, Arc<TargetProperties>),
    /// Of each variant: file, launches, dynamic shared memory.
    kernels: Mutex<BTreeMap<String, (String, usize, usize)>>,
    buffers: Mutex<usize>,
    trace: Mutex<String>,
}

static WORK: OnceLock<Work> = OnceLock::new();

fn work() -> &'static Work {
    WORK.get().expect("begin() comes first")
}

pub fn begin(architecture: u32, folder: PathBuf) {
    let properties = properties(architecture);
    let (kernels, buffers, trace) = Default::default();
    let work = Work { architecture, folder, properties, kernels, buffers, trace };
    assert!(WORK.set(work).is_ok());
}

/// Prints what was launched, and writes the trace.
pub fn tell() {
    std::fs::write(work().folder.join("trace"), &*work().trace.lock().unwrap()).expect("the folder can be written");
    for (variant, (file, launches, shared)) in work().kernels.lock().unwrap().iter() {
        let mut hasher = DefaultHasher::new();
        variant.hash(&mut hasher);
        println!("{file} {launches} {shared} {:x}", hasher.finish());
    }
}

/// CubeCL's, but for the launch.
pub struct KernelLauncher(cubecl_core::prelude::KernelLauncher);

impl Deref for KernelLauncher {
    type Target = cubecl_core::prelude::KernelLauncher;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for KernelLauncher {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl KernelLauncher {
    pub fn new(settings: KernelSettings) -> Self {
        KernelLauncher(cubecl_core::prelude::KernelLauncher::new(settings))
    }

    pub fn launch<K: CubeKernel>(self, cubes: CubeCount, kernel: K, _: &Client) {
        self.0.discard();
        let file = written(&kernel);
        let CubeCount::Static(x, y, z) = cubes else { panic!("{file}: how many cubes is known") };
        let Pending { buffers, whole, floats } = PENDING.take();
        trace(&format!("launch {file} {x} {y} {z} buffers {buffers:?} whole {whole:?} floats {floats:?}"));
    }
}

/// The file of a kernel's CUDA C++.
fn written<K: CubeKernel>(kernel: &K) -> String {
    let (id, work) = (kernel.id(), work());
    let mut kernels = work.kernels.lock().unwrap();
    let variant = id.stable_format();
    if let Some((file, launches, _)) = kernels.get_mut(&variant) {
        *launches += 1;
        return file.clone();
    }
    let name = id.type_name().split('<').next().and_then(|path| path.rsplit("::").nth(1)).unwrap_or("kernel");
    let number = kernels.values().filter(|(file, ..)| file.rsplit_once('-').is_some_and(|(of, _)| of == name)).count();
    let file = format!("{name}-{number}");
    let options = CompilationOptions {
        supports_features: CppSupportedFeatures {
            fast_math: true,
            dp4a: true,
            grid_constants: true,
            fast_tanh: true,
            clusters: work.architecture >= 90,
            elect_sync: work.architecture >= 90,
        },
        ..Default::default()
    };
    let made = cubecl_core::define_kernel(kernel)
        .and_then(|definition| CppCompiler::<Cuda>::default().compile(definition, &options));
    let made = made.unwrap_or_else(|error| panic!("{variant}: {error:?}"));
    std::fs::write(work.folder.join(format!("{file}.cu")), &made.source).expect("the folder can be written");
    trace(&format!("kernel {file} {}", variant.replace('\n', " ")));
    kernels.insert(variant, (file.clone(), 1, made.shared_memory_size));
    file
}
