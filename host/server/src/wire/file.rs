use serde::Serialize;
use utoipa::ToSchema;
use wakeful::ThreadFiles;
use wakeful::core::{CheckpointId, Digest, FileEntry, FileKind};

use crate::wire::Text;

/// The files of a thread, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct Files {
    #[schema(value_type = Option<String>, format = "uuid")]
    checkpoint_id: Option<Text<CheckpointId>>,
    total_bytes: u64,
    files: Vec<File>,
}

/// A file, directory or link of a thread, on the wire.
#[derive(Serialize, ToSchema)]
pub(crate) struct File {
    path: String,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Kind {
    Directory,
    File {
        size: u64,
        #[schema(value_type = String)]
        digest: Text<Digest>,
    },
    Symlink {
        target: String,
    },
}

impl From<ThreadFiles> for Files {
    fn from(found: ThreadFiles) -> Self {
        Self {
            checkpoint_id: found.checkpoint.map(Text),
            total_bytes: found.files.bytes(),
            files: found.files.entries.iter().map(File::from).collect(),
        }
    }
}

impl From<&FileEntry> for File {
    fn from(entry: &FileEntry) -> Self {
        let kind = match &entry.kind {
            FileKind::Directory => Kind::Directory,
            FileKind::File { digest, size } => Kind::File { size: *size, digest: Text(*digest) },
            FileKind::Symlink { target } => Kind::Symlink { target: target.clone() },
        };
        Self { path: entry.path.clone(), kind }
    }
}
