//! The memory of this process, where the system reports it.

/// Peak memory in MiB: since the start of the process, or since [`forget_peak`].
pub(crate) fn peak_mib() -> Option<f64> {
    status_mib("VmHWM:")
}

/// Current memory in MiB.
pub(crate) fn resident_mib() -> Option<f64> {
    status_mib("VmRSS:")
}

/// Resets the peak to the current memory; returns false if the system does not allow that.
pub(crate) fn forget_peak() -> bool {
    // proc(5): writing 5 resets the peak resident set size.
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

fn status_mib(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}
