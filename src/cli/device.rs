//! `--device`: where to compute.

#[cfg(feature = "cuda")]
use super::gpu;
#[cfg(not(feature = "cuda"))]
use crate::Error;
use crate::Result;
use burn::tensor::Device;
use std::fmt;
use std::str::FromStr;

/// The choice that `--device` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first GPU this binary can use, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number.
    Cuda(u32),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let number = |text: &str| text.strip_prefix("cuda:").and_then(|n| n.parse().ok());
        match text {
            "auto" => Ok(DeviceChoice::Auto),
            "cpu" => Ok(DeviceChoice::Cpu),
            other => number(other).map(DeviceChoice::Cuda).ok_or_else(|| "expected auto, cpu or cuda:N".to_owned()),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Auto => write!(f, "auto"),
            DeviceChoice::Cpu => write!(f, "cpu"),
            DeviceChoice::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl DeviceChoice {
    /// The device; with `auto`, says on stderr what was chosen and why.
    ///
    /// [`crate::Error::Missing`] if the machine lacks what a GPU needs, [`crate::Error::Usage`] if it has no such GPU or this binary was
    /// built without GPU support.
    pub fn open(self) -> Result<Device> {
        match self {
            DeviceChoice::Auto => Ok(cuda(0).map_or_else(
                |lacking| {
                    eprintln!("device: cpu ({lacking})");
                    Device::flex()
                },
                |device| {
                    eprintln!("device: cuda:0");
                    device
                },
            )),
            DeviceChoice::Cpu => Ok(Device::flex()),
            DeviceChoice::Cuda(number) => cuda(number)
                .map_err(|error| error.retold(format!("--device cuda:{number}: {error}. Or use --device cpu"))),
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
    let ours = device.memory_pool_usage()?.bytes_reserved >> 20;
    Some(GpuMemory { free: gpu::free_mib(number)?, ours })
}

/// The memory of `device`: `None`, since this build knows no GPU.
#[cfg(not(feature = "cuda"))]
pub fn gpu_memory(_: &Device) -> Option<GpuMemory> {
    None
}
