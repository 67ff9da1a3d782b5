//! What clients write into the state of a thread, in the place of a run.

use wakeful_core::{
    Checkpoint, CheckpointId, CheckpointSource, ComponentId, Json, Manifest, Object, Thread,
    ThreadId, Timestamp,
};

use crate::{Error, NodeUpdate, Superstep};

/// How many supersteps may be replayed at once.
const MOST_SUPERSTEPS: usize = 256;
/// How many bytes the values of all their checkpoints may have. Every checkpoint holds all values,
/// so a small request could write a large amount.
const MOST_BYTES: usize = 64 << 20;

/// As what a client writes. A component is one node; LangGraph has these others in every graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    /// The client does not say.
    Unsaid,
    /// What comes before the component.
    Start,
    /// The input itself.
    Input,
    /// The component, as if it had just run.
    Component,
    /// What comes after the component.
    End,
    /// Nobody: the checkpoint is repeated.
    Copy,
}

impl Node {
    fn parse(name: Option<&str>, component: &ComponentId) -> Result<Self, Error> {
        match name {
            None => Ok(Self::Unsaid),
            Some("__start__") => Ok(Self::Start),
            Some("__input__") => Ok(Self::Input),
            Some("__end__") => Ok(Self::End),
            Some("__copy__") => Ok(Self::Copy),
            Some(name) if name == component.as_str() => Ok(Self::Component),
            Some(name) => Err(Error::Invalid(format!(
                "as_node: Node {name} does not exist; the graph `{component}` has the nodes `{component}`, `__start__` and `__end__`"
            ))),
        }
    }
}

/// The graph of a thread: the component that runs on it.
pub(crate) fn graph_of(id: ThreadId, metadata: &Object) -> Result<ComponentId, Error> {
    let graph = metadata.get("graph_id").and_then(Json::as_str);
    graph.and_then(|graph| graph.parse().ok()).ok_or_else(|| {
        Error::Invalid(format!(
            "thread {id} has no graph yet; start a run on it, or name one under `graph_id` in its metadata"
        ))
    })
}

/// The checkpoint that `updates` make of `base`.
pub(crate) fn successor(
    thread: ThreadId,
    component: &ComponentId,
    base: Option<&Checkpoint>,
    updates: &[NodeUpdate],
    now: Timestamp,
) -> Result<Checkpoint, Error> {
    let mut next = following(thread, base, now);
    let mut values = match std::mem::take(&mut next.values) {
        Json::Object(values) => values,
        _ => Object::new(),
    };
    for update in updates {
        let node = Node::parse(update.as_node.as_deref(), component)?;
        if node == Node::Copy && update.values.is_some() {
            return Err(Error::Invalid(
                "values: `__copy__` repeats a checkpoint as it is; remove `values`, or write as another node".to_owned(),
            ));
        }
        values.extend(update.values.clone().unwrap_or_default());
        match node {
            // The component has run, as far as anybody can tell: nothing waits for an answer.
            Node::Component | Node::End => next.pending = None,
            Node::Unsaid | Node::Start => {}
            Node::Input => next.source = CheckpointSource::Input,
            Node::Copy => next.source = CheckpointSource::Fork,
        }
    }
    next.values = Json::Object(values);
    next.metadata.insert("graph_id".into(), component.to_string().into());
    Ok(next)
}

/// The checkpoint that other files make of `base`.
pub(crate) fn successor_with(
    thread: &Thread,
    base: Option<&Checkpoint>,
    files: Manifest,
    now: Timestamp,
) -> Checkpoint {
    let graph = thread.metadata.get("graph_id").map(|graph| ("graph_id".to_owned(), graph.clone()));
    let metadata = graph.into_iter().collect();
    Checkpoint { files, metadata, ..following(thread.id, base, now) }
}

/// A checkpoint after `base` at which everything is as it was.
fn following(thread: ThreadId, base: Option<&Checkpoint>, now: Timestamp) -> Checkpoint {
    Checkpoint {
        id: CheckpointId::generate(),
        thread_id: thread,
        parent: base.map(|base| base.id),
        run_id: None,
        step: 0,
        created_at: now,
        values: base.map_or_else(|| Object::new().into(), |base| base.values.clone()),
        files: base.map_or_else(Manifest::default, |base| base.files.clone()),
        pending: base.and_then(|base| base.pending.clone()),
        source: CheckpointSource::Update,
        metadata: Object::new(),
    }
}

/// The checkpoints of a new thread on which `supersteps` are replayed.
pub(crate) fn replay(
    thread: ThreadId,
    metadata: &Object,
    supersteps: &[Superstep],
    now: Timestamp,
) -> Result<Vec<Checkpoint>, Error> {
    if supersteps.is_empty() {
        return Ok(Vec::new());
    }
    if supersteps.len() > MOST_SUPERSTEPS {
        return Err(Error::Invalid(format!("supersteps: more than {MOST_SUPERSTEPS}")));
    }
    let component = graph_of(thread, metadata)?;
    let mut made: Vec<Checkpoint> = Vec::with_capacity(supersteps.len());
    let mut bytes = 0_usize;
    for superstep in supersteps {
        let next = successor(thread, &component, made.last(), &superstep.updates, now)?;
        bytes = bytes.saturating_add(next.values.to_string().len());
        if bytes > MOST_BYTES {
            return Err(Error::Invalid(format!(
                "supersteps: the values after each of them have more than {} MiB together",
                MOST_BYTES >> 20
            )));
        }
        made.push(next);
    }
    Ok(made)
}
