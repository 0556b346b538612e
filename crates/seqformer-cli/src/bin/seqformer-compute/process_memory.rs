//! The memory of this process, where the system tells.

/// MiB that the process holds at most: since it began, or since [`forget_peak`].
pub(crate) fn peak_mib() -> Option<f64> {
    status_mib("VmHWM:")
}

/// MiB that the process holds now.
pub(crate) fn resident_mib() -> Option<f64> {
    status_mib("VmRSS:")
}

/// Begins a new peak from what is held now; false where the system does not let us.
pub(crate) fn forget_peak() -> bool {
    // The kernel's documentation of /proc: 5 resets the peak resident set size.
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

fn status_mib(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
