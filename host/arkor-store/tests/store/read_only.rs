//! Reading where nothing can be written.

use std::fs;

use arkor_store::{MadeBy, Store, StoreError, StoreOptions};
use arkor_types::RunStatus;

use crate::common::*;

#[test]
fn a_store_open_for_reading_reads_and_does_not_write() {
    let project = Project::new();
    let store = project.open();
    let mut run = store.create_run(new_run()).unwrap();
    run.append(log(1)).unwrap();
    let (_, checkpoint) = save(&mut run, 2, None, b"state");
    let reader = Store::open_read_only(&project.dir(), &MadeBy::Anyone).unwrap();
    assert_eq!(reader.runs().unwrap(), store.runs().unwrap());
    assert_eq!(all_events(&reader, run.id()), all_events(&store, run.id()));
    assert_eq!(reader.read_blob(&checkpoint.state).unwrap(), b"state");
    // It sees what is written after it was opened.
    run.append(log(3)).unwrap();
    assert_eq!(all_events(&reader, run.id()).len(), 3);

    let id = run.id().clone();
    drop(run);
    let refused = [
        reader.create_run(new_run()).map(|_| ()),
        reader.resume_run(&id).map(|_| ()),
        reader.remove_run(&id).map(|_| ()),
        reader.mark_interrupted().map(|_| ()),
    ];
    for outcome in refused {
        assert!(
            matches!(outcome, Err(StoreError::ReadOnly { .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(store.run(&id).unwrap().status, RunStatus::Running);
}

/// Permissions bind everyone but root, so for root this is done by a process that is not.
#[cfg(unix)]
#[test]
fn a_folder_without_write_permission_can_be_read() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    if let Some(dir) = role() {
        return read_without_permission(&dir);
    }
    // The odd name must survive its way into an SQLite URI.
    let folder = tempfile::Builder::new()
        .prefix("50%25 of #1? ü ")
        .tempdir()
        .unwrap();
    let dir = folder.path().join(".arkor");
    let store = Store::open(&dir, StoreOptions::default()).unwrap();
    let mut run = store.create_run(new_run()).unwrap();
    run.append_all(vec![log(1), stopped(2)]).unwrap();
    drop((run, store));

    let set_mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(folder.path(), 0o755);
    set_mode(&dir.join("arkor.db"), 0o444);
    set_mode(&dir.join("locks/gate"), 0o444);
    for folder in ["blobs/tmp", "blobs", "locks", "."] {
        set_mode(&dir.join(folder), 0o555);
    }
    let is_root = folder.path().metadata().unwrap().uid() == 0;
    if is_root {
        // The test binary may lie where only root can read it.
        let program = folder.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        set_mode(&program, 0o755);
        let status = std::process::Command::new(program)
            .args([
                "--exact",
                "read_only::a_folder_without_write_permission_can_be_read",
            ])
            .env(ROLE, &dir)
            .current_dir(folder.path())
            .uid(65_534)
            .gid(65_534)
            .status()
            .unwrap();
        assert!(status.success());
    } else {
        read_without_permission(&dir);
    }
    for folder in [".", "locks", "blobs", "blobs/tmp"] {
        set_mode(&dir.join(folder), 0o755);
    }
}

#[cfg(unix)]
fn read_without_permission(dir: &std::path::Path) {
    assert!(
        fs::write(dir.join("probe"), "").is_err(),
        "the folder can be written to, and this tests nothing"
    );
    let error = Store::open(dir, StoreOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
    assert!(error.hint().is_some());

    let reader = Store::open_read_only(dir, &MadeBy::Anyone).unwrap();
    let run = reader.find_run("latest").unwrap();
    assert_eq!(run.status, RunStatus::Stopped);
    assert_eq!(all_events(&reader, &run.id).len(), 2);
    assert!(matches!(
        reader.create_run(new_run()),
        Err(StoreError::ReadOnly { .. })
    ));
    // A folder in which there is no store yet.
    let error = Store::open(&dir.join("new"), StoreOptions::default()).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
}
