use serde::Serialize;
use serde_json::{Map, json};
use utoipa::ToSchema;
use wakeful::core::{Object, ThreadId};
use wakeful::{Amount as Record, ThreadStorage};

use crate::wire::Text;

/// How much a thread keeps, on the wire. `files` is not part of the protocol.
#[derive(Serialize, ToSchema)]
pub(crate) struct Storage {
    #[schema(value_type = String, format = "uuid")]
    thread_id: Text<ThreadId>,
    total_bytes: u64,
    checkpoints: Amount,
    channel_values: Channels,
    pending_writes: Amount,
    files: Amount,
}

#[derive(Serialize, ToSchema)]
struct Amount {
    count: u64,
    bytes: u64,
}

#[derive(Serialize, ToSchema)]
struct Channels {
    count: u64,
    bytes: u64,
    by_channel: Object,
}

impl From<Record> for Amount {
    fn from(amount: Record) -> Self {
        Self { count: amount.count, bytes: amount.bytes }
    }
}

impl Storage {
    pub(crate) fn new(thread: ThreadId, storage: &ThreadStorage) -> Self {
        let channels = storage.channels.iter().map(|(name, amount)| {
            (name.clone(), json!({ "versions": amount.count, "bytes": amount.bytes }))
        });
        Self {
            thread_id: Text(thread),
            total_bytes: storage.total_bytes(),
            checkpoints: storage.checkpoints.into(),
            channel_values: Channels {
                count: storage.channels.values().map(|amount| amount.count).sum(),
                bytes: storage.channels.values().map(|amount| amount.bytes).sum(),
                by_channel: Map::from_iter(channels),
            },
            pending_writes: storage.pending.into(),
            files: storage.files.into(),
        }
    }
}
