//! Items: JSON objects that outlive threads, each under a namespace and a key.

mod address;
mod filter;
mod namespace;
mod pattern;

pub use address::ItemAddress;
pub use filter::{InvalidFilter, ItemFilter};
pub use namespace::{InvalidItem, Namespace};
pub use pattern::NamespacePattern;

use crate::{Object, Timestamp};

/// A JSON object that outlives threads; assistants and clients share it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where it is.
    pub address: ItemAddress,
    /// What it says.
    pub value: Object,
    /// When something was first put there.
    pub created_at: Timestamp,
    /// When something was last put there.
    pub updated_at: Timestamp,
    /// When it goes away, if it does.
    pub expires_at: Option<Timestamp>,
}

impl Item {
    /// The bytes of JSON that a value may have.
    pub const MOST_BYTES: usize = 4 << 20;
}
