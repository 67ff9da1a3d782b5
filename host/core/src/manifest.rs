use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::Digest;

/// The longest path that a file can be put at.
const MOST_PATH: usize = 1_024;
/// The longest part of it; file systems have no longer names.
const MOST_NAME: usize = 255;

/// The files of a sandbox, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Every file, directory and symbolic link below the sandbox's root.
    pub entries: Vec<FileEntry>,
}

/// One entry of a [`Manifest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Relative to the root, with `/` between the parts; never empty, absolute or with `..`.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
}

/// What an entry of a [`Manifest`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file, whose bytes are a blob.
    File {
        /// Names the blob.
        digest: Digest,
        /// In bytes.
        size: u64,
    },
    /// A symbolic link; the host never follows it.
    Symlink {
        /// Where it points, as the guest wrote it.
        target: String,
    },
}

impl Manifest {
    /// What is at a path.
    #[must_use]
    pub fn entry(&self, path: &str) -> Option<&FileEntry> {
        let at = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.entries.get(at)
    }

    /// Bytes in all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let sizes = self.entries.iter().map(|entry| match entry.kind {
            FileKind::File { size, .. } => size,
            FileKind::Directory | FileKind::Symlink { .. } => 0,
        });
        sizes.fold(0, u64::saturating_add)
    }

    /// The same with this file, in the place of one that is there, and with the directories that
    /// it lies in.
    ///
    /// # Errors
    ///
    /// If something else is in its place, or in the place of one of these directories.
    pub fn with_file(&self, path: &FilePath, digest: Digest, size: u64) -> Result<Self, InTheWay> {
        let mut files = self.clone();
        for parent in path.parents() {
            match files.entry(parent).map(|entry| &entry.kind) {
                Some(FileKind::Directory) => {}
                Some(kind) => return Err(InTheWay::new(parent, kind)),
                None => files.insert(parent, FileKind::Directory),
            }
        }
        match files.entry(path.as_str()).map(|entry| &entry.kind) {
            None | Some(FileKind::File { .. }) => {
                files.insert(path.as_str(), FileKind::File { digest, size });
                Ok(files)
            }
            Some(kind) => Err(InTheWay::new(path.as_str(), kind)),
        }
    }

    /// The same without what is at this path, and without what is in it; `None` if there is nothing.
    #[must_use]
    pub fn without(&self, path: &str) -> Option<Self> {
        self.entry(path)?;
        let is_below = |entry: &FileEntry| {
            entry
                .path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let left = self.entries.iter().filter(|entry| !is_below(entry));
        Some(Self { entries: left.cloned().collect() })
    }

    fn insert(&mut self, path: &str, kind: FileKind) {
        let entry = FileEntry { path: path.to_owned(), kind };
        match self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)) {
            Ok(at) => {
                if let Some(there) = self.entries.get_mut(at) {
                    *there = entry;
                }
            }
            Err(at) => self.entries.insert(at, entry),
        }
    }
}

/// What keeps a file from being put somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{path}` is {what}; delete it first, or choose another path")]
pub struct InTheWay {
    path: String,
    what: &'static str,
}

impl InTheWay {
    fn new(path: &str, kind: &FileKind) -> Self {
        let what = match kind {
            FileKind::Directory => "a directory",
            FileKind::File { .. } => "a file",
            FileKind::Symlink { .. } => "a symbolic link",
        };
        Self { path: path.to_owned(), what }
    }
}

/// Where a file is to be in a sandbox: relative to its root, with `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath(String);

impl FilePath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directories that it lies in, the outermost first.
    fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no [`FilePath`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidFilePath(String);

impl FromStr for FilePath {
    type Err = InvalidFilePath;

    fn from_str(text: &str) -> Result<Self, InvalidFilePath> {
        let invalid = |reason: String| Err(InvalidFilePath(reason));
        if text.is_empty() {
            return invalid("it is empty; write a path such as `notes/today.md`".to_owned());
        }
        if text.len() > MOST_PATH {
            return invalid(format!("it has more than {MOST_PATH} bytes"));
        }
        if text.starts_with('/') {
            return invalid(format!(
                "it begins with `/`; paths are relative to the thread's files: `{}`",
                text.trim_start_matches('/')
            ));
        }
        for name in text.split('/') {
            match name {
                "" => {
                    return invalid(
                        "it has an empty part; write one `/` between two names".to_owned(),
                    );
                }
                "." | ".." => return invalid(format!("`{name}` is no name of a file")),
                _ if name.len() > MOST_NAME => {
                    return invalid(format!("a part of it has more than {MOST_NAME} bytes"));
                }
                _ if name.contains('\0') => return invalid("it has a NUL byte".to_owned()),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> FilePath {
        text.parse().unwrap()
    }

    /// Files in the order in which they are put.
    fn files(paths: &[&str]) -> Manifest {
        let put = |files: Manifest, text: &&str| {
            files.with_file(&path(text), Digest::of(text.as_bytes()), text.len() as u64).unwrap()
        };
        paths.iter().fold(Manifest::default(), put)
    }

    fn paths(files: &Manifest) -> Vec<&str> {
        files.entries.iter().map(|entry| entry.path.as_str()).collect()
    }

    #[test]
    fn a_file_brings_its_directories_and_everything_stays_sorted() {
        let files = files(&["b/c/d", "b-x", "a", "b/a", "a"]);
        assert_eq!(paths(&files), ["a", "b", "b-x", "b/a", "b/c", "b/c/d"]);
        assert_eq!(files.bytes(), 1 + 3 + 3 + 5);
        assert_eq!(files.entry("b").unwrap().kind, FileKind::Directory);
        assert_eq!(files.entry("x"), None);
    }

    #[test]
    fn nothing_but_a_file_is_replaced() {
        let mut files = files(&["b/c"]);
        files.insert("l", FileKind::Symlink { target: "b".to_owned() });
        for (put, way) in [
            ("b", "`b` is a directory"),
            ("b/c/d", "`b/c` is a file"),
            ("l", "`l` is a symbolic link"),
            ("l/x", "`l` is a symbolic link"),
        ] {
            let refused = files.with_file(&path(put), Digest::of(b""), 0).unwrap_err();
            assert!(refused.to_string().starts_with(way), "{refused}");
        }
    }

    #[test]
    fn a_directory_goes_with_what_is_in_it() {
        let files = files(&["b/c/d", "b-x", "b/a", "bb"]);
        assert_eq!(paths(&files.without("b").unwrap()), ["b-x", "bb"]);
        assert_eq!(paths(&files.without("b/a").unwrap()), ["b", "b-x", "b/c", "b/c/d", "bb"]);
        assert_eq!(files.without("b/"), None);
        assert_eq!(files.without("x"), None);
    }

    #[test]
    fn a_path_stays_in_the_sandbox() {
        for good in ["a", "a/b.txt", "..a/b..", " ", "ü/\\"] {
            assert_eq!(path(good).as_str(), good);
        }
        let long = "x".repeat(256);
        let deep = "x/".repeat(512) + "x";
        for bad in
            ["", "/", "/etc/passwd", "a//b", "a/", "./a", "a/../b", "..", "a\0", &long, &deep]
        {
            bad.parse::<FilePath>().unwrap_err();
        }
    }
}
