use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use wakeful_core::Digest;

use crate::Error;

/// Creates a directory that only its owner may enter, unless it is there.
pub(crate) fn create_dir(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| unusable(path, &e))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A new file that only its owner may read.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Copies all bytes; returns their digest and how many they are.
pub(crate) fn copy_hashed(from: &mut impl Read, to: &mut impl Write) -> io::Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size = 0_u64;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let part = buffer.get(..read).unwrap_or_default();
        hasher.update(part);
        to.write_all(part)?;
        size = size.saturating_add(part.len() as u64);
    }
    Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), size))
}

/// The digest and the size of a file.
pub(crate) fn hash_file(path: &Path) -> io::Result<(Digest, u64)> {
    copy_hashed(&mut File::open(path)?, &mut io::sink())
}

/// A failure that names the path.
pub(crate) fn unusable(path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => "; run as the user who owns it, or give another folder",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "; it has to be a directory, or not to exist"
        }
        io::ErrorKind::StorageFull => "; free some space on its disk",
        _ => "",
    };
    Error::Unusable { path: path.to_owned(), reason: format!("{error}{hint}") }
}
