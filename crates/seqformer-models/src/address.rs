//! What `--weights` may be: a file, a name, or an address.

use std::fmt;

use seqformer_checkpoint::zoo_address;

use crate::ModelsError;

/// Longest name of a model.
const MAX_NAME: usize = 100;
/// How the SHA-256 of a file is written behind its address.
const SHA256: &str = "sha256=";

/// Where a model can be fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A repository of the Hugging Face Hub: `hf://ORG/REPO[@REV][/FILE]`.
    Hub(HubAddress),
    /// A file on the web, with its SHA-256 in hexadecimal digits if that stands behind `#sha256=`.
    Web {
        /// `http://` or `https://`, without what follows a `#`.
        url: String,
        /// What the file has to be.
        sha256: Option<String>,
    },
}

/// A repository of the Hub, or a file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubAddress {
    /// `ORG/REPO`.
    pub repo: String,
    /// A branch, tag or commit; `main` if none is given.
    pub revision: Option<String>,
    /// A path in the repository; the weights that are there if none is given.
    pub file: Option<String>,
}

impl Address {
    /// Reads an address; nothing if `text` has no scheme, and so is a path or a name.
    ///
    /// `detectron2://` and `catalog://` are what detectron2 calls its files.
    ///
    /// # Errors
    ///
    /// If the scheme is none of the known ones, or the address has another form.
    pub fn parse(text: &str) -> Option<Result<Self, ModelsError>> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme =
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_scheme {
            return None;
        }
        Some(match scheme {
            "hf" => HubAddress::parse(text, rest).map(Self::Hub),
            "http" | "https" => web(text, text),
            "detectron2" | "catalog" => web(text, &zoo_address(text).unwrap_or_default()),
            _ => Err(ModelsError::BadAddress {
                address: text.to_owned(),
                expected: "an address that begins with hf://, https://, http:// or detectron2://",
                found: format!("{scheme}://; download the file, and give its path"),
            }),
        })
    }

    /// The name that the cache gives the model unless another is asked for.
    pub fn default_name(&self) -> String {
        let text = match self {
            Self::Hub(HubAddress { repo, revision, file }) => {
                let repo = repo.rsplit('/').next().unwrap_or(repo);
                let stem = file.as_deref().map(stem).filter(|stem| *stem != "model");
                let parts = [Some(repo), revision.as_deref(), stem];
                parts.into_iter().flatten().collect::<Vec<_>>().join("-")
            }
            Self::Web { url, .. } => {
                let path = url.split(['?', '#']).next().unwrap_or(url);
                stem(path.trim_end_matches('/')).to_owned()
            }
        };
        let allowed = |c: char| if is_of_name(c) { c } else { '-' };
        let name: String = text.chars().map(allowed).take(MAX_NAME).collect();
        let name = name.trim_start_matches(['.', '-', '_']);
        if name.is_empty() { "model".to_owned() } else { name.to_owned() }
    }
}

/// The last part of a path without its ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The address alone, without the SHA-256.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub(hub) => write!(f, "{hub}"),
            Self::Web { url, .. } => f.write_str(url),
        }
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hf://{}", self.repo)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        self.file.as_ref().map_or(Ok(()), |file| write!(f, "/{file}"))
    }
}

impl HubAddress {
    fn parse(text: &str, rest: &str) -> Result<Self, ModelsError> {
        let wrong = |found: String| ModelsError::BadAddress {
            address: text.to_owned(),
            expected: "hf://ORG/REPO, hf://ORG/REPO@REV or hf://ORG/REPO/FILE",
            found,
        };
        let mut parts = rest.splitn(3, '/');
        let (org, repo) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (repo, revision) = match repo.split_once('@') {
            Some((repo, revision)) => (repo, Some(revision)),
            None => (repo, None),
        };
        if !is_part(org) || !is_part(repo) {
            return Err(wrong(format!("organization {org:?} and repository {repo:?}")));
        }
        if let Some(revision) = revision.filter(|revision| !is_part(revision)) {
            return Err(wrong(format!("revision {revision:?}")));
        }
        let file = parts.next().filter(|file| !file.is_empty());
        let is_inside = |file: &str| file.split('/').all(is_part);
        if let Some(file) = file.filter(|file| !is_inside(file)) {
            return Err(wrong(format!("file {file:?}")));
        }
        Ok(Self {
            repo: format!("{org}/{repo}"),
            revision: revision.map(str::to_owned),
            file: file.map(str::to_owned),
        })
    }
}

/// Letters that need no escape in a URL, and no way out of a folder.
fn is_part(part: &str) -> bool {
    !part.is_empty() && !matches!(part, "." | "..") && part.chars().all(is_of_name)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn web(text: &str, url: &str) -> Result<Address, ModelsError> {
    let wrong = |expected, found: &str| ModelsError::BadAddress {
        address: text.to_owned(),
        expected,
        found: found.to_owned(),
    };
    let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    if host.is_empty() || host.starts_with('/') || url.contains(char::is_whitespace) {
        return Err(wrong("https://HOST/FILE", "no host, or a space in the address"));
    }
    let sha256 = match fragment.strip_prefix(SHA256) {
        None => None,
        Some(digits) if is_sha256(digits) => Some(digits.to_ascii_lowercase()),
        Some(digits) => {
            return Err(wrong("64 hexadecimal digits behind #sha256=", &format!("{digits:?}")));
        }
    };
    Ok(Address::Web { url: url.to_owned(), sha256 })
}

/// Whether a text is a SHA-256 in hexadecimal digits.
pub(crate) fn is_sha256(digits: &str) -> bool {
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a model can have this name.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Address::parse(text) {
            None => "no address".to_owned(),
            Some(Ok(address)) => address.to_string(),
            Some(Err(error)) => format!("error: {error}"),
        }
    }

    #[test]
    fn addresses_are_read_and_written() {
        let zoo = "detectron2://ImageNetPretrained/torchvision/R-50.pkl";
        let digits = "ab".repeat(32);
        let with_hash = format!("https://a.org/m.pth#sha256={}", digits.to_uppercase());
        let cases = [
            ("hf://me/vis", "hf://me/vis"),
            ("hf://me/vis@v1.0", "hf://me/vis@v1.0"),
            ("hf://me/vis@v1/a/b.pth", "hf://me/vis@v1/a/b.pth"),
            ("http://127.0.0.1:80/x", "http://127.0.0.1:80/x"),
            (&with_hash, "https://a.org/m.pth"),
            (
                zoo,
                "https://dl.fbaipublicfiles.com/detectron2/ImageNetPretrained/torchvision/R-50.pkl",
            ),
            ("model_final.pth", "no address"),
            ("a/b://c", "no address"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
        let Some(Ok(Address::Web { sha256, .. })) = Address::parse(&with_hash) else {
            panic!("it is an address");
        };
        assert_eq!(sha256, Some(digits));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_named() {
        let cases = [
            ("hf://vis", "repository \"\""),
            ("hf://me/../x", "repository \"..\""),
            ("hf://me/vis/../../x", "file \"../../x\""),
            ("hf://me/vis@/x", "revision \"\""),
            ("s3://bucket/x", "s3://"),
            ("https://", "no host"),
            ("https://a.org/m.pth#sha256=12", "\"12\""),
        ];
        for (text, found) in cases {
            let said = shown(text);
            assert!(said.starts_with("error: ") && said.contains(found), "{text}: {said}");
        }
    }

    #[test]
    fn names_follow_from_addresses() {
        let cases = [
            ("hf://me/vis", "vis"),
            ("hf://me/vis@v1/model.safetensors", "vis-v1"),
            ("hf://me/vis/best.pth", "vis-best"),
            ("https://a.org/x/r50 weights.pth?download=1", "error"),
            ("https://a.org/x/r50.pth?download=1", "r50"),
            ("https://a.org/", "a"),
            ("http://a.org/%20.pth", "20"),
        ];
        for (text, expected) in cases {
            match Address::parse(text).expect("it has a scheme") {
                Ok(address) => assert_eq!(address.default_name(), expected, "{text}"),
                Err(_wrong) => assert_eq!(expected, "error", "{text}"),
            }
        }
    }
}
