//! The folder of blobs by itself; what holds it together with the rows is tested from outside.

use super::*;

fn blobs() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::create(Folder::open(folder.path()).unwrap(), None).unwrap();
    (folder, blobs)
}

#[test]
fn only_a_digest_names_content() {
    let (folder, blobs) = blobs();
    let digest = "0123456789abcdef".repeat(4);
    assert_eq!(blobs.path(&digest), folder.path().join("01").join(&digest));
    for text in ["..", "../x", &digest[1..]] {
        assert!(!blobs.path(text).starts_with(folder.path()), "{text}");
        assert!(blobs.read(text).is_err() && blobs.check(text).is_err());
    }
}

#[test]
fn a_retired_file_is_swept_by_its_name() {
    let (_folder, blobs) = blobs();
    let digest = Digest::of(&blake3::hash(b"x"));
    let path = blobs.path(digest.as_str());
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"x").unwrap();
    assert_eq!(blobs.digests(), HashSet::from([digest.clone()]));
    assert_eq!(blobs.size(), 1);
    blobs.check(digest.as_str()).unwrap();

    let retired = blobs.retire(&digest).unwrap();
    assert_eq!(blobs.digests(), HashSet::new());
    let found = blobs.temporaries();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].name, &found[0].run), (&retired, &None));
    assert_eq!(blobs.delete(&retired), 1);
    assert_eq!(blobs.delete(&retired), 0);
    assert_eq!(blobs.retire(&digest), None);
}

#[test]
fn files_of_other_names_are_nobody_s() {
    let (folder, blobs) = blobs();
    for name in [
        "removed.1",
        "removed.",
        "gate.abcdef",
        "letter.txt",
        "20261123-101530-k3f9",
        "20261123-101530-k3f9.ab",
        "20261123-101530-k3f9.abcdef.txt",
        "..20261123-101530-k3f9.abcdef",
    ] {
        std::fs::write(folder.path().join("tmp").join(name), "").unwrap();
    }
    assert!(blobs.temporaries().is_empty());
    let ours = folder.path().join("tmp/20261123-101530-k3f9.abcdef");
    std::fs::create_dir(&ours).unwrap();
    assert!(blobs.temporaries().is_empty(), "a folder is no file");
    std::fs::remove_dir(&ours).unwrap();
    std::fs::write(&ours, "").unwrap();
    assert_eq!(blobs.temporaries().len(), 1);
}

#[cfg(unix)]
#[test]
fn content_is_not_read_through_links() {
    use std::os::unix::fs::symlink;
    let (folder, blobs) = blobs();
    let outside = tempfile::tempdir().unwrap();
    let digest = Digest::of(&blake3::hash(b"x"));
    let file = outside.path().join(digest.as_str());
    std::fs::write(&file, b"x").unwrap();
    let prefix = folder.path().join(&digest.as_str()[..2]);
    let is_refused = |what: &str| {
        let text = digest.as_str();
        assert!(blobs.read(text).is_err(), "{what}");
        assert!(blobs.check(text).is_err(), "{what}");
        assert!(!blobs.path(text).exists(), "{what}");
        assert_eq!(blobs.retire(&digest), None, "{what}");
        assert_eq!(blobs.size(), 0, "{what}");
        assert!(file.exists(), "{what}");
    };
    symlink(outside.path(), &prefix).unwrap();
    is_refused("the folder is a link");
    std::fs::remove_file(&prefix).unwrap();
    std::fs::create_dir(&prefix).unwrap();
    symlink(&file, prefix.join(digest.as_str())).unwrap();
    is_refused("the file is a link");
    std::fs::remove_file(prefix.join(digest.as_str())).unwrap();
    std::fs::hard_link(&file, prefix.join(digest.as_str())).unwrap();
    assert!(
        !blobs.path(digest.as_str()).exists(),
        "a path to a file with a second name is given to nobody"
    );
}

#[test]
fn room_is_given_back_unless_it_is_kept() {
    let quota = Arc::new(Quota::new(Some(100)));
    let dir = Path::new("store");
    quota.reserve(60, dir).unwrap();
    quota.reserve(40, dir).unwrap();
    let mut dropped = Reservation::new(Arc::clone(&quota));
    dropped.add(40);
    let error = quota.reserve(1, dir).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.to_string().contains("limit of 100 bytes"), "{error}");
    assert!(error.to_string().contains("max-size"), "{error}");
    drop(dropped);
    quota.reserve(40, dir).unwrap();
    assert!(quota.reserve(1, dir).is_err());
    quota.release(1_000);
    quota.reserve(100, dir).unwrap();
    // A sum that does not fit into 64 bits is over any limit.
    assert!(quota.reserve(u64::MAX, dir).is_err());
    let mut kept = Reservation::new(Arc::clone(&quota));
    kept.add(50);
    kept.keep();
    assert!(quota.reserve(1, dir).is_err());
}

#[test]
fn without_a_limit_a_share_of_what_is_free_is_taken() {
    let dir = Path::new("store");
    let quota = Quota::new(None);
    quota.measure(|| Ok(1_000)).unwrap();
    quota.share(Some(200));
    quota.reserve(100, dir).unwrap();
    let error = quota.reserve(1, dir).unwrap_err();
    assert!(error.to_string().contains("limit of 1100 bytes"), "{error}");
    assert!(error.to_string().contains("half"), "{error}");
    assert!(error.to_string().contains("max-size"), "{error}");
    // A large disk is not filled, nor one that does not say how large it is.
    for free in [Some(1 << 50), None] {
        let quota = Quota::new(None);
        quota.share(free);
        quota.reserve(50 << 30, dir).unwrap();
        quota.reserve(1, dir).unwrap_err();
    }
    // What was said counts, however much is free.
    let quota = Quota::new(Some(10));
    quota.share(Some(1 << 50));
    quota.reserve(11, dir).unwrap_err();
}
