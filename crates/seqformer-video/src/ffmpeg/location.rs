//! Locates the ffmpeg program.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::error::VideoError;

const VARIABLE: &str = "SEQFORMER_FFMPEG";
const PROGRAM: &str = if cfg!(windows) { "ffmpeg.exe" } else { "ffmpeg" };

/// The ffmpeg program to use, or the reason why there is none.
#[derive(Debug, Clone)]
pub struct FfmpegLocation {
    found: Result<PathBuf, String>,
    threads: Option<NonZeroUsize>,
}

/// A program and its settings.
#[derive(Debug, Clone)]
pub(crate) struct FfmpegProgram {
    pub(crate) path: PathBuf,
    /// Threads of a decoder or encoder; `None` leaves the number to ffmpeg.
    pub(crate) threads: Option<NonZeroUsize>,
}

impl FfmpegLocation {
    /// Searches for ffmpeg: `explicit`, then the variable `SEQFORMER_FFMPEG`, then the binary of the Python package
    /// `imageio-ffmpeg` in a `.venv`, then the search path.
    ///
    /// An explicit location that does not exist ends the search: a different ffmpeg is never used instead. Nothing is
    /// reported until a video needs it.
    pub fn find(explicit: Option<&Path>) -> Self {
        let places = Places {
            explicit: explicit.map(Path::to_path_buf),
            variable: std::env::var_os(VARIABLE).filter(|value| !value.is_empty()),
            venv_parents: venv_parents(),
            search_path: std::env::var_os("PATH").unwrap_or_default(),
        };
        Self { found: places.search(), threads: None }
    }

    /// The same program with at most this many threads for decoding and for encoding.
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self { threads: Some(threads), ..self }
    }

    /// The program and its settings, if found.
    pub(crate) fn program(&self) -> Option<FfmpegProgram> {
        Some(FfmpegProgram { path: self.path()?.to_path_buf(), threads: self.threads })
    }

    /// The program, if found.
    pub fn path(&self) -> Option<&Path> {
        self.found.as_deref().ok()
    }

    /// The program, or an error that `video` needs it and how to get it.
    ///
    /// # Errors
    ///
    /// [`VideoError::FfmpegMissing`] if no ffmpeg was found.
    pub(crate) fn require(&self, video: &Path) -> Result<FfmpegProgram, VideoError> {
        match &self.found {
            Ok(path) => Ok(FfmpegProgram { path: path.clone(), threads: self.threads }),
            Err(reason) => {
                let (path, reason) = (video.to_path_buf(), reason.clone());
                Err(VideoError::FfmpegMissing { path, reason })
            }
        }
    }
}

/// The places to search, as plain values, so that tests need no environment.
#[derive(Debug, Default)]
struct Places {
    explicit: Option<PathBuf>,
    variable: Option<OsString>,
    venv_parents: Vec<PathBuf>,
    search_path: OsString,
}

impl Places {
    fn search(&self) -> Result<PathBuf, String> {
        if let Some(named) = &self.explicit {
            return self.named(named, "--ffmpeg");
        }
        if let Some(named) = &self.variable {
            return self.named(Path::new(named), VARIABLE);
        }
        let in_venv = self.venv_parents.iter().find_map(|parent| imageio_ffmpeg(parent));
        in_venv
            .or_else(|| self.on_path(Path::new(PROGRAM)))
            .ok_or_else(|| "none was found in .venv or on PATH".to_owned())
    }

    fn named(&self, named: &Path, origin: &str) -> Result<PathBuf, String> {
        let bare = named.components().count() == 1 && !named.is_file();
        let found = if bare { self.on_path(named) } else { Some(named.to_path_buf()) };
        found.filter(|path| is_program(path)).map(absolute).ok_or_else(|| {
            format!("{origin} names {}, which is not a program file", named.display())
        })
    }

    fn on_path(&self, name: &Path) -> Option<PathBuf> {
        std::env::split_paths(&self.search_path)
            .filter(|folder| !folder.as_os_str().is_empty())
            .map(|folder| folder.join(name))
            .find(|path| is_program(path))
    }
}

/// The operating system would search for a bare relative name on the search path.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The folders that may contain a `.venv`: the current one, and those above the running program.
fn venv_parents() -> Vec<PathBuf> {
    let mut parents = Vec::new();
    if let Ok(current) = std::env::current_dir() {
        parents.push(current);
    }
    if let Ok(program) = std::env::current_exe() {
        parents.extend(program.ancestors().skip(1).map(Path::to_path_buf));
    }
    parents
}

/// The static binary inside the Python package `imageio-ffmpeg`.
fn imageio_ffmpeg(parent: &Path) -> Option<PathBuf> {
    let venv = parent.join(".venv");
    let mut libraries = entries(&venv.join("lib"), "python3");
    libraries.push(venv.join("Lib")); // Windows
    libraries.into_iter().find_map(|library| {
        let binaries = library.join("site-packages/imageio_ffmpeg/binaries");
        entries(&binaries, "ffmpeg-").into_iter().find(|path| is_program(path))
    })
}

/// The entries of `folder` whose names begin with `prefix`, last first; empty if there is no such folder.
fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = listing
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.reverse();
    paths
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn the_order_is_argument_variable_venv_path() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let in_venv =
            at(".venv/lib/python3.11/site-packages/imageio_ffmpeg/binaries/ffmpeg-linux-v9");
        for path in [&at("argument"), &at("variable"), &in_venv, &at("bin").join(PROGRAM)] {
            program(path);
        }
        let mut places = Places {
            explicit: Some(at("argument")),
            variable: Some(at("variable").into()),
            venv_parents: vec![at("elsewhere"), root.path().to_path_buf()],
            search_path: at("bin").into(),
        };
        assert_eq!(places.search(), Ok(at("argument")));
        places.explicit = None;
        assert_eq!(places.search(), Ok(at("variable")));
        places.variable = None;
        assert_eq!(places.search(), Ok(in_venv));
        places.venv_parents.clear();
        assert_eq!(places.search(), Ok(at("bin").join(PROGRAM)));
        places.search_path = OsString::new();
        assert_eq!(places.search(), Err("none was found in .venv or on PATH".to_owned()));
    }

    #[test]
    fn a_named_place_that_is_missing_ends_the_search() {
        let root = tempfile::tempdir().unwrap();
        program(&root.path().join(PROGRAM));
        let places = Places {
            explicit: Some(root.path().join("absent")),
            search_path: root.path().into(),
            ..Places::default()
        };
        let reason = places.search().unwrap_err();
        assert!(reason.contains("--ffmpeg") && reason.contains("absent"), "{reason}");
        let places = Places {
            variable: Some(PROGRAM.into()),
            search_path: root.path().into(),
            ..Places::default()
        };
        assert_eq!(places.search(), Ok(root.path().join(PROGRAM)));
    }

    #[test]
    fn the_error_says_what_to_do() {
        let location = FfmpegLocation::find(Some(Path::new("/nowhere/ffmpeg")));
        assert!(location.path().is_none());
        let text = location.require(Path::new("a.mp4")).unwrap_err().to_string();
        for part in ["a.mp4", "/nowhere/ffmpeg", "pip install imageio-ffmpeg", "--ffmpeg", "folder"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
