use serde::Serialize;
use utoipa::ToSchema;
use wakeful::core::{Grants as Record, VariableSource};

/// What an assistant may reach, as its file spells it. Values of secrets are nowhere in here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Grants {
    store: Vec<String>,
    crons: Option<Crons>,
    hosts: Vec<Host>,
    environment: Vec<Variable>,
    secrets: Vec<Secret>,
    /// Language models, by the names that the host gives them.
    models: Vec<String>,
    /// Other assistants that it may call.
    assistants: Vec<String>,
}

/// Crons that it may make for itself, on each of its threads.
#[derive(Serialize, ToSchema)]
struct Crons {
    max: u32,
    min_interval_secs: u64,
}

/// Where it may send HTTP requests.
#[derive(Serialize, ToSchema)]
struct Host {
    url: String,
    /// All of them if there is none.
    methods: Vec<String>,
    /// Whether addresses that are not on the public internet are reached as well.
    private: bool,
}

/// A variable in its environment; only where its value comes from is shown.
#[derive(Serialize, ToSchema)]
struct Variable {
    name: String,
    /// The variable of the host that it is taken from; null if the file says it.
    from: Option<String>,
}

/// A secret that it may send without holding it.
#[derive(Serialize, ToSchema)]
struct Secret {
    name: String,
    to: Vec<String>,
    header: String,
}

impl From<&Record> for Grants {
    fn from(grants: &Record) -> Self {
        Self {
            store: grants.store.iter().map(ToString::to_string).collect(),
            crons: grants.crons.map(|grant| Crons {
                max: grant.max,
                min_interval_secs: grant.min_interval.as_secs(),
            }),
            hosts: grants
                .hosts
                .iter()
                .map(|grant| Host {
                    url: grant.origin.to_string(),
                    methods: grant.methods.clone(),
                    private: grant.private && grants.bounds.private,
                })
                .collect(),
            environment: grants
                .environment
                .iter()
                .map(|variable| Variable {
                    name: variable.name.clone(),
                    from: match &variable.value {
                        VariableSource::Host(name) => Some(name.clone()),
                        VariableSource::Text(_) => None,
                    },
                })
                .collect(),
            secrets: grants
                .secrets
                .iter()
                .map(|secret| Secret {
                    name: secret.name.clone(),
                    to: secret.to.iter().map(ToString::to_string).collect(),
                    header: secret.header.clone(),
                })
                .collect(),
            models: grants.models.iter().map(ToString::to_string).collect(),
            assistants: grants.assistants.iter().map(ToString::to_string).collect(),
        }
    }
}
