use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use wakeful_core::{Checkpoint, Digest, FileEntry, FileKind, Limits, Manifest, Outcome};
use wakeful_store::Store;

use super::Sandbox;

impl Sandbox {
    /// Stores what has changed since `head`, and returns all that is in the directory now. The
    /// guest must have ended. What the guest did wrong is an outcome.
    pub(crate) async fn collect(
        &self,
        store: &dyn Store,
        head: Option<&Checkpoint>,
        limits: &Limits,
    ) -> Result<Manifest, Outcome> {
        let known = known_files(head);
        let (root, limits) = (self.path().to_owned(), limits.clone());
        let walked = tokio::task::spawn_blocking(move || walk(&root, &known, &limits)).await;
        let found = walked.map_err(host_failed)??;
        let mut entries = Vec::with_capacity(found.len());
        for (path, found) in found {
            let kind = match found {
                Found::Kept(kind) => kind,
                Found::Changed(file) => {
                    let (digest, size) = store.put_file(&file).await.map_err(host_failed)?;
                    FileKind::File { digest, size }
                }
            };
            entries.push(FileEntry { path, kind });
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Manifest { entries })
    }
}

/// What is at a path.
enum Found {
    /// Something whose bytes need not be stored.
    Kept(FileKind),
    /// A file whose bytes the store may not have.
    Changed(PathBuf),
}

fn known_files(head: Option<&Checkpoint>) -> HashMap<String, (Digest, u64)> {
    let entries = head.map(|head| head.files.entries.clone()).unwrap_or_default();
    let file = |entry: FileEntry| match entry.kind {
        FileKind::File { digest, size } => Some((entry.path, (digest, size))),
        FileKind::Directory | FileKind::Symlink { .. } => None,
    };
    entries.into_iter().filter_map(file).collect()
}

/// Everything below the root, without following links.
fn walk(
    root: &Path,
    known: &HashMap<String, (Digest, u64)>,
    limits: &Limits,
) -> Result<Vec<(String, Found)>, Outcome> {
    let mut found = Vec::new();
    let mut bytes = 0_u64;
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = relative(root, &path)?;
            let metadata = fs::symlink_metadata(&path).map_err(unreadable)?;
            let kind = metadata.file_type();
            let what = if kind.is_dir() {
                directories.push(path);
                Found::Kept(FileKind::Directory)
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(unreadable)?;
                let target = target.to_str().ok_or_else(|| unreadable("a link's target"))?;
                Found::Kept(FileKind::Symlink { target: target.to_owned() })
            } else {
                bytes = bytes.saturating_add(metadata.len());
                // Checked before any byte is read: a sparse file can claim to be enormous.
                check(bytes, found.len(), limits)?;
                file(path, known.get(&name).copied(), metadata.len())?
            };
            found.push((name, what));
            check(bytes, found.len(), limits)?;
        }
    }
    Ok(found)
}

fn file(path: PathBuf, known: Option<(Digest, u64)>, size: u64) -> Result<Found, Outcome> {
    if let Some((digest, _)) = known.filter(|(_, known_size)| *known_size == size) {
        // Bytes are compared, not times: a guest can set times.
        let now = Digest::of(&fs::read(&path).map_err(unreadable)?);
        if now == digest {
            return Ok(Found::Kept(FileKind::File { digest, size }));
        }
    }
    Ok(Found::Changed(path))
}

fn check(bytes: u64, files: usize, limits: &Limits) -> Result<(), Outcome> {
    if limits.disk < bytes {
        let message = format!("its files have more than {} bytes (limit `disk`)", limits.disk);
        return Err(Outcome::DiskFull { message });
    }
    if (limits.files as usize) < files {
        let message = format!("it made more than {} files (limit `files`)", limits.files);
        return Err(Outcome::DiskFull { message });
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> Result<String, Outcome> {
    let relative = path.strip_prefix(root).ok().and_then(Path::to_str);
    relative.map(str::to_owned).ok_or_else(|| unreadable("a file's name"))
}

fn unreadable(problem: impl std::fmt::Display) -> Outcome {
    Outcome::InvalidOutput { message: format!("its files cannot be stored: {problem}") }
}

fn host_failed(problem: impl std::fmt::Display) -> Outcome {
    Outcome::HostFailed { message: format!("its files cannot be stored: {problem}") }
}
