use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::{Clock, Digest};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::bindings::AssistantPluginPre;
use crate::bindings::described::DescribedPre;
use crate::codes::{Codes, Compiled, Mount};
use crate::describe::describe;
use crate::outcome::shortened;
use crate::sandbox::Sandbox;
use crate::{ComponentInfo, Description, LoadError, artifact};

/// Code that this process runs.
impl Mount for Engine {
    type Code = Component;

    fn file(&self, path: &Path) -> wasmtime::Result<Component> {
        artifact::map(self, path)
    }

    fn bytes(&self, code: &[u8]) -> wasmtime::Result<Component> {
        artifact::copy(self, code)
    }
}

/// The components that are ready to run.
pub(crate) struct Library {
    linker: Linker<Sandbox>,
    codes: Codes<Engine>,
    loaded: RwLock<HashMap<Digest, Arc<Loaded>>>,
    /// Held while a component compiles: one at a time, for each may take half a gigabyte.
    compiling: Arc<Mutex<()>>,
    /// Held while a component describes itself: the pool has one instance to spare.
    describing: Mutex<()>,
}

/// A component with its imports resolved, so that a run only has to instantiate it.
pub(crate) struct Loaded {
    pub(crate) pre: AssistantPluginPre<Sandbox>,
    /// The same, if it can say something of itself, or why it cannot.
    pub(crate) described: Result<DescribedPre<Sandbox>, String>,
    pub(crate) info: ComponentInfo,
}

impl Loaded {
    /// Resolves the imports of a component.
    pub(crate) fn link(
        linker: &Linker<Sandbox>,
        component: &Component,
        info: ComponentInfo,
    ) -> Result<Self, LoadError> {
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch {
            message: shortened(&format!("{error:#}"), 500),
        };
        let linked = linker.instantiate_pre(component).map_err(mismatch)?;
        let described = DescribedPre::new(linked.clone());
        Ok(Self {
            described: described.map_err(|error| shortened(&format!("{error:#}"), 500)),
            pre: AssistantPluginPre::new(linked).map_err(mismatch)?,
            info,
        })
    }

    /// The same, with what it says of itself.
    fn with(&self, about: Option<Description>) -> Self {
        let info = ComponentInfo { about: about.map(Arc::new), ..self.info.clone() };
        Self { pre: self.pre.clone(), described: self.described.clone(), info }
    }
}

impl Library {
    pub(crate) fn new(linker: Linker<Sandbox>, codes: Codes<Engine>) -> Self {
        Self {
            linker,
            codes,
            loaded: RwLock::default(),
            compiling: Arc::default(),
            describing: Mutex::default(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.codes.mount
    }

    pub(crate) fn get(&self, digest: Digest) -> Option<Arc<Loaded>> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }

    pub(crate) fn unload(&self, digest: Digest) {
        let removed = self.loaded.write().unwrap_or_else(PoisonError::into_inner).remove(&digest);
        // Unmapping code takes a moment; not while others wait for the lock.
        drop(removed);
    }

    /// Loads a component, on threads of `handle` that may block.
    pub(crate) async fn load(
        self: &Arc<Self>,
        bytes: Arc<[u8]>,
        handle: &Handle,
        clock: &Arc<dyn Clock>,
    ) -> Result<ComponentInfo, LoadError> {
        let library = Arc::clone(self);
        let source = Arc::clone(&bytes);
        let (digest, found) = blocking(handle, move || {
            let digest = Digest::of(&source);
            let found = match library.get(digest) {
                Some(loaded) => Some(Found::Ready(loaded.info.clone())),
                None => library.load_cached(digest, &source)?.map(Found::new),
            };
            Ok((digest, found))
        })
        .await?;
        // Held until the component is in service, so that nobody compiles it again meanwhile.
        let mut turn = None;
        let found = match found {
            Some(found) => found,
            None => {
                turn = Some(Arc::clone(&self.compiling).lock_owned().await);
                let library = Arc::clone(self);
                blocking(handle, move || match library.get(digest) {
                    Some(loaded) => Ok(Found::Ready(loaded.info.clone())),
                    None => library.load_new(digest, &bytes).map(Found::new),
                })
                .await?
            }
        };
        let info = match found {
            Found::Ready(info) => info,
            Found::New(loaded) => self.keep(*loaded, handle, clock).await,
        };
        drop(turn);
        Ok(info)
    }

    /// Puts a component into service, with what it says of itself.
    async fn keep(
        self: &Arc<Self>,
        loaded: Loaded,
        handle: &Handle,
        clock: &Arc<dyn Clock>,
    ) -> ComponentInfo {
        let loaded = Arc::new(loaded);
        let about = self.ask(Arc::clone(&loaded), handle, clock).await.unwrap_or_else(|problem| {
            tracing::warn!(digest = %loaded.info.digest.short(), problem, "a component cannot describe itself; it serves runs all the same");
            None
        });
        let loaded = Arc::new(loaded.with(about));
        let info = loaded.info.clone();
        self.insert(loaded);
        info
    }

    /// Takes a component whose code comes from elsewhere into service.
    #[cfg(target_os = "linux")]
    pub(crate) fn adopt(
        &self,
        code: &Component,
        info: ComponentInfo,
    ) -> Result<Arc<Loaded>, LoadError> {
        let loaded = Arc::new(Loaded::link(&self.linker, code, info)?);
        self.insert(Arc::clone(&loaded));
        Ok(loaded)
    }

    fn insert(&self, loaded: Arc<Loaded>) {
        let mut all = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = all.insert(loaded.info.digest, loaded);
        drop(all);
        drop(replaced);
    }

    /// Asks a component what it says of itself, on a thread for guests: it may spin until its fuel
    /// is gone. The error is for whoever built it.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        loaded: Arc<Loaded>,
        handle: &Handle,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Description>, String> {
        if loaded.described.is_err() {
            return Ok(None);
        }
        let (library, clock) = (Arc::clone(self), Arc::clone(clock));
        let task = handle.spawn(async move {
            let _turn = library.describing.lock().await;
            describe(library.engine(), &loaded, &clock).await
        });
        let answer = AbortOnDropHandle::new(task).await;
        answer.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn load_cached(&self, digest: Digest, bytes: &[u8]) -> Result<Option<Loaded>, LoadError> {
        let cached = self.codes.cached(digest, bytes)?;
        cached.map(|compiled| self.link(digest, compiled)).transpose()
    }

    pub(crate) fn load_new(&self, digest: Digest, bytes: &[u8]) -> Result<Loaded, LoadError> {
        self.link(digest, self.codes.compiled(digest, bytes)?)
    }

    fn link(&self, digest: Digest, compiled: Compiled<Component>) -> Result<Loaded, LoadError> {
        let Compiled { inspection, code, from_cache } = compiled;
        let describes_itself = inspection.describes_itself();
        let info = ComponentInfo::new(digest, inspection, from_cache);
        let loaded = Loaded::link(&self.linker, &code, info)?;
        if let (true, Err(problem)) = (describes_itself, &loaded.described) {
            tracing::warn!(digest = %digest.short(), problem, "a component describes itself in a way that is not the contract's; it serves runs all the same");
        }
        Ok(loaded)
    }
}

/// A component that was asked for.
enum Found {
    /// It is in service.
    Ready(ComponentInfo),
    New(Box<Loaded>),
}

impl Found {
    fn new(loaded: Loaded) -> Self {
        Self::New(Box::new(loaded))
    }
}

async fn blocking<T: Send + 'static>(
    handle: &Handle,
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    match handle.spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(LoadError::Engine { message: error.to_string() }),
    }
}
