//! What computing needs of the machine: a device, its memory, progress, signals that ask for a stop.

mod device;
mod faults;
#[cfg(any(feature = "cuda", test))]
mod gpu;
mod memory;
mod progress;
mod signals;
#[cfg(any(feature = "vulkan", test))]
mod vulkan;

#[cfg(feature = "gpu")]
pub(crate) use device::reserved_mib;
pub use device::{DeviceChoice, GpuMemory, computes_in, gpu_memory};
pub use faults::device_error;
pub(crate) use faults::explained;
pub use memory::peak_memory_mib;
pub(crate) use memory::{forget_peak_memory, memory_mib};
pub use progress::{PROGRESS, Progress};
pub use signals::{StopFlag, clean_up_on_signals};
