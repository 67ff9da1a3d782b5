//! What the files of a folder look like, without reading them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use wakeful_engine::EngineConfig;

/// What tells one state of a component's files from another without reading them. A file that
/// cannot be looked at is there all the same, so it has a state of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    component: Stamp,
    settings: Stamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stamp {
    Absent,
    File { bytes: u64, modified: (i64, i64), inode: u64 },
    Unreadable(ErrorKind),
}

/// The components in a folder, by the stem of their names: visible files directly in it whose
/// names end in `.wasm`.
pub(super) fn look(folder: &Path) -> std::io::Result<BTreeMap<String, Look>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let Some(id) = path.file_stem() else { continue };
        let id = id.to_string_lossy().into_owned();
        // Hidden files are the temporary names of copies in progress.
        if id.starts_with('.') {
            continue;
        }
        let component = stamp(&path);
        if component != Stamp::Absent {
            found.insert(id, Look { component, settings: stamp(&path.with_extension("toml")) });
        }
    }
    Ok(found)
}

fn stamp(path: &Path) -> Stamp {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Stamp::File {
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
        },
        Ok(_) => Stamp::Absent,
        Err(error) if error.kind() == ErrorKind::NotFound => Stamp::Absent,
        Err(error) => Stamp::Unreadable(error.kind()),
    }
}

/// The text of the file beside a component, if there is one.
pub(crate) fn settings(path: &Path) -> Result<String, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(format!("its .toml cannot be read: {error}")),
    }
}

/// Reads a component, or as much as shows that it is too large.
pub(super) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let most = EngineConfig::default().max_component_bytes.saturating_add(1);
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_visible_wasm_files_directly_in_the_folder_are_components() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["echo.wasm", ".echo.wasm", ".wasm", "echo.toml", "echo.wasm.part", "notes"] {
            fs::write(path(name), "").unwrap();
        }
        fs::create_dir(path("folder.wasm")).unwrap();
        fs::write(path("folder.wasm/inner.wasm"), "").unwrap();
        symlink(path("echo.wasm"), path("linked.wasm")).unwrap();
        symlink(path("nowhere"), path("dangling.wasm")).unwrap();
        let found: Vec<_> = look(folder.path()).unwrap().into_keys().collect();
        assert_eq!(found, ["echo", "linked"]);
    }

    #[test]
    fn a_file_that_cannot_be_looked_at_is_there_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        symlink("round.wasm", folder.path().join("round.wasm")).unwrap();
        let found = look(folder.path()).unwrap();
        assert!(matches!(found["round"].component, Stamp::Unreadable(_)), "{found:?}");
    }
}
