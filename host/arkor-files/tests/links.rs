//! Nothing outside of a folder is reached through it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::os::unix::fs::symlink;
use std::path::Path;

use arkor_files::{Folder, Kind, Name, is_foreign, open_regular, read_regular};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn fifo(path: &Path) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
}

#[test]
fn links_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    let inside = tempfile::tempdir().unwrap();
    let at = |name: &str| inside.path().join(name);
    symlink(outside.path(), at("folder")).unwrap();
    symlink(outside.path().join("secret"), at("file")).unwrap();
    symlink(outside.path().join("new"), at("dangling")).unwrap();
    std::fs::create_dir(at("real")).unwrap();
    symlink("real", at("within")).unwrap();

    let folder = Folder::open(inside.path()).unwrap();
    for link in ["folder", "within", "file", "dangling"] {
        let error = folder.folder(&name(link)).unwrap_err();
        assert!(is_foreign(&error), "{link}: {error}");
        let error = folder.folder_or_new(&name(link)).unwrap_err();
        assert!(is_foreign(&error), "{link}: {error}");
    }
    for link in ["file", "dangling", "folder"] {
        let error = folder.open_file(&name(link)).unwrap_err();
        assert!(is_foreign(&error), "{link}: {error}");
        let error = folder.open_or_create(&name(link)).unwrap_err();
        assert!(is_foreign(&error), "{link}: {error}");
        folder.create_new(&name(link)).unwrap_err();
        assert_eq!(folder.kind(&name(link)).unwrap(), Kind::Other);
    }
    // A link is replaced or removed itself.
    folder.replace(&name("file"), b"ours").unwrap();
    assert_eq!(std::fs::read(at("file")).unwrap(), b"ours");
    folder.remove_file(&name("dangling")).unwrap();
    let _ = folder.remove_folder(&name("folder"));
    symlink(outside.path(), at("real/up")).unwrap();
    folder.remove_folder(&name("real")).unwrap();
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"s");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn only_regular_files_are_opened() {
    let inside = tempfile::tempdir().unwrap();
    let at = |name: &str| inside.path().join(name);
    fifo(&at("fifo"));
    std::fs::create_dir(at("folder")).unwrap();
    symlink("/dev/zero", at("zero")).unwrap();
    std::fs::write(at("file"), "12345").unwrap();
    symlink("file", at("link")).unwrap();
    let folder = Folder::open(inside.path()).unwrap();
    for bad in ["fifo", "folder", "zero"] {
        assert!(is_foreign(&open_regular(&at(bad)).unwrap_err()), "{bad}");
        assert!(
            is_foreign(&folder.open_file(&name(bad)).unwrap_err()),
            "{bad}"
        );
    }
    let error = folder.open_or_create(&name("fifo")).unwrap_err();
    assert!(
        is_foreign(&error) || error.raw_os_error().is_some(),
        "{error}"
    );
    assert_eq!(read_regular(&at("link"), 5).unwrap(), b"12345");
    assert_eq!(folder.read(&name("file"), 5).unwrap(), b"12345");
    let error = folder.read(&name("file"), 4).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
}

#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let inside = tempfile::tempdir().unwrap();
    let folder = Folder::open(inside.path()).unwrap();
    let below = folder.folder_or_new(&name("below")).unwrap();
    below.replace(&name("a"), b"1").unwrap();
    below.open_or_create(&name("b")).unwrap();
    let mode = |path: &str| {
        let meta = inside.path().join(path).metadata().unwrap();
        meta.permissions().mode() & 0o777
    };
    assert_eq!(mode("below"), 0o700);
    assert_eq!(mode("below/a"), 0o600);
    assert_eq!(mode("below/b"), 0o600);
    below.rename(&name("a"), &folder, &name("c")).unwrap();
    let entries = below.entries(10).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].name, name("b"));
    assert!(below.entries(0).is_err());
}

#[test]
fn a_file_with_a_second_name_is_not_written_in_place() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "s").unwrap();
    let inside = tempfile::tempdir_in(outside.path()).unwrap();
    std::fs::hard_link(&secret, inside.path().join("linked")).unwrap();
    std::fs::write(inside.path().join("own"), "").unwrap();
    symlink(&secret, inside.path().join("soft")).unwrap();
    fifo(&inside.path().join("fifo"));
    let folder = Folder::open(inside.path()).unwrap();
    for bad in ["linked", "soft", "fifo"] {
        let error = folder.is_own_file(&name(bad)).unwrap_err();
        assert!(is_foreign(&error), "{bad}: {error}");
        let error = folder.open_or_create(&name(bad)).unwrap_err();
        assert!(is_foreign(&error), "{bad}: {error}");
    }
    assert!(folder.is_own_file(&name("own")).unwrap());
    assert!(!folder.is_own_file(&name("none")).unwrap());
    // In place of the link, not through it.
    folder.replace(&name("linked"), b"ours").unwrap();
    assert_eq!(std::fs::read(&secret).unwrap(), b"s");
}

#[test]
fn a_folder_is_kept_from_others() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let inside = tempfile::tempdir().unwrap();
    let set = |mode| {
        std::fs::set_permissions(inside.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let folder = Folder::open(inside.path()).unwrap();
    for (before, after) in [(0o777, 0o755), (0o775, 0o755), (0o700, 0o700)] {
        set(before);
        folder.keep_for_owner().unwrap();
        let mode = inside.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, after);
    }
    assert_eq!(folder.owner().unwrap(), arkor_files::user());
    assert_eq!(
        folder.owner().unwrap(),
        Some(inside.path().metadata().unwrap().uid())
    );
    assert!(folder.free_space().is_some_and(|bytes| bytes > 0));
    assert!(folder.try_clone().unwrap().entries(1).unwrap().is_empty());
}
