//! Warnings of the libraries, which become messages of Python's `logging`.
//!
//! Both compiled modules of the Python package use it, each with a collector of its own.

#![forbid(unsafe_code)]

use std::fmt;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// What was said since the last call handed it over.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The name of the logger.
const LOGGER: &str = "seqformer";

/// Keeps the text of warnings.
struct Collector;

struct Text(String);

/// Starts to collect, when a module is loaded.
pub fn collect() {
    let collector = tracing_subscriber::registry().with(Collector.with_filter(LevelFilter::WARN));
    // Only a second copy of this module in one process finds another collector.
    let _first = tracing::subscriber::set_global_default(collector);
}

/// Gives all warnings so far to the logger `seqformer`.
///
/// # Errors
///
/// What a handler of the logger raises.
pub fn hand_over(py: Python<'_>) -> PyResult<()> {
    let said = std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner));
    if said.is_empty() {
        return Ok(());
    }
    let logger = py.import("logging")?.call_method1("getLogger", (LOGGER,))?;
    for text in said {
        logger.call_method1("warning", ("%s", text))?;
    }
    Ok(())
}

impl<S: Subscriber> Layer<S> for Collector {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        SAID.lock().unwrap_or_else(PoisonError::into_inner).push(text.0);
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
