//! Warnings of the libraries, which become messages of Python's `logging`.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// What was said since the last call handed it over.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The name of the logger.
const LOGGER: &str = "seqformer";

/// Keeps the text of warnings; spans are of no use here.
struct Collector;

struct Text(String);

/// Starts to collect. Another program part that collects already keeps doing so.
pub(crate) fn collect() {
    let _other = tracing::subscriber::set_global_default(Collector);
}

/// Gives all warnings so far to the logger `seqformer`.
pub(crate) fn hand_over(py: Python<'_>) -> PyResult<()> {
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

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _attributes: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        SAID.lock().unwrap_or_else(PoisonError::into_inner).push(text.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
