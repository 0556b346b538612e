//! Finds the headers of CUDA that belong to a libtorch. A module of the build script, and of the tests.

use std::path::{Path, PathBuf};

/// The folder with a header: beside torch, where its packages for CUDA lie, in the environment that
/// `make setup` made, or in a CUDA toolkit. Only headers of the CUDA version of this libtorch count, because structures
/// differ between versions.
///
/// `root` is the folder of libtorch, and `workspace` that of this repository.
pub(crate) fn folder_of(header: &str, root: &Path, workspace: &Path) -> Option<PathBuf> {
    let mut sites: Vec<PathBuf> = root.parent().map(Path::to_path_buf).into_iter().collect();
    if let Ok(entries) = std::fs::read_dir(workspace.join(".venv/lib")) {
        sites.extend(entries.flatten().map(|entry| entry.path().join("site-packages")));
    }
    let major = cuda_major(root);
    let parts: &[&str] = match major.as_str() {
        // Until CUDA 12 every package had a folder of its own.
        "12" => &[
            "cuda_runtime/include",
            "cuda_nvcc/include",
            "cuda_cccl/include",
            "cublas/include",
            "cusolver/include",
            "cusparse/include",
            "nccl/include",
        ],
        _ => &["cu13/include", "cu13/include/cccl", "nccl/include"],
    };
    let mut folders: Vec<PathBuf> = sites
        .iter()
        .flat_map(|site| parts.iter().map(|part| site.join("nvidia").join(part)))
        .collect();
    folders.push(PathBuf::from(format!("/usr/local/cuda-{major}/include")));
    folders.push(PathBuf::from("/usr/local/cuda/include"));
    let folder = folders.into_iter().find(|folder| folder.join(header).exists())?;
    Some(folder.canonicalize().unwrap_or(folder))
}

/// The first number of the CUDA version that libtorch was built for, by the files of its wheel or of its archive.
fn cuda_major(root: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap_or_default();
    let (wheel, archive) = (read("version.py"), read("build-version"));
    let of_wheel = wheel.lines().find_map(|line| line.strip_prefix("cuda: Optional[str] = '"));
    let of_archive = archive.split_once("+cu").map(|(_, digits)| digits);
    let version = of_wheel.or(of_archive).unwrap_or("13");
    version.chars().take(2).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const HEADER: &str = "seqformer_test_header.h";

    /// Writes empty files below a folder.
    fn write(folder: &Path, files: &[&str]) {
        for file in files {
            let path = folder.join(file).join(HEADER);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
    }

    #[test]
    fn headers_are_those_of_the_cuda_version_of_libtorch() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap();
        let site = workspace.join("site-packages");
        let root = site.join("torch");
        fs::create_dir_all(&root).unwrap();
        // Both versions are installed beside each other.
        write(&site.join("nvidia"), &["cu13/include", "cuda_runtime/include"]);
        let found = || folder_of(HEADER, &root, &workspace);
        let [cuda_12, cuda_13] = ["cuda_runtime/include", "cu13/include"]
            .map(|part| Some(site.join("nvidia").join(part)));
        for (file, text, expected) in [
            ("build-version", "2.11.0+cu126\n", &cuda_12),
            ("build-version", "2.11.0+cu130\n", &cuda_13),
            // The file of the wheel comes first.
            (
                "version.py",
                "__version__ = '2.11.0+cu126'\ncuda: Optional[str] = '12.6'\n",
                &cuda_12,
            ),
            (
                "version.py",
                "__version__ = '2.11.0+cu130'\ncuda: Optional[str] = '13.0'\n",
                &cuda_13,
            ),
        ] {
            fs::write(root.join(file), text).unwrap();
            assert_eq!(&found(), expected, "{text}");
        }
        // Those of another version are no substitute; those of `make setup` are.
        fs::remove_dir_all(site.join("nvidia/cu13")).unwrap();
        assert_eq!(found(), None);
        let own = ".venv/lib/python3.11/site-packages/nvidia/cu13/include";
        write(&workspace, &[own]);
        assert_eq!(found(), Some(workspace.join(own)));
    }
}
