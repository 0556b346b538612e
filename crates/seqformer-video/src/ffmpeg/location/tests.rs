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
    let in_venv = at(".venv/lib/python3.11/site-packages/imageio_ffmpeg/binaries/ffmpeg-linux-v9");
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
    for part in ["a.mp4", "/nowhere/ffmpeg", "pip install imageio-ffmpeg", "--ffmpeg", "folder"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
