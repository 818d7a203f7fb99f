use super::*;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    (folder, root)
}

#[test]
fn a_question_is_answered_in_the_same_way_until_something_changes() {
    let (_folder, root) = folder();
    let file = root.join("file");
    let inputs = InputRecorder::default();
    inputs.presence(&root.join("missing"));
    std::fs::write(&file, "one").unwrap();
    inputs.read(&file, b"one");
    assert_eq!(
        inputs.ask(&root, Question::Names),
        Question::Names.ask(&root)
    );
    let mut all = inputs.finish();
    assert!(all.paths().all(|path| !all.differs(path)));
    for text in ["two", "longer", ""] {
        std::fs::write(&file, text).unwrap();
        assert!(all.differs(&file), "{text}");
    }
    std::fs::write(&file, "one").unwrap();
    assert!(!all.differs(&file));
    std::fs::create_dir(root.join("missing")).unwrap();
    assert!(all.differs(&root.join("missing")) && all.differs(&root));
    all.accept(&root);
    assert!(!all.differs(&root));
    std::fs::remove_file(&file).unwrap();
    assert!(all.differs(&file));
}

#[test]
fn of_two_answers_the_first_counts() {
    let (_folder, root) = folder();
    let file = root.join("file");
    std::fs::write(&file, "now").unwrap();
    let inputs = InputRecorder::default();
    inputs.read(&file, b"before");
    inputs.read(&file, b"now");
    assert!(inputs.finish().differs(&file));
    // What nobody knows is a change, whatever is there.
    inputs.note(&file, Question::Content, Answer::Unsettled);
    assert!(inputs.finish().differs(&file));
}

#[test]
fn what_is_known_is_not_read_again_unless_it_is_in_doubt() {
    let (_folder, root) = folder();
    let file = root.join("file");
    std::fs::write(&file, "before").unwrap();
    let inputs = InputRecorder::default();
    let before = inputs.file(&file);
    let all = Arc::new(inputs.finish());
    std::fs::write(&file, "after").unwrap();
    let knowing = InputRecorder::knowing(Arc::clone(&all), HashSet::new());
    assert_eq!(knowing.file(&file), before);
    let doubting = InputRecorder::knowing(all, HashSet::from([file.as_path().into()]));
    assert_ne!(doubting.file(&file), before);
    assert_eq!(inputs.file(&root.join("missing")), "nothing");
}

#[test]
fn in_folders_of_outputs_nothing_is_an_input() {
    let (_folder, root) = folder();
    std::fs::create_dir(root.join("out")).unwrap();
    std::fs::write(root.join("out/file"), "").unwrap();
    std::fs::write(root.join("source"), "").unwrap();
    let inputs = InputRecorder::default();
    inputs.output(&root.join("out"));
    inputs.file(&root.join("out/file"));
    inputs.tree(Tree::guessed(root.clone(), vec![root.join("out")]));
    let all = inputs.finish();
    let found: Vec<_> = all.paths().map(|path| path.to_path_buf()).collect();
    assert_eq!(found, [root.join("source")]);
}

#[test]
fn what_failed_takes_over_the_inputs_of_before_as_they_are_now() {
    let (_folder, root) = folder();
    let (early, late) = (root.join("early"), root.join("late"));
    std::fs::write(&early, "1").unwrap();
    std::fs::write(&late, "1").unwrap();
    let inputs = InputRecorder::default();
    inputs.file(&early);
    inputs.file(&late);
    let before = inputs.finish();
    std::fs::write(&early, "2").unwrap();
    std::fs::write(&late, "2").unwrap();
    inputs.read(&early, b"broken");
    let mut failed = inputs.finish();
    failed.carry(&before, &BTreeSet::from([late.clone()]));
    assert!(failed.differs(&early), "it has changed since it was read");
    assert!(!failed.differs(&late));
    std::fs::write(&late, "3").unwrap();
    assert!(failed.differs(&late));
    // What changed while it was at work is a change still.
    let mut failed = Inputs::default();
    failed.carry(&before, &BTreeSet::new());
    assert!(failed.differs(&late));
}
