use wakeful::core::{Json, Object, Start};

/// The key under which a conversation is kept.
const MESSAGES: &str = "messages";

/// The values of the thread while a run is going on, as far as a client can know them.
///
/// Only the component knows what it will make of its input. Until it says so, its thread is shown
/// as LangGraph's usual reducers would have it: new messages after the old ones, everything else
/// replaced.
#[derive(Debug, Default)]
pub(crate) struct Values {
    shown: Object,
    /// Whether there is anything to show.
    known: bool,
}

impl Values {
    pub(crate) fn at(start: &Start) -> Self {
        let mut values = Self { shown: object(&start.values), known: start.values.is_object() };
        // The input of a run that answers a question was seen by the run that asked.
        if let (Json::Object(input), None) = (&start.run.request.input, &start.run.request.command)
        {
            values.known = true;
            for (key, value) in input {
                values.put(key, value);
            }
        }
        values
    }

    fn put(&mut self, key: &str, value: &Json) {
        if let (MESSAGES, Some(Json::Array(old)), Json::Array(new)) =
            (key, self.shown.get_mut(key), value)
        {
            old.extend(new.iter().cloned());
        } else {
            self.shown.insert(key.to_owned(), value.clone());
        }
    }

    /// Takes over what a guest says its values, or some of them, are.
    pub(crate) fn replace(&mut self, some: &Json) {
        self.known |= some.is_object();
        self.shown.extend(object(some));
    }

    pub(crate) fn get(&self) -> Option<&Object> {
        self.known.then_some(&self.shown)
    }

    /// What `new` has that is not shown yet: of a longer conversation its end, of anything else the
    /// whole, and `null` for what is gone.
    pub(crate) fn changes(&self, new: &Object) -> Object {
        let mut changes = Object::new();
        for (key, value) in new {
            match (self.shown.get(key), value) {
                (Some(old), new) if old == new => {}
                (Some(Json::Array(old)), Json::Array(new)) if key == MESSAGES => {
                    changes.insert(key.clone(), Json::Array(added(old, new).to_vec()));
                }
                _ => {
                    changes.insert(key.clone(), value.clone());
                }
            }
        }
        let gone = self.shown.keys().filter(|key| !new.contains_key(*key));
        changes.extend(gone.map(|key| (key.clone(), Json::Null)));
        changes
    }

    /// The messages of `new` that are not shown yet.
    pub(crate) fn new_messages<'a>(&self, new: &'a Object) -> &'a [Json] {
        let list = |values: &'a Object| values.get(MESSAGES).and_then(Json::as_array);
        let old = self.shown.get(MESSAGES).and_then(Json::as_array);
        list(new).map(|new| added(old.map_or(&[], Vec::as_slice), new)).unwrap_or_default()
    }
}

/// The end of `new` that begins where `old` ends; all of it if it is not a longer `old`.
fn added<'a>(old: &[Json], new: &'a [Json]) -> &'a [Json] {
    new.strip_prefix(old).unwrap_or(new)
}

fn object(json: &Json) -> Object {
    json.as_object().cloned().unwrap_or_default()
}
