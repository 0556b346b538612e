//! The Hugging Face Hub: which files a repository has, and where they are.
//!
//! Two of its routes are enough: `/api/models/ORG/REPO/revision/REV` lists a repository with the SHA-256 of its large files,
//! and `/ORG/REPO/resolve/COMMIT/FILE` is a file.

use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use crate::ModelsError;
use crate::address::{HubAddress, is_sha256};
use crate::client::{Client, Failure, Request};

/// Where the Hub is, unless `HF_ENDPOINT` says otherwise.
const ENDPOINT: &str = "https://huggingface.co";
/// A longer list of files is none.
const MAX_LIST_LEN: u64 = 32 << 20;
/// The file that a repository of one model has by custom.
const USUAL: &str = "model.safetensors";
/// Endings of pickles with weights, the likeliest first.
const PICKLES: [&str; 5] = ["pth", "pt", "bin", "pkl", "ckpt"];

/// How the Hub is reached.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Its address, without a slash at the end.
    pub endpoint: String,
    /// Who asks: for private and gated repositories.
    pub token: Option<String>,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HubFile {
    pub(crate) url: String,
    pub(crate) name: String,
    pub(crate) commit: String,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Listing {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Debug, Deserialize)]
struct Lfs {
    #[serde(alias = "oid")]
    sha256: Option<String>,
}

impl HubSettings {
    /// What the environment says: `HF_ENDPOINT`, and the token of `HF_TOKEN` or of the file that `huggingface-cli login`
    /// writes.
    pub fn from_environment() -> Self {
        let variable =
            |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let token_file = || {
            let home = || {
                let home = std::env::home_dir()?;
                let cache =
                    variable("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), Into::into);
                Some(cache.join("huggingface"))
            };
            let folder = || variable("HF_HOME").map(Into::into).or_else(home);
            let path = variable("HF_TOKEN_PATH").map(Into::into);
            let path =
                path.or_else(|| folder().map(|folder: std::path::PathBuf| folder.join("token")));
            std::fs::read_to_string(path?).ok()
        };
        let token = variable("HF_TOKEN").or_else(token_file).map(|token| token.trim().to_owned());
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token
                .filter(|token| !token.is_empty() && token.chars().all(|c| c.is_ascii_graphic())),
        }
    }

    /// Finds the file with the weights that an address means.
    pub(crate) fn find(
        &self,
        client: &Client,
        address: &HubAddress,
    ) -> Result<HubFile, ModelsError> {
        let revision = address.revision.as_deref().unwrap_or("main");
        let url =
            format!("{}/api/models/{}/revision/{revision}?blobs=true", self.endpoint, address.repo);
        let listing =
            self.list(client, &url).map_err(|error| self.of_repository(error, address))?;
        let wanted = choose(address, &listing)?;
        let sha256 = wanted.lfs.as_ref().and_then(|lfs| lfs.sha256.clone());
        Ok(HubFile {
            url: format!(
                "{}/{}/resolve/{}/{}",
                self.endpoint, address.repo, listing.sha, wanted.rfilename
            ),
            name: wanted.rfilename.rsplit('/').next().unwrap_or(&wanted.rfilename).to_owned(),
            commit: listing.sha.clone(),
            size: wanted.size,
            sha256: sha256.filter(|digits| is_sha256(digits)),
        })
    }

    /// Names the repository as the user did, and its page, in the place of the address of its list.
    fn of_repository(&self, error: ModelsError, address: &HubAddress) -> ModelsError {
        let named = format!("{address} ({}/{})", self.endpoint, address.repo);
        match error {
            ModelsError::Denied { status, mend, .. } => {
                ModelsError::Denied { url: named, status, mend }
            }
            ModelsError::NotFound { mend, .. } => ModelsError::NotFound { url: named, mend },
            other => other,
        }
    }

    fn list(&self, client: &Client, url: &str) -> Result<Listing, ModelsError> {
        let request = Request { url, token: self.token.as_deref(), offset: 0, etag: None };
        let bad = |found: String| ModelsError::BadAnswer {
            url: url.to_owned(),
            found,
            mend: "check HF_ENDPOINT, which has to be the address of a Hub",
        };
        let reply = client.get(request).map_err(|failure| match failure {
            Failure::Passing(error) | Failure::Lasting(error) => error,
            Failure::NoSuchPart => bad("status 416".to_owned()),
        })?;
        let mut text = Vec::new();
        let read = reply.body.take(MAX_LIST_LEN).read_to_end(&mut text);
        read.map_err(|error| bad(format!("a list of files that breaks off: {error}")))?;
        serde_json::from_slice(&text).map_err(|error| bad(format!("no list of files: {error}")))
    }
}

/// The one file that is meant.
fn choose<'a>(address: &HubAddress, listing: &'a Listing) -> Result<&'a Sibling, ModelsError> {
    let repo = HubAddress { file: None, ..address.clone() }.to_string();
    let all = || listing.siblings.iter().map(|file| file.rfilename.clone());
    if let Some(wanted) = &address.file {
        let found = listing.siblings.iter().find(|file| file.rfilename == *wanted);
        return found.ok_or_else(|| {
            let mut files: Vec<String> = all().collect();
            files.sort_by_key(|name| (strsim::osa_distance(wanted, name), name.clone()));
            ModelsError::NoSuchFile { repo, file: wanted.clone(), files }
        });
    }
    let ends = |file: &Sibling, ending: &str| {
        Path::new(&file.rfilename)
            .extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(ending))
    };
    let safetensors: Vec<&Sibling> =
        listing.siblings.iter().filter(|file| ends(file, "safetensors")).collect();
    let usual = safetensors.iter().find(|file| file.rfilename == USUAL);
    let names = |files: &[&Sibling]| files.iter().map(|file| file.rfilename.clone()).collect();
    match (usual, &safetensors[..]) {
        (Some(file), _) => return Ok(file),
        (None, [file]) if !is_shard(&file.rfilename) => return Ok(file),
        (None, []) => {}
        (None, files) => {
            let mend = if files.iter().all(|file| is_shard(&file.rfilename)) {
                "weights in several files are not read; join them into one".to_owned()
            } else {
                format!("name one of them, as in {repo}/{}", files[0].rfilename)
            };
            return Err(ModelsError::SeveralWeights { repo, files: names(files), mend });
        }
    }
    let pickles: Vec<&Sibling> = PICKLES
        .iter()
        .flat_map(|ending| listing.siblings.iter().filter(|file| ends(file, ending)))
        .collect();
    if pickles.is_empty() {
        Err(ModelsError::NoWeights { repo, files: all().collect() })
    } else {
        Err(ModelsError::OnlyPickles { repo, files: names(&pickles) })
    }
}

/// `model-00001-of-00002.safetensors`
fn is_shard(name: &str) -> bool {
    name.rsplit_once("-of-").is_some_and(|(before, after)| {
        before.ends_with(|c: char| c.is_ascii_digit())
            && after.split('.').next().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(address: &str, files: &[&str]) -> String {
        let Some(Ok(crate::Address::Hub(address))) = crate::Address::parse(address) else {
            panic!("it is an address of the Hub");
        };
        let sibling =
            |name: &&str| Sibling { rfilename: (*name).to_owned(), size: None, lfs: None };
        let listing =
            Listing { sha: "1".to_owned(), siblings: files.iter().map(sibling).collect() };
        match choose(&address, &listing) {
            Ok(file) => file.rfilename.clone(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_weights_of_a_repository_are_found_or_named() {
        let cases: [(&[&str], &str); 8] = [
            (&["README.md", "model.safetensors", "other.safetensors"], "model.safetensors"),
            (&["seqformer.safetensors", "a.pth"], "seqformer.safetensors"),
            (
                &["a.safetensors", "b.safetensors"],
                "name one of them, as in hf://me/vis/a.safetensors",
            ),
            (
                &["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"],
                "weights in several files",
            ),
            (&["b.bin", "a.PTH"], "ask for it by name: hf://me/vis/a.PTH (nothing in it is run"),
            (
                &["README.md"],
                "expected a repository with weights (.safetensors or .pth), found README.md",
            ),
            (&[], "found no files"),
            (&["1", "2", "3", "4", "5", "6", "7", "8"], "5, 6 and 2 more"),
        ];
        for (files, expected) in cases {
            let found = chosen("hf://me/vis", files);
            assert!(found.contains(expected), "{files:?}: {found}");
        }
        assert_eq!(chosen("hf://me/vis/w/a.pth", &["a.pth", "w/a.pth"]), "w/a.pth");
        let found = chosen("hf://me/vis/modle.pth", &["config.json", "model.pth"]);
        assert!(
            found.contains("expected the file \"modle.pth\", found model.pth, config"),
            "{found}"
        );
    }
}
