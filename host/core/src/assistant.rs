use crate::{AssistantId, ComponentId, Digest, Json, Object, Timestamp};

/// The key of a config that holds what an assistant may read.
pub(crate) const CONFIGURABLE: &str = "configurable";

/// A component plus configuration, context and metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Assistant {
    /// Its id; for a default assistant derived from the component's.
    pub id: AssistantId,
    /// The component it runs.
    pub component: ComponentId,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// LangGraph's `config`: tags, recursion limit, `configurable`.
    pub config: Object,
    /// Static context that every run receives.
    pub context: Object,
    /// Free-form facts, searchable by containment.
    pub metadata: Object,
    /// The version it is at, from 1. A change makes a new one; an earlier one can be gone back to.
    pub version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The digest of the request that made it, if that came with a key; see
    /// [`crate::RequestKey`].
    pub request_digest: Option<Digest>,
}

impl Assistant {
    /// The assistant that every component has without anybody creating it.
    pub fn default_of(component: ComponentId, now: Timestamp) -> Self {
        let mut metadata = Object::new();
        metadata.insert("created_by".into(), "system".into());
        Self {
            id: AssistantId::of_component(&component),
            name: component.to_string(),
            component,
            description: None,
            config: Object::new(),
            context: Object::new(),
            metadata,
            version: 1,
            created_at: now,
            updated_at: now,
            request_digest: None,
        }
    }
}

/// Changes to an assistant; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of `Assistant`")]
pub struct AssistantPatch {
    pub component: Option<ComponentId>,
    pub name: Option<String>,
    /// `Some(None)` takes the description away.
    pub description: Option<Option<String>>,
    /// Takes the place of the whole config. One without `configurable` leaves the context alone.
    pub config: Option<Object>,
    /// Takes the place of the whole context, and so of `configurable`.
    pub context: Option<Object>,
    /// Merged into the metadata, key by key.
    pub metadata: Object,
}

impl AssistantPatch {
    /// Changes the assistant, but not its version or its times.
    pub fn apply(&self, assistant: &mut Assistant) {
        if let Some(component) = &self.component {
            assistant.component.clone_from(component);
        }
        if let Some(name) = &self.name {
            assistant.name.clone_from(name);
        }
        if let Some(description) = &self.description {
            assistant.description.clone_from(description);
        }
        if let Some(config) = &self.config {
            assistant.config.clone_from(config);
            if let Some(Json::Object(configurable)) = config.get(CONFIGURABLE) {
                assistant.context.clone_from(configurable);
            }
        }
        if let Some(context) = &self.context {
            assistant.context.clone_from(context);
        }
        if self.config.is_some() || self.context.is_some() {
            mirror(&mut assistant.config, &assistant.context);
        }
        for (key, value) in &self.metadata {
            assistant.metadata.insert(key.clone(), value.clone());
        }
    }
}

/// Makes `configurable` say what the context says: they are two names for the same thing.
pub(crate) fn mirror(config: &mut Object, context: &Object) {
    if context.is_empty() && !config.contains_key(CONFIGURABLE) {
        return;
    }
    config.insert(CONFIGURABLE.into(), context.clone().into());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(json: Json) -> Object {
        json.as_object().unwrap().clone()
    }

    fn check(config: Option<Json>, context: Option<Json>, expected: (Json, Json)) {
        let mut assistant = Assistant::default_of("echo".parse().unwrap(), Timestamp::UNIX_EPOCH);
        assistant.config = object(json!({"tags": ["t"], "configurable": {"k": "v"}}));
        assistant.context = object(json!({"k": "v"}));
        let patch = AssistantPatch {
            config: config.map(object),
            context: context.map(object),
            ..AssistantPatch::default()
        };
        patch.apply(&mut assistant);
        assert_eq!((assistant.config.into(), assistant.context.into()), expected);
    }

    #[test]
    fn configurable_and_context_say_the_same() {
        let kept = json!({"tags": ["t"], "configurable": {"k": "v"}});
        check(None, None, (kept, json!({"k": "v"})));
        let config = json!({"configurable": {"a": 1}});
        check(Some(config.clone()), None, (config, json!({"a": 1})));
        let changed = json!({"tags": ["t"], "configurable": {"b": 2}});
        check(None, Some(json!({"b": 2})), (changed, json!({"b": 2})));
        let other = json!({"recursion_limit": 7, "configurable": {"k": "v"}});
        check(Some(json!({"recursion_limit": 7})), None, (other, json!({"k": "v"})));
        let cleared = json!({"configurable": {}});
        check(Some(cleared.clone()), None, (cleared, json!({})));
    }

    #[test]
    fn metadata_is_merged_and_a_description_can_be_taken_away() {
        let mut assistant = Assistant::default_of("echo".parse().unwrap(), Timestamp::UNIX_EPOCH);
        assistant.description = Some("d".to_owned());
        let patch = AssistantPatch {
            description: Some(None),
            metadata: object(json!({"n": 2})),
            ..AssistantPatch::default()
        };
        patch.apply(&mut assistant);
        assert_eq!(assistant.description, None);
        assert_eq!(assistant.metadata, object(json!({"created_by": "system", "n": 2})));
        assert_eq!(assistant.name, "echo");
    }
}
