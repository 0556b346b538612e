use super::*;

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn tree() -> Value {
    Value::dict([("iteration", Value::Int(4))])
}

/// A checkpoint after `iteration` of a run, long enough to be cut.
fn tree_of(run: &str, iteration: i64) -> Value {
    let weight = seqformer_checkpoint::Array::from_f32(&[500], &[0.5; 500]).unwrap();
    Value::dict([
        ("model", Value::dict([("w", Value::Tensor(weight))])),
        ("iteration", Value::Int(iteration)),
        ("seqformer", Value::dict([("run", Value::Text(run.to_owned()))])),
    ])
}

/// A folder in which a run has written two checkpoints and its last.
fn finished(run: &str) -> (tempfile::TempDir, Checkpointer) {
    let folder = tempfile::tempdir().unwrap();
    let checkpointer = Checkpointer::new(folder.path(), 0);
    checkpointer.start_run(run).unwrap();
    for iteration in [1, 3] {
        checkpointer.save(iteration as u64, &tree_of(run, iteration)).unwrap();
    }
    checkpointer.save_final(&tree_of(run, 4)).unwrap();
    (folder, checkpointer)
}

/// Leaves the first half of a file.
fn cut(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn the_newest_few_stay_and_the_marker_names_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let checkpointer = Checkpointer::new(folder.path(), 2);
    assert_eq!(checkpointer.last().unwrap(), None);
    for iteration in [9, 19, 29] {
        checkpointer.save(iteration, &tree()).unwrap();
    }
    checkpointer.save_best(&tree()).unwrap();
    assert_eq!(checkpointer.last().unwrap(), Some(folder.path().join("model_0000029.pth")));
    checkpointer.save_final(&tree()).unwrap();
    let expected = [
        "last_checkpoint",
        "model_0000019.pth",
        "model_0000029.pth",
        "model_best.pth",
        "model_final.pth",
    ];
    assert_eq!(names(folder.path()), expected);
    assert_eq!(std::fs::read_to_string(folder.path().join(LAST)).unwrap(), FINAL);
    assert_eq!(Checkpointer::read(&folder.path().join(FINAL)).unwrap(), tree());
}

#[test]
fn zero_keeps_all() {
    let folder = tempfile::tempdir().unwrap();
    for iteration in 0..4 {
        Checkpointer::new(folder.path(), 0).save(iteration, &tree()).unwrap();
    }
    assert_eq!(names(folder.path()).len(), 5);
}

#[test]
fn a_marker_without_its_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(LAST), "model_0000007.pth").unwrap();
    let message = Checkpointer::new(folder.path(), 0).last().unwrap_err().to_string();
    assert!(message.contains("model_0000007.pth") && message.contains(LAST), "{message}");
}

#[test]
fn a_checkpoint_that_is_gone_or_cut_gives_way_to_the_newest_older_one() {
    for damage in [
        (|path| std::fs::remove_file(path).unwrap()) as fn(&Path),
        cut,
        |path| std::fs::write(path, b"").unwrap(),
        |path| std::fs::write(path, [0; 5000]).unwrap(),
    ] {
        let (folder, checkpointer) = finished("a");
        let path = |name: &str| folder.path().join(name);
        assert_eq!(checkpointer.last().unwrap(), Some(path(FINAL)));
        damage(&path(FINAL));
        assert_eq!(checkpointer.last().unwrap(), Some(path("model_0000003.pth")));
        damage(&path("model_0000003.pth"));
        assert_eq!(checkpointer.last().unwrap(), Some(path("model_0000001.pth")));
        // Files that cannot be read are no new beginning.
        damage(&path("model_0000001.pth"));
        let error = checkpointer.last().unwrap_err().to_string();
        for expected in [&folder.path().display().to_string(), FINAL, "set another OUTPUT_DIR"] {
            assert!(error.contains(expected), "{error}, not {expected}");
        }
    }
}

#[test]
fn without_a_marker_the_newest_is_taken_by_what_is_in_the_files() {
    let (folder, checkpointer) = finished("a");
    std::fs::remove_file(folder.path().join(LAST)).unwrap();
    assert_eq!(checkpointer.last().unwrap(), Some(folder.path().join(FINAL)));
    // A final checkpoint may be older than what a longer training wrote after it.
    checkpointer.save(9, &tree_of("a", 9)).unwrap();
    std::fs::remove_file(folder.path().join(LAST)).unwrap();
    assert_eq!(checkpointer.last().unwrap(), Some(folder.path().join("model_0000009.pth")));
    // Folders of before this was written down have no word for the run.
    std::fs::remove_file(folder.path().join(RUN)).unwrap();
    assert_eq!(checkpointer.last().unwrap(), Some(folder.path().join("model_0000009.pth")));
    let nowhere = Checkpointer::new(&folder.path().join("nowhere"), 0);
    assert_eq!(nowhere.last().unwrap(), None);
}

#[test]
fn a_run_goes_on_from_its_own_checkpoints_only() {
    let (folder, checkpointer) = finished("a");
    checkpointer.start_run("b").unwrap();
    assert_eq!(checkpointer.last().unwrap(), None, "killed before its first checkpoint");
    assert!(!checkpointer.has_final());
    checkpointer.save(0, &tree_of("b", 0)).unwrap();
    let first = folder.path().join("model_0000000.pth");
    assert_eq!(checkpointer.last().unwrap(), Some(first.clone()));
    // A marker that came from elsewhere.
    std::fs::write(folder.path().join(LAST), FINAL).unwrap();
    assert_eq!(checkpointer.last().unwrap(), Some(first.clone()));
    cut(&first);
    let error = checkpointer.last().unwrap_err().to_string();
    assert!(error.contains("model_0000000.pth"), "{error}");
    // Without the word, all are taken for those of one run.
    std::fs::remove_file(folder.path().join(RUN)).unwrap();
    assert_eq!(checkpointer.last().unwrap(), Some(folder.path().join(FINAL)));
}

#[test]
fn a_checkpoint_of_another_run_is_neither_replaced_nor_removed() {
    let (folder, _) = finished("a");
    let checkpointer = Checkpointer::new(folder.path(), 1);
    checkpointer.start_run("b").unwrap();
    for iteration in 3..6 {
        checkpointer.save(iteration as u64, &tree_of("b", iteration)).unwrap();
    }
    checkpointer.save_final(&tree_of("b", 5)).unwrap();
    checkpointer.save_final(&tree_of("b", 6)).unwrap();
    let expected = [
        LAST,
        "model_0000001.pth",
        "model_0000003.1.pth",
        "model_0000005.pth",
        "model_final.1.pth",
        FINAL,
        RUN,
    ];
    assert_eq!(names(folder.path()), expected);
    let read = |name: &str| Checkpointer::read(&folder.path().join(name)).unwrap();
    assert_eq!(read("model_final.1.pth"), tree_of("a", 4));
    assert_eq!(read("model_0000003.1.pth"), tree_of("a", 3));
    assert_eq!(read(FINAL), tree_of("b", 6));
}

#[test]
fn weights_that_are_not_finite_are_not_saved() {
    let variables = tch::nn::VarStore::new(tch::Device::Cpu);
    let parameter = (variables.root() / "detr").var("weight", &[4], tch::nn::Init::Const(1.0));
    let optimizer = crate::Optimizer::new(&variables, &crate::OptimizerConfig::default());
    let position = Position::new(1);
    let save = || {
        let (config, classes) = ("", &[][..]);
        let (variables, optimizer, position) = (&variables, &optimizer, &position);
        TrainState { variables, optimizer, position, lr_multiplier: 1.0, config, classes }.to_tree()
    };
    let tree = save().unwrap();
    assert_eq!(run_of(&tree), Some(position.run.as_str()));
    let _filled = tch::no_grad(|| parameter.get(2).fill_(f64::NAN));
    let error = save().unwrap_err().to_string();
    assert!(error.contains("\"detr.weight\": 1 of 4 values (1 NaN)"), "{error}");
}

#[test]
fn a_position_goes_to_other_processes_and_comes_back() {
    for best_score in [None, Some(0.25)] {
        let position = Position { best_score, iterations: 7, batches: 9, ..Position::new(5) };
        assert_eq!(Position::parse(&position.to_text()), Some(position));
    }
    assert_ne!(Position::new(5).run, Position::new(5).run);
}
