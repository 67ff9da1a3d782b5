use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use wakeful::core::{Expiry, Object, ThreadId, Ttl};
use wakeful::{CreateThread, IfExists, NodeUpdate, Superstep, ThreadPatch};

use crate::described;
use crate::error::Error;
use crate::extract::parse_id;
use crate::wire::state_body::Values;
use crate::wire::{ttl, word};

/// How many threads one request may prune.
const MOST_PRUNED: usize = 1_000;

/// The body of `POST /threads`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ThreadBody {
    thread_id: Option<String>,
    metadata: Option<Object>,
    #[serde(default, deserialize_with = "do_nothing")]
    #[schema(value_type = Option<described::IfExists>)]
    if_exists: bool,
    #[serde(default, deserialize_with = "ttl::ttl")]
    #[schema(value_type = Option<described::Ttl>)]
    ttl: Option<Ttl>,
    supersteps: Option<Vec<SuperstepBody>>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct SuperstepBody {
    updates: Vec<UpdateBody>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct UpdateBody {
    values: Option<Values>,
    command: Option<Command>,
    as_node: Option<String>,
}

/// Of LangGraph's commands, the part that is an update. The others steer a graph while it runs.
#[derive(Debug, Deserialize, ToSchema)]
struct Command {
    update: Option<Values>,
}

fn do_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    word::choice(deserializer, "do_nothing", "raise")
}

impl ThreadBody {
    pub(crate) fn into_request(self) -> Result<CreateThread, Error> {
        let supersteps = self.supersteps.unwrap_or_default().into_iter();
        Ok(CreateThread {
            id: self.thread_id.map(|id| parse_id("thread", &id)).transpose()?,
            metadata: self.metadata.unwrap_or_default(),
            if_exists: if self.if_exists { IfExists::DoNothing } else { IfExists::Raise },
            ttl: self.ttl,
            supersteps: supersteps.map(SuperstepBody::into_request).collect::<Result<_, _>>()?,
            key: None,
        })
    }
}

impl SuperstepBody {
    fn into_request(self) -> Result<Superstep, Error> {
        if self.updates.is_empty() {
            return Err(Error::unprocessable("supersteps: each needs at least one of `updates`"));
        }
        let updates: Vec<NodeUpdate> = self
            .updates
            .into_iter()
            .flat_map(|update| {
                let by_command = update.command.and_then(|command| command.update);
                Values::updates(update.values.or(by_command), update.as_node)
            })
            .collect();
        Ok(Superstep { updates })
    }
}

/// The body of `PATCH /threads/{thread_id}`.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ThreadPatchBody {
    metadata: Option<Object>,
    #[serde(default, deserialize_with = "ttl::patch")]
    #[schema(value_type = Option<described::Ttl>)]
    ttl: Option<Option<Ttl>>,
}

impl ThreadPatchBody {
    pub(crate) fn into_request(self) -> ThreadPatch {
        ThreadPatch { metadata: self.metadata.unwrap_or_default(), ttl: self.ttl }
    }
}

/// The body of `POST /threads/prune`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct PruneBody {
    thread_ids: Vec<String>,
    #[serde(default, deserialize_with = "word::expiry")]
    #[schema(value_type = Option<described::Expiry>)]
    strategy: Option<Expiry>,
}

impl PruneBody {
    pub(crate) fn into_request(self) -> Result<(Vec<ThreadId>, Expiry), Error> {
        if self.thread_ids.len() > MOST_PRUNED {
            return Err(Error::unprocessable(format!(
                "thread_ids: more than {MOST_PRUNED}; prune them in several requests"
            )));
        }
        let ids = self.thread_ids.iter().map(|id| parse_id("thread", id));
        Ok((ids.collect::<Result<_, _>>()?, self.strategy.unwrap_or_default()))
    }
}
