//! A file of this machine as a model of the cache.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::address::Address;
use crate::cache::{CachedModel, Manifest};
use crate::models::{file_name, take};
use crate::{Models, ModelsError, digest};

impl Models {
    /// Copies a file into the cache, under `name` or one that follows from its own.
    pub(crate) fn copy(&self, from: &Path, name: Option<&str>) -> Result<CachedModel, ModelsError> {
        let whole = from.canonicalize().map_err(ModelsError::io(from))?;
        let address = whole.display().to_string();
        if let Some(name) = name.filter(|name| {
            self.cache.names().is_ok_and(|names| names.iter().any(|taken| taken == name))
        }) {
            return Err(self.cache.taken(name));
        }
        let mut source = File::open(&whole).map_err(ModelsError::io(from))?;
        if !source.metadata().is_ok_and(|found| found.is_file()) {
            let found = "something else of this name".to_owned();
            return Err(ModelsError::BadAddress {
                address,
                expected: "a file with weights",
                found,
            });
        }
        let folder = self.cache.download_folder(&address);
        let lock = take(&folder, &mut |_| {})?;
        let copy = folder.join("copy");
        let model = self.install_copy(&mut source, &copy, address, name);
        // It has been moved, unless something failed.
        let _gone = std::fs::remove_file(&copy);
        drop(lock);
        let _kept = std::fs::remove_dir(&folder);
        model
    }

    /// Copies a file into the cache, by way of `copy`.
    fn install_copy(
        &self,
        source: &mut File,
        copy: &Path,
        address: String,
        name: Option<&str>,
    ) -> Result<CachedModel, ModelsError> {
        let written = seqformer_files::replace(copy, |to| {
            std::io::copy(source, to)?;
            to.flush()
        });
        written.map_err(ModelsError::io(copy))?;
        let sha256 = digest::of_file(copy).map_err(ModelsError::io(copy))?;
        let size = std::fs::metadata(copy).map_err(ModelsError::io(copy))?.len();
        let file = file_name(&address);
        let default = Address::Web { url: address.clone(), sha256: None }.default_name();
        let manifest = Manifest { address, file, size, sha256, verified: false, commit: None };
        self.cache.install(copy, &manifest, name, &default)
    }
}
