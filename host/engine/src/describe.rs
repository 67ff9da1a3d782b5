//! Asks a component what it says of itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wakeful_core::{
    AssistantId, Clock, Grants, HttpLimits, Json, Limits, Object, Provision, RunId, ThreadId,
};
use wasmtime::{Engine, Store};

use crate::bindings::described::exports::wakeful::assistant::metadata as contract;
use crate::library::Loaded;
use crate::reach::Reach;
use crate::sandbox::Sandbox;
use crate::{Job, JobTrigger, outcome};

/// What a component may use to describe itself: enough to start an engine of JavaScript or Python,
/// and nothing to work with.
const LIMITS: Limits = Limits {
    fuel: 2_000_000_000,
    memory: 128 << 20,
    timeout: Duration::from_secs(10),
    output: 64 << 10,
    logs: 0,
    events: 0,
    disk: 0,
    files: 0,
    http: HttpLimits {
        requests: 0,
        at_once: 0,
        connect: Duration::ZERO,
        first_byte: Duration::ZERO,
        total: Duration::ZERO,
        request: 0,
        response: 0,
    },
    tokens: 0,
    tokens_per_day: None,
};

/// Bytes of a name or a version.
const SHORT: usize = 200;

/// Bytes of a description.
const LONG: usize = 4_000;

/// Levels of objects and lists in a schema.
const DEPTH: usize = 32;

/// What a component says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// The version of the assistant, in its own words.
    pub version: String,
    /// JSON Schema of the input.
    pub input_schema: Option<Object>,
    /// JSON Schema of the thread's values.
    pub output_schema: Option<Object>,
    /// JSON Schema of the configuration.
    pub config_schema: Option<Object>,
}

/// What the component says of itself, in a sandbox that has nothing; `None` if it says nothing.
/// The error is for whoever built it.
pub(crate) async fn describe(
    engine: &Engine,
    loaded: &Loaded,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Description>, String> {
    let Ok(described) = &loaded.described else { return Ok(None) };
    let mut job = job(loaded);
    // Nobody listens, so nothing that it emits is waited for.
    let (events, _) = mpsc::channel(1);
    let reach = Reach::default();
    let mut store = Sandbox::new(&mut job, events, CancellationToken::new(), clock, reach)
        .and_then(|sandbox| {
            let mut store = Store::new(engine, sandbox);
            Sandbox::bound(&mut store)?;
            Ok(store)
        })
        .map_err(|error| format!("cannot set up a sandbox: {error:#}"))?;
    let call = async {
        let component = described.instantiate_async(&mut store).await?;
        component.wakeful_assistant_metadata().call_describe(&mut store).await
    };
    match tokio::time::timeout(LIMITS.timeout, call).await {
        Err(_) => Err(format!("it did not return within {} s", LIMITS.timeout.as_secs())),
        Ok(Err(error)) => Err(outcome::ended(&error, store.data_mut()).to_string()),
        Ok(Ok(contract::Description {
            name,
            description,
            version,
            input_schema,
            output_schema,
            config_schema,
        })) => {
            read(Told { name, description, version, input_schema, output_schema, config_schema })
                .map(Some)
        }
    }
}

/// A description, as it was told.
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) version: String,
    pub(crate) input_schema: Option<String>,
    pub(crate) output_schema: Option<String>,
    pub(crate) config_schema: Option<String>,
}

fn job(loaded: &Loaded) -> Job {
    Job {
        digest: loaded.info.digest,
        thread_id: ThreadId::generate(),
        assistant_id: AssistantId::generate(),
        run_id: RunId::generate(),
        attempt: 1,
        trigger: JobTrigger::Manual,
        metadata: Object::new(),
        input: Json::Null,
        values: Json::Null,
        config: Object::new(),
        limits: LIMITS,
        grants: Grants::default(),
        provision: Provision::default(),
        root: None,
    }
}

/// Reads a description, if it is within its bounds.
pub(crate) fn read(description: Told) -> Result<Description, String> {
    let schemas =
        [&description.input_schema, &description.output_schema, &description.config_schema];
    let texts = [&description.name, &description.description, &description.version];
    let sizes = texts.into_iter().chain(schemas.into_iter().flatten()).map(String::len);
    let bytes = sizes.fold(0_u64, |sum, len| sum.saturating_add(len as u64));
    if bytes > LIMITS.output {
        return Err(format!("it has {bytes} bytes, and at most {} are allowed", LIMITS.output));
    }
    for (what, text, most) in [
        ("name", &description.name, SHORT),
        ("version", &description.version, SHORT),
        ("description", &description.description, LONG),
    ] {
        if text.len() > most {
            return Err(format!("its {what} has more than {most} bytes"));
        }
    }
    Ok(Description {
        input_schema: schema("input", description.input_schema.as_deref())?,
        output_schema: schema("output", description.output_schema.as_deref())?,
        config_schema: schema("config", description.config_schema.as_deref())?,
        name: description.name,
        description: description.description,
        version: description.version,
    })
}

fn schema(what: &str, text: Option<&str>) -> Result<Option<Object>, String> {
    let Some(text) = text else { return Ok(None) };
    match serde_json::from_str(text) {
        Ok(Value::Object(schema)) => {
            if schema.values().all(|value| fits(value, DEPTH - 1)) {
                Ok(Some(schema))
            } else {
                Err(format!("its {what} schema is nested more than {DEPTH} levels deep"))
            }
        }
        Ok(_) => Err(format!("its {what} schema is not a JSON object")),
        Err(error) => Err(format!("its {what} schema is not JSON: {error}")),
    }
}

/// Whether the value has at most this many levels of objects and lists.
fn fits(value: &Value, levels: usize) -> bool {
    let below = levels.checked_sub(1);
    match value {
        Value::Object(object) => {
            below.is_some_and(|below| object.values().all(|value| fits(value, below)))
        }
        Value::Array(list) => {
            below.is_some_and(|below| list.iter().all(|value| fits(value, below)))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_an_object_of_bounded_depth() {
        assert_eq!(schema("input", None), Ok(None));
        assert_eq!(schema("input", Some("{}")), Ok(Some(Object::new())));
        for (text, complaint) in [("[]", "not a JSON object"), ("{", "not JSON")] {
            assert!(schema("input", Some(text)).unwrap_err().contains(complaint));
        }
        let nested =
            |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert!(schema("input", Some(&nested(DEPTH))).is_ok());
        assert!(schema("input", Some(&nested(DEPTH + 1))).unwrap_err().contains("nested"));
    }
}
