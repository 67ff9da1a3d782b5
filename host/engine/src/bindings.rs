//! What wasmtime's macro makes of the contract in `wit/`.

// Generated code; its items carry the contract's own comments.
#![allow(missing_docs, unreachable_pub)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "assistant-plugin",
    imports: {
        "wakeful:assistant/events.emit": async | trappable,
        "wakeful:assistant/log.log": async,
        "wakeful:assistant/store.get": async,
        "wakeful:assistant/store.put": async,
        "wakeful:assistant/store.delete": async,
        "wakeful:assistant/store.search": async,
        "wakeful:assistant/store.list-namespaces": async,
    },
    exports: { default: async },
});
