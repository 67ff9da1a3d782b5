//! What wasmtime's macro makes of the contract in `wit/`.

// Generated code; its items carry the contract's own comments.
#![allow(missing_docs, unreachable_pub)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "assistant-plugin",
    imports: {
        "wakeful:assistant/events.emit": async | trappable,
        "wakeful:assistant/log.log": async,
    },
    exports: { default: async },
});
