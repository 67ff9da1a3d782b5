use std::fs::File;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use wakeful_core::Digest;

use super::link::Introduction;
use super::placing::FORLORN;
use super::pool::{Component, Shared};
use super::suspects;
use super::wire::LoadProblem;
use crate::codes::Compiled;
use crate::describe::{self, Told};
use crate::{ComponentInfo, Description, LoadError};

/// How long a component may take to be linked and to say what it says of itself.
const INTRODUCTION: Duration = Duration::from_secs(30);

impl Shared {
    /// Makes a component ready for runners.
    pub(super) async fn load(
        self: Arc<Self>,
        bytes: Arc<[u8]>,
    ) -> Result<ComponentInfo, LoadError> {
        let (shared, source) = (Arc::clone(&self), Arc::clone(&bytes));
        let (digest, cached) = blocking(move || {
            let digest = Digest::of(&source);
            let cached = match shared.component(digest) {
                Some(_) => None,
                None => shared.codes.cached(digest, &source)?,
            };
            Ok((digest, cached))
        })
        .await?;
        if self.suspects().is_condemned(digest) {
            return Err(LoadError::Deadly { message: suspects::sentence(digest) });
        }
        if let Some(component) = self.component(digest) {
            return Ok(component.info.clone());
        }
        // Held until the component is in service, so that nobody compiles it again meanwhile.
        let mut turn = None;
        if cached.is_none() {
            turn = Some(self.compiling.lock().await);
        }
        let compiled = match cached {
            Some(compiled) => compiled,
            None => {
                if let Some(component) = self.component(digest) {
                    return Ok(component.info.clone());
                }
                let shared = Arc::clone(&self);
                blocking(move || shared.codes.compiled(digest, &bytes)).await?
            }
        };
        let info = self.keep(digest, compiled).await?;
        drop(turn);
        Ok(info)
    }

    /// Puts a component into service, with what it says of itself.
    async fn keep(
        &self,
        digest: Digest,
        compiled: Compiled<Arc<File>>,
    ) -> Result<ComponentInfo, LoadError> {
        let Compiled { inspection, code, from_cache } = compiled;
        let info = ComponentInfo::new(digest, inspection, from_cache);
        let mut component = Component { info, code };
        component.info.about = self.introduce(&component).await?.map(Arc::new);
        let info = component.info.clone();
        let mut components = self.components.write().unwrap_or_else(PoisonError::into_inner);
        components.insert(digest, Arc::new(component));
        Ok(info)
    }

    /// Has a runner link a component, and ask it what it says of itself.
    async fn introduce(&self, component: &Component) -> Result<Option<Description>, LoadError> {
        let digest = component.info.digest;
        let failed = |message: &str| LoadError::Engine { message: message.to_owned() };
        let _turn = self.asking.lock().await;
        loop {
            if self.suspects().is_condemned(digest) {
                return Err(LoadError::Deadly { message: suspects::sentence(digest) });
            }
            let link = timeout(FORLORN, self.quietest(digest)).await;
            let link = link.map_err(|_| failed("no runner is alive; the log says why"))?;
            let Some(asked) = link.ask(component) else { continue };
            match timeout(INTRODUCTION, asked).await {
                Ok(Ok(answer)) => {
                    self.suspects().ended_well(digest);
                    return introduced(digest, answer);
                }
                // The runner died. Whether the component is to blame is noted already.
                Ok(Err(_)) => {}
                Err(_) => {
                    link.doom("it did not answer for a component");
                    return Err(failed("a runner did not answer in time"));
                }
            }
        }
    }
}

/// What came of an introduction, held against what a description may be.
fn introduced(digest: Digest, answer: Introduction) -> Result<Option<Description>, LoadError> {
    let problem = match answer {
        Ok(None) => return Ok(None),
        Ok(Some(told)) => {
            match describe::read(Told {
                name: told.name,
                description: told.description,
                version: told.version,
                input_schema: told.input_schema,
                output_schema: told.output_schema,
                config_schema: told.config_schema,
            }) {
                Ok(description) => return Ok(Some(description)),
                Err(problem) => problem,
            }
        }
        Err(LoadProblem::Undescribed(problem)) => problem,
        Err(LoadProblem::Mismatch(message)) => return Err(LoadError::Mismatch { message }),
        Err(LoadProblem::Engine(message)) => return Err(LoadError::Engine { message }),
    };
    tracing::warn!(digest = %digest.short(), problem, "a component cannot describe itself; it serves runs all the same");
    Ok(None)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(LoadError::Engine { message: error.to_string() }),
    }
}
