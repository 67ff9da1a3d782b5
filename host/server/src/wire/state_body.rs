use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wakeful::core::{CheckpointId, Object, ThreadId};
use wakeful::{NodeUpdate, StateUpdate};

use crate::error::Error;
use crate::wire::state::Address;
use crate::wire::{CheckpointRef, Text};

/// The body of `POST /threads/{thread_id}/state`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct StateBody {
    values: Option<Values>,
    as_node: Option<String>,
    checkpoint: Option<CheckpointRef>,
    checkpoint_id: Option<CheckpointRef>,
}

/// Values to write: one object, or several that are written one after another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected an object, a list of objects, or null")]
pub(crate) enum Values {
    One(Object),
    Several(Vec<Object>),
}

impl Values {
    /// The updates that write these values as a node.
    pub(crate) fn updates(values: Option<Self>, as_node: Option<String>) -> Vec<NodeUpdate> {
        let values = match values {
            None => vec![None],
            Some(Self::One(values)) => vec![Some(values)],
            Some(Self::Several(several)) => several.into_iter().map(Some).collect(),
        };
        let update = |values| NodeUpdate { values, as_node: as_node.clone() };
        values.into_iter().map(update).collect()
    }
}

impl StateBody {
    pub(crate) fn into_request(self) -> Result<StateUpdate, Error> {
        let checkpoint = self.checkpoint_id.or(self.checkpoint);
        Ok(StateUpdate {
            updates: Values::updates(self.values, self.as_node),
            checkpoint: checkpoint.map(|checkpoint| checkpoint.id()).transpose()?.flatten(),
        })
    }
}

/// What became of an update, on the wire: the new checkpoint, named three times.
#[derive(Serialize, ToSchema)]
pub(crate) struct Updated {
    checkpoint: Address,
    configurable: Address,
    #[schema(value_type = String, format = "uuid")]
    checkpoint_id: Text<CheckpointId>,
}

impl Updated {
    pub(crate) fn new(thread: ThreadId, made: CheckpointId) -> Self {
        Self {
            checkpoint: Address::new(thread, made),
            configurable: Address::new(thread, made),
            checkpoint_id: Text(made),
        }
    }
}
