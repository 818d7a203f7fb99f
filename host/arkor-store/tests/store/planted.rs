//! What a stranger can put into a store, and what lies beside it stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use arkor_store::{MadeBy, Store, StoreError, StoreOptions};
use proptest::prelude::*;

use crate::common::*;

/// A file that somebody would miss, with names that the store could take for its own.
fn outside(project: &Project) -> PathBuf {
    let outside = project.dir().parent().unwrap().join("outside");
    fs::create_dir_all(outside.join("ab")).unwrap();
    for name in [
        "letter.txt",
        "20261123-101530-k3f9.abcdef",
        "arkor.db",
        "gate",
        &format!("removed.{}", "a".repeat(64)),
        &format!("ab/ab{}", "0".repeat(62)),
    ] {
        fs::write(outside.join(name), format!("dear {name}")).unwrap();
    }
    outside
}

fn look(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, i64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                folders.push(path.clone());
            }
            let content = fs::read(&path).unwrap_or_default();
            found.insert(path, (content, meta.mtime_nsec()));
        }
    }
    found
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    assert!(path.symlink_metadata().unwrap().file_type().is_fifo());
}

fn is_foreign(error: &StoreError) -> bool {
    matches!(error, StoreError::Foreign { .. }) && error.hint().is_some()
}

#[test]
fn nothing_is_opened_through_a_link_or_what_is_no_file() {
    for (place, is_folder) in [
        ("", true),
        ("blobs", true),
        ("blobs/tmp", true),
        ("locks", true),
        ("locks/gate", false),
        ("arkor.db", false),
        ("arkor.db-wal", false),
        ("arkor.db-shm", false),
        ("arkor.db-journal", false),
    ] {
        for kind in ["link", "hard link", "fifo", "dangling", "device"] {
            if kind == "hard link" && is_folder {
                continue;
            }
            let project = Project::new();
            let outside = outside(&project);
            let store = project.open();
            drop(store.create_run(new_run()).unwrap());
            drop(store);
            let before = look(&outside);
            let path = if place.is_empty() {
                project.dir()
            } else {
                project.dir().join(place)
            };
            if path.is_dir() {
                fs::remove_dir_all(&path).unwrap();
            } else {
                let _ = fs::remove_file(&path);
            }
            match kind {
                "link" if is_folder => symlink(&outside, &path).unwrap(),
                "link" => symlink(outside.join("letter.txt"), &path).unwrap(),
                "hard link" => fs::hard_link(outside.join("letter.txt"), &path).unwrap(),
                "fifo" => fifo(&path),
                "dangling" => symlink(outside.join("new"), &path).unwrap(),
                _ => symlink("/dev/zero", &path).unwrap(),
            }
            let error = Store::open(&project.dir(), StoreOptions::default()).unwrap_err();
            assert!(is_foreign(&error), "{place} {kind}: {error}");
            let _ = Store::open_read_only(&project.dir(), &MadeBy::Anyone);
            assert_eq!(look(&outside), before, "{place} {kind}");
        }
    }
}

/// By its source, SQLite deletes the file that a journal names as that of a transaction on several databases.
#[test]
fn a_journal_deletes_no_file_elsewhere() {
    let project = Project::new();
    let outside = outside(&project);
    let store = project.open();
    drop(store.create_run(new_run()).unwrap());
    drop(store);
    let letter = outside.join("letter.txt");
    let name = letter.as_os_str().as_bytes();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let pages = u32::try_from(fs::metadata(project.dir().join("arkor.db")).unwrap().len() / 4096);
    let mut journal = magic.to_vec();
    for number in [0, 0, pages.unwrap(), 512, 4096] {
        journal.extend(u32::to_be_bytes(number));
    }
    journal.resize(512, 0);
    journal.extend(u32::to_be_bytes(0x4000_0000 / 4096 + 1));
    journal.extend(name);
    journal.extend(u32::to_be_bytes(u32::try_from(name.len()).unwrap()));
    let sum = name
        .iter()
        .fold(0u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
    journal.extend(u32::to_be_bytes(sum));
    journal.extend(magic);
    let path = project.dir().join("arkor.db-journal");
    fs::write(&path, &journal).unwrap();

    let both = [
        Store::open(&project.dir(), StoreOptions::default()).map(drop),
        Store::open_read_only(&project.dir(), &MadeBy::Anyone).map(drop),
    ];
    for outcome in both {
        assert!(is_foreign(&outcome.unwrap_err()));
    }
    assert!(letter.exists());
}

#[test]
fn a_path_that_is_no_utf_8_opens_no_other_store() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(name));
    // As a text, the one would read like the other.
    let (odd, look_alike) = (bytes(b"p\xff"), bytes("p\u{fffd}".as_bytes()));
    for project in [&odd, &look_alike] {
        fs::create_dir(project).unwrap();
    }
    let store = Store::open(&odd.join(".arkor"), StoreOptions::default()).unwrap();
    drop(store.create_run(new_run()).unwrap());
    drop(store);
    assert!(odd.join(".arkor/arkor.db").exists());
    assert!(!look_alike.join(".arkor").exists());
    let store = Store::open_read_only(&odd.join(".arkor"), &MadeBy::Anyone).unwrap();
    assert_eq!(store.runs().unwrap().len(), 1);
    // Nor does one that SQLite could take for more than a path.
    for name in ["file:x?mode=memory", ":memory:", "a?b=c#d"] {
        let project = folder.path().join(name);
        let dir = project.join(".arkor");
        let store = Store::open(&dir, StoreOptions::default()).unwrap();
        drop(store.create_run(new_run()).unwrap());
        assert!(dir.join("arkor.db").metadata().unwrap().len() > 0);
    }
}

const PLACES: &[&str] = &[
    ".gitignore",
    "arkor.db",
    "arkor.db-wal",
    "arkor.db-shm",
    "arkor.db-journal",
    "blobs",
    "blobs/00",
    "blobs/ab",
    "blobs/tmp",
    "blobs/tmp/20261123-101530-k3f9.abcdef",
    "blobs/tmp/RUN.abcdef",
    "blobs/tmp/gate.abcdef",
    "blobs/tmp/removed.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "blobs/STATE",
    "locks",
    "locks/20261123-101530-k3f9",
    "locks/RUN",
    "locks/gate",
    "made-by",
];

const ROWS: &[&str] = &[
    "UPDATE runs SET id = '../../outside/letter.txt'",
    "UPDATE runs SET id = 'gate'",
    "UPDATE runs SET id = '20261123-101530-k3f9'",
    "UPDATE runs SET status = 'running', last_seq = 9223372036854775807",
    "UPDATE runs SET step = 9223372036854775807, attempt = 4294967295",
    "UPDATE runs SET spec = printf('%.*c', 200000, '[')",
    "UPDATE runs SET spec = zeroblob(1000)",
    "UPDATE checkpoints SET state = '../../../outside/letter.txt'",
    "UPDATE checkpoints SET progress = 'ab' || printf('%.*c', 62, '0')",
    "UPDATE checkpoints SET id = '../x', size = 9223372036854775807",
    "UPDATE checkpoints SET size = -1",
    "UPDATE events SET body = printf('%.*c', 200000, '{')",
    "UPDATE events SET seq = seq + 1000000",
    "INSERT INTO pins (run, digest, count) VALUES ('../../outside/ab', '../../outside/letter.txt', 1)",
    "INSERT INTO pins (run, digest, count) VALUES ('gate', 'x', -9223372036854775808)",
    "INSERT INTO pins (run, digest, count) SELECT id, 'x', 9223372036854775807 FROM runs",
    "INSERT INTO named_states (run, name, seq, digest, size) SELECT id, '../x', -5, '../../outside/letter.txt', 1 FROM runs",
    "INSERT OR REPLACE INTO artifacts (run, name, size, digest, seq) SELECT id, '../../outside/a', 1, '/etc/passwd', 1 FROM runs",
    "INSERT INTO events (run, seq, time, body) SELECT id, 5000, 'x', printf('%.*c', 70000000, 'x') FROM runs",
    "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM runs; END",
    "CREATE VIEW more AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
    "DROP VIEW contents; CREATE VIEW contents (run, digest) AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i FROM n",
    "DROP TABLE pins",
    "PRAGMA user_version = 0",
    "PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = FULL; VACUUM",
];

/// What links lead to.
const TARGETS: &[&str] = &[
    "outside",
    "outside/letter.txt",
    "outside/new",
    ".",
    "/dev/zero",
    "/dev/full",
];

/// Files in which bits are changed.
const DATABASE: &[&str] = &["arkor.db", "arkor.db-wal", "arkor.db-shm"];

#[derive(Debug, Clone)]
enum Plant {
    Link(&'static str, &'static str),
    HardLink(&'static str),
    Fifo(&'static str),
    Folder(&'static str),
    Bytes(&'static str, Vec<u8>),
    Row(&'static str),
    Flip(&'static str, usize, u8),
}

fn plant() -> impl Strategy<Value = Plant> {
    let place = prop::sample::select(PLACES);
    let target = prop::sample::select(TARGETS);
    let file = prop::sample::select(DATABASE);
    prop_oneof![
        3 => (place.clone(), target).prop_map(|(at, to)| Plant::Link(at, to)),
        1 => place.clone().prop_map(Plant::HardLink),
        1 => place.clone().prop_map(Plant::Fifo),
        1 => place.clone().prop_map(Plant::Folder),
        1 => (place, prop::collection::vec(any::<u8>(), 0..600)).prop_map(|(at, bytes)| Plant::Bytes(at, bytes)),
        4 => prop::sample::select(ROWS).prop_map(Plant::Row),
        2 => (file, any::<usize>(), 1u8..).prop_map(|(at, where_to, bits)| Plant::Flip(at, where_to, bits)),
    ]
}

impl Plant {
    fn put(&self, dir: &Path, run: &str, state: &str) {
        let outside = dir.parent().unwrap().join("outside");
        let at = |place: &str| {
            let state = format!("{}/{state}", &state[..2]);
            let path = dir.join(place.replace("RUN", run).replace("STATE", &state));
            let parent = path.parent().unwrap().canonicalize().ok()?;
            // What was planted before may lead outside, and the test itself harms nothing.
            if !parent.is_dir() || !parent.starts_with(dir.canonicalize().unwrap()) {
                return None;
            }
            match path.symlink_metadata() {
                Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path).unwrap(),
                Ok(_) => fs::remove_file(&path).unwrap(),
                Err(_) => {}
            }
            Some(path)
        };
        match self {
            Self::Link(place, to) => {
                let to = match *to {
                    "." => dir.to_path_buf(),
                    to => outside.parent().unwrap().join(to),
                };
                if let Some(path) = at(place) {
                    symlink(to, path).unwrap();
                }
            }
            Self::HardLink(place) => {
                let letter = outside.join("letter.txt");
                if let Some(path) = at(place) {
                    fs::hard_link(letter, path).unwrap();
                }
            }
            Self::Fifo(place) => {
                if let Some(path) = at(place) {
                    fifo(&path);
                }
            }
            Self::Folder(place) => {
                if let Some(path) = at(place) {
                    fs::create_dir(&path).unwrap();
                    symlink(&outside, path.join("tmp")).unwrap();
                    fs::write(path.join("x"), "").unwrap();
                }
            }
            Self::Bytes(place, bytes) => {
                if let Some(path) = at(place) {
                    fs::write(path, bytes).unwrap();
                }
            }
            Self::Row(statement) => {
                let path = dir.join("arkor.db");
                if path
                    .symlink_metadata()
                    .is_ok_and(|meta| meta.is_file() && meta.nlink() == 1)
                    && ["-wal", "-shm", "-journal"].iter().all(|end| {
                        let file = dir.join(format!("arkor.db{end}"));
                        file.symlink_metadata()
                            .is_ok_and(|meta| meta.is_file() && meta.nlink() == 1)
                            || file.symlink_metadata().is_err()
                    })
                    && let Ok(db) = rusqlite::Connection::open(path)
                {
                    let _ = db.pragma_update(None, "foreign_keys", false);
                    let _ = db.execute_batch(statement);
                }
            }
            Self::Flip(file, place, bits) => {
                let path = dir.join(file);
                let is_own = |meta: fs::Metadata| meta.is_file() && meta.nlink() == 1;
                if path.symlink_metadata().is_ok_and(is_own)
                    && let Ok(mut bytes) = fs::read(&path)
                    && !bytes.is_empty()
                {
                    let place = place % bytes.len();
                    bytes[place] ^= bits;
                    fs::write(&path, bytes).unwrap();
                }
            }
        }
    }
}

/// All that can be done with a store, whatever comes of it.
fn use_all(store: &Store) {
    let _ = store.mark_interrupted();
    let runs = store.runs().unwrap_or_default();
    let _ = store.find_run("latest");
    for run in &runs {
        let _ = store.events(&run.id, 0, 1000);
        let _ = store.events_of(&run.id, &["log"], 0, 1000);
        let _ = store.artifacts(&run.id);
        for checkpoint in store.checkpoints(&run.id).unwrap_or_default() {
            let _ = store.read_blob(&checkpoint.state);
            let _ = store.check_blob(&checkpoint.progress);
            let path = store.blob_path(&checkpoint.state);
            assert!(!path.is_symlink(), "{}", path.display());
        }
        if let Ok(mut run) = store.resume_run(&run.id) {
            let _ = run.append(log(7));
            let _ = run.named_state("base");
            let _ = run.write_artifact(7, "b", b"new");
            if let Ok(mut writer) = run.begin_blob() {
                let _ = writer.write_all(b"content");
                let _ = writer.finish();
            }
            let _ = run.prune(1, false);
        }
    }
    if let Ok(mut run) = store.create_run(new_run()) {
        let _ = run.append(log(1));
    }
    for run in &runs {
        let _ = store.remove_run(&run.id);
    }
    let _ = store.take_damage();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_planted_nothing_outside_is_touched_and_all_ends(
        plants in prop::collection::vec(plant(), 1..5),
    ) {
        let project = Project::new();
        let outside = outside(&project);
        let store = project.open();
        let mut run = store.create_run(new_run()).unwrap();
        run.append(started(0, 1)).unwrap();
        run.append(log(1)).unwrap();
        let (_, checkpoint) = save(&mut run, 1, None, b"one");
        save(&mut run, 2, None, b"two");
        run.write_artifact(2, "a", b"a").unwrap();
        let id = run.id().to_string();
        drop((run, store));
        for plant in &plants {
            plant.put(&project.dir(), &id, &checkpoint.state);
        }
        let before = look(&outside);
        if let Ok(store) = Store::open_read_only(&project.dir(), &MadeBy::Anyone) {
            use_all(&store);
        }
        let keys = project.dir().with_extension("keys");
        let _ = Store::adopt(&project.dir(), &keys);
        if let Ok(store) = Store::open(&project.dir(), StoreOptions::default()) {
            use_all(&store);
        }
        drop(Store::open(&project.dir(), StoreOptions::default()));
        prop_assert_eq!(look(&outside), before);
    }
}
