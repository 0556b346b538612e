//! The machine and the software that a run depends on, for its log.
//!
//! Reference: detectron2 `utils/collect_env.py`, `collect_env_info`.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Result;
use seqformer_engine::{Device, cpu_field, gpu_card, num_threads};

/// Environment variables that affect a run.
const VARIABLES: [&str; 10] = [
    "CUDA_VISIBLE_DEVICES",
    "DETECTRON2_DATASETS",
    "HOSTNAME",
    "LOCAL_RANK",
    "OMP_NUM_THREADS",
    "RANK",
    "RUST_LOG",
    "SEQFORMER_FFMPEG",
    "SLURM_JOB_ID",
    "WORLD_SIZE",
];

/// One line per item, name first.
pub(crate) fn describe(device: Device) -> String {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut rows = vec![
        ("time", now()),
        ("seqformer", format!("{} ({build} build)", env!("CARGO_PKG_VERSION"))),
        ("libtorch", libtorch().unwrap_or_else(|| "unknown".to_owned())),
        ("platform", platform()),
        ("CPU", cpu_field(&["model name"]).unwrap_or_else(|| "unknown".to_owned())),
        ("cores", std::thread::available_parallelism().map_or(1, usize::from).to_string()),
        ("threads", num_threads().to_string()),
    ];
    rows.extend(total_memory().map(|memory| ("memory", memory)));
    if let Ok(Some(card)) = gpu_card(device) {
        let (major, minor) = card.capability;
        rows.push(("GPU", format!("{} (compute capability {major}.{minor})", card.name)));
        let version = std::fs::read_to_string("/proc/driver/nvidia/version");
        let first = version.ok().and_then(|text| text.lines().next().map(str::to_owned));
        rows.extend(first.map(|driver| ("driver", driver)));
    }
    if let Ok(folder) = std::env::current_dir() {
        rows.push(("folder", folder.display().to_string()));
    }
    let variables =
        VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?)));
    rows.extend(variables);
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> =
        rows.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect();
    lines.join("\n")
}

/// The device and the number of CPU threads, in one line.
pub(crate) fn describe_device(device: Device) -> Result<String> {
    let threads = num_threads();
    let threads = match threads.get() {
        1 => "1 thread".to_owned(),
        count => format!("{count} threads"),
    };
    Ok(match (device, gpu_card(device)?) {
        (Device::Cuda(index), Some(card)) => {
            format!("device: cuda:{index} ({}), {threads} on the CPU", card.name)
        }
        _ => format!("device: cpu, {threads}"),
    })
}

/// The command line, quoted for a shell.
pub(crate) fn command_line() -> String {
    let words = std::env::args_os().map(|word| quoted(&word.to_string_lossy()));
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The time in UTC.
fn now() -> String {
    use tracing_subscriber::fmt::format::Writer;
    use tracing_subscriber::fmt::time::FormatTime as _;
    let mut text = String::new();
    match tracing_subscriber::fmt::time::SystemTime.format_time(&mut Writer::new(&mut text)) {
        Ok(()) => text,
        Err(_) => format!("{:?}", SystemTime::now()),
    }
}

fn platform() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {} {}", std::env::consts::OS, std::env::consts::ARCH, kernel.trim())
        .trim()
        .to_owned()
}

fn total_memory() -> Option<String> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{} MiB", kib / 1024))
}

/// The version and path of the library that this process has loaded.
fn libtorch() -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().find_map(|line| {
        let path = &line[line.find('/')?..];
        path.ends_with("/libtorch_cpu.so").then(|| PathBuf::from(path))
    })?;
    // The Python package has its version in a module, the C++ archive in a file.
    let root = path.parent()?.parent()?;
    let module = std::fs::read_to_string(root.join("version.py")).unwrap_or_default();
    let of_module = module.lines().find_map(|line| line.strip_prefix("__version__ = '"));
    let of_file = std::fs::read_to_string(root.join("build-version")).ok();
    let version = of_module.map(|rest| rest.trim_end_matches('\'').to_owned()).or(of_file);
    let version = version.unwrap_or_else(|| "unknown version".to_owned());
    Some(format!("{} ({})", version.trim(), path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        let cases = [
            ("SOLVER.STEPS", "SOLVER.STEPS"),
            ("(3,)", "'(3,)'"),
            ("", "''"),
            ("it's", r"'it'\''s'"),
            ("~/run", "'~/run'"),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn the_environment_has_versions_the_machine_and_the_folder() {
        let text = describe(Device::Cpu);
        let value = |name: &str| {
            let row = text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            row.unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
        };
        assert!(value("seqformer ").starts_with(env!("CARGO_PKG_VERSION")));
        assert_eq!(value("folder "), std::env::current_dir().unwrap().display().to_string());
        assert!(value("time ").ends_with('Z') && value("time ").starts_with("20"));
        for name in ["platform ", "CPU ", "cores ", "threads ", "libtorch "] {
            assert!(!value(name).is_empty(), "{name}: {text}");
        }
    }
}
