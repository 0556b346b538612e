//! From what a user writes to a file with weights.

use std::path::{Path, PathBuf};
use std::time::Duration;

use seqformer_files::{FolderLock, LockError};

use crate::address::{Address, is_name};
use crate::cache::{Cache, CachedModel, Manifest};
use crate::client::{Client, Timeouts};
use crate::digest;
use crate::download::{Downloaded, Progress, Wanted, clear, download};
use crate::source::{Source, read};
use crate::{HubSettings, ModelsError};

/// Variables that forbid downloads when they are set to anything but 0 or nothing.
const OFFLINE: [&str; 2] = ["SEQFORMER_OFFLINE", "HF_HUB_OFFLINE"];
/// The environment variable that names the folder of the included models.
pub const INCLUDED_VARIABLE: &str = "SEQFORMER_MODELS";
/// The file in it with the name of the default model.
pub(crate) const DEFAULT: &str = "default";
/// How far above the program this folder may be: the repository is two folders above `target/release`.
const LEVELS: usize = 3;
/// How often it is looked whether another process is done.
const POLL: Duration = Duration::from_millis(200);
/// Finds models by name or address, and fetches those that are not there.
#[derive(Debug, Clone)]
pub struct Models {
    /// Where they are kept.
    pub cache: Cache,
    /// The Hub.
    pub hub: HubSettings,
    /// How long servers are waited for.
    pub timeouts: Timeouts,
    /// The variable that forbids downloads, if one does.
    pub offline: Option<&'static str>,
    /// The folder of the models that come with the program, if there is one.
    pub included: Option<PathBuf>,
}

impl Models {
    /// With the cache, the Hub, the token and the included models that the environment names.
    ///
    /// # Errors
    ///
    /// If no folder is known for the cache.
    pub fn from_environment() -> Result<Self, ModelsError> {
        let forbids = |name: &&&str| {
            std::env::var(name).is_ok_and(|value| !matches!(value.trim(), "" | "0" | "false"))
        };
        Ok(Self {
            cache: Cache::from_environment()?,
            hub: HubSettings::from_environment(),
            timeouts: Timeouts::default(),
            offline: OFFLINE.iter().find(forbids).copied(),
            included: included_folder(),
        })
    }

    /// Whether a text can only be an address or the name of a model, so that its file is in the cache.
    pub fn is_of_cache(text: &str) -> bool {
        !matches!(read(text), Ok(Source::File(_)))
    }

    /// The file that a path, name or address means, without the network.
    ///
    /// A file that is there goes before a model of the same name. A path at which there is nothing is given back as it is.
    ///
    /// # Errors
    ///
    /// If no model has the name, an address is not in the cache, or the model is not whole there.
    pub fn locate(&self, text: &str) -> Result<PathBuf, ModelsError> {
        match read(text)? {
            Source::File(path) => Ok(path),
            Source::Name(name) => self.file_of(&name),
            Source::Address(address) => match self.cache.find(&address)? {
                Some(model) => Ok(model.path),
                None => Err(ModelsError::NotFetched { address: text.to_owned() }),
            },
        }
    }

    /// The same, but an address that is not in the cache is fetched into it.
    ///
    /// # Errors
    ///
    /// Those of [`Self::locate`] and [`Self::pull`].
    pub fn locate_or_fetch(
        &self,
        text: &str,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf, ModelsError> {
        match read(text)? {
            Source::Address(address) => {
                self.fetch(&address, None, progress).map(|model| model.path)
            }
            Source::File(_) | Source::Name(_) => self.locate(text),
        }
    }

    /// The weights of the model of this name: in the cache, or else an included one.
    fn file_of(&self, name: &str) -> Result<PathBuf, ModelsError> {
        if let Some(model) = self.cache.get(name)? {
            return Ok(model.path);
        }
        let included = self.included_named(name).map(|model| model.path);
        included.ok_or_else(|| {
            let others = self.included().into_iter().map(|model| model.name);
            self.cache.unknown(name, others)
        })
    }

    /// Brings a model into the cache, from an address or by copying a file, under `name` or one that follows from where
    /// it is from.
    ///
    /// # Errors
    ///
    /// If it cannot be had, is not what its source announces, or the name is taken; nothing of it is in the cache then.
    pub fn pull(
        &self,
        text: &str,
        name: Option<&str>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<CachedModel, ModelsError> {
        if let Some(name) = name.filter(|name| !is_name(name)) {
            return Err(ModelsError::BadName(name.to_owned()));
        }
        match Address::parse(text) {
            Some(address) => self.fetch(&address?, name, progress),
            None => self.copy(Path::new(text), name),
        }
    }

    fn fetch(
        &self,
        address: &Address,
        name: Option<&str>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<CachedModel, ModelsError> {
        if let Some(model) = self.known(address, name)? {
            return Ok(model);
        }
        let address_text = address.to_string();
        if let Some(variable) = self.offline {
            return Err(ModelsError::Offline { address: address_text, variable });
        }
        let folder = self.cache.download_folder(&address_text);
        let lock = take(&folder, progress)?;
        // Whoever had the folder before may have fetched the same.
        if let Some(model) = self.known(address, name)? {
            return Ok(model);
        }
        let fetched = self.fetch_into(&folder, address, name, progress);
        clear(&folder);
        drop(lock);
        // Another process may be about to look for the same, and keeps the folder then.
        let _kept = std::fs::remove_dir(&folder);
        fetched
    }

    /// Fetches a model through a folder of downloads, where a part of it may be already.
    fn fetch_into(
        &self,
        folder: &Path,
        address: &Address,
        name: Option<&str>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<CachedModel, ModelsError> {
        let client = Client::new(self.timeouts);
        let (file, commit, done) = match address {
            Address::Hub(hub) => {
                let file = self.hub.find(&client, hub)?;
                let wanted = Wanted {
                    url: &file.url,
                    token: self.hub.token.as_deref(),
                    sha256: file.sha256.as_deref(),
                    size: file.size,
                };
                let done = download(&client, wanted, folder, progress)?;
                (file.name, Some(file.commit), done)
            }
            Address::Web { url, sha256 } => {
                let is_hub =
                    url.strip_prefix(&self.hub.endpoint).is_some_and(|rest| rest.starts_with('/'));
                let token = self.hub.token.as_deref().filter(|_| is_hub);
                let wanted = Wanted { url, token, sha256: sha256.as_deref(), size: None };
                (file_name(url), None, download(&client, wanted, folder, progress)?)
            }
        };
        let Downloaded { path, size, sha256, verified } = done;
        let address_text = address.to_string();
        let manifest = Manifest { address: address_text, file, size, sha256, verified, commit };
        self.cache.install(&path, &manifest, name, &address.default_name())
    }

    /// The model that is from this address already; the name that was asked for has to be its own or free.
    fn known(
        &self,
        address: &Address,
        name: Option<&str>,
    ) -> Result<Option<CachedModel>, ModelsError> {
        let known = self.cache.find(address)?;
        match (&known, name) {
            (Some(model), Some(name)) if model.name != name => {
                let (address, name) = (address.to_string(), model.name.clone());
                Err(ModelsError::OtherName { address, name })
            }
            (None, Some(name)) if self.cache.names()?.iter().any(|taken| taken == name) => {
                Err(self.cache.taken(name))
            }
            _ => Ok(known),
        }
    }

    /// Compares the SHA-256 of a model's file with the one that it had when it came.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or has changed.
    pub fn check(&self, model: &CachedModel) -> Result<(), ModelsError> {
        let found = digest::of_file(&model.path).map_err(ModelsError::io(&model.path))?;
        let CachedModel { name, manifest, .. } = model;
        if found == manifest.sha256 {
            return Ok(());
        }
        let what =
            format!("{}: expected SHA-256 {}, found {found}", manifest.file, manifest.sha256);
        Err(ModelsError::Damaged { name: name.clone(), what })
    }
}

/// The folder of the models that come with this program: that of [`INCLUDED_VARIABLE`], or else `models` beside the program or
/// in the repository in which it was built.
fn included_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(INCLUDED_VARIABLE).filter(|folder| !folder.is_empty()) {
        return Some(folder.into());
    }
    let program = std::env::current_exe().ok()?;
    let around = program.ancestors().skip(1).take(LEVELS);
    around.map(|folder| folder.join("models")).find(|models| models.join(DEFAULT).is_file())
}

/// Takes the folder of a download, when whoever has it is done.
pub(crate) fn take(
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<FolderLock, ModelsError> {
    let mut says = true;
    loop {
        match FolderLock::take(folder) {
            Ok(lock) => return Ok(lock),
            Err(LockError::InUse { .. }) => {
                if std::mem::take(&mut says) {
                    progress(Progress::Waiting);
                }
                std::thread::sleep(POLL);
            }
            // Whoever had it before has just removed it.
            Err(LockError::Unwritable { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound
                    && folder.parent().is_some_and(Path::is_dir) =>
            {
                std::thread::sleep(POLL);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The file's name at the end of an address.
pub(crate) fn file_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .collect();
    // A hidden file, or one that has the name of the manifest.
    match plain.trim_start_matches('.') {
        "" | "model.json" => "weights".to_owned(),
        name => name.to_owned(),
    }
}
