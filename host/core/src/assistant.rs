use crate::{AssistantId, ComponentId, Object, Timestamp};

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
    /// Counts changes, from 1.
    pub version: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
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
        }
    }
}
