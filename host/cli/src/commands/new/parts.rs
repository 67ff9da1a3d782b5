//! What a new assistant is made of. It is all in the program, so that nothing has to be fetched and
//! the library and the contract fit the host.

/// A file of a new assistant.
pub(super) struct Part {
    /// Where in the folder it goes.
    pub(super) path: &'static str,
    /// Its text, with names to be filled in.
    pub(super) text: &'static str,
}

macro_rules! parts {
    ($($path:literal: $source:literal,)*) => {
        &[$(Part {
            path: $path,
            text: include_str!(concat!("../../../../../", $source)),
        }),*]
    };
}

pub(super) const RUST: &[Part] = parts! {
    "README.md": "guests/rust/template/README.md",
    "Cargo.toml": "guests/rust/template/Cargo.toml.in",
    ".gitignore": "guests/rust/template/gitignore",
    "src/lib.rs": "guests/rust/template/lib.rs",
    "wakeful-guest/Cargo.toml": "guests/rust/Cargo.toml",
    "wakeful-guest/src/about.rs": "guests/rust/src/about.rs",
    "wakeful-guest/src/assistants.rs": "guests/rust/src/assistants.rs",
    "wakeful-guest/src/chat.rs": "guests/rust/src/chat.rs",
    "wakeful-guest/src/component.rs": "guests/rust/src/component.rs",
    "wakeful-guest/src/error.rs": "guests/rust/src/error.rs",
    "wakeful-guest/src/lib.rs": "guests/rust/src/lib.rs",
    "wakeful-guest/src/message.rs": "guests/rust/src/message.rs",
    "wakeful-guest/src/outcome.rs": "guests/rust/src/outcome.rs",
    "wakeful-guest/src/run.rs": "guests/rust/src/run.rs",
    "wakeful-guest/wit/assistant.wit": "wit/assistant.wit",
    "wakeful-guest/wit/deps/http.wit": "wit/deps/http.wit",
    "wakeful-guest/wit/deps/io.wit": "wit/deps/io.wit",
};

pub(super) const PYTHON: &[Part] = parts! {
    "README.md": "guests/python/template/README.md",
    "requirements.txt": "guests/python/template/requirements.txt",
    ".gitignore": "guests/python/template/gitignore",
    "app.py": "guests/python/template/app.py",
    "wakeful.py": "guests/python/wakeful.py",
    "wakeful_http.py": "guests/python/wakeful_http.py",
    "wit/assistant.wit": "wit/assistant.wit",
    "wit/deps/http.wit": "wit/deps/http.wit",
    "wit/deps/io.wit": "wit/deps/io.wit",
};

pub(super) const JS: &[Part] = parts! {
    "README.md": "guests/js/template/README.md",
    "package.json": "guests/js/template/package.json.in",
    ".gitignore": "guests/js/template/gitignore",
    "assistant.js": "guests/js/template/assistant.js",
    "wakeful.d.ts": "guests/js/wakeful.d.ts",
    "wakeful.js": "guests/js/wakeful.js",
    "assistants.js": "guests/js/assistants.js",
    "assistants.d.ts": "guests/js/assistants.d.ts",
    "models.js": "guests/js/models.js",
    "models.d.ts": "guests/js/models.d.ts",
    "wit/assistant.wit": "wit/assistant.wit",
    "wit/deps/http.wit": "wit/deps/http.wit",
    "wit/deps/io.wit": "wit/deps/io.wit",
};
