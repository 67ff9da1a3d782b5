//! Where the compiled code of components comes from: the cache, or the compiler.

use std::path::Path;
use std::sync::Arc;

use wakeful_core::Digest;

use crate::cache::CodeCache;
use crate::inspect::{Inspection, inspect, outline};
use crate::{Compiler, LoadError};

/// Takes compiled code into the hands of whoever runs it, here or elsewhere.
pub(crate) trait Mount: Send + Sync + 'static {
    /// What can be run.
    type Code: Send + 'static;

    /// A file of the cache, whose sum is right.
    fn file(&self, path: &Path) -> wasmtime::Result<Self::Code>;

    /// What a compiler returned just now.
    fn bytes(&self, code: &[u8]) -> wasmtime::Result<Self::Code>;
}

/// Compiles components, each once.
pub(crate) struct Codes<M> {
    pub(crate) mount: M,
    cache: Option<CodeCache>,
    compiler: Arc<dyn Compiler>,
    max_bytes: u64,
}

/// A component with its code.
pub(crate) struct Compiled<C> {
    pub(crate) inspection: Inspection,
    pub(crate) code: C,
    pub(crate) from_cache: bool,
}

impl<M: Mount> Codes<M> {
    pub(crate) fn new(
        mount: M,
        cache: Option<CodeCache>,
        compiler: Arc<dyn Compiler>,
        max_bytes: u64,
    ) -> Self {
        Self { mount, cache, compiler, max_bytes }
    }

    /// The component with its code from the cache, if it is there.
    pub(crate) fn cached(
        &self,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<Option<Compiled<M::Code>>, LoadError> {
        let inspection = outline(bytes, self.max_bytes)?;
        let cached = self.cache.as_ref().and_then(|cache| self.from(cache, digest));
        Ok(cached.map(|code| Compiled { inspection, code, from_cache: true }))
    }

    /// The component with code that is compiled now, unless that did harm before.
    pub(crate) fn compiled(
        &self,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<Compiled<M::Code>, LoadError> {
        let inspection = inspect(bytes, self.max_bytes)?;
        if let Some(problem) = self.cache.as_ref().and_then(|cache| cache.refusal(digest)) {
            return Err(LoadError::Indigestible { problem });
        }
        let code = self.compile(digest, bytes).inspect_err(|error| {
            if let (LoadError::Indigestible { problem }, Some(cache)) = (error, &self.cache) {
                cache.refuse(digest, problem);
            }
        })?;
        Ok(Compiled { inspection, code, from_cache: false })
    }

    fn compile(&self, digest: Digest, bytes: &[u8]) -> Result<M::Code, LoadError> {
        let compiled = self.compiler.compile(bytes)?;
        let code = self.mount.bytes(&compiled).map_err(|error| LoadError::compile(&error))?;
        let Some(cache) = &self.cache else { return Ok(code) };
        if let Err(error) = cache.store(digest, &compiled) {
            tracing::warn!(%digest, %error, "cannot keep compiled code; the component will be compiled again at the next start");
            return Ok(code);
        }
        // The mapped file shares its memory with the page cache and with other processes.
        Ok(self.from(cache, digest).unwrap_or(code))
    }

    fn from(&self, cache: &CodeCache, digest: Digest) -> Option<M::Code> {
        cache.load(digest, |path| self.mount.file(path))
    }
}
