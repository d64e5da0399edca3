//! `--device`: where to compute.

use crate::{Error, Result};
use burn::tensor::Device;
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

impl DeviceChoice {
    /// The device; with `auto`, says on stderr what was chosen.
    ///
    /// [`Error::Usage`] if this binary was built without what the choice needs.
    pub fn open(self) -> Result<Device> {
        match self {
            DeviceChoice::Auto => {
                eprintln!("device: cpu (this build has no GPU support)");
                Ok(Device::flex())
            }
            DeviceChoice::Cpu => Ok(Device::flex()),
            DeviceChoice::Cuda(number) => {
                Err(Error::Usage(format!("--device cuda:{number}: this build has no GPU support. Use --device cpu")))
            }
        }
    }
}
