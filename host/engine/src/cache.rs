use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use wakeful_core::Digest;
use wasmtime::Engine;

const EXTENSION: &str = ".cwasm";
/// A component that is not to be compiled again; what is in the file says why.
const REFUSED: &str = ".refused";
const ASIDE: &str = ".aside-";

/// Compiled code on disk, one file per component.
///
/// A file is named `<digest of the component>-<compatibility>-<BLAKE3 of the file>.cwasm`. With the
/// sum in the name, a file and its sum appear in one rename. The compatibility is wasmtime's hash
/// over its exact version, the processor and the configuration; what the file itself says is only
/// the major version, and a patch release that repairs the compiler must not run old code.
pub(crate) struct CodeCache {
    dir: PathBuf,
    max_bytes: u64,
    /// `None` in a build without compiler, which cannot know it and takes what wasmtime accepts.
    compatibility: Option<String>,
}

struct Entry {
    path: PathBuf,
    digest: Digest,
    compatibility: String,
    sum: Digest,
}

impl CodeCache {
    /// Opens a directory, creating it if need be, and removes what other versions left in it.
    pub(crate) fn open(dir: PathBuf, max_bytes: u64, engine: &Engine) -> io::Result<Self> {
        create_private(&dir)?;
        let cache = Self { dir, max_bytes, compatibility: compatibility(engine) };
        for name in cache.names()? {
            if name.starts_with(ASIDE) || cache.is_stale_refusal(&name) {
                remove(&cache.dir.join(name));
            }
        }
        if let Some(current) = &cache.compatibility {
            for entry in cache.entries()? {
                if entry.compatibility != *current {
                    tracing::info!(path = %entry.path.display(), "removing compiled code of another version");
                    remove(&entry.path);
                }
            }
        }
        Ok(cache)
    }

    /// Opens the code of the component with this digest, if it is here and sound. What is not sound
    /// is removed.
    pub(crate) fn load<T>(
        &self,
        digest: Digest,
        open: impl Fn(&Path) -> wasmtime::Result<T>,
    ) -> Option<T> {
        for entry in self.entries_of(digest) {
            let problem = match checksum(&entry.path) {
                Ok(sum) if sum == entry.sum => match open(&entry.path) {
                    Ok(code) => {
                        touch(&entry.path);
                        return Some(code);
                    }
                    Err(error) => format!("{error:#}"),
                },
                Ok(_) => "the file is damaged".to_owned(),
                Err(error) => error.to_string(),
            };
            tracing::warn!(path = %entry.path.display(), problem, "compiled code is unusable; the component will be compiled again");
            if self.compatibility.is_some() {
                remove(&entry.path);
            }
        }
        None
    }

    /// Keeps the code of a component, in place of any other for it.
    pub(crate) fn store(&self, digest: Digest, code: &[u8]) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let sum = Digest::of(code);
        let compatibility = self.compatibility.as_deref().unwrap_or("unknown");
        let path = self.dir.join(format!("{digest}-{compatibility}-{sum}{EXTENSION}"));
        let aside = self.dir.join(format!(
            "{ASIDE}{}-{}",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        ));
        let written = write_new(&aside, code)
            .and_then(|()| fs::rename(&aside, &path))
            .and_then(|()| File::open(&self.dir)?.sync_all());
        if written.is_err() {
            remove(&aside);
        }
        written?;
        for entry in self.entries_of(digest) {
            if entry.sum != sum {
                remove(&entry.path);
            }
        }
        self.trim(&path)
    }

    /// Why this version of the host is not to compile a component again, if it is not.
    pub(crate) fn refusal(&self, digest: Digest) -> Option<String> {
        fs::read_to_string(self.refusal_path(digest)).ok()
    }

    /// Remembers why a component is not to be compiled again.
    pub(crate) fn refuse(&self, digest: Digest, problem: &str) {
        let path = self.refusal_path(digest);
        // Half a sentence would do no harm, so it is written in place.
        if let Err(error) = fs::write(&path, problem) {
            tracing::warn!(path = %path.display(), %error, "cannot remember that a component is not to be compiled again");
        }
    }

    fn refusal_path(&self, digest: Digest) -> PathBuf {
        let compatibility = self.compatibility.as_deref().unwrap_or("unknown");
        self.dir.join(format!("{digest}-{compatibility}{REFUSED}"))
    }

    /// Whether another version of the host, whose compiler was another one, refused a component.
    fn is_stale_refusal(&self, name: &str) -> bool {
        let Some(stem) = name.strip_suffix(REFUSED) else { return false };
        let compatibility = self.compatibility.as_deref().unwrap_or("unknown");
        stem.split_once('-').is_some_and(|(_, other)| other != compatibility)
    }

    /// Removes what was used longest ago until the rest fits. Code that is in use stays mapped.
    fn trim(&self, newest: &Path) -> io::Result<()> {
        let mut entries = Vec::new();
        let mut total = 0_u64;
        for Entry { path, .. } in self.entries()? {
            let metadata = fs::metadata(&path)?;
            total = total.saturating_add(metadata.len());
            entries.push((metadata.modified()?, metadata.len(), path));
        }
        entries.sort();
        for (_, bytes, path) in entries {
            if total <= self.max_bytes {
                break;
            }
            if path != newest {
                remove(&path);
                total = total.saturating_sub(bytes);
            }
        }
        Ok(())
    }

    fn entries_of(&self, digest: Digest) -> Vec<Entry> {
        let mut entries = self.entries().unwrap_or_default();
        entries.retain(|entry| {
            entry.digest == digest
                && self.compatibility.as_ref().is_none_or(|current| entry.compatibility == *current)
        });
        entries
    }

    fn entries(&self) -> io::Result<Vec<Entry>> {
        Ok(self.names()?.into_iter().filter_map(|name| self.entry(&name)).collect())
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        let mut parts = name.strip_suffix(EXTENSION)?.splitn(3, '-');
        Some(Entry {
            path: self.dir.join(name),
            digest: parts.next()?.parse().ok()?,
            compatibility: parts.next()?.to_owned(),
            sum: parts.next()?.parse().ok()?,
        })
    }

    fn names(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.dir)?
            .map(|entry| Ok(entry?.file_name()))
            .filter_map(|name| name.map(|name| name.into_string().ok()).transpose())
            .collect()
    }
}

#[cfg(feature = "compile")]
fn compatibility(engine: &Engine) -> Option<String> {
    use std::hash::{DefaultHasher, Hash, Hasher};

    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    Some(format!("{:016x}", hasher.finish()))
}

#[cfg(not(feature = "compile"))]
fn compatibility(_engine: &Engine) -> Option<String> {
    None
}

fn checksum(path: &Path) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Creates a directory for the host alone, and says so if others can write to one that is there.
fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(dir)?.permissions().mode() & 0o022 != 0 {
            tracing::warn!(
                dir = %dir.display(),
                "others may write to the cache of compiled code, and so make this host run theirs; \
                 close it with `chmod 700`"
            );
        }
    }
    Ok(())
}

/// Notes that a file was used now.
fn touch(path: &Path) {
    let touched = File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(SystemTime::now()));
    if let Err(error) = touched {
        tracing::debug!(path = %path.display(), %error, "cannot note that compiled code was used");
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove a stale file from the cache");
    }
}
