use async_trait::async_trait;
use wakeful_core::{Assistant, AssistantId, AssistantPatch, Timestamp};

use super::{SledStore, assistants, departure};
use crate::folder::Purpose::{Begin, End};
use crate::record::StoredAssistant;
use crate::{AssistantQuery, AssistantStore, Created, DeletedAssistant, Error, Page, VersionQuery};

#[async_trait]
impl AssistantStore for SledStore {
    async fn create_assistant(&self, assistant: Assistant) -> Result<Created<Assistant>, Error> {
        let new = self.docs(move |docs| StoredAssistant::new(&assistant, docs)).await?;
        let created = self.write(Begin, |tx| assistants::create(tx, new)).await?;
        self.docs(|docs| match created {
            Created::New(assistant) => assistant.open(docs).map(Created::New),
            Created::Existing(assistant) => assistant.open(docs).map(Created::Existing),
        })
        .await
    }

    async fn assistant(&self, id: AssistantId) -> Result<Option<Assistant>, Error> {
        self.read(move |tx| assistants::get(tx, id)).await
    }

    async fn search_assistants(&self, query: AssistantQuery) -> Result<Page<Assistant>, Error> {
        self.read(move |tx| assistants::search(tx, &query)).await
    }

    async fn update_assistant(
        &self,
        id: AssistantId,
        patch: AssistantPatch,
        now: Timestamp,
    ) -> Result<Option<Assistant>, Error> {
        self.write(Begin, move |tx| assistants::update(tx, id, &patch, now)).await
    }

    async fn assistant_versions(
        &self,
        id: AssistantId,
        query: VersionQuery,
    ) -> Result<Page<Assistant>, Error> {
        self.read(move |tx| assistants::versions(tx, id, &query)).await
    }

    async fn assistant_version(
        &self,
        id: AssistantId,
        version: u32,
    ) -> Result<Option<Assistant>, Error> {
        self.read(move |tx| {
            let found = assistants::version(tx, id, version)?;
            found.map(|found| found.open(tx.docs())).transpose()
        })
        .await
    }

    async fn revert_assistant(
        &self,
        id: AssistantId,
        version: u32,
        now: Timestamp,
    ) -> Result<Option<Assistant>, Error> {
        let reverted =
            self.write(Begin, move |tx| assistants::revert(tx, id, version, now)).await?;
        self.docs(|docs| reverted.map(|assistant| assistant.open(docs)).transpose()).await
    }

    async fn delete_assistant(
        &self,
        id: AssistantId,
        threads: bool,
        now: Timestamp,
    ) -> Result<Option<DeletedAssistant>, Error> {
        let going = match threads {
            true => self.read(move |tx| departure::threads_of(tx, id)).await?,
            false => Vec::new(),
        };
        self.write(End, move |tx| departure::delete(tx, id, &going, now)).await
    }
}
