//! Warnings and information on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The level without and with `-v` and `-vv`: warnings, information, details.
pub fn level(verbose: u8) -> &'static str {
    match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    }
}

/// Writes messages up to `level` to standard error and, one line at a time, to `log`. `RUST_LOG` overrides the level.
pub fn start<W>(level: &str, log: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(level));
    let console = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        .with_target(false);
    let log = tracing_subscriber::fmt::layer()
        .with_writer(log)
        .with_ansi(false)
        .without_time()
        .with_target(false);
    tracing_subscriber::registry().with(filter).with(console).with(log).init();
}
