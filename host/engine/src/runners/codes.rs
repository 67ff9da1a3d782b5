use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::codes::Mount;

/// Code for other processes, as open files.
pub(super) struct Files;

impl Mount for Files {
    type Code = Arc<File>;

    fn file(&self, path: &Path) -> wasmtime::Result<Arc<File>> {
        // It stays what it is, whatever becomes of the name.
        Ok(Arc::new(File::open(path)?))
    }

    fn bytes(&self, code: &[u8]) -> wasmtime::Result<Arc<File>> {
        let mut file = File::from(memfd_create("wakeful-code", MemfdFlags::CLOEXEC)?);
        file.write_all(code)?;
        Ok(Arc::new(file))
    }
}
