//! Folders that take the place of earlier ones.

use std::io;
use std::path::Path;

use crate::TemporaryFolder;

/// Moves a filled folder to its final name. An earlier file or folder of this name is removed only then, and comes back
/// if the new one cannot be moved.
///
/// # Errors
///
/// The folder cannot be renamed, or the earlier one not removed.
pub fn replace_folder(folder: TemporaryFolder, path: &Path) -> io::Result<()> {
    let earlier = TemporaryFolder::beside(path)?;
    let aside = earlier.path().join("earlier");
    let had_earlier = path.symlink_metadata().is_ok();
    if had_earlier {
        std::fs::rename(path, &aside)?;
    }
    if let Err(error) = std::fs::rename(folder.path(), path) {
        if had_earlier {
            std::fs::rename(&aside, path)?;
        }
        return Err(error);
    }
    // It has been moved: nothing is left to clean up under the temporary name.
    folder.keep();
    earlier.close()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_folder_gives_way_as_a_whole() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("found");
        for name in ["a.png", "b.png"] {
            let folder = TemporaryFolder::beside(&path).unwrap();
            std::fs::write(folder.path().join(name), name).unwrap();
            replace_folder(folder, &path).unwrap();
            let files: Vec<_> =
                std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(files, [name]);
        }
        assert_eq!(
            std::fs::read_dir(around.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }
}
