use wakeful_core::{Assistant, AssistantId, AssistantPatch, ComponentId};
use wakeful_store::{Created, Page, VersionQuery};

use crate::taken::Claim;
use crate::{
    AssistantQuery, CancelAction, ComponentState, ComponentStatus, CreateAssistant, Error, Host,
};

impl Host {
    /// Every component file in the assistants folder, usable or not, by id.
    pub fn components(&self) -> Vec<ComponentStatus> {
        self.folder().statuses()
    }

    /// What serves runs of this component.
    pub fn component(&self, id: &ComponentId) -> Result<ComponentState, Error> {
        self.folder().component(id).ok_or_else(|| self.no_component(id))
    }

    /// The assistant with this id. One of a component that serves nothing counts as absent.
    pub async fn assistant(&self, id: AssistantId) -> Result<Assistant, Error> {
        let found = self.store().assistant(id).await?;
        found
            .filter(|assistant| self.folder().has(&assistant.component))
            .ok_or_else(|| Error::not_found("assistant", id))
    }

    /// The assistant that a client means by `name`: an assistant's id, or a component's id for
    /// its default assistant. A default assistant that was deleted comes back when its component
    /// is named, as it was at first.
    pub async fn resolve_assistant(&self, name: &str) -> Result<Assistant, Error> {
        let unknown = || Error::not_found("assistant", name);
        if let Ok(id) = name.parse::<AssistantId>() {
            return self.assistant(id).await;
        }
        let component = name.parse::<ComponentId>().map_err(|_| unknown())?;
        let known = self.store().assistant(AssistantId::of_component(&component)).await?;
        let assistant = match known {
            Some(assistant) => assistant,
            None if self.folder().has(&component) => self.default_assistant(component).await?,
            None => return Err(unknown()),
        };
        if self.folder().has(&assistant.component) { Ok(assistant) } else { Err(unknown()) }
    }

    /// The default assistant of a component; created if there is none.
    pub(crate) async fn default_assistant(
        &self,
        component: ComponentId,
    ) -> Result<Assistant, wakeful_store::Error> {
        let assistant = Assistant::default_of(component, self.now());
        Ok(match self.store().create_assistant(assistant).await? {
            Created::New(assistant) | Created::Existing(assistant) => assistant,
        })
    }

    /// The assistants that match, of components that are in the folder.
    pub async fn search_assistants(&self, query: AssistantQuery) -> Result<Page<Assistant>, Error> {
        let mut components = self.folder().serving();
        components.retain(|id| query.component.as_deref().is_none_or(|only| id.as_str() == only));
        let query = wakeful_store::AssistantQuery {
            components: Some(components),
            name: query.name,
            metadata: query.metadata,
            sort_by: query.sort_by,
            order: query.order,
            limit: query.limit,
            offset: query.offset,
        };
        Ok(self.store().search_assistants(query).await?)
    }

    /// Creates an assistant.
    pub async fn create_assistant(&self, new: CreateAssistant) -> Result<Assistant, Error> {
        Ok(self.create_assistant_once(new).await?.into_inner())
    }

    /// Creates an assistant, and says whether it was there already.
    pub async fn create_assistant_once(
        &self,
        new: CreateAssistant,
    ) -> Result<Created<Assistant>, Error> {
        let component = self.serving(&new.component)?;
        let keyed = new.key.map(|key| AssistantId::from(key.id()));
        let id = new.id.or(keyed).unwrap_or_else(AssistantId::generate);
        let mut assistant = Assistant::default_of(component, self.now());
        assistant.id = id;
        assistant.metadata.clear();
        assistant.request_digest = new.key.map(|key| key.digest());
        // As a change, because it keeps `configurable` and the context the same.
        AssistantPatch {
            component: None,
            name: Some(new.name),
            description: Some(new.description),
            config: Some(new.config),
            context: (!new.context.is_empty()).then_some(new.context),
            metadata: new.metadata,
        }
        .apply(&mut assistant);
        self.refuse_when_stopping()?;
        let created = self.store().create_assistant(assistant).await?;
        Claim {
            what: "assistant",
            chosen: new.id.map(|id| id.to_string()),
            key: new.key,
            if_exists: new.if_exists,
        }
        .settle(created, |known| known.request_digest)
    }

    /// Changes an assistant, which makes a new version of it.
    pub async fn update_assistant(
        &self,
        id: AssistantId,
        patch: AssistantPatch,
    ) -> Result<Assistant, Error> {
        self.assistant(id).await?;
        if let Some(component) = &patch.component {
            self.component(component)?;
        }
        let changed = self.store().update_assistant(id, patch, self.now()).await?;
        changed.ok_or_else(|| Error::not_found("assistant", id))
    }

    /// The versions of an assistant, newest first. Each is told as the assistant was then, changed
    /// last when the version came to be.
    pub async fn assistant_versions(
        &self,
        id: AssistantId,
        query: VersionQuery,
    ) -> Result<Page<Assistant>, Error> {
        self.assistant(id).await?;
        Ok(self.store().assistant_versions(id, query).await?)
    }

    /// Makes an assistant what it was at one of its versions.
    pub async fn revert_assistant(
        &self,
        id: AssistantId,
        version: u32,
    ) -> Result<Assistant, Error> {
        self.assistant(id).await?;
        let unknown =
            || Error::NotFound { what: "version", id: format!("{version} of assistant {id}") };
        let then = self.store().assistant_version(id, version).await?.ok_or_else(unknown)?;
        self.component(&then.component)?;
        let reverted = self.store().revert_assistant(id, version, self.now()).await?;
        reverted.ok_or_else(unknown)
    }

    /// Deletes an assistant with its versions and crons, stops its runs and, when `threads`,
    /// deletes the threads that it was the first to run on.
    ///
    /// The default assistant of a component that is named again comes back as it was at first; see
    /// [`Host::resolve_assistant`].
    pub async fn delete_assistant(&self, id: AssistantId, threads: bool) -> Result<(), Error> {
        let deleted = self.store().delete_assistant(id, threads, self.now()).await?;
        let deleted = deleted.ok_or_else(|| Error::not_found("assistant", id))?;
        for run in deleted.cancelled {
            match self.store().run(run).await? {
                Some(ended) => self.hub().announce_cancelled(run, ended.thread_id, self.now()),
                // It went with its thread, whose watchers are told so.
                None => self.hub().announce_end(run, None, self.now()),
            }
        }
        for run in deleted.running {
            if self.hub().cancel(run, false) {
                continue;
            }
            match self.cancel_run(run, CancelAction::Interrupt).await {
                // It ended by itself, or went with its thread.
                Ok(()) | Err(Error::NotFound { .. } | Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.wake_scheduler();
        self.wake_executor();
        Ok(())
    }

    /// The component with this id, if it serves runs.
    fn serving(&self, id: &str) -> Result<ComponentId, Error> {
        let component = id.parse::<ComponentId>().ok();
        component.filter(|id| self.folder().has(id)).ok_or_else(|| self.no_component(id))
    }

    fn no_component(&self, id: impl ToString) -> Error {
        Error::NoComponent { id: id.to_string(), known: self.folder().serving() }
    }
}
