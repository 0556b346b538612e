//! The table where processes meet.

use std::time::Duration;

use seqformer_libtorch::OpsError;

use super::{binding, group_error};

/// A table of small values that all processes see; the server of it is one of them, or their launcher.
#[derive(Debug)]
pub struct Store(pub(super) binding::Store);

impl Store {
    /// Serves a table at `port` of all addresses of this machine; 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the port cannot be had.
    pub fn serve(port: u16, timeout: Duration) -> Result<Self, OpsError> {
        let store = binding::Store::open("localhost", port, true, timeout);
        store.map(Self).map_err(group_error("serving the rendezvous store"))
    }

    /// Connects to the table at `host`, and waits for it to appear.
    ///
    /// # Errors
    ///
    /// If nothing answers there in time.
    pub fn connect(host: &str, port: u16, timeout: Duration) -> Result<Self, OpsError> {
        let store = binding::Store::open(host, port, false, timeout);
        store.map(Self).map_err(group_error("connecting to the rendezvous store"))
    }

    /// The port of the server, also where it was chosen by the system.
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// The part of the table whose keys begin with `prefix`.
    ///
    /// # Errors
    ///
    /// If the prefix holds a zero byte.
    pub fn prefixed(&self, prefix: &str) -> Result<Self, OpsError> {
        self.0.prefixed(prefix).map(Self).map_err(group_error("the rendezvous store"))
    }

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// If the server is gone.
    pub fn set(&self, key: &str, bytes: &[u8]) -> Result<(), OpsError> {
        self.0.set(key, bytes).map_err(group_error("writing to the rendezvous store"))
    }

    /// Waits for a value and reads it.
    ///
    /// # Errors
    ///
    /// If it does not come in time, or the server is gone.
    pub fn get(&self, key: &str, timeout: Duration) -> Result<Vec<u8>, OpsError> {
        self.0.get(key, timeout).map_err(group_error("reading the rendezvous store"))
    }

    /// Adds to a counter, which begins at 0, and returns its new value.
    ///
    /// # Errors
    ///
    /// If the server is gone.
    pub fn add(&self, key: &str, amount: i64) -> Result<i64, OpsError> {
        self.0.add(key, amount).map_err(group_error("counting in the rendezvous store"))
    }

    /// Tells whether a value is there.
    ///
    /// # Errors
    ///
    /// If the server is gone.
    pub fn has(&self, key: &str) -> Result<bool, OpsError> {
        self.0.has(key).map_err(group_error("reading the rendezvous store"))
    }

    /// Forgets a value.
    ///
    /// # Errors
    ///
    /// If the server is gone.
    pub fn remove(&self, key: &str) -> Result<(), OpsError> {
        self.0.remove(key).map_err(group_error("writing to the rendezvous store"))
    }
}
