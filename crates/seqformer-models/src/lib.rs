//! Models as things with a name.
//!
//! [`Models`] turns what a user writes into a file with weights: a path, the name of a model in the [`Cache`], or an
//! [`Address`], whose file is fetched into the cache. Downloads go on where they ended, are checked by their SHA-256 where it
//! is known, and appear in one step. Nothing that is fetched is ever run.
//!
//! [`Architecture`] says from the names and shapes of tensors which network they are of, as settings of a configuration, and
//! [`recognise`] which published model. [`WeightsConfig`] is the whole configuration that follows from weights. [`push_folder`] and [`write_card`] make of a training what the Hub expects.
//!
//! ```
//! use seqformer_models::{Cache, HubSettings, Models, Timeouts};
//!
//! # let folder = tempfile::tempdir()?;
//! # let (cache, file) = (folder.path().join("cache"), folder.path().join("street.pth"));
//! # std::fs::write(&file, "weights")?;
//! let hub = HubSettings { endpoint: "https://huggingface.co".to_owned(), token: None };
//! let timeouts = Timeouts::default();
//! let models = Models { cache: Cache::at(&cache), hub, timeouts, offline: None, included: None };
//! let model = models.pull(&file.display().to_string(), None, &mut |_progress| {})?;
//! assert_eq!(model.name, "street");
//! assert_eq!(models.locate("street")?, model.path);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod address;
mod architecture;
mod cache;
mod card;
mod client;
mod digest;
mod download;
mod error;
mod facts;
mod hub;
mod included;
mod local_copy;
mod models;
mod outline;
mod published;
mod push_folder;
mod source;
mod weights_config;

pub use address::{Address, HubAddress};
pub use architecture::{Architecture, ArchitectureError, Backbone, Setting};
pub use cache::{CACHE_VARIABLE, Cache, CachedModel, Manifest};
pub use card::CARD;
pub use client::Timeouts;
pub use download::{Progress, human_size};
pub use error::ModelsError;
pub use facts::Facts;
pub use hub::HubSettings;
pub use included::IncludedModel;
pub use models::{INCLUDED_VARIABLE, Models};
pub use outline::Outline;
pub use published::{PUBLISHED, Published, Reported, published, recognise};
pub use push_folder::{About, push_folder, write_card};
pub use weights_config::{ConfigOrigin, RecipeData, WeightsConfig};
