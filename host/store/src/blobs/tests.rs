use super::*;

fn blobs(folder: &Path) -> Blobs {
    Blobs::open(folder.join("blobs"), Space::new(folder, 0)).unwrap()
}

#[test]
fn bytes_come_back_under_their_digest() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let digest = blobs.put(b"one").unwrap();
    assert_eq!(digest, blobs.put(b"one").unwrap());
    assert_eq!(blobs.get(digest).unwrap(), b"one");
    assert_eq!(blobs.list().unwrap().len(), 1);
    let copy = folder.path().join("copy");
    blobs.fetch(digest, &copy).unwrap();
    assert_eq!(std::fs::read(&copy).unwrap(), b"one");
    assert_eq!(blobs.put_file(&copy).unwrap(), (digest, 3));
    assert!(matches!(blobs.fetch(digest, &copy), Err(Error::Unusable { .. })));
}

#[test]
fn bytes_that_changed_on_disk_are_not_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let digest = blobs.put(b"right").unwrap();
    std::fs::write(blobs.path(digest), b"wrong").unwrap();
    assert!(matches!(blobs.get(digest), Err(Error::Damaged { .. })));
    let copy = folder.path().join("copy");
    assert!(matches!(blobs.fetch(digest, &copy), Err(Error::Damaged { .. })));
    assert!(!copy.exists());
    std::fs::remove_file(blobs.path(digest)).unwrap();
    assert!(matches!(blobs.get(digest), Err(Error::Damaged { .. })));
}

#[test]
fn links_and_pipes_of_a_guest_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let secret = folder.path().join("secret");
    std::fs::write(&secret, b"secret").unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    let pipe = folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for bad in [link, pipe, folder.path().to_owned(), folder.path().join("missing")] {
        assert!(matches!(blobs.put_file(&bad), Err(Error::Unusable { .. })), "{bad:?}");
    }
    assert!(blobs.list().unwrap().is_empty());
}

#[test]
fn a_sweep_spares_what_is_named_and_what_is_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs(folder.path());
    let day = std::time::Duration::from_secs(86_400);
    let [named, loose, fresh] = [b"named", b"loose", b"fresh"].map(|b| blobs.put(b).unwrap());
    for old in [named, loose, fresh] {
        File::open(blobs.path(old)).unwrap().set_modified(SystemTime::now() - day).unwrap();
    }
    blobs.put(b"fresh").unwrap();
    let before = SystemTime::now() - day / 2;
    assert_eq!(blobs.sweep(&HashSet::from([named]), before).unwrap(), 1);
    assert!(blobs.get(named).is_ok() && blobs.get(fresh).is_ok());
    assert!(blobs.get(loose).is_err());
}

#[test]
fn what_was_not_finished_is_removed_at_the_next_open() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("blobs/new/0");
    drop(blobs(folder.path()));
    std::fs::write(&left, b"half").unwrap();
    blobs(folder.path()).put(b"whole").unwrap();
    assert!(!left.exists());
}
