use crate::rpc::RpcError;

// The codes are those of the specification, "A2A-Specific Errors".

pub(crate) fn task_not_found(id: &str) -> RpcError {
    RpcError::new(-32001, format!("task {id} not found"))
}

pub(crate) fn not_cancelable(reason: impl Into<String>) -> RpcError {
    RpcError::new(-32002, reason)
}

pub(crate) fn no_push_notifications() -> RpcError {
    RpcError::new(-32003, "push notifications are not supported; poll or stream the task")
}

pub(crate) fn unsupported(reason: impl Into<String>) -> RpcError {
    RpcError::new(-32004, reason)
}

pub(crate) fn content_not_supported() -> RpcError {
    RpcError::new(-32005, "an assistant takes text and data, and no files")
}

pub(crate) fn no_extended_card() -> RpcError {
    RpcError::new(-32007, "there is no card but the public one")
}
