use serde::Serialize;
use utoipa::ToSchema;
use wakeful::core::Grants as Record;

/// What an assistant may reach, as its file spells it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Grants {
    store: Vec<String>,
}

impl From<&Record> for Grants {
    fn from(grants: &Record) -> Self {
        Self { store: grants.store.iter().map(ToString::to_string).collect() }
    }
}
