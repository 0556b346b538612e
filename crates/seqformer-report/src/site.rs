//! The folder of a report: it appears when it is complete, and replaces nothing but an earlier report.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use seqformer_files::{Outputs, TemporaryFolder, replace_folder};
use serde::Serialize;

use crate::error::ReportError;

/// What an earlier report is told by.
const MARK: &str = "seqformer-report.json";

/// Everything that a report has at its top.
const OWN: [&str; 10] = [
    MARK,
    "index.html",
    "classes.html",
    "videos.html",
    "errors.html",
    "player.html",
    "training.html",
    "assets",
    "data",
    "frames",
];

/// What pages share; scripts are classic ones, because browsers load no modules from `file://`.
const ASSETS: [(&str, &str); 11] = [
    ("style.css", include_str!("assets/style.css")),
    ("player.css", include_str!("assets/player.css")),
    ("store.js", include_str!("assets/store.js")),
    ("masks.js", include_str!("assets/masks.js")),
    ("table.js", include_str!("assets/table.js")),
    ("gallery.js", include_str!("assets/gallery.js")),
    ("errors.js", include_str!("assets/errors.js")),
    ("timeline.js", include_str!("assets/timeline.js")),
    ("panes.js", include_str!("assets/panes.js")),
    ("controls.js", include_str!("assets/controls.js")),
    ("player.js", include_str!("assets/player.js")),
];

/// A report that is being written.
#[derive(Debug)]
pub(crate) struct Site {
    folder: TemporaryFolder,
    output: PathBuf,
    num_bytes: AtomicU64,
}

impl Site {
    /// Makes sure that the output may be written, before the work begins.
    pub(crate) fn claim(
        output: &Path,
        overwrite: bool,
        inputs: &[&Path],
    ) -> Result<(), ReportError> {
        let mut outputs = Outputs::new(overwrite);
        for input in inputs {
            outputs.add_input(input);
        }
        // What is there is judged below, by what is in it.
        outputs.claim_own(output)?;
        let in_use = |found: &str| {
            let (path, found) = (output.to_path_buf(), found.to_owned());
            Err(ReportError::InUse { path, found })
        };
        let entries = match fs::read_dir(output) {
            Ok(entries) => entries,
            Err(_) if output.symlink_metadata().is_ok() => return in_use("a file"),
            Err(_) => return Ok(()),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| ReportError::read(output, source))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        if let Some(other) = names.iter().find(|name| !OWN.contains(&name.as_str())) {
            return in_use(other);
        }
        match names.first() {
            Some(name) if !names.iter().any(|name| name == MARK) => in_use(name),
            Some(_) if !overwrite => in_use("an earlier report"),
            _ => Ok(()),
        }
    }

    /// Begins to write, under another name beside the output.
    pub(crate) fn begin(output: &Path) -> Result<Self, ReportError> {
        let failed = |source| ReportError::write(output, source);
        if let Some(parent) = output.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let folder = TemporaryFolder::beside(output).map_err(failed)?;
        let site = Self { folder, output: output.to_path_buf(), num_bytes: AtomicU64::new(0) };
        for part in ["assets", "data"] {
            fs::create_dir(site.folder.path().join(part)).map_err(failed)?;
        }
        for (name, text) in ASSETS {
            site.write(&format!("assets/{name}"), text.as_bytes())?;
        }
        Ok(site)
    }

    /// Writes a file of the report.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), ReportError> {
        self.num_bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
        fs::write(self.folder.path().join(name), content)
            .map_err(|source| ReportError::write(&self.output.join(name), source))
    }

    /// Writes data as a script that calls a function with it; browsers load scripts from `file://`, but nothing else.
    pub(crate) fn write_data(
        &self,
        name: &str,
        function: &str,
        data: &impl Serialize,
    ) -> Result<(), ReportError> {
        let mut text = format!("seqformer.{function}(").into_bytes();
        serde_json::to_writer(&mut text, data)?;
        text.extend_from_slice(b");\n");
        self.write(&format!("data/{name}.js"), &text)
    }

    /// Copies a file into the report.
    pub(crate) fn copy(&self, from: &Path, name: &Path) -> Result<(), ReportError> {
        let to = self.folder.path().join(name);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|source| ReportError::write(parent, source))?;
        }
        let num_bytes = fs::copy(from, &to).map_err(|source| ReportError::read(from, source))?;
        self.num_bytes.fetch_add(num_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Gives the folder its name, and returns how many bytes are in it.
    pub(crate) fn finish(self) -> Result<u64, ReportError> {
        self.write(MARK, b"{\"format\": \"seqformer report\"}\n")?;
        // An earlier report stays until the new one is complete.
        replace_folder(self.folder, &self.output)
            .map_err(|source| ReportError::write(&self.output, source))?;
        Ok(self.num_bytes.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Site;

    #[test]
    fn only_an_earlier_report_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (output, input) = (folder.path().join("report"), folder.path().join("gt.json"));
        fs::write(&input, "{}").unwrap();
        let refused = |overwrite| {
            Site::claim(&output, overwrite, &[&input]).map_err(|error| error.to_string()).err()
        };
        let write = |text: &str| {
            let site = Site::begin(&output).unwrap();
            site.write("index.html", text.as_bytes()).unwrap();
            site.finish().unwrap();
        };
        assert_eq!(refused(false), None);
        write("one");
        assert!(refused(false).unwrap().contains("found an earlier report"));
        assert_eq!(refused(true), None);
        write("two");
        assert_eq!(fs::read_to_string(output.join("index.html")).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside it");
        fs::write(output.join("notes.txt"), "mine").unwrap();
        assert!(refused(true).unwrap().contains("found notes.txt"));
        let inside = Site::claim(folder.path(), true, &[&input]).unwrap_err().to_string();
        assert!(inside.contains("never replaced"), "{inside}");
    }
}
