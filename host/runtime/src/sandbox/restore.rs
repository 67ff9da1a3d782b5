use std::path::{Component, Path, PathBuf};

use wakeful_core::{FileKind, Manifest};
use wakeful_store::Store;

use crate::Error;

/// Writes the files of a manifest into an empty directory.
pub(super) async fn restore(store: &dyn Store, files: &Manifest, root: &Path) -> Result<(), Error> {
    let mut links = Vec::new();
    // Entries are sorted, so a directory comes before what is in it.
    for entry in &files.entries {
        let path = inside(root, &entry.path)?;
        match &entry.kind {
            FileKind::Directory => create_dir(&path)?,
            FileKind::File { digest, .. } => store.fetch_file(*digest, &path).await?,
            FileKind::Symlink { target } => links.push((path, target)),
        }
    }
    // Links come last, so that no file is written through one.
    for (path, target) in links {
        std::os::unix::fs::symlink(target, &path)
            .map_err(|error| Error::unusable(&path, &error))?;
    }
    Ok(())
}

/// The place of an entry below the root. The store's manifests never leave the root; this is
/// checked all the same, because a mistake here would write anywhere on the disk.
fn inside(root: &Path, relative: &str) -> Result<PathBuf, Error> {
    let relative = Path::new(relative);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || relative.as_os_str().is_empty() {
        return Err(Error::Unusable {
            path: relative.to_owned(),
            reason: "a stored file name leaves its sandbox".to_owned(),
        });
    }
    Ok(root.join(relative))
}

fn create_dir(path: &Path) -> Result<(), Error> {
    std::fs::create_dir(path).map_err(|error| Error::unusable(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_name_cannot_leave_the_sandbox() {
        let root = Path::new("/box");
        assert_eq!(inside(root, "notes/todo.md").unwrap(), Path::new("/box/notes/todo.md"));
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "./a/.."] {
            assert!(inside(root, bad).is_err(), "{bad}");
        }
    }
}
