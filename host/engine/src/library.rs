use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;
use wakeful_core::{Clock, Digest};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::bindings::AssistantPluginPre;
use crate::bindings::described::DescribedPre;
use crate::cache::CodeCache;
use crate::describe::describe;
use crate::inspect::{METADATA, outline};
use crate::outcome::shortened;
use crate::sandbox::Sandbox;
use crate::{Compiler, ComponentInfo, Description, Inspection, LoadError, artifact};

/// The components that are ready to run.
pub(crate) struct Library {
    engine: Engine,
    linker: Linker<Sandbox>,
    cache: Option<CodeCache>,
    compiler: Arc<dyn Compiler>,
    max_bytes: u64,
    loaded: RwLock<HashMap<Digest, Arc<Loaded>>>,
    /// Held while a component compiles: one at a time, for each may take half a gigabyte.
    compiling: Arc<Mutex<()>>,
    /// Held while a component describes itself: the pool has one instance to spare.
    describing: Mutex<()>,
}

/// A component with its imports resolved, so that a run only has to instantiate it.
pub(crate) struct Loaded {
    pub(crate) pre: AssistantPluginPre<Sandbox>,
    /// The same, if it can say something of itself.
    pub(crate) described: Option<DescribedPre<Sandbox>>,
    pub(crate) info: ComponentInfo,
}

impl Loaded {
    /// The same, with what it says of itself.
    fn with(&self, about: Option<Description>) -> Self {
        let info = ComponentInfo { about: about.map(Arc::new), ..self.info.clone() };
        Self { pre: self.pre.clone(), described: self.described.clone(), info }
    }
}

impl Library {
    pub(crate) fn new(
        engine: Engine,
        linker: Linker<Sandbox>,
        cache: Option<CodeCache>,
        compiler: Arc<dyn Compiler>,
        max_bytes: u64,
    ) -> Self {
        Self {
            engine,
            linker,
            cache,
            compiler,
            max_bytes,
            loaded: RwLock::default(),
            compiling: Arc::default(),
            describing: Mutex::default(),
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
        let loaded = if loaded.described.is_some() {
            let (library, clock) = (Arc::clone(self), Arc::clone(clock));
            let loaded = Arc::new(loaded);
            let described = Arc::clone(&loaded);
            // On a thread for guests: it may spin until its fuel is gone.
            let task = handle.spawn(async move {
                let _turn = library.describing.lock().await;
                describe(&library.engine, &described, &clock).await
            });
            let answer = AbortOnDropHandle::new(task).await;
            let about = answer.unwrap_or_else(|error| Err(error.to_string()));
            let about = about.unwrap_or_else(|problem| {
                tracing::warn!(digest = %loaded.info.digest.short(), problem, "a component cannot describe itself; it serves runs all the same");
                None
            });
            Arc::new(loaded.with(about))
        } else {
            Arc::new(loaded)
        };
        let info = loaded.info.clone();
        self.loaded.write().unwrap_or_else(PoisonError::into_inner).insert(info.digest, loaded);
        info
    }

    fn load_cached(&self, digest: Digest, bytes: &[u8]) -> Result<Option<Loaded>, LoadError> {
        let inspection = outline(bytes, self.max_bytes)?;
        let cached = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, digest));
        match cached {
            Some(component) => self.link(digest, &component, inspection, true).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn load_new(&self, digest: Digest, bytes: &[u8]) -> Result<Loaded, LoadError> {
        let inspection = crate::inspect(bytes, self.max_bytes)?;
        if let Some(problem) = self.cache.as_ref().and_then(|cache| cache.refusal(digest)) {
            return Err(LoadError::Indigestible { problem });
        }
        let component = self.compile(digest, bytes).inspect_err(|error| {
            if let (LoadError::Indigestible { problem }, Some(cache)) = (error, &self.cache) {
                cache.refuse(digest, problem);
            }
        })?;
        self.link(digest, &component, inspection, false)
    }

    fn compile(&self, digest: Digest, bytes: &[u8]) -> Result<Component, LoadError> {
        let code = self.compiler.compile(bytes)?;
        let component =
            artifact::copy(&self.engine, &code).map_err(|error| LoadError::compile(&error))?;
        let Some(cache) = &self.cache else { return Ok(component) };
        if let Err(error) = cache.store(digest, &code) {
            tracing::warn!(%digest, %error, "cannot keep compiled code; the component will be compiled again at the next start");
            return Ok(component);
        }
        // The mapped file shares its memory with the page cache and with other processes.
        Ok(cache.load(&self.engine, digest).unwrap_or(component))
    }

    /// Resolves the imports of a component.
    fn link(
        &self,
        digest: Digest,
        component: &Component,
        inspection: Inspection,
        from_cache: bool,
    ) -> Result<Loaded, LoadError> {
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch {
            message: shortened(&format!("{error:#}"), 500),
        };
        let linked = self.linker.instantiate_pre(component).map_err(mismatch)?;
        let described = match DescribedPre::new(linked.clone()) {
            Ok(described) => Some(described),
            Err(error) => {
                if inspection.exports.iter().any(|name| name.starts_with(METADATA)) {
                    let problem = shortened(&format!("{error:#}"), 500);
                    tracing::warn!(digest = %digest.short(), problem, "a component describes itself in a way that is not the contract's; it serves runs all the same");
                }
                None
            }
        };
        Ok(Loaded {
            pre: AssistantPluginPre::new(linked).map_err(mismatch)?,
            described,
            info: ComponentInfo {
                digest,
                bytes: inspection.bytes,
                contract: inspection.contract,
                imports: inspection.imports,
                uses_files: inspection.uses_files,
                from_cache,
                about: None,
            },
        })
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
