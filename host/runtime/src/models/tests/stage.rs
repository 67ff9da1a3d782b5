//! A host whose one run in progress calls models.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc;
use wakeful_core::{Json, Limits, ModelName, Object, Run, SecretSource, TokenUse};
use wakeful_engine::{ModelAccess, ModelCall, ModelPiece, ModelRefusal};

use super::provider::Provider;
use crate::models::{ModelSettings, Models, OpenModels, Provider as Speaks};
use crate::tests::{Stage as HostStage, create};
use crate::{HostSettings, RunThread};

pub(super) const KEY: &str = "sk-very-secret-key-1234";

pub(super) struct Stage {
    pub(super) host: crate::Host,
    pub(super) run: Run,
    pub(super) limits: Limits,
    number: u32,
    open: Option<OpenModels>,
    _stage: HostStage,
    folder: TempDir,
}

/// The settings of a model at this provider.
pub(super) fn model(speaks: Speaks, provider: &Provider) -> ModelSettings {
    let base = if speaks == Speaks::OpenAi { "/v1" } else { "" };
    ModelSettings {
        provider: speaks,
        url: format!("http://{}{base}", provider.address).parse().unwrap(),
        model: "real-name".to_owned(),
        key: None,
        max_tokens: 1_000,
        temperature: None,
        timeout: Duration::from_secs(20),
        first_byte: Duration::from_secs(10),
        attempts: 3,
        at_once: 4,
        tokens_per_day: None,
    }
}

pub(super) fn name() -> ModelName {
    "fast".parse().unwrap()
}

pub(super) fn hello() -> Object {
    object(json!({ "messages": [{ "role": "user", "content": "hi" }] }))
}

pub(super) fn object(json: Json) -> Object {
    json.as_object().unwrap().clone()
}

impl Stage {
    /// A host with this model, and a run of an assistant that is granted it.
    pub(super) async fn open(mut settings: ModelSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        settings.key = Some(SecretSource::File(write_key(folder.path())));
        let models = Models(BTreeMap::from([(name(), settings)]));
        let change = move |host: &mut HostSettings| host.models = models;
        let stage = HostStage::open_with([], change).await;
        let thread = stage.thread().await;
        let host = stage.host.clone();
        // Nobody but the stage runs it.
        stage.hold();
        let run = create(RunThread::Existing(thread), json!({}));
        let run = host.create_run(run).await.unwrap();
        stage.held().await;
        let run = host.run(run.id).await.unwrap();
        let mut stage = Self {
            host,
            run,
            limits: Limits::default(),
            number: 0,
            open: None,
            _stage: stage,
            folder,
        };
        stage.begin().await;
        stage
    }

    /// Begins an attempt.
    pub(super) async fn begin(&mut self) {
        self.number = 0;
        let mut component = self.host.folder().component(&self.run.component).unwrap();
        component.grants.models = vec![name()];
        component.limits = self.limits.clone();
        let books = self.host.model_books();
        self.open = Some(books.open(&self.host, &self.run, &component).await.unwrap());
    }

    /// Ends the attempt, and returns what the run has used.
    pub(super) async fn end(&mut self) -> TokenUse {
        self.open.take().unwrap().close().await
    }

    pub(super) async fn complete(&mut self, request: Object) -> Result<Object, ModelRefusal> {
        self.call(request, false).await.1
    }

    /// Calls the model, and returns the pieces and the answer.
    pub(super) async fn call(
        &mut self,
        request: Object,
        streamed: bool,
    ) -> (Vec<String>, Result<Object, ModelRefusal>) {
        let call = ModelCall { number: self.number, model: name(), request, streamed };
        self.number += 1;
        let (sender, mut receiver) = mpsc::channel::<ModelPiece>(2);
        let listen = async {
            let mut pieces = Vec::new();
            while let Some(piece) = receiver.recv().await {
                pieces.push(piece.content);
            }
            pieces
        };
        let books = Arc::clone(self.host.model_books());
        let (pieces, answer) = tokio::join!(listen, books.call(self.run.id, call, sender));
        (pieces, answer)
    }

    pub(super) fn lose_key(&self) {
        std::fs::remove_file(self.folder.path().join("key")).unwrap();
    }

    /// The message with which a call is refused.
    pub(super) async fn refusal(&mut self, request: Object) -> wakeful_core::Failure {
        match self.complete(request).await {
            Err(ModelRefusal::Told(failure)) => failure,
            other => panic!("{other:?}"),
        }
    }
}

fn write_key(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("key");
    std::fs::write(&path, format!("{KEY}\n")).unwrap();
    path
}
