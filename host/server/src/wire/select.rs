use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// Which keys of each object a client wants; all of them if it does not say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Select(Option<Vec<String>>);

impl PartialSchema for Select {
    fn schema() -> RefOr<Schema> {
        Option::<Vec<String>>::schema()
    }
}

impl ToSchema for Select {}

impl Select {
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.map(str::to_owned).collect();
        Self((!names.is_empty()).then_some(names))
    }

    /// Refuses names that are not among `keys`.
    pub(crate) fn check(&self, keys: &[&str]) -> Result<(), Error> {
        let names = self.0.iter().flatten();
        for (index, name) in names.enumerate() {
            if !keys.contains(&name.as_str()) {
                let known = keys.join("`, `");
                return Err(Error::unprocessable(format!(
                    "select[{index}]: `{name}` is not one of `{known}`"
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn wants(&self, key: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|name| name == key))
    }

    /// Whether a key was asked for by name.
    pub(crate) fn names(&self, key: &str) -> bool {
        self.0.as_ref().is_some_and(|names| names.iter().any(|name| name == key))
    }

    /// The list, with nothing but what was selected in each object.
    pub(crate) fn list<T: Serialize>(&self, items: &[T]) -> Response {
        if self.0.is_none() {
            return Json(items).into_response();
        }
        let mut list = serde_json::json!(items);
        for item in list.as_array_mut().into_iter().flatten() {
            if let Some(object) = item.as_object_mut() {
                // What is computed because the client asked for it stays in any case.
                object.retain(|key, _| key == "extracted" || self.wants(key));
            }
        }
        Json(list).into_response()
    }
}
