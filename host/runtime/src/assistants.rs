use wakeful_core::{Assistant, AssistantId, ComponentId};
use wakeful_store::{Order, Page};

use crate::{AssistantQuery, AssistantSort, ComponentStatus, Error, Host};

impl Host {
    /// Every component file in the assistants folder, usable or not, by id.
    pub fn components(&self) -> Vec<ComponentStatus> {
        self.folder().statuses()
    }

    /// The assistant with this id.
    pub async fn assistant(&self, id: AssistantId) -> Result<Assistant, Error> {
        let found = self.store().assistant(id).await?;
        found
            .filter(|assistant| self.folder().has(&assistant.component))
            .ok_or_else(|| Error::not_found("assistant", id))
    }

    /// The assistant that a client means by `name`: an assistant's id, or a component's id for
    /// its default assistant.
    pub async fn resolve_assistant(&self, name: &str) -> Result<Assistant, Error> {
        let id = match name.parse::<AssistantId>() {
            Ok(id) => id,
            Err(_) => match name.parse::<ComponentId>() {
                Ok(component) => AssistantId::of_component(&component),
                Err(_) => return Err(Error::not_found("assistant", name)),
            },
        };
        self.assistant(id).await.map_err(|error| match error {
            Error::NotFound { .. } => Error::not_found("assistant", name),
            other => other,
        })
    }

    /// The assistants that match, of components that are in the folder.
    pub async fn search_assistants(&self, query: AssistantQuery) -> Result<Page<Assistant>, Error> {
        let name = query.name.as_ref().map(|name| name.to_lowercase());
        let mut items = self.store().assistants().await?;
        items.retain(|assistant| {
            self.folder().has(&assistant.component)
                && query.component.as_deref().is_none_or(|id| assistant.component.as_str() == id)
                && name.as_ref().is_none_or(|part| assistant.name.to_lowercase().contains(part))
                && wakeful_store::contains(&assistant.metadata, &query.metadata)
        });
        items.sort_by(|a, b| {
            let order = match query.sort_by {
                AssistantSort::Id => a.id.cmp(&b.id),
                AssistantSort::Component => a.component.cmp(&b.component),
                AssistantSort::Name => a.name.cmp(&b.name),
                AssistantSort::CreatedAt => a.created_at.cmp(&b.created_at),
                AssistantSort::UpdatedAt => a.updated_at.cmp(&b.updated_at),
            }
            .then(a.id.cmp(&b.id));
            match query.order {
                Order::Ascending => order,
                Order::Descending => order.reverse(),
            }
        });
        let total = items.len();
        let items = items.into_iter().skip(query.offset).take(query.limit).collect();
        Ok(Page { items, total })
    }
}
