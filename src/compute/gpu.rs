//! Whether an NVIDIA GPU can be used: asked before burn touches it, whose threads panic where something is missing.
//!
//! Nothing of CUDA is linked. The driver and NVRTC are libraries that are opened when a GPU is asked for; NVRTC compiles the
//! kernels and reads the CUDA headers while it does.
#![allow(unsafe_code, reason = "calls of the driver, through its C interface")]

use crate::{Error, Result};
use std::fmt;
#[cfg(feature = "cuda")]
use std::path::{Path, PathBuf};

/// The version of a part of CUDA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub i32, pub i32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The oldest driver whose CUDA the kernels are known to need.
const OLDEST: Version = Version(12, 0);

/// What a machine has of what a GPU needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// The newest CUDA that its driver knows; `None` without a driver.
    pub driver: Option<Version>,
    /// Why the driver did not start, in its own words.
    pub fault: Option<String>,
    /// GPUs that the driver shows.
    pub gpus: u32,
    /// NVRTC; `None` where it is not found.
    pub nvrtc: Option<Version>,
    /// Whether the CUDA headers are where they are looked for.
    pub headers: bool,
}

impl Machine {
    /// Whether the GPU of this number can be used; else what is missing, and what to install.
    pub(super) fn check(&self, number: u32) -> Result<()> {
        let missing = |what: String| Err(Error::Missing(what));
        let Some(driver) = self.driver else {
            return missing(
                "no NVIDIA driver (libcuda.so.1) on this machine. Install NVIDIA's driver; in a container, start it with --nv (Apptainer) or --gpus all (Docker, Podman)".to_owned(),
            );
        };
        if driver < OLDEST {
            return missing(format!(
                "the NVIDIA driver knows CUDA {driver}, expected {OLDEST} or newer. Install a newer driver"
            ));
        }
        if self.gpus == 0 {
            let words = self.fault.as_ref().map_or(String::new(), |fault| format!(" (the driver says {fault})"));
            return missing(format!(
                "the NVIDIA driver shows no GPU{words}. See what `nvidia-smi` lists, and whether CUDA_VISIBLE_DEVICES or the cluster's job hides it"
            ));
        }
        if number >= self.gpus {
            return Err(Error::Usage(format!(
                "found GPUs cuda:0 to cuda:{}, expected one of them for --device",
                self.gpus - 1
            )));
        }
        let Some(nvrtc) = self.nvrtc else {
            return missing(
                "NVRTC (libnvrtc.so), which compiles the kernels, was not found. Install the CUDA toolkit, or the package cuda-nvrtc, or with pip nvidia-cuda-nvrtc, and set CUDA_PATH or LD_LIBRARY_PATH to it (docs/gpu.md)".to_owned(),
            );
        };
        if nvrtc > driver {
            return missing(format!(
                "NVRTC is of CUDA {nvrtc}, which the driver, of CUDA {driver}, cannot load kernels of. Install a newer driver, or NVRTC {driver} or older"
            ));
        }
        if !self.headers {
            return missing(
                "the CUDA headers (include/cuda_fp16.h) were not found. Install the CUDA toolkit, or the package cuda-cudart-dev, or with pip nvidia-cuda-runtime, and set CUDA_PATH to the folder that holds include (docs/gpu.md)".to_owned(),
            );
        }
        Ok(())
    }
}

/// What this machine has.
#[cfg(feature = "cuda")]
pub(super) fn machine() -> Machine {
    let folders = folders();
    let headers = folders.first().is_some_and(|folder| folder.join("include/cuda_fp16.h").is_file());
    let (driver, gpus, fault) = driver();
    // Without a driver nothing else matters, and opening NVRTC costs tenths of a second.
    let nvrtc = driver.and_then(|_| nvrtc(&folders));
    Machine { driver, fault, gpus, nvrtc, headers }
}

/// The driver's version, the GPUs it shows, and why it shows none.
#[cfg(feature = "cuda")]
fn driver() -> (Option<Version>, u32, Option<String>) {
    use cudarc::driver::{result, sys};
    // SAFETY: only tries to open the library under its names.
    if !unsafe { sys::is_culib_present() } {
        return (None, 0, None);
    }
    let mut version = 0;
    // SAFETY: the library is there, and the version outlives the call, which needs no initialisation.
    let known = unsafe { sys::cuDriverGetVersion(&mut version) }.result().is_ok();
    let version = if known { Version(version / 1000, version % 1000 / 10) } else { Version(0, 0) };
    match result::init().and_then(|()| result::device::get_count()) {
        Ok(count) => (Some(version), u32::try_from(count).unwrap_or(0), None),
        Err(error) => (Some(version), 0, Some(format!("{:?}", error.0))),
    }
}

/// NVRTC's version, after opening it where it lies in one of these CUDA folders rather than on the library path.
#[cfg(feature = "cuda")]
fn nvrtc(folders: &[PathBuf]) -> Option<Version> {
    use cudarc::nvrtc::sys;
    // SAFETY: only tries to open the library under its names.
    if !unsafe { sys::is_culib_present() } {
        let library = folders.iter().flat_map(|folder| libraries(folder)).next()?;
        // SAFETY: NVIDIA's library, whose initialisers do nothing but set itself up. It stays open for ever, and is then found
        // again under its own name by everyone who asks for it.
        std::mem::forget(unsafe { libloading::Library::new(library) }.ok()?);
        // SAFETY: as above.
        if !unsafe { sys::is_culib_present() } {
            return None;
        }
    }
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the library is there, and both numbers outlive the call.
    unsafe { sys::nvrtcVersion(&mut major, &mut minor) }.result().ok()?;
    Some(Version(major, minor))
}

/// Folders that CUDA is looked for in, the first of which CubeCL takes its headers from.
#[cfg(feature = "cuda")]
fn folders() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os("CUDA_PATH") {
        return vec![PathBuf::from(path)];
    }
    ["/usr/local/cuda", "/opt/cuda"].map(PathBuf::from).into_iter().filter(|folder| folder.exists()).collect()
}

/// NVRTC's library files in a CUDA folder.
#[cfg(feature = "cuda")]
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let places = ["lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"].map(|place| folder.join(place));
    let files = places.iter().filter_map(|place| std::fs::read_dir(place).ok()).flatten().flatten();
    let mut found: Vec<PathBuf> = files
        .map(|file| file.path())
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.starts_with("libnvrtc.so")
        })
        .collect();
    found.sort();
    found
}

/// Free memory of the GPU of this number in MiB; `None` where the driver does not tell.
#[cfg(feature = "cuda")]
pub(super) fn free_mib(number: u32) -> Option<u64> {
    let context = cudarc::driver::CudaContext::new(number as usize).ok()?;
    let (free, _) = context.mem_get_info().ok()?;
    Some(free as u64 >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Machine =
        Machine { driver: Some(Version(12, 9)), fault: None, gpus: 2, nvrtc: Some(Version(12, 8)), headers: true };

    /// The exit code and the words for a machine that lacks something.
    fn told(machine: Machine, number: u32) -> (u8, String) {
        let error = machine.check(number).unwrap_err();
        (error.exit_code(), error.to_string())
    }

    #[test]
    fn a_machine_with_everything_is_taken() {
        assert!(READY.check(0).is_ok() && READY.check(1).is_ok());
        assert!(Machine { nvrtc: READY.driver, ..READY }.check(0).is_ok());
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_install() {
        let cases = [
            (Machine { driver: None, ..READY }, ["libcuda.so.1", "--nv"]),
            (Machine { driver: Some(Version(11, 4)), ..READY }, ["CUDA 11.4", "newer driver"]),
            (Machine { gpus: 0, fault: Some("CUDA_ERROR_NO_DEVICE".into()), ..READY }, ["NO_DEVICE", "nvidia-smi"]),
            (Machine { nvrtc: None, ..READY }, ["libnvrtc.so", "CUDA_PATH"]),
            (Machine { nvrtc: Some(Version(13, 0)), ..READY }, ["CUDA 13.0", "newer driver"]),
            (Machine { headers: false, ..READY }, ["cuda_fp16.h", "CUDA_PATH"]),
        ];
        for (machine, words) in cases {
            let (code, message) = told(machine, 0);
            assert_eq!(code, 66, "{message}");
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
    }

    #[test]
    fn a_gpu_that_is_not_there_is_a_mistake_of_the_command_line() {
        let (code, message) = told(READY, 2);
        assert_eq!(code, 2);
        assert!(message.contains("cuda:0 to cuda:1"), "{message}");
    }
}
