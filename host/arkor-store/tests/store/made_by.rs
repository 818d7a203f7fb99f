//! Whose stores are opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use arkor_store::{MadeBy, Place, Store, StoreError, StoreOptions};

use crate::common::*;

/// A user with a folder of their own, in which nothing is yet.
fn user() -> (tempfile::TempDir, MadeBy) {
    let home = tempfile::tempdir().unwrap();
    let made_by = MadeBy::User(home.path().join("data/arkor"));
    (home, made_by)
}

fn keys(made_by: &MadeBy) -> &Path {
    let MadeBy::User(folder) = made_by else {
        panic!("no user");
    };
    folder
}

fn open(dir: &Path, made_by: &MadeBy) -> Result<Store, StoreError> {
    Store::open(
        dir,
        StoreOptions {
            made_by: made_by.clone(),
            ..StoreOptions::default()
        },
    )
}

fn is_refused(dir: &Path, made_by: &MadeBy) {
    let before = listing(dir);
    let both = [
        open(dir, made_by).map(drop),
        Store::open_read_only(dir, made_by).map(drop),
    ];
    for outcome in both {
        let error = outcome.unwrap_err();
        assert!(matches!(error, StoreError::NotYours { .. }), "{error}");
        assert!(error.to_string().contains(dir.to_str().unwrap()));
        assert!(error.hint().unwrap().contains("runs adopt"));
    }
    assert_eq!(listing(dir), before, "nothing was changed");
}

fn listing(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    all.sort();
    all
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for path in listing(from) {
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn a_store_of_one_s_own_opens_again_also_moved_and_copied() {
    let (_home, me) = user();
    let project = Project::new();
    let store = open(&project.dir(), &me).unwrap();
    let run = store.create_run(new_run()).unwrap();
    let id = run.id().clone();
    drop((run, store));
    let (copied, moved) = (
        project.dir().with_extension("copy"),
        project.dir().with_extension("moved"),
    );
    copy(&project.dir(), &copied);
    fs::rename(project.dir(), &moved).unwrap();
    for dir in [&copied, &moved] {
        open(dir, &me).unwrap().run(&id).unwrap();
        Store::open_read_only(dir, &me).unwrap().run(&id).unwrap();
    }
}

#[test]
fn a_store_of_somebody_else_is_refused_until_it_is_adopted() {
    let ((_mine, me), (_theirs, them)) = (user(), user());
    let project = Project::new();
    let store = open(&project.dir(), &them).unwrap();
    drop(store.create_run(new_run()).unwrap());
    drop(store);
    is_refused(&project.dir(), &me);
    // With a key of one's own too, and without a mark.
    drop(open(&project.dir().with_extension("own"), &me).unwrap());
    is_refused(&project.dir(), &me);
    fs::remove_file(project.dir().join("made-by")).unwrap();
    is_refused(&project.dir(), &me);
    is_refused(&project.dir(), &them);

    let adopted = Store::adopt(&project.dir(), keys(&me)).unwrap();
    assert_eq!((adopted.runs, adopted.was_yours), (1, false));
    assert_eq!(open(&project.dir(), &me).unwrap().runs().unwrap().len(), 1);
    assert!(Store::adopt(&project.dir(), keys(&me)).unwrap().was_yours);
    is_refused(&project.dir(), &them);
}

#[test]
fn whatever_lies_in_a_folder_without_a_mark_it_is_not_taken_for_new() {
    for planted in [
        "hostile.wasm",
        "blobs",
        "dev.lock",
        "target",
        ".gitignore",
        "arkor.db",
    ] {
        let (_home, me) = user();
        let project = Project::new();
        fs::create_dir(project.dir()).unwrap();
        fs::write(project.dir().join(planted), "").unwrap();
        is_refused(&project.dir(), &me);
    }
    // An empty one harms nobody, nor what is left of one that was just being made.
    let (_home, me) = user();
    let project = Project::new();
    fs::create_dir(project.dir()).unwrap();
    fs::write(project.dir().join(".part-0123456789abcdef"), "").unwrap();
    let error = Store::open_read_only(&project.dir(), &me).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    open(&project.dir(), &me).unwrap();
}

#[test]
fn a_mark_that_was_changed_or_is_something_else_is_none() {
    let (_home, me) = user();
    let project = Project::new();
    drop(open(&project.dir(), &me).unwrap());
    let mark = project.dir().join("made-by");
    let good = fs::read_to_string(&mark).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let bad = [
        String::new(),
        "x".repeat(100_000),
        good.replace(lines[0], "arkor-host store 2"),
        good.replace(lines[1], &"0".repeat(64)),
        good.replace(lines[3], &"0".repeat(64)),
        good.replace(&format!("\n{}\n", lines[2]), "\n4294967294\n"),
        format!("{good}more\n"),
    ];
    for text in bad {
        fs::write(&mark, text).unwrap();
        is_refused(&project.dir(), &me);
    }
    fs::remove_file(&mark).unwrap();
    fs::create_dir(&mark).unwrap();
    is_refused(&project.dir(), &me);
    #[cfg(unix)]
    {
        fs::remove_dir(&mark).unwrap();
        let elsewhere = project.dir().with_extension("mark");
        fs::write(&elsewhere, &good).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &mark).unwrap();
        is_refused(&project.dir(), &me);
        // Adopting replaces the link, and does not write through it.
        Store::adopt(&project.dir(), keys(&me)).unwrap();
        open(&project.dir(), &me).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), good);
    }
}

#[test]
fn what_is_no_store_is_not_adopted() {
    let (_home, me) = user();
    let project = Project::new();
    let error = Store::adopt(&project.dir(), keys(&me)).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    for (damage, foreign) in [
        (
            "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM runs; END",
            true,
        ),
        ("PRAGMA user_version = 1000", false),
    ] {
        let project = Project::new();
        drop(project.open());
        project.raw().execute_batch(damage).unwrap();
        let error = Store::adopt(&project.dir(), keys(&me)).unwrap_err();
        assert_eq!(
            matches!(error, StoreError::Foreign { .. }),
            foreign,
            "{error}"
        );
        assert!(!project.dir().join("made-by").exists());
    }
    let project = Project::new();
    drop(project.open());
    fs::write(project.dir().join("arkor.db"), "no database ".repeat(1000)).unwrap();
    let error = Store::adopt(&project.dir(), keys(&me)).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    // What only builds were kept in has no database, and is adopted as it is.
    let project = Project::new();
    fs::create_dir(project.dir()).unwrap();
    fs::write(project.dir().join("trainer.wasm"), "").unwrap();
    assert_eq!(Store::adopt(&project.dir(), keys(&me)).unwrap().runs, 0);
    open(&project.dir(), &me).unwrap();
}

#[test]
fn many_that_begin_at_once_have_one_key() {
    let (_home, me) = user();
    let projects: Vec<Project> = (0..8).map(|_| Project::new()).collect();
    thread::scope(|scope| {
        for project in &projects {
            for _ in 0..2 {
                scope.spawn(|| drop(open(&project.dir(), &me).unwrap()));
            }
        }
    });
    for project in &projects {
        open(&project.dir(), &me).unwrap();
    }
}

#[test]
fn a_key_that_cannot_be_used_is_named() {
    let (home, me) = user();
    let project = Project::new();
    let is_named = || {
        let error = open(&project.dir(), &me).unwrap_err();
        assert!(matches!(error, StoreError::Key { .. }), "{error}");
        assert!(error.to_string().contains("store-key"), "{error}");
        assert!(error.hint().unwrap().contains("ARKOR_DATA_DIR"));
    };
    fs::write(home.path().join("data"), "a file in the folder's place").unwrap();
    is_named();
    fs::remove_file(home.path().join("data")).unwrap();
    drop(open(&project.dir(), &me).unwrap());
    for content in ["", "no key", &"é".repeat(1000)] {
        fs::write(keys(&me).join("store-key"), content).unwrap();
        is_named();
    }
}

#[cfg(unix)]
#[test]
fn folder_and_key_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, me) = user();
    let project = Project::new();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    drop(Place::create(&project.dir(), &me).unwrap());
    assert_eq!(mode(&project.dir()), 0o700);
    assert_eq!(mode(&project.dir().join("made-by")), 0o600);
    assert_eq!(mode(keys(&me)), 0o700);
    assert_eq!(mode(&keys(&me).join("store-key")), 0o600);
    // As an earlier version made it.
    fs::set_permissions(project.dir(), fs::Permissions::from_mode(0o777)).unwrap();
    drop(open(&project.dir(), &me).unwrap());
    assert_eq!(mode(&project.dir()), 0o755);
}

/// Only root can give a folder to somebody else.
#[cfg(unix)]
#[test]
fn a_folder_of_another_user_is_not_taken_for_one_s_own() {
    use std::os::unix::fs::{MetadataExt, chown};
    let (_home, me) = user();
    let project = Project::new();
    fs::create_dir(project.dir()).unwrap();
    if project.dir().metadata().unwrap().uid() != 0 {
        return;
    }
    chown(project.dir(), Some(65_534), None).unwrap();
    let error = open(&project.dir(), &me).unwrap_err();
    assert!(matches!(error, StoreError::NotYours { .. }), "{error}");
    assert!(error.to_string().contains("another user"), "{error}");
    // A mark counts for the owner it was made for.
    chown(project.dir(), Some(0), None).unwrap();
    drop(open(&project.dir(), &me).unwrap());
    chown(project.dir(), Some(65_534), None).unwrap();
    is_refused(&project.dir(), &me);
    Store::adopt(&project.dir(), keys(&me)).unwrap();
    open(&project.dir(), &me).unwrap();
}
