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
        "wakeful:assistant/crons.create": async,
        "wakeful:assistant/crons.list": async,
        "wakeful:assistant/crons.delete": async,
        "wakeful:assistant/calls.invoke": async,
        "wakeful:assistant/calls.start": async,
        "wakeful:assistant/chat.complete": async | trappable,
        "wakeful:assistant/chat.open": async | trappable,
        "wakeful:assistant/chat.[method]chat-stream.next": async | trappable,
        "wakeful:assistant/chat.[method]chat-stream.answer": async | trappable,
    },
    with: { "wakeful:assistant/chat.chat-stream": crate::chat_stream::ChatStream },
    exports: { default: async },
});

/// The optional export by itself, as not every component has it.
pub(crate) mod described {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package wakeful:engine;
            world described { export wakeful:assistant/metadata@0.1.0; }
        ",
        exports: { default: async },
    });
}
