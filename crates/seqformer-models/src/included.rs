//! Models that come with the program, and those that somebody has put into the cache: plain folders.
//!
//! ```text
//! models/default                  the name of the model that is used where none is asked for
//! models/NAME/model.safetensors   the weights, with their configuration and classes
//! models/NAME/about.txt           one sentence on what the model finds
//! ```

use std::path::{Path, PathBuf};

use crate::Models;
use crate::address::is_name;
use crate::models::DEFAULT;

/// The weights of a model.
const WEIGHTS: &str = "model.safetensors";
/// What the model finds.
const ABOUT: &str = "about.txt";
/// The default model of the repository that this program is built from.
const BUILT_WITH: &str = include_str!("../../../models/default");

/// A model in a plain folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludedModel {
    /// Its name, which is that of the folder.
    pub name: String,
    /// The file with its weights.
    pub path: PathBuf,
    /// What it finds; empty if nobody has said it.
    pub about: String,
}

impl IncludedModel {
    /// The model of a folder, if there are weights in it.
    fn read(models: &Path, name: &str) -> Option<Self> {
        let folder = models.join(name);
        let path = folder.join(WEIGHTS);
        if !is_name(name) || !path.is_file() {
            return None;
        }
        let about = std::fs::read_to_string(folder.join(ABOUT)).unwrap_or_default();
        Some(Self { name: name.to_owned(), path, about: about.trim().to_owned() })
    }
}

impl Models {
    /// All models in plain folders, sorted by name: those that come with the program, then those of the cache.
    pub fn included(&self) -> Vec<IncludedModel> {
        let mut found: Vec<IncludedModel> = Vec::new();
        for folder in self.plain_folders() {
            let mut names: Vec<String> = std::fs::read_dir(&folder)
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| found.iter().all(|known| known.name != *name))
                .collect();
            names.sort();
            found.extend(names.iter().filter_map(|name| self.in_folder(&folder, name)));
        }
        found
    }

    /// The model of this name in a plain folder, if there is one.
    pub fn included_named(&self, name: &str) -> Option<IncludedModel> {
        self.plain_folders().iter().find_map(|folder| self.in_folder(folder, name))
    }

    /// The model that is used where none is asked for: the default of the models that come with the program, or else the model
    /// of the cache that has the name of the one that this program was built with.
    pub fn default_model(&self) -> Option<IncludedModel> {
        let of_folder = self.included.as_ref().and_then(|folder| {
            let name = std::fs::read_to_string(folder.join(DEFAULT)).ok()?;
            IncludedModel::read(folder, name.trim())
        });
        let name = BUILT_WITH.trim();
        let fetched = || {
            let model = self.cache.get(name).ok()??;
            Some(IncludedModel { name: model.name, path: model.path, about: String::new() })
        };
        of_folder.or_else(fetched).or_else(|| self.included_named(name))
    }

    fn plain_folders(&self) -> Vec<PathBuf> {
        self.included.iter().cloned().chain([self.cache.models_folder()]).collect()
    }

    /// A model in a plain folder; those of the cache that were fetched are none.
    fn in_folder(&self, folder: &Path, name: &str) -> Option<IncludedModel> {
        let is_fetched =
            *folder == self.cache.models_folder() && !matches!(self.cache.get(name), Ok(None));
        IncludedModel::read(folder, name).filter(|_| !is_fetched)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Cache, HubSettings, Timeouts};

    fn put(models: &Path, name: &str, about: Option<&str>) -> PathBuf {
        let folder = models.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(WEIGHTS), "weights").unwrap();
        if let Some(about) = about {
            fs::write(folder.join(ABOUT), about).unwrap();
        }
        folder.join(WEIGHTS)
    }

    #[test]
    fn folders_beside_the_program_and_in_the_cache_are_models() {
        let around = tempfile::tempdir().unwrap();
        let (beside, root) = (around.path().join("models"), around.path().join("cache"));
        let hub = HubSettings { endpoint: String::new(), token: None };
        let (cache, timeouts) = (Cache::at(&root), Timeouts::default());
        let mut models =
            Models { cache, hub, timeouts, offline: None, included: Some(beside.clone()) };
        assert_eq!((models.default_model(), models.included()), (None, vec![]));

        // In the cache, put there by hand; a folder without weights is none, and says so.
        let built_with = put(&root.join("models"), BUILT_WITH.trim(), None);
        let second = put(&root.join("models"), "animals", None);
        fs::create_dir_all(root.join("models/broken")).unwrap();
        assert_eq!(models.locate("animals").unwrap(), second);
        assert!(models.locate("broken").unwrap_err().to_string().contains("model.json"));
        assert_eq!(models.default_model().unwrap().path, built_with);

        // Beside the program: its own default goes first.
        let third = put(&beside, "street", Some("Cars and bicycles.\n"));
        fs::write(beside.join(DEFAULT), "street\n").unwrap();
        let default = models.default_model().unwrap();
        assert_eq!(default.path, third);
        assert_eq!(default.about, "Cars and bicycles.");
        assert_eq!(models.locate("street").unwrap(), third);
        let names: Vec<String> = models.included().into_iter().map(|model| model.name).collect();
        assert_eq!(names, ["street", "animals", BUILT_WITH.trim()]);
        let error = models.locate("steet").unwrap_err().to_string();
        assert!(error.contains("did you mean street?"), "{error}");

        // What was fetched is in the cache as before, and a default as well.
        fs::remove_dir_all(built_with.parent().unwrap()).unwrap();
        models.included = None;
        assert_eq!(models.default_model(), None);
        let file = second.display().to_string();
        let pulled = models.pull(&file, Some(BUILT_WITH.trim()), &mut |_| {}).unwrap();
        assert_eq!(models.default_model().unwrap().path, pulled.path);
        assert_eq!(models.included().len(), 1, "only the one that was put there by hand");
    }
}
