//! The assistants folder: what is in it, and what of it is in service.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{error, info, warn};
use wakeful_core::{ComponentId, Digest, Grants, Limits, Timestamp};
use wakeful_engine::Description;

use crate::{AssistantFile, Error, Host, HostSettings, component_id};

mod changes;
mod look;
mod watch;

pub(crate) use look::settings;
use look::{Look, look, read};
pub(crate) use watch::watch;

/// A component file in the assistants folder.
#[derive(Debug, Clone)]
pub struct ComponentStatus {
    /// The stem of the file name; not always a valid id.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// What serves runs now, if anything does.
    pub serving: Option<ComponentState>,
    /// What is wrong with the file, or with its `.toml`, as it is now. An earlier good version
    /// goes on serving.
    pub problem: Option<String>,
    /// Whether the file is being read and compiled, which takes up to a minute for a large one.
    pub loading: bool,
}

impl ComponentStatus {
    /// In a few words.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (&self.serving, &self.problem) {
            (Some(_), _) if self.loading => "serving, loading another version",
            (None, _) if self.loading => "loading",
            (Some(_), None) => "serving",
            (Some(_), Some(_)) => "serving an earlier version",
            (None, _) => "broken",
        }
    }
}

/// The version of a component that serves runs.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentState {
    /// BLAKE3 of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub bytes: u64,
    /// The version of the contract it was built against.
    pub contract: String,
    /// When the host took it into service.
    pub loaded_at: Timestamp,
    /// From the file beside it or, where that says nothing, from the component itself.
    pub description: Option<String>,
    /// What the component says of itself.
    pub about: Option<Arc<Description>>,
    /// The host's limits, narrowed by those of the file beside it.
    pub limits: Limits,
    /// What the file beside it lets it reach.
    pub grants: Grants,
    /// What it imports.
    pub imports: Vec<String>,
    /// Whether its threads have files.
    pub uses_files: bool,
}

/// The assistants folder, and what of it is in service.
///
/// A file is taken into service once it has stayed the same between two looks, so that a copy in
/// progress is left alone. The bytes in service are kept in the data folder as well: a good
/// version survives a restart even when the file has been replaced by a bad one.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    kept: PathBuf,
    slots: Mutex<BTreeMap<String, Slot>>,
    /// Set once the folder has been looked at.
    seen: AtomicBool,
}

#[derive(Debug, Default)]
struct Slot {
    /// What the files looked like when they were last read.
    taken: Option<Look>,
    /// What they looked like at the last look, if that was different.
    changed: Option<Look>,
    serving: Option<ComponentState>,
    problem: Option<String>,
    /// The files are being read.
    loading: bool,
    /// The last look did not find the file.
    missing: bool,
}

impl Folder {
    pub(crate) fn open(settings: &HostSettings) -> Result<Self, Error> {
        let kept = settings.data.join("components");
        for path in [&settings.assistants, &kept] {
            fs::create_dir_all(path).map_err(|error| Error::unusable(path, &error))?;
        }
        Ok(Self {
            path: settings.assistants.clone(),
            kept,
            slots: Mutex::new(BTreeMap::new()),
            seen: AtomicBool::new(false),
        })
    }

    /// What serves runs of this component.
    pub(crate) fn component(&self, id: &ComponentId) -> Option<ComponentState> {
        self.lock().get(id.as_str()).and_then(|slot| slot.serving.clone())
    }

    /// Whether anything serves runs of this component.
    pub(crate) fn has(&self, id: &ComponentId) -> bool {
        self.lock().get(id.as_str()).is_some_and(|slot| slot.serving.is_some())
    }

    /// The components that serve runs.
    pub(crate) fn serving(&self) -> Vec<ComponentId> {
        let slots = self.lock();
        let serving = slots.iter().filter(|(_, slot)| slot.serving.is_some());
        serving.filter_map(|(id, _)| id.parse().ok()).collect()
    }

    pub(crate) fn statuses(&self) -> Vec<ComponentStatus> {
        let slots = self.lock();
        let status = |(id, slot): (&String, &Slot)| ComponentStatus {
            id: id.clone(),
            path: self.component_path(id),
            serving: slot.serving.clone(),
            problem: slot.problem.clone(),
            loading: slot.loading,
        };
        // A file that nobody has begun to read is neither in service nor known to be bad.
        let begun = |(_, slot): &(&String, &Slot)| slot.taken.is_some() || slot.loading;
        slots.iter().filter(begun).map(status).collect()
    }

    /// Looks at the folder, and takes what has changed in or out of service. Whether something
    /// has changed that another look has to confirm.
    pub(crate) async fn scan(&self, host: &Host) -> Result<bool, Error> {
        let path = self.path.clone();
        let found = blocking(move || look(&path)).await?;
        let found = found.map_err(|error| Error::unusable(&self.path, &error))?;
        for id in self.gone(&found) {
            self.withdraw(host, &id);
        }
        let mut found: Vec<_> = found.into_iter().collect();
        if !self.seen.load(Ordering::Relaxed) {
            // Of names that differ only in case, the one goes on serving that did so before.
            found.sort_by_key(|(id, _)| !self.was_kept(id));
        }
        for (id, look) in found {
            if self.is_settled(&id, &look) {
                self.take(host, id, look).await?;
            }
        }
        self.seen.store(true, Ordering::Relaxed);
        Ok(self.lock().values().any(|slot| slot.missing || slot.changed.is_some()))
    }

    /// The components whose file was missing at this look and at the one before.
    fn gone(&self, found: &BTreeMap<String, Look>) -> Vec<String> {
        let mut gone = Vec::new();
        for (id, slot) in self.lock().iter_mut() {
            let missing = !found.contains_key(id);
            if missing && slot.missing {
                gone.push(id.clone());
            }
            slot.missing = missing;
        }
        gone
    }

    /// Whether the files differ from what was last read, and have stopped changing.
    fn is_settled(&self, id: &str, look: &Look) -> bool {
        // What is there at the very first look is taken at once.
        if !self.seen.load(Ordering::Relaxed) {
            return true;
        }
        let mut slots = self.lock();
        let slot = slots.entry(id.to_owned()).or_default();
        if slot.taken.as_ref() == Some(look) {
            slot.changed = None;
            return false;
        }
        let settled = slot.changed.as_ref() == Some(look);
        slot.changed = Some(look.clone());
        settled
    }

    /// Reads the files of a component and takes it into service, or notes what is wrong.
    async fn take(&self, host: &Host, id: String, look: Look) -> Result<(), Error> {
        self.lock().entry(id.clone()).or_default().loading = true;
        let loaded = self.load(host, &id).await;
        let fallback = match &loaded {
            Err(problem) => {
                error!(component = %id, %problem, "component cannot be used");
                if self.lock().get(&id).is_some_and(|slot| slot.serving.is_some()) {
                    None
                } else {
                    self.load_kept(host, &id).await
                }
            }
            Ok(_) => None,
        };
        if let (Ok(state), Ok(component)) = (&loaded, id.parse::<ComponentId>()) {
            host.default_assistant(component).await?;
            info!(component = %id, digest = %state.digest.short(), bytes = state.bytes, "component loaded");
        }
        let mut slots = self.lock();
        let slot = slots.entry(id).or_default();
        slot.loading = false;
        let old = slot.serving.as_ref().map(|state| state.digest);
        slot.taken = Some(look);
        slot.changed = None;
        match loaded {
            Ok(state) => {
                slot.serving = Some(state);
                slot.problem = None;
            }
            Err(problem) => {
                slot.serving = slot.serving.take().or(fallback);
                slot.problem = Some(problem);
            }
        }
        unload_unused(host, &slots, old);
        Ok(())
    }

    async fn load(&self, host: &Host, id: &str) -> Result<ComponentState, String> {
        component_id(id)?;
        self.refuse_rival(id)?;
        let component = self.component_path(id);
        let files = blocking(move || {
            let bytes = read(&component).map_err(|error| format!("cannot be read: {error}"))?;
            let settings = settings(&component.with_extension("toml"))?;
            Ok::<_, String>((bytes, settings))
        });
        let (bytes, settings) = files.await.map_err(|error| error.to_string())??;
        let bytes: Arc<[u8]> = bytes.into();
        let state = state_of(host, Arc::clone(&bytes), &settings).await?;
        self.keep(id, bytes, settings).await;
        Ok(state)
    }

    /// Refuses an id that differs only in case from one that serves: on other systems their files
    /// would be one, and people take them for one.
    fn refuse_rival(&self, id: &str) -> Result<(), String> {
        let slots = self.lock();
        let rival =
            slots.iter().find(|(other, slot)| slot.serving.is_some() && is_rival(id, other));
        rival.map_or(Ok(()), |(other, _)| {
            Err(format!(
                "`{other}` serves already, and its name differs only in case; choose another"
            ))
        })
    }

    /// The version that was in service when the host last ran.
    async fn load_kept(&self, host: &Host, id: &str) -> Option<ComponentState> {
        self.refuse_rival(id).ok()?;
        let (component, settings) = self.kept_paths(id)?;
        let (bytes, settings) = blocking(move || {
            let bytes = fs::read(component).ok()?;
            Some((bytes, fs::read_to_string(settings).unwrap_or_default()))
        })
        .await
        .ok()??;
        let state = state_of(host, bytes.into(), &settings).await.ok()?;
        warn!(component = %id, digest = %state.digest.short(), "an earlier version goes on serving");
        Some(state)
    }

    /// Keeps a good version in the data folder.
    async fn keep(&self, id: &str, bytes: Arc<[u8]>, settings: String) {
        let Some((component, toml)) = self.kept_paths(id) else { return };
        let kept = blocking(move || {
            write_aside(&component, &bytes)?;
            write_aside(&toml, settings.as_bytes())
        })
        .await;
        if !matches!(kept, Ok(Ok(()))) {
            warn!(component = %id, "cannot keep a copy of this version in the data folder");
        }
    }

    fn withdraw(&self, host: &Host, id: &str) {
        let mut slots = self.lock();
        let old = slots.remove(id).and_then(|slot| slot.serving).map(|state| state.digest);
        unload_unused(host, &slots, old);
        for (_, slot) in slots.iter_mut().filter(|(other, _)| is_rival(id, other)) {
            // The name is free now for a file that was refused because of this one.
            slot.taken = None;
        }
        drop(slots);
        if let Some((component, settings)) = self.kept_paths(id) {
            // A copy that stays behind is only used beside a file of the same name.
            let _ = fs::remove_file(component);
            let _ = fs::remove_file(settings);
        }
        info!(component = %id, "component removed");
    }

    fn was_kept(&self, id: &str) -> bool {
        self.kept_paths(id).is_some_and(|(component, _)| component.is_file())
    }

    fn component_path(&self, id: &str) -> PathBuf {
        self.path.join(format!("{id}.wasm"))
    }

    fn kept_paths(&self, id: &str) -> Option<(PathBuf, PathBuf)> {
        let id: ComponentId = id.parse().ok()?;
        Some((self.kept.join(format!("{id}.wasm")), self.kept.join(format!("{id}.toml"))))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        // Nothing in here can panic halfway through a change.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn state_of(host: &Host, bytes: Arc<[u8]>, settings: &str) -> Result<ComponentState, String> {
    let file = AssistantFile::parse(settings).map_err(|error| format!("its .toml: {error}"))?;
    let settings = host.settings();
    let grants = file.grants.into_grants(settings.assistant_crons, &settings.grants);
    let grants = grants.map_err(|error| format!("its .toml: {error}"))?;
    let info = host.runner().load(bytes).await.map_err(|error| error.to_string())?;
    Ok(ComponentState {
        digest: info.digest,
        bytes: info.bytes,
        contract: info.contract,
        loaded_at: host.now(),
        description: file.description.or_else(|| own(info.about.as_deref()?)),
        about: info.about,
        limits: file.limits.narrow(&host.settings().limits),
        grants,
        imports: info.imports,
        uses_files: info.uses_files,
    })
}

/// Whether two ids differ, and only in case.
fn is_rival(id: &str, other: &str) -> bool {
    id != other && id.eq_ignore_ascii_case(other)
}

/// What a component says of itself in a sentence.
fn own(about: &Description) -> Option<String> {
    Some(about.description.clone()).filter(|text| !text.is_empty())
}

/// Frees compiled code that nothing in the folder uses any more; runs in progress keep theirs.
fn unload_unused(host: &Host, slots: &BTreeMap<String, Slot>, old: Option<Digest>) {
    let Some(old) = old else { return };
    let used = |slot: &Slot| slot.serving.as_ref().is_some_and(|state| state.digest == old);
    if !slots.values().any(used) {
        host.runner().unload(old);
    }
}

fn write_aside(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let aside = path.with_extension("partial");
    let mut file = fs::File::create(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(aside, path)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::ShuttingDown)
}
