use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wakeful_core::{Assistant, AssistantId, ComponentId, Digest, Object, Timestamp};

use super::codec::{micros, text, text_option};
use super::{Doc, Docs};
use crate::Error;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredAssistant {
    #[serde(with = "text")]
    pub(crate) id: AssistantId,
    #[serde(with = "text")]
    pub(crate) component: ComponentId,
    pub(crate) version: u32,
    #[serde(with = "micros")]
    pub(crate) created: Timestamp,
    #[serde(with = "micros")]
    pub(crate) updated: Timestamp,
    pub(crate) definition: Doc,
    #[serde(default, with = "text_option")]
    request_digest: Option<Digest>,
}

/// An assistant as it was at one of its versions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct StoredVersion(pub(crate) StoredAssistant);

#[derive(Serialize, Deserialize)]
struct Definition<'a> {
    name: Cow<'a, str>,
    description: Option<Cow<'a, str>>,
    config: Cow<'a, Object>,
    context: Cow<'a, Object>,
    metadata: Cow<'a, Object>,
}

impl StoredAssistant {
    pub(crate) fn new(assistant: &Assistant, docs: &Docs) -> Result<Self, Error> {
        let definition = Definition {
            name: Cow::Borrowed(&assistant.name),
            description: assistant.description.as_deref().map(Cow::Borrowed),
            config: Cow::Borrowed(&assistant.config),
            context: Cow::Borrowed(&assistant.context),
            metadata: Cow::Borrowed(&assistant.metadata),
        };
        Ok(Self {
            id: assistant.id,
            component: assistant.component.clone(),
            version: assistant.version,
            created: assistant.created_at,
            updated: assistant.updated_at,
            definition: docs.put(&definition)?,
            request_digest: assistant.request_digest,
        })
    }

    pub(crate) fn open(self, docs: &Docs) -> Result<Assistant, Error> {
        let definition: Definition<'static> = docs.get(&self.definition, "assistant")?;
        Ok(Assistant {
            id: self.id,
            component: self.component,
            name: definition.name.into_owned(),
            description: definition.description.map(Cow::into_owned),
            config: definition.config.into_owned(),
            context: definition.context.into_owned(),
            metadata: definition.metadata.into_owned(),
            version: self.version,
            created_at: self.created,
            updated_at: self.updated,
            request_digest: self.request_digest,
        })
    }
}
