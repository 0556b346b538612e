//! Why a model cannot be found, fetched or read.

use std::io;
use std::path::{Path, PathBuf};

use seqformer_checkpoint::CheckpointError;
use seqformer_config::ConfigError;
use seqformer_files::{LockError, OutputError};
use seqformer_logs::LogError;

/// Files that are listed in a message.
const LISTED: usize = 6;

/// What went wrong, and the mend.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// Nothing in the cache has this name.
    #[error(
        "{name}: expected a file, an address or the name of a model, found none of this name{hint}; \
         `seqformer models list` shows the names, and docs/models.md and docs/weights.md say how to get models"
    )]
    UnknownName {
        /// What was asked for.
        name: String,
        /// Names like it, or nothing.
        hint: String,
    },
    /// An address that is none.
    #[error("{address}: expected {expected}, found {found}")]
    BadAddress {
        /// What was given.
        address: String,
        /// What an address looks like.
        expected: &'static str,
        /// What is wrong with it.
        found: String,
    },
    /// A name that no model can have.
    #[error(
        "{0:?}: expected a name of letters, digits, `.`, `_` and `-` that begins with a letter or digit; choose another one"
    )]
    BadName(String),
    /// A name that another model has.
    #[error(
        "{name}: the cache has a model of this name, from {address}; choose another --name, or remove that one with \
         `seqformer models remove {name}`"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// Where that model is from.
        address: String,
    },
    /// The same address is there under another name.
    #[error(
        "{address}: is in the cache already, as {name}; use that name, or `seqformer models remove {name}` first"
    )]
    OtherName {
        /// The address.
        address: String,
        /// The name that it has.
        name: String,
    },
    /// A model of the cache that is not whole.
    #[error("{name}: {what}; remove it with `seqformer models remove {name}`, and get it again")]
    Damaged {
        /// The model.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// No downloads are wanted, and the model is not in the cache.
    #[error(
        "{address}: is not in the cache, and {variable} forbids downloads; unset it, or give a file or a name of \
         `seqformer models list`"
    )]
    Offline {
        /// The address.
        address: String,
        /// The variable of the environment that says so.
        variable: &'static str,
    },
    /// An address that should have been fetched before.
    #[error("{address}: is not in the cache; fetch it with `seqformer models pull {address}`")]
    NotFetched {
        /// The address.
        address: String,
    },
    /// The server cannot be reached.
    #[error(
        "{url}: no connection: {why}; check the network (behind a proxy, set HTTPS_PROXY) and run the command again, or \
         download the file in another way and give its path; models of the cache need no network"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What the system says.
        why: String,
    },
    /// The server is there and says nothing.
    #[error(
        "{url}: the server did not answer within {secs} s; run the command again later, or set HF_ENDPOINT to a mirror \
         of the Hub"
    )]
    NoAnswer {
        /// The address.
        url: String,
        /// How long it was waited for.
        secs: u64,
    },
    /// The server wants to know who asks.
    #[error("{url}: access denied (status {status}); {mend}")]
    Denied {
        /// The address.
        url: String,
        /// 401 or 403.
        status: u16,
        /// What to do, which depends on whether a token was sent.
        mend: &'static str,
    },
    /// There is no such thing.
    #[error("{url}: not found (status 404); {mend}")]
    NotFound {
        /// The address.
        url: String,
        /// What to check.
        mend: &'static str,
    },
    /// Any other answer that is no file.
    #[error("{url}: expected a file, found {found}; {mend}")]
    BadAnswer {
        /// The address.
        url: String,
        /// What came.
        found: String,
        /// What to do.
        mend: &'static str,
    },
    /// The connection was cut too often.
    #[error(
        "{url}: the download stopped at {done} of {total}: {why}; run the same command again, it goes on from there"
    )]
    Cut {
        /// The address.
        url: String,
        /// How much is there.
        done: String,
        /// How much there is to be.
        total: String,
        /// The last reason.
        why: String,
    },
    /// What came is not what was announced.
    #[error(
        "{url}: expected SHA-256 {expected}, found {found}; the file was removed, run the command again, and if that \
         gives the same, do not trust the file"
    )]
    WrongHash {
        /// The address.
        url: String,
        /// As announced.
        expected: String,
        /// As it came.
        found: String,
    },
    /// The disk is full.
    #[error(
        "{}: no space left{what}; free some, or set SEQFORMER_CACHE to a folder on another disk, and run the command \
         again{then}",
        path.display()
    )]
    DiskFull {
        /// The file being written.
        path: PathBuf,
        /// What it is for, as in ` for the download of 190 MB`; may be empty.
        what: String,
        /// How it goes on then, as in `, it goes on from there`; may be empty.
        then: &'static str,
    },
    /// A repository without weights.
    #[error(
        "{repo}: expected a repository with weights (.safetensors or .pth), found {}",
        listed(files)
    )]
    NoWeights {
        /// Its address.
        repo: String,
        /// What is in it.
        files: Vec<String>,
    },
    /// A repository whose weights are pickles.
    #[error(
        "{repo}: expected a .safetensors file, found only pickles, {}; if you want one of them, ask for it by name: \
         {repo}/{} (nothing in it is run: it is read as data)",
        listed(files), files.first().map_or("FILE", String::as_str)
    )]
    OnlyPickles {
        /// Its address.
        repo: String,
        /// The pickles.
        files: Vec<String>,
    },
    /// A repository with several files that may be meant.
    #[error("{repo}: expected one file with weights, found {}; {mend}", listed(files))]
    SeveralWeights {
        /// Its address.
        repo: String,
        /// The candidates.
        files: Vec<String>,
        /// What to do.
        mend: String,
    },
    /// A file that the repository does not have.
    #[error("{repo}: expected the file {file:?}, found {}", listed(files))]
    NoSuchFile {
        /// Its address.
        repo: String,
        /// What was asked for.
        file: String,
        /// What is there, the likeliest first.
        files: Vec<String>,
    },
    /// Weights, or the folder of a training, of which nothing can be made.
    #[error("{}: {what}", path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what was expected.
        what: String,
    },
    /// A folder that is there already.
    #[error("{}: already there; choose another folder for --output, or remove this one", path.display())]
    FolderExists {
        /// The folder.
        path: PathBuf,
    },
    /// A part of a model card whose end is missing.
    #[error(
        "README.md: expected the line {end:?} behind the line {begin:?}, found none; put it where the part ends that the \
         program writes, or remove the part"
    )]
    BrokenMarks {
        /// The first mark.
        begin: String,
        /// The last one.
        end: String,
    },
    /// No folder is known for the cache.
    #[error("expected a home folder for the cache, found none; set SEQFORMER_CACHE to a folder")]
    NoCacheFolder,
    /// What is in the cache cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder of the cache that cannot be written.
    #[error("{0}; set SEQFORMER_CACHE to a folder of yours")]
    Lock(#[from] LockError),
    /// A name that cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Weights that cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Scalars of a training that cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A configuration that cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl ModelsError {
    /// Joins an error of the system with the file it is about.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, what: String::new(), then: "" }
            }
            _ => Self::Io { path, source },
        }
    }
}

/// The first of some files, and how many more there are.
fn listed(files: &[String]) -> String {
    let mut text = files[..files.len().min(LISTED)].join(", ");
    match files.len().saturating_sub(LISTED) {
        _ if files.is_empty() => text.push_str("no files"),
        0 => {}
        more => text = format!("{text} and {more} more"),
    }
    text
}
