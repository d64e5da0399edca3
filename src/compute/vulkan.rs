//! The adapters that Vulkan shows: GPUs, and programs that stand in for one. They are looked for and opened before burn
//! computes on them, whose threads panic where one is missing.

use crate::{Error, Result};
use burn::tensor::DeviceKind;
#[cfg(feature = "vulkan")]
use burn::tensor::{
    Device,
    wgpu::{WgpuBackend, wgpu},
};
#[cfg(feature = "vulkan")]
use std::collections::BTreeMap;
#[cfg(feature = "vulkan")]
use std::sync::{Mutex, OnceLock, PoisonError};

/// What `--device vulkan:N` chooses from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Adapter {
    /// As its driver names it.
    pub name: String,
    /// As burn is asked for it.
    pub kind: DeviceKind,
}

/// The adapter of this number; else what is missing, and what to install.
pub(super) fn choose(adapters: &[Adapter], number: u32) -> Result<&Adapter> {
    if adapters.is_empty() {
        return Err(Error::Missing(
            "no Vulkan adapter on this machine. Install the GPU's Vulkan driver and the loader (libvulkan.so.1), and see what `vulkaninfo --summary` lists; in a container, pass the GPU and its driver's files in".to_owned(),
        ));
    }
    adapters.get(number as usize).ok_or_else(|| {
        let listed = adapters.iter().enumerate().map(|(number, adapter)| format!("vulkan:{number} ({})", adapter.name));
        let listed = listed.collect::<Vec<_>>().join(", ");
        Error::Usage(format!("found {listed}, expected one of them for --device"))
    })
}

/// The device of this number; says on stderr which adapter that is.
#[cfg(feature = "vulkan")]
pub(super) fn open(number: u32) -> Result<Device> {
    // burn opens an adapter once.
    static OPENED: Mutex<BTreeMap<u32, Device>> = Mutex::new(BTreeMap::new());
    let Adapter { name, kind } = choose(adapters(), number)?;
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(device) = opened.get(&number) {
        return Ok(device.clone());
    }
    let software = if *kind == DeviceKind::Cpu { ": software, slower than --device cpu" } else { "" };
    tracing::info!("device: vulkan:{number} ({name}{software})");
    let device = Device::wgpu_options().device_kind(kind.clone()).graphics_api(WgpuBackend::Vulkan).init();
    let device = device
        .map_err(|error| Error::Missing(format!("{name} did not open: {error}. Install a newer driver for it")))?;
    Ok(opened.entry(number).or_insert(device).clone())
}

/// All adapters, in wgpu's order. Asked for once: a Vulkan loader may crash where instances come and go in several threads.
#[cfg(feature = "vulkan")]
fn adapters() -> &'static [Adapter] {
    static ADAPTERS: OnceLock<Vec<Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(|| {
        let backends = wgpu::Backends::VULKAN;
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let found = burn::cubecl::future::block_on(instance.enumerate_adapters(backends));
        named(found.iter().map(wgpu::Adapter::get_info))
    })
}

/// The adapters that burn has a name for: it counts those of each type by themselves, and knows one processor alone.
#[cfg(feature = "vulkan")]
fn named(found: impl Iterator<Item = wgpu::AdapterInfo>) -> Vec<Adapter> {
    let mut seen = Vec::new();
    let named = found.filter_map(|info| {
        let before = seen.iter().filter(|seen| **seen == info.device_type).count();
        seen.push(info.device_type);
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(before),
            wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(before),
            wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu(before),
            wgpu::DeviceType::Cpu if before == 0 => DeviceKind::Cpu,
            wgpu::DeviceType::Cpu | wgpu::DeviceType::Other => return None,
        };
        Some(Adapter { name: info.name, kind })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapters() -> Vec<Adapter> {
        [("GeForce", DeviceKind::DiscreteGpu(0)), ("llvmpipe", DeviceKind::Cpu)]
            .map(|(name, kind)| Adapter { name: name.to_owned(), kind })
            .to_vec()
    }

    #[test]
    fn numbers_count_all_adapters() {
        let adapters = adapters();
        assert_eq!(choose(&adapters, 1).unwrap().kind, DeviceKind::Cpu);
    }

    #[test]
    fn an_adapter_that_is_not_there_is_a_mistake_of_the_command_line() {
        let error = choose(&adapters(), 2).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("vulkan:0 (GeForce), vulkan:1 (llvmpipe)"), "{error}");
    }

    #[test]
    fn a_machine_without_vulkan_is_told_what_to_install() {
        let error = choose(&[], 0).unwrap_err();
        assert_eq!(error.exit_code(), 66);
        assert!(error.to_string().contains("libvulkan.so.1"), "{error}");
    }
}
