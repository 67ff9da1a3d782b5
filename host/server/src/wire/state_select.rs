use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};
use wakeful::core::Json;

use crate::error::Error;
use crate::wire::State;

/// What selects one value of a state.
const VALUE: &str = "values.";

/// Which keys of a state a client wants, such as `next` or `values.messages`; all of them if it
/// does not say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct StateSelect(Option<Vec<String>>);

impl PartialSchema for StateSelect {
    fn schema() -> RefOr<Schema> {
        Option::<Vec<String>>::schema()
    }
}

impl ToSchema for StateSelect {}

impl StateSelect {
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.map(str::to_owned).collect();
        Self((!names.is_empty()).then_some(names))
    }

    /// Refuses names that no state has.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (index, name) in self.0.iter().flatten().enumerate() {
            let value = name.strip_prefix(VALUE).is_some_and(|key| !key.is_empty());
            if !value && !State::KEYS.contains(&name.as_str()) {
                let known = State::KEYS.join("`, `");
                return Err(Error::unprocessable(format!(
                    "select[{index}]: `{name}` is not one of `{known}`, and not `values.` with a key"
                )));
            }
        }
        Ok(())
    }

    /// The state, with nothing but what was selected.
    pub(crate) fn apply(&self, state: &State<'_>) -> Json {
        let mut document = serde_json::json!(state);
        let (Some(names), Some(object)) = (&self.0, document.as_object_mut()) else {
            return document;
        };
        let named = |wanted: &str| names.iter().any(|name| name == wanted);
        let values: Vec<_> = names.iter().filter_map(|name| name.strip_prefix(VALUE)).collect();
        object.retain(|key, _| named(key) || key == "values" && !values.is_empty());
        if !named("values")
            && let Some(Json::Object(all)) = object.get_mut("values")
        {
            all.retain(|key, _| values.contains(&key.as_str()));
        }
        document
    }
}
