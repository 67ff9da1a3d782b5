use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use wakeful_core::Digest;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::bindings::AssistantPluginPre;
use crate::cache::CodeCache;
use crate::inspect::outline;
use crate::outcome::shortened;
use crate::sandbox::Sandbox;
use crate::{ComponentInfo, Inspection, LoadError};

/// The components that are ready to run.
pub(crate) struct Library {
    engine: Engine,
    linker: Linker<Sandbox>,
    cache: Option<CodeCache>,
    max_bytes: u64,
    loaded: RwLock<HashMap<Digest, Arc<Loaded>>>,
    /// Held while a component compiles: one at a time, for each may take half a gigabyte.
    compiling: Arc<Mutex<()>>,
}

/// A component with its imports resolved, so that a run only has to instantiate it.
pub(crate) struct Loaded {
    pub(crate) pre: AssistantPluginPre<Sandbox>,
    pub(crate) info: ComponentInfo,
}

impl Library {
    pub(crate) fn new(
        engine: Engine,
        linker: Linker<Sandbox>,
        cache: Option<CodeCache>,
        max_bytes: u64,
    ) -> Self {
        Self {
            engine,
            linker,
            cache,
            max_bytes,
            loaded: RwLock::default(),
            compiling: Arc::default(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
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
    ) -> Result<ComponentInfo, LoadError> {
        let library = Arc::clone(self);
        let source = Arc::clone(&bytes);
        let (digest, found) = blocking(handle, move || {
            let digest = Digest::of(&source);
            let found = match library.get(digest) {
                Some(loaded) => Some(loaded.info.clone()),
                None => library.load_cached(digest, &source)?,
            };
            Ok((digest, found))
        })
        .await?;
        if let Some(info) = found {
            return Ok(info);
        }
        let turn = Arc::clone(&self.compiling).lock_owned().await;
        let library = Arc::clone(self);
        blocking(handle, move || {
            let _turn = turn;
            match library.get(digest) {
                Some(loaded) => Ok(loaded.info.clone()),
                None => library.load_new(digest, &bytes),
            }
        })
        .await
    }

    fn load_cached(
        &self,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<Option<ComponentInfo>, LoadError> {
        let inspection = outline(bytes, self.max_bytes)?;
        let cached = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, digest));
        match cached {
            Some(component) => self.keep(digest, &component, inspection, true).map(Some),
            None => Ok(None),
        }
    }

    #[cfg(feature = "compile")]
    fn load_new(&self, digest: Digest, bytes: &[u8]) -> Result<ComponentInfo, LoadError> {
        let inspection = crate::inspect(bytes, self.max_bytes)?;
        let component = self.compile(digest, bytes).map_err(|error| LoadError::Compile {
            message: shortened(&format!("{error:#}"), 500),
        })?;
        self.keep(digest, &component, inspection, false)
    }

    #[cfg(not(feature = "compile"))]
    fn load_new(&self, _digest: Digest, bytes: &[u8]) -> Result<ComponentInfo, LoadError> {
        crate::inspect(bytes, self.max_bytes)?;
        Err(LoadError::NoCompiler)
    }

    #[cfg(feature = "compile")]
    fn compile(&self, digest: Digest, bytes: &[u8]) -> wasmtime::Result<Component> {
        let component = Component::new(&self.engine, bytes)?;
        let Some(cache) = &self.cache else { return Ok(component) };
        if let Err(error) = cache.store(digest, &component.serialize()?) {
            tracing::warn!(%digest, %error, "cannot keep compiled code; the component will be compiled again at the next start");
            return Ok(component);
        }
        // The mapped file shares its memory with the page cache and with other processes.
        Ok(cache.load(&self.engine, digest).unwrap_or(component))
    }

    fn keep(
        &self,
        digest: Digest,
        component: &Component,
        inspection: Inspection,
        from_cache: bool,
    ) -> Result<ComponentInfo, LoadError> {
        let pre =
            self.linker.instantiate_pre(component).and_then(AssistantPluginPre::new).map_err(
                |error| LoadError::Mismatch { message: shortened(&format!("{error:#}"), 500) },
            )?;
        let info = ComponentInfo {
            digest,
            bytes: inspection.bytes,
            contract: inspection.contract,
            uses_files: inspection.uses_files,
            from_cache,
        };
        let loaded = Arc::new(Loaded { pre, info: info.clone() });
        self.loaded.write().unwrap_or_else(PoisonError::into_inner).insert(digest, loaded);
        Ok(info)
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
