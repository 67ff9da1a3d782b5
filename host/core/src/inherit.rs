use crate::assistant::{CONFIGURABLE, mirror};
use crate::{Assistant, Json, Object, RunRequest};

/// Facts about one run that another cannot inherit.
const OWN: [&str; 5] = ["run_id", "thread_id", "assistant_id", "graph_id", "cron_id"];

impl Assistant {
    /// What a run of this assistant receives when its caller, on a thread with this metadata, asks
    /// for `own`: whatever `own` leaves open is as the assistant says.
    ///
    /// `configurable` and context are merged key by key, metadata as well (the assistant's, then
    /// the thread's, then the run's own); tags add up.
    pub fn request(&self, mut own: RunRequest, thread: &Object) -> RunRequest {
        let mut context = self.context.clone();
        context.extend(configurable(&own.config));
        context.extend(std::mem::take(&mut own.context));
        let mut config = self.config.clone();
        let defaults = match config.shift_remove("metadata") {
            Some(Json::Object(metadata)) => metadata,
            _ => Object::new(),
        };
        let tags = tags(&config, &own.config);
        config.extend(std::mem::take(&mut own.config));
        if let Some(tags) = tags {
            config.insert("tags".into(), tags);
        }
        mirror(&mut config, &context);
        let mut metadata = inherited(&self.metadata);
        metadata.extend(inherited(thread));
        metadata.extend(inherited(&defaults));
        metadata.extend(std::mem::take(&mut own.metadata));
        RunRequest { config, context, metadata, ..own }
    }
}

fn configurable(config: &Object) -> Object {
    config.get(CONFIGURABLE).and_then(Json::as_object).cloned().unwrap_or_default()
}

/// The tags of both, each once; `None` if neither names any.
fn tags(first: &Object, second: &Object) -> Option<Json> {
    let mut all: Vec<Json> = Vec::new();
    let mut named = false;
    for config in [first, second] {
        let Some(tags) = config.get("tags").and_then(Json::as_array) else { continue };
        named = true;
        for tag in tags {
            if !all.contains(tag) {
                all.push(tag.clone());
            }
        }
    }
    named.then_some(Json::Array(all))
}

fn inherited(metadata: &Object) -> Object {
    let own = |key: &str| OWN.contains(&key);
    metadata
        .iter()
        .filter(|(key, _)| !own(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Timestamp;

    fn object(json: Json) -> Object {
        json.as_object().unwrap().clone()
    }

    fn assistant() -> Assistant {
        Assistant {
            config: object(json!({
                "tags": ["a", "b"], "recursion_limit": 7, "configurable": {"k": "a", "deep": {"x": 1}},
                "metadata": {"from": "config"},
            })),
            context: object(json!({"k": "a", "deep": {"x": 1}})),
            metadata: object(json!({"from": "assistant", "team": "a"})),
            ..Assistant::default_of("echo".parse().unwrap(), Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn a_run_that_asks_for_nothing_is_as_its_assistant_says() {
        let request = assistant().request(RunRequest::default(), &Object::new());
        let expected = json!({
            "tags": ["a", "b"], "recursion_limit": 7, "configurable": {"k": "a", "deep": {"x": 1}},
        });
        assert_eq!(Json::Object(request.config), expected);
        assert_eq!(request.context, assistant().context);
        assert_eq!(Json::Object(request.metadata), json!({"from": "config", "team": "a"}));
    }

    #[test]
    fn what_a_run_asks_for_goes_before_what_its_assistant_says() {
        for own in [
            json!({"tags": ["b", "c"], "recursion_limit": 9, "configurable": {"k": "r", "n": 1}}),
            json!({"tags": ["b", "c"], "recursion_limit": 9}),
        ] {
            let by_context = own.get("configurable").is_none();
            let own = RunRequest {
                config: object(own),
                context: object(if by_context { json!({"k": "r", "n": 1}) } else { json!({}) }),
                ..RunRequest::default()
            };
            let request = assistant().request(own, &Object::new());
            let keys = json!({"k": "r", "deep": {"x": 1}, "n": 1});
            let expected =
                json!({"tags": ["a", "b", "c"], "recursion_limit": 9, "configurable": keys});
            assert_eq!(Json::Object(request.config), expected);
            assert_eq!(Json::Object(request.context), keys);
        }
    }

    #[test]
    fn metadata_goes_from_the_assistant_over_the_thread_to_the_run() {
        let mut assistant = assistant();
        assistant.config.remove("metadata");
        let thread = object(json!({
            "from": "thread", "t": 1, "graph_id": "old", "assistant_id": "old", "cron_id": "old",
        }));
        let own = RunRequest {
            metadata: object(json!({"r": 2, "cron_id": "c"})),
            ..RunRequest::default()
        };
        let request = assistant.request(own, &thread);
        let expected = json!({"from": "thread", "team": "a", "t": 1, "r": 2, "cron_id": "c"});
        assert_eq!(Json::Object(request.metadata), expected);
    }

    #[test]
    fn nothing_is_made_up_where_nobody_configures_anything() {
        let plain = Assistant::default_of("echo".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let own = RunRequest { input: json!([1]), ..RunRequest::default() };
        let request = plain.request(own, &Object::new());
        assert_eq!(request.input, json!([1]));
        assert!(request.config.is_empty() && request.context.is_empty());
    }
}
