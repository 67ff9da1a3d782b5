//! What guests use to reach files, and the directories that they are let loose in.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use tempfile::TempDir;

use super::stage::GRACE;

/// The functions of the file system, and a few around them.
///
/// `$create` opens the file that is named by the four bytes at 1024, `$append` adds 60,000 bytes to
/// it, and `$rename` counts the name up.
pub(crate) const FILES: &str = r#"
  (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $directories (param i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.open-at"
    (func $open (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read"
    (func $read (param i32 i64 i64 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.write"
    (func $write (param i32 i32 i32 i64 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.set-size"
    (func $set_size (param i32 i64 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.read-directory"
    (func $list (param i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.create-directory-at"
    (func $mkdir (param i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.link-at"
    (func $link (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.rename-at"
    (func $move (param i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.symlink-at"
    (func $symlink (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[method]descriptor.unlink-file-at"
    (func $unlink (param i32 i32 i32 i32)))
  (import "wasi:filesystem/types@0.2.0" "[resource-drop]descriptor" (func $close (param i32)))
  (global $root (mut i32) (i32.const 0))
  (global $file (mut i32) (i32.const 0))
  (global $at (mut i64) (i64.const 0))
  (data (i32.const 1024) "aaaa")
  (func $must_be_ok (if (i32.load8_u (i32.const 512)) (then unreachable)))
  (func $create
    (call $open (global.get $root) (i32.const 0) (i32.const 1024) (i32.const 4) (i32.const 1)
      (i32.const 3) (i32.const 512))
    (call $must_be_ok)
    (global.set $file (i32.load (i32.const 516))))
  (func $append
    (call $write (global.get $file) (i32.const 2048) (i32.const 60000) (global.get $at) (i32.const 512))
    (global.set $at (i64.add (global.get $at) (i64.const 60000))))
  (func $rename
    (i32.store8 (i32.const 1024) (i32.add (i32.load8_u (i32.const 1024)) (i32.const 1)))
    (if (i32.gt_u (i32.load8_u (i32.const 1024)) (i32.const 122)) (then
      (i32.store8 (i32.const 1024) (i32.const 97))
      (i32.store8 (i32.const 1025) (i32.add (i32.load8_u (i32.const 1025)) (i32.const 1))))))
"#;

/// Puts the guest's own directory into `$root`.
pub(crate) const OPEN_ROOT: &str =
    "(call $directories (i32.const 512)) (global.set $root (i32.load (i32.load (i32.const 512))))";

/// What another thread keeps in its file.
pub(crate) const SECRET: &str = "the other thread's own";

/// The directory of a thread beside that of another one.
pub(crate) struct Scene {
    base: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let base = tempfile::tempdir().expect("a directory is made");
        let scene = Self { base };
        for name in ["own", "other"] {
            fs::create_dir(scene.path(name)).expect("a directory is made");
        }
        fs::write(scene.path("other/secret"), SECRET).expect("a file is written");
        fs::write(scene.path("own/mine"), "mine").expect("a file is written");
        #[cfg(unix)]
        for (target, link) in [("../other", "own/planted"), ("../other/secret", "own/leak")] {
            std::os::unix::fs::symlink(target, scene.path(link)).expect("a link is made");
        }
        scene
    }

    /// What the guest sees as `/`.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("own")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// Whether all that is not the guest's is as it was, and nothing of the guest's is still open.
    pub(crate) async fn judge(&self) -> Result<(), String> {
        let other = fs::read_to_string(self.path("other/secret"));
        if other.as_deref().ok() != Some(SECRET) {
            return Err(format!("the other thread's file is {other:?}"));
        }
        for (directory, expected) in [("", "other own"), ("other", "secret")] {
            let found = names(&self.path(directory)).join(" ");
            if found != expected {
                return Err(format!("beside the guest's directory there are {found}"));
            }
        }
        if same_as(&self.path("other/secret"), &self.root()) {
            return Err("the guest has the other thread's file under a name of its own".to_owned());
        }
        let begun = Instant::now();
        // A last operation may be under way on a thread of its own.
        while let Some(open) = held(self.base.path()) {
            if begun.elapsed() > GRACE {
                return Err(format!("{} is still open", open.display()));
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// The names in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory is there");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("an entry is read").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

/// Whether a file has a second name in a directory.
#[cfg(unix)]
fn same_as(file: &Path, directory: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let inode = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.ino()).ok();
    let entries = fs::read_dir(directory).expect("the directory is there");
    entries.flatten().any(|entry| inode(&entry.path()) == inode(file))
}

#[cfg(not(unix))]
fn same_as(_file: &Path, _directory: &Path) -> bool {
    false
}

/// Something below a directory that this process holds open, where the system tells.
fn held(directory: &Path) -> Option<PathBuf> {
    let directory = directory.canonicalize().ok()?;
    let descriptors = fs::read_dir("/proc/self/fd").ok()?;
    let targets = descriptors.flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
    targets.into_iter().find(|target| target.starts_with(&directory))
}
