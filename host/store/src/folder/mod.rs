//! The data folder: who may use it, how full its disk is, and how its files become durable.

mod files;
mod lock;
mod mark;
mod space;

pub(crate) use files::{copy_hashed, create_dir, hash_file, new_file, sync_dir, unusable};
pub(crate) use lock::Lock;
pub(crate) use mark::Mark;
pub(crate) use space::{Purpose, Space};
