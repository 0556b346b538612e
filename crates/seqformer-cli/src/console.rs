//! Warnings and information on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// The level without and with `-v` and `-vv`: warnings, information, details.
pub fn level(verbose: u8) -> &'static str {
    match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    }
}

/// Writes messages up to `level` to standard error and, one line at a time, messages up to `log_level` to `log`.
/// `RUST_LOG` overrides both levels.
pub fn start<W>(level: &str, (log_level, log): (&str, W))
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter =
        |level| EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(level));
    let console = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .with_filter(filter(level));
    let log = tracing_subscriber::fmt::layer()
        .with_writer(log)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_filter(filter(log_level));
    tracing_subscriber::registry().with(console).with(log).init();
}
