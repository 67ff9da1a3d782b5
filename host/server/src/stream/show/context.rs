use uuid::Uuid;
use wakeful::core::{Json, Object, Run, Start};

/// What is said of a run beside its events.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) run: Run,
    /// The run's metadata, with what only the host states.
    pub(crate) metadata: Object,
    /// The number of the thread's next checkpoint.
    pub(crate) step: u64,
}

impl Context {
    pub(crate) fn new(start: &Start) -> Self {
        let run = start.run.clone();
        let mut metadata = run.request.metadata.clone();
        metadata.insert("graph_id".into(), run.component.to_string().into());
        metadata.insert("assistant_id".into(), run.assistant_id.to_string().into());
        metadata.insert("run_attempt".into(), run.attempt.into());
        Self { run, metadata, step: start.step }
    }

    /// The name of the one node that a component is.
    pub(crate) fn node(&self) -> &str {
        self.run.component.as_str()
    }

    /// A component has no tasks; this id stands for the one that LangGraph would have.
    pub(crate) fn task(&self) -> String {
        Uuid::new_v5(&self.run.id.uuid(), b"task").to_string()
    }

    /// The metadata of what the node does.
    pub(crate) fn node_metadata(&self) -> Object {
        let mut metadata = self.run_metadata();
        let node = self.node();
        let mut set = |key: &str, value: Json| metadata.insert(key.to_owned(), value);
        set("langgraph_step", self.step.into());
        set("langgraph_node", node.into());
        set("langgraph_triggers", Json::Array(vec![trigger(node).into()]));
        set("langgraph_path", Json::Array(vec!["__pregel_pull".into(), node.into()]));
        set("langgraph_checkpoint_ns", format!("{node}:{}", self.task()).into());
        metadata
    }

    /// The metadata of what the run does.
    pub(crate) fn run_metadata(&self) -> Object {
        let mut metadata = self.metadata.clone();
        metadata.insert("run_id".into(), self.run.id.to_string().into());
        metadata.insert("thread_id".into(), self.run.thread_id.to_string().into());
        metadata
    }
}

/// What LangGraph says starts the only node of a graph.
pub(crate) fn trigger(node: &str) -> String {
    format!("branch:to:{node}")
}
