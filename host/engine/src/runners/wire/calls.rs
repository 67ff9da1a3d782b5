use std::time::Duration;

use serde::{Deserialize, Serialize};
use wakeful_core::{
    CronId, ErrorCode, Failure, Item, ItemAddress, ItemFilter, Namespace, NamespacePattern, RunId,
    Timestamp,
};

use super::job::instant;
use super::{Damaged, Opened, Text};
use crate::{AssistantAnswer, AssistantCall, CronAnswer, CronCall, ItemAnswer, ItemCall};

/// What a run wants of the host.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum HostCall {
    /// Of the store of items.
    Items(WireItemCall),
    /// Of the crons of its thread.
    Crons(WireCronCall),
    /// Of another assistant.
    Assistants(WireAssistantCall),
}

/// The answer to a [`HostCall`], of the same kind.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum HostAnswer {
    Items(WireItemAnswer),
    Crons(WireCronAnswer),
    Assistants(WireAssistantAnswer),
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireFailure {
    code: String,
    message: String,
    retryable: bool,
    retry_after: Option<Duration>,
}

type Place = (Vec<String>, String);

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum WireItemCall {
    Get(Place),
    Put {
        address: Place,
        value: Text,
        ttl: Option<Duration>,
    },
    Delete(Place),
    Search {
        prefix: Vec<String>,
        filter: Text,
        limit: u64,
        offset: u64,
        most_bytes: u64,
    },
    Namespaces {
        prefix: Vec<String>,
        suffix: Vec<String>,
        max_depth: Option<u64>,
        limit: u64,
        offset: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum WireItemAnswer {
    Item(Option<WireItem>),
    Put,
    Deleted(bool),
    Items(Vec<WireItem>),
    Namespaces(Vec<Vec<String>>),
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireItem {
    address: Place,
    value: Text,
    created_at: i128,
    updated_at: i128,
    expires_at: Option<i128>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum WireCronCall {
    Create(Text),
    List(u64),
    Delete([u8; 16]),
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum WireCronAnswer {
    Created(Text),
    Crons(Vec<Text>),
    Deleted(bool),
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireAssistantCall {
    number: u32,
    assistant: String,
    input: Text,
    wait: bool,
    fuel: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct WireAssistantAnswer {
    run_id: [u8; 16],
    ended: Option<Text>,
    fuel: u64,
}

impl WireAssistantCall {
    pub(in crate::runners) fn new(call: AssistantCall) -> Self {
        let AssistantCall { number, assistant, input, wait, fuel } = call;
        let (assistant, input) = (assistant.to_string(), Text::of(&input));
        Self { number, assistant, input, wait, fuel }
    }

    pub(in crate::runners) fn open(self) -> Opened<AssistantCall> {
        Ok(AssistantCall {
            number: self.number,
            assistant: self.assistant.parse().map_err(|_| Damaged)?,
            input: self.input.open()?,
            wait: self.wait,
            fuel: self.fuel,
        })
    }
}

impl WireAssistantAnswer {
    pub(in crate::runners) fn new(answer: AssistantAnswer) -> Self {
        let AssistantAnswer { run_id, ended, fuel } = answer;
        Self { run_id: *run_id.as_bytes(), ended: ended.map(Text::of_object), fuel }
    }

    pub(in crate::runners) fn open(self) -> Opened<AssistantAnswer> {
        Ok(AssistantAnswer {
            run_id: RunId::from_bytes(self.run_id),
            ended: self.ended.as_ref().map(Text::object).transpose()?,
            fuel: self.fuel,
        })
    }
}

impl WireFailure {
    pub(in crate::runners) fn new(failure: Failure) -> Self {
        let Failure { code, message, retryable, retry_after } = failure;
        Self { code: code.as_str().to_owned(), message, retryable, retry_after }
    }

    pub(in crate::runners) fn open(self) -> Opened<Failure> {
        Ok(Failure {
            code: ErrorCode::parse(&self.code).ok_or(Damaged)?,
            message: self.message,
            retryable: self.retryable,
            retry_after: self.retry_after,
        })
    }
}

impl WireItemCall {
    pub(in crate::runners) fn new(call: ItemCall) -> Self {
        match call {
            ItemCall::Get(address) => Self::Get(place(address)),
            ItemCall::Put { address, value, ttl } => {
                Self::Put { address: place(address), value: Text::of_object(value), ttl }
            }
            ItemCall::Delete(address) => Self::Delete(place(address)),
            ItemCall::Search { prefix, filter, limit, offset, most_bytes } => Self::Search {
                prefix: prefix.into_labels(),
                filter: Text::of_object(filter.to_object()),
                limit: limit as u64,
                offset: offset as u64,
                most_bytes,
            },
            ItemCall::Namespaces { prefix, suffix, max_depth, limit, offset } => Self::Namespaces {
                prefix: prefix.to_labels(),
                suffix: suffix.to_labels(),
                max_depth: max_depth.map(|depth| depth as u64),
                limit: limit as u64,
                offset: offset as u64,
            },
        }
    }

    pub(in crate::runners) fn open(self) -> Opened<ItemCall> {
        Ok(match self {
            Self::Get(at) => ItemCall::Get(address(at)?),
            Self::Put { address: at, value, ttl } => {
                ItemCall::Put { address: address(at)?, value: value.object()?, ttl }
            }
            Self::Delete(at) => ItemCall::Delete(address(at)?),
            Self::Search { prefix, filter, limit, offset, most_bytes } => ItemCall::Search {
                prefix: namespace(prefix)?,
                filter: ItemFilter::parse(&filter.object()?).map_err(|_| Damaged)?,
                limit: size(limit)?,
                offset: size(offset)?,
                most_bytes,
            },
            Self::Namespaces { prefix, suffix, max_depth, limit, offset } => ItemCall::Namespaces {
                prefix: pattern(prefix)?,
                suffix: pattern(suffix)?,
                max_depth: max_depth.map(size).transpose()?,
                limit: size(limit)?,
                offset: size(offset)?,
            },
        })
    }
}

impl WireItemAnswer {
    pub(in crate::runners) fn new(answer: ItemAnswer) -> Self {
        match answer {
            ItemAnswer::Item(item) => Self::Item(item.map(WireItem::new)),
            ItemAnswer::Put => Self::Put,
            ItemAnswer::Deleted(deleted) => Self::Deleted(deleted),
            ItemAnswer::Items(items) => Self::Items(items.into_iter().map(WireItem::new).collect()),
            ItemAnswer::Namespaces(found) => {
                Self::Namespaces(found.into_iter().map(Namespace::into_labels).collect())
            }
        }
    }

    pub(in crate::runners) fn open(self) -> Opened<ItemAnswer> {
        Ok(match self {
            Self::Item(item) => ItemAnswer::Item(item.map(WireItem::open).transpose()?),
            Self::Put => ItemAnswer::Put,
            Self::Deleted(deleted) => ItemAnswer::Deleted(deleted),
            Self::Items(items) => {
                ItemAnswer::Items(items.into_iter().map(WireItem::open).collect::<Opened<_>>()?)
            }
            Self::Namespaces(found) => {
                ItemAnswer::Namespaces(found.into_iter().map(namespace).collect::<Opened<_>>()?)
            }
        })
    }
}

impl WireItem {
    fn new(item: Item) -> Self {
        Self {
            address: place(item.address),
            value: Text::of_object(item.value),
            created_at: item.created_at.as_nanosecond(),
            updated_at: item.updated_at.as_nanosecond(),
            expires_at: item.expires_at.map(Timestamp::as_nanosecond),
        }
    }

    fn open(self) -> Opened<Item> {
        Ok(Item {
            address: address(self.address)?,
            value: self.value.object()?,
            created_at: instant(self.created_at)?,
            updated_at: instant(self.updated_at)?,
            expires_at: self.expires_at.map(instant).transpose()?,
        })
    }
}

impl WireCronCall {
    pub(in crate::runners) fn new(call: CronCall) -> Self {
        match call {
            CronCall::Create(request) => Self::Create(Text::of_object(request)),
            CronCall::List { limit } => Self::List(limit as u64),
            CronCall::Delete(id) => Self::Delete(*id.as_bytes()),
        }
    }

    pub(in crate::runners) fn open(self) -> Opened<CronCall> {
        Ok(match self {
            Self::Create(request) => CronCall::Create(request.object()?),
            Self::List(limit) => CronCall::List { limit: size(limit)? },
            Self::Delete(id) => CronCall::Delete(CronId::from_bytes(id)),
        })
    }
}

impl WireCronAnswer {
    pub(in crate::runners) fn new(answer: CronAnswer) -> Self {
        match answer {
            CronAnswer::Created(cron) => Self::Created(Text::of_object(cron)),
            CronAnswer::Crons(crons) => {
                Self::Crons(crons.into_iter().map(Text::of_object).collect())
            }
            CronAnswer::Deleted(deleted) => Self::Deleted(deleted),
        }
    }

    pub(in crate::runners) fn open(self) -> Opened<CronAnswer> {
        Ok(match self {
            Self::Created(cron) => CronAnswer::Created(cron.object()?),
            Self::Crons(crons) => {
                CronAnswer::Crons(crons.iter().map(Text::object).collect::<Opened<_>>()?)
            }
            Self::Deleted(deleted) => CronAnswer::Deleted(deleted),
        })
    }
}

fn place(address: ItemAddress) -> Place {
    let (namespace, key) = address.into_parts();
    (namespace.into_labels(), key)
}

fn address((labels, key): Place) -> Opened<ItemAddress> {
    ItemAddress::new(namespace(labels)?, key).map_err(|_| Damaged)
}

fn namespace(labels: Vec<String>) -> Opened<Namespace> {
    Namespace::new(labels).map_err(|_| Damaged)
}

fn pattern(labels: Vec<String>) -> Opened<NamespacePattern> {
    NamespacePattern::new(labels).map_err(|_| Damaged)
}

fn size(number: u64) -> Opened<usize> {
    usize::try_from(number).map_err(|_| Damaged)
}
