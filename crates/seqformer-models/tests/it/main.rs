//! Models from a server of this machine that does everything wrong in turn.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod download;
mod failures;

use std::path::Path;
use std::time::Duration;

use seqformer_models::{Cache, HubSettings, Models, Timeouts};

use seqformer_testing::http::{Answer, Server};

/// A cache in `folder` and the Hub that the server plays.
fn models(folder: &Path, server: &Server) -> Models {
    Models {
        cache: Cache::at(&folder.join("cache")),
        hub: HubSettings { endpoint: server.url(""), token: None },
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            silence: Duration::from_millis(1500),
        },
        offline: None,
        included: None,
    }
}

/// Pulls without looking at the progress, and gives the model's path or what the error says.
fn pull(models: &Models, address: &str) -> Result<std::path::PathBuf, String> {
    match models.pull(address, None, &mut |_progress| {}) {
        Ok(model) => Ok(model.path),
        Err(error) => Err(error.to_string()),
    }
}

/// Bytes that differ from place to place.
fn weights(length: usize) -> Vec<u8> {
    (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// SHA-256 in hexadecimal digits, by the crate that the product does not hide behind its own code.
fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let digits: Vec<String> =
        sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// The list of files of a repository, as the Hub gives it.
fn listing(files: &[(&str, &[u8])]) -> Answer {
    let siblings: Vec<serde_json::Value> = files
        .iter()
        .map(|(name, bytes)| {
            serde_json::json!({
                "rfilename": name, "size": bytes.len(), "blobId": "0",
                "lfs": {"sha256": sha256(bytes), "size": bytes.len(), "pointerSize": 134},
            })
        })
        .collect();
    let text = serde_json::json!({ "id": "me/vis", "sha": "c0ffee", "siblings": siblings });
    Answer::text("application/json", &text.to_string())
}
