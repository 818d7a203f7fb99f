//! The folder of blobs by itself; what holds it together with the rows is tested from outside.

use super::*;

#[test]
fn only_a_digest_names_content() {
    let digest = "0123456789abcdef".repeat(4);
    assert!(is_digest(&digest));
    let blobs = Blobs::new("blobs".into(), None);
    assert_eq!(
        blobs.path(&digest),
        Path::new("blobs").join("01").join(&digest)
    );
    for text in [&digest[1..], &digest.to_uppercase(), "", &"é".repeat(32)] {
        assert!(!is_digest(text), "{text}");
    }
}

#[test]
fn a_retired_file_is_swept_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::new(folder.path().join("blobs"), None);
    blobs.create().unwrap();
    let digest = blake3::hash(b"x").to_hex().to_string();
    let path = blobs.path(&digest);
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    std::fs::write(&path, b"x").unwrap();
    assert_eq!(blobs.digests(), HashSet::from([digest.clone()]));
    assert_eq!(blobs.size(), 1);

    let retired = blobs.retire(&digest).unwrap();
    assert_eq!(blobs.digests(), HashSet::new());
    let found = blobs.temporaries();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].path, &found[0].run), (&retired, &None));
    assert_eq!(blobs.delete(&retired), 1);
    assert_eq!(blobs.delete(&retired), 0);
    assert_eq!(blobs.retire(&digest), None);
}

#[test]
fn room_is_given_back_unless_it_is_kept() {
    let quota = Arc::new(Quota::new(Some(100)));
    let dir = Path::new("store");
    let mut kept = Reservation::new(Arc::clone(&quota));
    kept.grow(60, dir).unwrap();
    kept.keep();
    let mut dropped = Reservation::new(Arc::clone(&quota));
    dropped.grow(40, dir).unwrap();
    let error = dropped.grow(1, dir).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.to_string().contains("limit of 100 bytes"), "{error}");
    drop(dropped);
    quota.reserve(40, dir).unwrap();
    assert!(quota.reserve(1, dir).is_err());
    quota.release(1_000);
    quota.reserve(100, dir).unwrap();
    // A sum that does not fit into 64 bits is over any limit.
    assert!(quota.reserve(u64::MAX, dir).is_err());
}
