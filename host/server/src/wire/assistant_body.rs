use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use wakeful::core::{AssistantId, AssistantPatch, ComponentId, Object};
use wakeful::{CreateAssistant, IfExists, VersionQuery};

use crate::described;
use crate::error::Error;
use crate::extract::parse_id;
use crate::wire::request::Config;
use crate::wire::{Limit, word};

/// The most characters of a name.
const NAME: usize = 500;
/// The most characters of a description.
const DESCRIPTION: usize = 10_000;

/// The body that creates an assistant.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AssistantBody {
    graph_id: String,
    assistant_id: Option<String>,
    config: Option<Object>,
    context: Option<Object>,
    metadata: Option<Object>,
    name: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "do_nothing")]
    #[schema(value_type = Option<described::IfExists>)]
    if_exists: bool,
}

fn do_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    word::choice(deserializer, "do_nothing", "raise")
}

impl AssistantBody {
    pub(crate) fn into_request(self) -> Result<CreateAssistant, Error> {
        let context = self.context.unwrap_or_default();
        let name = self.name.unwrap_or_else(|| "Untitled".to_owned());
        check_texts(Some(&name), self.description.as_deref())?;
        Ok(CreateAssistant {
            id: id(self.assistant_id.as_deref())?,
            component: self.graph_id,
            name,
            description: self.description,
            config: config(self.config.unwrap_or_default(), Some(&context))?,
            context,
            metadata: self.metadata.unwrap_or_default(),
            if_exists: if self.if_exists { IfExists::DoNothing } else { IfExists::Raise },
            key: None,
        })
    }
}

fn id(text: Option<&str>) -> Result<Option<AssistantId>, Error> {
    text.map(|text| parse_id("assistant", text)).transpose()
}

fn config(config: Object, context: Option<&Object>) -> Result<Object, Error> {
    let config = Config::new(config)?;
    if let Some(context) = context {
        config.check_context(context)?;
    }
    Ok(config.whole())
}

fn check_texts(name: Option<&str>, description: Option<&str>) -> Result<(), Error> {
    for (key, text, most) in [("name", name, NAME), ("description", description, DESCRIPTION)] {
        if text.is_some_and(|text| text.chars().count() > most) {
            return Err(Error::unprocessable(format!("{key}: more than {most} characters")));
        }
    }
    Ok(())
}

/// The body that changes an assistant. What is absent or `null` stays; a description that is
/// `null` goes.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AssistantPatchBody {
    graph_id: Option<String>,
    config: Option<Object>,
    context: Option<Object>,
    metadata: Option<Object>,
    name: Option<String>,
    #[serde(default, deserialize_with = "word::present")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
}

impl AssistantPatchBody {
    pub(crate) fn into_patch(self) -> Result<AssistantPatch, Error> {
        check_texts(self.name.as_deref(), self.description.as_ref().and_then(Option::as_deref))?;
        Ok(AssistantPatch {
            component: self.graph_id.as_deref().map(component).transpose()?,
            name: self.name,
            description: self.description,
            config: self.config.map(|own| config(own, self.context.as_ref())).transpose()?,
            context: self.context,
            metadata: self.metadata.unwrap_or_default(),
        })
    }
}

fn component(id: &str) -> Result<ComponentId, Error> {
    id.parse().map_err(|reason| Error::not_found(format!("graph `{id}` not found: {reason}")))
}

/// The body of `POST /assistants/{id}/versions`.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct VersionSearch {
    metadata: Option<Object>,
    #[serde(default)]
    limit: Limit,
    offset: Option<usize>,
}

impl VersionSearch {
    pub(crate) fn into_query(self) -> VersionQuery {
        VersionQuery {
            metadata: self.metadata.unwrap_or_default(),
            limit: self.limit.0,
            offset: self.offset.unwrap_or(0),
        }
    }
}

/// The body of `POST /assistants/{id}/latest`.
#[derive(Default, Deserialize, ToSchema)]
pub(crate) struct LatestBody {
    pub(crate) version: Option<u32>,
}
