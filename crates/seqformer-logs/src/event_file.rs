//! TensorBoard's event files: scalars and texts by step.
//!
//! A file is a sequence of TFRecords (TensorFlow `core/lib/io/record_writer.h`), each an `Event` message
//! (`core/util/event.proto`): length, checksum of the length, message, checksum of the message.

mod crc32c;
mod protobuf;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::LogError;
use crate::appender::Appender;
use crate::metrics::MetricsRecord;
use crc32c::masked_crc32c;
use protobuf::Message;

const FILE_VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`.
const SESSION_START: u64 = 1;
/// `DataType.DT_STRING`.
const DT_STRING: u64 = 7;

/// An open `events.out.tfevents.*` file. Every event is written at once.
#[derive(Debug)]
pub struct EventFile {
    file: Appender,
}

impl EventFile {
    /// Starts a new file in `folder` for a run whose first step is `first_step`.
    ///
    /// If the run does not start at step 0, TensorBoard discards that step and later ones of the folder's older files,
    /// because those steps are repeated.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be created or written.
    pub fn create(folder: &Path, first_step: u64) -> Result<Self, LogError> {
        let mut file = Self { file: create_unused(folder)? };
        file.write(Message::new().string(event::FILE_VERSION, FILE_VERSION))?;
        if first_step > 0 {
            let start = Message::new().varint(session_log::STATUS, SESSION_START);
            file.write(
                Message::new().varint(event::STEP, first_step).message(event::SESSION_LOG, start),
            )?;
        }
        Ok(file)
    }

    /// Adds all scalars of a record under its iteration.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written. A later call may succeed.
    pub fn write_record(&mut self, record: &MetricsRecord) -> Result<(), LogError> {
        let values = record.values.iter().map(|(name, value)| scalar(name, *value));
        self.write_summary(record.iteration, values)
    }

    /// Adds the scalar `tag` at `step`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written. A later call may succeed.
    pub fn write_scalar(&mut self, step: u64, tag: &str, value: f64) -> Result<(), LogError> {
        self.write_summary(step, [scalar(tag, value)])
    }

    /// Adds a text, in Markdown, at `step`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written. A later call may succeed.
    pub fn write_text(&mut self, step: u64, tag: &str, markdown: &str) -> Result<(), LogError> {
        self.write_summary(step, [text(tag, markdown)])
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    fn write_summary(
        &mut self,
        step: u64,
        values: impl IntoIterator<Item = Message>,
    ) -> Result<(), LogError> {
        let summary = values
            .into_iter()
            .fold(Message::new(), |summary, value| summary.message(summary::VALUE, value));
        self.write(Message::new().varint(event::STEP, step).message(event::SUMMARY, summary))
    }

    fn write(&mut self, event: Message) -> Result<(), LogError> {
        let event = event.double(event::WALL_TIME, since_epoch().as_secs_f64()).into_bytes();
        self.file.append(&tf_record(&event))
    }
}

/// Field numbers of `event.proto` and `summary.proto`.
mod event {
    pub(super) const WALL_TIME: u32 = 1;
    pub(super) const STEP: u32 = 2;
    pub(super) const FILE_VERSION: u32 = 3;
    pub(super) const SUMMARY: u32 = 5;
    pub(super) const SESSION_LOG: u32 = 7;
}

mod session_log {
    pub(super) const STATUS: u32 = 1;
}

mod summary {
    pub(super) const VALUE: u32 = 1;
}

mod value {
    pub(super) const TAG: u32 = 1;
    pub(super) const SIMPLE_VALUE: u32 = 2;
    pub(super) const TENSOR: u32 = 8;
    pub(super) const METADATA: u32 = 9;
}

mod metadata {
    pub(super) const PLUGIN_DATA: u32 = 1;
    pub(super) const PLUGIN_NAME: u32 = 1;
}

mod tensor {
    pub(super) const DTYPE: u32 = 1;
    pub(super) const SHAPE: u32 = 2;
    pub(super) const SHAPE_DIM: u32 = 2;
    pub(super) const DIM_SIZE: u32 = 1;
    pub(super) const STRING_VAL: u32 = 8;
}

fn scalar(tag: &str, number: f64) -> Message {
    Message::new().string(value::TAG, tag).float(value::SIMPLE_VALUE, number as f32)
}

fn text(tag: &str, markdown: &str) -> Message {
    let plugin = Message::new().string(metadata::PLUGIN_NAME, "text");
    let dim = Message::new().varint(tensor::DIM_SIZE, 1);
    let tensor = Message::new()
        .varint(tensor::DTYPE, DT_STRING)
        .message(tensor::SHAPE, Message::new().message(tensor::SHAPE_DIM, dim))
        .string(tensor::STRING_VAL, markdown);
    Message::new()
        .string(value::TAG, tag)
        .message(value::TENSOR, tensor)
        .message(value::METADATA, Message::new().message(metadata::PLUGIN_DATA, plugin))
}

fn tf_record(data: &[u8]) -> Vec<u8> {
    let len = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend_from_slice(&len);
    record.extend_from_slice(&masked_crc32c(&len).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked_crc32c(data).to_le_bytes());
    record
}

/// TensorBoard reads the files of a folder in the order of their names, so names begin with the time.
fn create_unused(folder: &Path) -> Result<Appender, LogError> {
    let name = format!("events.out.tfevents.{:010}.{}", since_epoch().as_secs(), host_name());
    let mut path = folder.join(&name);
    let mut number = 0;
    loop {
        match Appender::create_new(&path) {
            Ok(file) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += 1;
                path = folder.join(format!("{name}.{number}"));
            }
            Err(source) => return Err(LogError::Unwritable { path, source }),
        }
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn host_name() -> String {
    let files = [PathBuf::from("/proc/sys/kernel/hostname"), PathBuf::from("/etc/hostname")];
    let name = files.iter().find_map(|file| std::fs::read_to_string(file).ok());
    let name = name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || ".-_".contains(*c);
    let name: String = name.trim().chars().filter(allowed).collect();
    if name.is_empty() { "localhost".into() } else { name }
}

#[cfg(test)]
mod tests;
