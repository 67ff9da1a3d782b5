use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;
use wakeful::core::{Digest, Limits as Record, Object};
use wakeful::{ComponentState, ComponentStatus};

use crate::wire::{Grants, Text, Time};

/// A component file in the assistants folder, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Component<'a> {
    id: &'a str,
    path: Cow<'a, str>,
    status: &'static str,
    problem: Option<&'a str>,
    #[schema(value_type = Option<String>)]
    digest: Option<Text<Digest>>,
    bytes: Option<u64>,
    contract: Option<&'a str>,
    loaded_at: Option<Time>,
    description: Option<&'a str>,
    /// What the component calls itself, its version in its own words, and its schemas.
    name: Option<&'a str>,
    version: Option<&'a str>,
    schemas: Option<Schemas<'a>>,
    /// The interfaces that it imports.
    imports: Option<&'a [String]>,
    uses_files: Option<bool>,
    limits: Option<Limits>,
    grants: Option<Grants>,
}

/// JSON Schemas, where the component gives them.
#[derive(Serialize, ToSchema)]
struct Schemas<'a> {
    input: Option<&'a Object>,
    output: Option<&'a Object>,
    config: Option<&'a Object>,
}

/// Limits; sizes are in bytes.
#[derive(Serialize, ToSchema)]
struct Limits {
    fuel: u64,
    memory: u64,
    #[schema(value_type = u64)]
    timeout_ms: u128,
    output: u64,
    logs: u64,
    events: u32,
    disk: u64,
    files: u32,
    http: HttpLimits,
    /// Tokens of language models per run.
    tokens: u64,
    /// The same for all its runs in one day in UTC.
    tokens_per_day: Option<u64>,
}

/// Limits of HTTP.
#[derive(Serialize, ToSchema)]
struct HttpLimits {
    requests: u32,
    at_once: u32,
    #[schema(value_type = u64)]
    connect_ms: u128,
    #[schema(value_type = u64)]
    first_byte_ms: u128,
    #[schema(value_type = u64)]
    total_ms: u128,
    request: u64,
    response: u64,
}

impl<'a> From<&'a ComponentStatus> for Component<'a> {
    fn from(component: &'a ComponentStatus) -> Self {
        let serving = component.serving.as_ref();
        let about = serving.and_then(|state| state.about.as_deref());
        let file_name = component.path.file_name().unwrap_or_default();
        Self {
            id: &component.id,
            // Where the folder is on this machine is nothing that clients need to know.
            path: file_name.to_string_lossy(),
            status: component.word(),
            problem: component.problem.as_deref(),
            digest: serving.map(|state| Text(state.digest)),
            bytes: serving.map(|state| state.bytes),
            contract: serving.map(|state| state.contract.as_str()),
            loaded_at: serving.map(|state| Time(state.loaded_at)),
            description: serving.and_then(|state| state.description.as_deref()),
            name: about.map(|about| about.name.as_str()),
            version: about.map(|about| about.version.as_str()),
            schemas: about.map(|about| Schemas {
                input: about.input_schema.as_ref(),
                output: about.output_schema.as_ref(),
                config: about.config_schema.as_ref(),
            }),
            imports: serving.map(|state| state.imports.as_slice()),
            uses_files: serving.map(|state| state.uses_files),
            limits: serving.map(|state: &ComponentState| Limits::from(&state.limits)),
            grants: serving.map(|state| Grants::from(&state.grants)),
        }
    }
}

impl From<&Record> for Limits {
    fn from(limits: &Record) -> Self {
        Self {
            fuel: limits.fuel,
            memory: limits.memory,
            timeout_ms: limits.timeout.as_millis(),
            output: limits.output,
            logs: limits.logs,
            events: limits.events,
            disk: limits.disk,
            files: limits.files,
            http: HttpLimits {
                requests: limits.http.requests,
                at_once: limits.http.at_once,
                connect_ms: limits.http.connect.as_millis(),
                first_byte_ms: limits.http.first_byte.as_millis(),
                total_ms: limits.http.total.as_millis(),
                request: limits.http.request,
                response: limits.http.response,
            },
            tokens: limits.tokens,
            tokens_per_day: limits.tokens_per_day,
        }
    }
}
