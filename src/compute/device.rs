//! `--device`: where to compute.

#[cfg(feature = "cuda")]
use super::gpu;
#[cfg(feature = "vulkan")]
use super::vulkan;
#[cfg(not(all(feature = "cuda", feature = "vulkan")))]
use crate::Error;
use crate::Result;
use burn::tensor::{DType, Device};
use std::fmt;
use std::str::FromStr;

/// The choice that `--device` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// NVIDIA's first GPU if this binary can use it, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// NVIDIA's GPU of this number.
    Cuda(u32),
    /// The Vulkan adapter of this number. Never chosen by `auto`: it may be software, far slower than our kernels for the CPU.
    Vulkan(u32),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let number = |prefix: &str| text.strip_prefix(prefix).and_then(|n| n.parse().ok());
        let choice = match text {
            "auto" => Some(DeviceChoice::Auto),
            "cpu" => Some(DeviceChoice::Cpu),
            _ => number("cuda:").map(DeviceChoice::Cuda).or_else(|| number("vulkan:").map(DeviceChoice::Vulkan)),
        };
        choice.ok_or_else(|| "expected auto, cpu, cuda:N or vulkan:N".to_owned())
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => write!(f, "auto"),
            DeviceChoice::Cpu => write!(f, "cpu"),
            DeviceChoice::Cuda(number) => write!(f, "cuda:{number}"),
            DeviceChoice::Vulkan(number) => write!(f, "vulkan:{number}"),
        }
    }
}

impl DeviceChoice {
    /// The device; with `auto`, says what was chosen and why.
    ///
    /// [`crate::Error::Missing`] if the machine lacks what a GPU needs, [`crate::Error::Usage`] if it has no such GPU or this binary was
    /// built without GPU support.
    pub fn open(self) -> Result<Device> {
        let named = |device: Result<Device>, name: String| {
            device.map_err(|error| error.retold(format!("--device {name}: {error}. Or use --device cpu")))
        };
        match self {
            DeviceChoice::Auto => Ok(cuda(0).map_or_else(
                |lacking| {
                    tracing::info!("device: cpu ({lacking})");
                    Device::flex()
                },
                |device| {
                    tracing::info!("device: cuda:0");
                    device
                },
            )),
            DeviceChoice::Cpu => Ok(Device::flex()),
            DeviceChoice::Cuda(number) => named(cuda(number), format!("cuda:{number}")),
            DeviceChoice::Vulkan(number) => named(vulkan(number), format!("vulkan:{number}")),
        }
    }
}

/// The GPU of this number, once it is known to be usable.
#[cfg(feature = "cuda")]
fn cuda(number: u32) -> Result<Device> {
    gpu::machine().check(number)?;
    Ok(Device::cuda(number as usize))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: u32) -> Result<Device> {
    Err(Error::Usage("this build has no GPU support: it was built without --features cuda".to_owned()))
}

/// The Vulkan adapter of this number, once it is open.
#[cfg(feature = "vulkan")]
fn vulkan(number: u32) -> Result<Device> {
    vulkan::open(number)
}

#[cfg(not(feature = "vulkan"))]
fn vulkan(_: u32) -> Result<Device> {
    Err(Error::Usage("this build has no Vulkan support: it was built without --features vulkan".to_owned()))
}

/// Whether `device` computes in numbers of this type, not only stores them.
pub fn computes_in(device: &Device, dtype: DType) -> bool {
    device.supports_dtype(dtype) && !(dtype == DType::BF16 && before_ampere(device))
}

/// Whether `device` is an NVIDIA GPU older than compute capability 8.0: it has no bf16, but burn says that it has.
#[cfg(feature = "cuda")]
fn before_ampere(device: &Device) -> bool {
    let target = device.identity().map_or(String::new(), |identity| identity.fingerprint);
    target.strip_prefix("ptx_sm").and_then(|capability| capability.parse::<u32>().ok()).is_some_and(|sm| sm < 80)
}

/// Whether `device` is an NVIDIA GPU of that age: no, since this build knows none.
#[cfg(not(feature = "cuda"))]
fn before_ampere(_: &Device) -> bool {
    false
}

/// MiB that this process holds of the memory of `device`, in use or not; 0 where that is not told.
#[cfg(feature = "gpu")]
pub(crate) fn reserved_mib(device: &Device) -> u64 {
    device.memory_pool_usage().map_or(0, |usage| usage.bytes_reserved >> 20)
}

/// What a GPU has of memory, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuMemory {
    /// Free for anyone.
    pub free: u64,
    /// Held by this process, in use or not.
    pub ours: u64,
}

/// The memory of `device`; `None` on the CPU, and where the driver does not tell.
#[cfg(feature = "cuda")]
pub fn gpu_memory(device: &Device) -> Option<GpuMemory> {
    let device = device.clone().without_autodiff();
    if device == Device::flex() {
        return None;
    }
    let number = (0..gpu::machine().gpus).find(|number| Device::cuda(*number as usize) == device)?;
    Some(GpuMemory { free: gpu::free_mib(number)?, ours: reserved_mib(&device) })
}

/// The memory of `device`: `None`, since this build knows no GPU.
#[cfg(not(feature = "cuda"))]
pub fn gpu_memory(_: &Device) -> Option<GpuMemory> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_its_kind_and_number() {
        let choices = [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda:1", DeviceChoice::Cuda(1)),
            ("vulkan:0", DeviceChoice::Vulkan(0)),
        ];
        for (text, choice) in choices {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), text);
        }
        for wrong in ["vulkan", "vulkan:", "vulkan:-1", "metal:0", "CPU"] {
            assert_eq!(wrong.parse::<DeviceChoice>(), Err("expected auto, cpu, cuda:N or vulkan:N".to_owned()));
        }
    }

    #[cfg(not(feature = "vulkan"))]
    #[test]
    fn a_build_without_vulkan_says_so() {
        let error = DeviceChoice::Vulkan(0).open().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--features vulkan"), "{error}");
    }

    #[test]
    fn the_cpu_computes_in_both_precisions() {
        assert!([DType::F32, DType::BF16].iter().all(|dtype| computes_in(&Device::flex(), *dtype)));
    }
}
