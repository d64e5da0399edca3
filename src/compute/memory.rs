//! How much memory the process uses, where the system tells (Linux).

/// The most memory that this process ever held, or held since `forget_peak_memory`, in MiB.
pub fn peak_memory_mib() -> Option<u64> {
    status("VmHWM:")
}

/// The memory that this process holds now, in MiB.
pub(crate) fn memory_mib() -> Option<u64> {
    status("VmRSS:")
}

/// From now on, [`peak_memory_mib`] tells of what follows. Does nothing where the system has no such switch.
pub(crate) fn forget_peak_memory() {
    // A system that refuses keeps the older and higher peak: the estimate made with it is then too careful, not wrong.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn status(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}
