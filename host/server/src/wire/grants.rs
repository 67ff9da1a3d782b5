use serde::Serialize;
use utoipa::ToSchema;
use wakeful::core::Grants as Record;

/// What an assistant may reach, as its file spells it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Grants {
    store: Vec<String>,
    crons: Option<Crons>,
}

/// Crons that it may make for itself, on each of its threads.
#[derive(Serialize, ToSchema)]
struct Crons {
    max: u32,
    min_interval_secs: u64,
}

impl From<&Record> for Grants {
    fn from(grants: &Record) -> Self {
        Self {
            store: grants.store.iter().map(ToString::to_string).collect(),
            crons: grants.crons.map(|grant| Crons {
                max: grant.max,
                min_interval_secs: grant.min_interval.as_secs(),
            }),
        }
    }
}
