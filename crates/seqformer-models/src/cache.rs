//! The models of this machine, each a folder with a name.
//!
//! ```text
//! ROOT/models/NAME/model.json           where it is from, and what it has to be
//! ROOT/models/NAME/model.safetensors    the weights, under their own name
//! ROOT/downloads/DIGEST/                what is being fetched, until it is whole
//! ```
//!
//! A folder below `models` appears in one step, by a rename, when everything in it is whole.

use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use seqformer_files::{TemporaryFolder, remove_leftovers};
use serde::{Deserialize, Serialize};

use crate::address::{Address, is_name};
use crate::{ModelsError, digest};

/// The environment variable that names the folder of the cache.
pub const CACHE_VARIABLE: &str = "SEQFORMER_CACHE";
/// What is known of a model, beside its weights.
const MANIFEST: &str = "model.json";
/// Names that are tried for a model whose name is taken.
const MAX_NUMBER: u32 = 1000;

/// The folder of all models.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// Where a model of the cache is from, and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The address that was asked for, or the path of the file that was copied.
    pub address: String,
    /// The file's name.
    pub file: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Whether that was compared with what its source announced.
    pub verified: bool,
    /// The commit of a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A model of the cache.
#[derive(Debug, Clone)]
pub struct CachedModel {
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub manifest: Manifest,
    /// The file with its weights.
    pub path: PathBuf,
}

impl Cache {
    /// The cache in this folder, which need not exist.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// The cache in the folder that [`CACHE_VARIABLE`] names, or in `seqformer` of the system's folder for caches.
    ///
    /// # Errors
    ///
    /// If neither is known.
    pub fn from_environment() -> Result<Self, ModelsError> {
        if let Some(folder) = std::env::var_os(CACHE_VARIABLE).filter(|folder| !folder.is_empty()) {
            return Ok(Self::at(Path::new(&folder)));
        }
        let strategy = etcetera::base_strategy::choose_native_strategy()
            .map_err(|_no_home| ModelsError::NoCacheFolder)?;
        Ok(Self { root: strategy.cache_dir().join("seqformer") })
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn models_folder(&self) -> PathBuf {
        self.root.join("models")
    }

    /// Where the file of an address is kept until it is whole.
    pub(crate) fn download_folder(&self, address: &str) -> PathBuf {
        self.root.join("downloads").join(&digest::of_text(address)[..16])
    }

    /// The names of all models, sorted, whether they are whole or not.
    ///
    /// # Errors
    ///
    /// If there is a folder that cannot be listed.
    pub fn names(&self) -> Result<Vec<String>, ModelsError> {
        let folder = self.models_folder();
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            // Where there is no folder, there are no models; who writes there is told what is in the way.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(ModelsError::io(&folder)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(ModelsError::io(&folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_name(&name) && entry.path().is_dir() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// The model of this name, if there is one that was fetched. A folder that somebody has put there with weights alone is
    /// found by [`Models::included_named`](crate::Models::included_named).
    ///
    /// # Errors
    ///
    /// If it is not whole.
    pub fn get(&self, name: &str) -> Result<Option<CachedModel>, ModelsError> {
        let folder = self.models_folder().join(name);
        if !is_name(name) || !folder.is_dir() || is_plain(&folder) {
            return Ok(None);
        }
        let damaged = |what: String| ModelsError::Damaged { name: name.to_owned(), what };
        let text = std::fs::read(folder.join(MANIFEST))
            .map_err(|error| damaged(format!("{MANIFEST} cannot be read: {error}")))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| damaged(format!("{MANIFEST} cannot be read: {error}")))?;
        let path = folder.join(&manifest.file);
        if Path::new(&manifest.file).file_name() != Some(manifest.file.as_ref()) {
            return Err(damaged(format!("{:?} is no name of a file", manifest.file)));
        }
        let found = std::fs::metadata(&path)
            .map_err(|error| damaged(format!("{}: {error}", manifest.file)))?;
        if found.len() != manifest.size {
            let (file, size) = (&manifest.file, manifest.size);
            return Err(damaged(format!("{file}: expected {size} bytes, found {}", found.len())));
        }
        Ok(Some(CachedModel { name: name.to_owned(), manifest, path }))
    }

    /// The model that is from this address, if there is one and it is whole.
    ///
    /// # Errors
    ///
    /// If the cache cannot be listed.
    pub fn find(&self, address: &Address) -> Result<Option<CachedModel>, ModelsError> {
        let address_text = address.to_string();
        for name in self.names()? {
            // One that is damaged stands in nobody's way.
            let Ok(Some(model)) = self.get(&name) else { continue };
            let is_other = match address {
                Address::Web { sha256: Some(sha256), .. } => *sha256 != model.manifest.sha256,
                _ => false,
            };
            if model.manifest.address == address_text && !is_other {
                return Ok(Some(model));
            }
        }
        Ok(None)
    }

    /// Names that may have been meant by one that is not there, the closest first.
    fn near(&self, name: &str, others: impl Iterator<Item = String>) -> Vec<String> {
        let wanted = name.to_lowercase();
        let mut names = self.names().unwrap_or_default();
        names.extend(others);
        let mut found: Vec<(usize, String)> = names
            .into_iter()
            .map(|known| (strsim::osa_distance(&wanted, &known.to_lowercase()), known))
            .filter(|(distance, known)| {
                *distance <= (wanted.chars().count() / 3).clamp(1, 4)
                    || known.to_lowercase().contains(&wanted)
            })
            .collect();
        found.sort();
        found.dedup();
        found.into_iter().map(|(_, known)| known).collect()
    }

    /// Makes a model of a complete file, which is moved: under `wanted`, or else under the first free name of those that
    /// begin with `default`.
    pub(crate) fn install(
        &self,
        file: &Path,
        manifest: &Manifest,
        wanted: Option<&str>,
        default: &str,
    ) -> Result<CachedModel, ModelsError> {
        let models = self.models_folder();
        std::fs::create_dir_all(&models).map_err(ModelsError::io(&models))?;
        // What a killed process has left; if that fails, it is in nobody's way.
        let _leftovers = remove_leftovers(&models);
        let folder =
            TemporaryFolder::beside(&models.join(default)).map_err(ModelsError::io(&models))?;
        let text = serde_json::to_string_pretty(manifest).expect("a manifest is plain text");
        let path = folder.path().join(MANIFEST);
        seqformer_files::replace(&path, |to| io::Write::write_all(to, text.as_bytes()))
            .map_err(ModelsError::io(&path))?;
        let moved = folder.path().join(&manifest.file);
        std::fs::rename(file, &moved).map_err(ModelsError::io(file))?;
        let candidates: Vec<String> = match wanted {
            Some(name) => vec![name.to_owned()],
            None => std::iter::once(default.to_owned())
                .chain((2..MAX_NUMBER).map(|number| format!("{default}-{number}")))
                .collect(),
        };
        let mut last = None;
        for name in candidates {
            let target = models.join(&name);
            // A folder that is there is never replaced: the system refuses it unless it is empty.
            let taken = target.symlink_metadata().is_ok();
            match if taken {
                Err(io::ErrorKind::AlreadyExists.into())
            } else {
                std::fs::rename(folder.path(), &target)
            } {
                Ok(()) => {
                    folder.keep();
                    let path = target.join(&manifest.file);
                    return Ok(CachedModel { name, manifest: manifest.clone(), path });
                }
                Err(error) if is_taken(&error) => last = Some(name),
                Err(error) => return Err(ModelsError::io(&target)(error)),
            }
        }
        // The file goes back, so that it need not be fetched again for another name.
        std::fs::rename(&moved, file).map_err(ModelsError::io(&moved))?;
        let name = last.unwrap_or_else(|| default.to_owned());
        Err(self.taken(&name))
    }

    /// The error that a name has been given to another model.
    pub(crate) fn taken(&self, name: &str) -> ModelsError {
        let known = self.get(name).ok().flatten();
        let address = known.map_or_else(|| "another address".to_owned(), |m| m.manifest.address);
        ModelsError::NameTaken { name: name.to_owned(), address }
    }

    /// Removes a model, whole or not: it is gone in one step.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), ModelsError> {
        let folder = self.models_folder().join(name);
        if !is_name(name) || !folder.is_dir() {
            return Err(self.unknown(name, std::iter::empty()));
        }
        let bin = TemporaryFolder::beside(&folder).map_err(ModelsError::io(&folder))?;
        std::fs::rename(&folder, bin.path().join(name)).map_err(ModelsError::io(&folder))?;
        bin.close().map_err(ModelsError::io(&folder))
    }

    /// The error that there is no model of this name, neither here nor among the `others`.
    pub(crate) fn unknown(&self, name: &str, others: impl Iterator<Item = String>) -> ModelsError {
        let near = self.near(name, others);
        let hint = if near.is_empty() {
            String::new()
        } else {
            format!("; did you mean {}?", near.join(" or "))
        };
        ModelsError::UnknownName { name: name.to_owned(), hint }
    }
}

/// Whether somebody has put weights there by hand, so that nothing is known of where they are from.
fn is_plain(folder: &Path) -> bool {
    !folder.join(MANIFEST).exists() && folder.join("model.safetensors").is_file()
}

/// Whether a folder could not be renamed because there is another one.
fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty | NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(address: &str, size: u64) -> Manifest {
        Manifest {
            address: address.to_owned(),
            file: "m.pth".to_owned(),
            size,
            sha256: digest::of_text("weights"),
            verified: true,
            commit: None,
        }
    }

    fn install(cache: &Cache, address: &str, wanted: Option<&str>) -> Result<String, ModelsError> {
        let file = cache.root().join("incoming");
        std::fs::create_dir_all(cache.root()).unwrap();
        std::fs::write(&file, "weights").unwrap();
        cache.install(&file, &manifest(address, 7), wanted, "vis").map(|model| model.name)
    }

    #[test]
    fn models_get_names_and_lose_them() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(&folder.path().join("cache"));
        assert!(cache.names().unwrap().is_empty());
        assert_eq!(install(&cache, "hf://a/vis", None).unwrap(), "vis");
        assert_eq!(install(&cache, "hf://b/vis", None).unwrap(), "vis-2");
        let error = install(&cache, "hf://c/vis", Some("vis")).unwrap_err().to_string();
        assert!(error.contains("from hf://a/vis") && error.contains("--name"), "{error}");
        assert!(cache.root().join("incoming").is_file(), "the file must not be lost");
        let address = Address::parse("hf://b/vis").unwrap().unwrap();
        let found = cache.find(&address).unwrap().unwrap();
        assert_eq!(
            (found.name.as_str(), std::fs::read(found.path).unwrap()),
            ("vis-2", b"weights".to_vec())
        );
        let error = cache.remove("vsi").unwrap_err().to_string();
        assert!(error.contains("did you mean vis?"), "{error}");
        assert!(cache.remove("../cache").is_err());
        cache.remove("vis").unwrap();
        assert_eq!(cache.names().unwrap(), ["vis-2"]);
    }

    #[test]
    fn a_model_that_is_not_whole_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        install(&cache, "hf://a/vis", None).unwrap();
        let path = cache.get("vis").unwrap().unwrap().path;
        std::fs::write(&path, "weigh").unwrap();
        let error = cache.get("vis").unwrap_err().to_string();
        assert!(error.contains("m.pth: expected 7 bytes, found 5"), "{error}");
        assert!(cache.find(&Address::parse("hf://a/vis").unwrap().unwrap()).unwrap().is_none());
        std::fs::write(path.with_file_name(MANIFEST), "{").unwrap();
        assert!(cache.get("vis").unwrap_err().to_string().contains("model.json cannot be read"));
        cache.remove("vis").unwrap();
    }
}
