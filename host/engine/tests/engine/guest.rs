//! Tiny hostile guests: a core module in text form, wrapped into a component.

use std::path::Path;
use std::sync::Arc;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The parts of WASI that the guests here use. What they leave out does not matter for linking.
const WASI: &str = r#"
package test:guest;

world guest {
  include wakeful:assistant/assistant-plugin@0.1.0;
  import wasi:random/random@0.2.0;
  import wasi:random/insecure@0.2.0;
  import wasi:io/poll@0.2.1;
  import wasi:io/streams@0.2.1;
  import wasi:clocks/monotonic-clock@0.2.0;
  import wasi:clocks/wall-clock@0.2.0;
  import wasi:cli/stdout@0.2.0;
  import wasi:cli/stderr@0.2.0;
  import wasi:cli/exit@0.2.0;
  import wasi:filesystem/types@0.2.0;
  import wasi:filesystem/preopens@0.2.0;
}

world described {
  include wakeful:assistant/described-assistant-plugin@0.1.0;
}

world oddly-described {
  export wakeful:assistant/assistant@0.1.0;
  export wakeful:assistant/metadata@0.1.7;
}

world unknown {
  include wakeful:assistant/assistant-plugin@0.1.0;
  import other:thing/telepathy@1.0.0;
}

world wasi-to-come {
  include wakeful:assistant/assistant-plugin@0.1.0;
  import wasi:random/random@0.3.0;
}

world foreign {
  export other:thing/telepathy@1.0.0;
}

world newer {
  export wakeful:assistant/assistant@0.2.0;
}

world mismatched {
  import wakeful:assistant/log@0.1.5;
  export wakeful:assistant/assistant@0.1.0;
}

package other:thing@1.0.0 {
  interface telepathy { think: func(); }
}

package wakeful:assistant@0.2.0 {
  interface assistant { invoke: func(); }
}

package wakeful:assistant@0.1.7 {
  interface metadata { describe: func() -> u32; }
}

package wakeful:assistant@0.1.5 {
  interface log { shout: func(); }
}

package wasi:random@0.3.0 {
  interface random { get-random-bytes: func(len: u64) -> list<u8>; }
}

package wasi:random@0.2.0 {
  interface random { get-random-bytes: func(len: u64) -> list<u8>; }
  interface insecure { get-insecure-random-bytes: func(len: u64) -> list<u8>; }
}

package wasi:io@0.2.1 {
  interface poll {
    resource pollable { block: func(); }
    poll: func(in: list<borrow<pollable>>) -> list<u32>;
  }
  interface error { resource error; }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource output-stream {
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    }
  }
}

package wasi:clocks@0.2.0 {
  interface monotonic-clock {
    use wasi:io/poll@0.2.1.{pollable};
    type duration = u64;
    type instant = u64;
    now: func() -> instant;
    subscribe-instant: func(when: instant) -> pollable;
    subscribe-duration: func(when: duration) -> pollable;
  }
  interface wall-clock {
    record datetime { seconds: u64, nanoseconds: u32 }
    now: func() -> datetime;
  }
}

package wasi:cli@0.2.0 {
  interface stdout {
    use wasi:io/streams@0.2.1.{output-stream};
    get-stdout: func() -> output-stream;
  }
  interface stderr {
    use wasi:io/streams@0.2.1.{output-stream};
    get-stderr: func() -> output-stream;
  }
  interface exit { exit: func(status: result); }
}

package wasi:filesystem@0.2.0 {
  interface types {
    type filesize = u64;
    flags path-flags { symlink-follow }
    flags open-flags { create, directory, exclusive, truncate }
    flags descriptor-flags {
      read, write, file-integrity-sync, data-integrity-sync, requested-write-sync, mutate-directory
    }
    enum error-code {
      access, would-block, already, bad-descriptor, busy, deadlock, quota, exist, file-too-large,
      illegal-byte-sequence, in-progress, interrupted, invalid, io, is-directory, loop,
      too-many-links, message-size, name-too-long, no-device, no-entry, no-lock,
      insufficient-memory, insufficient-space, not-directory, not-empty, not-recoverable,
      unsupported, no-tty, no-such-device, overflow, not-permitted, pipe, read-only, invalid-seek,
      text-file-busy, cross-device
    }
    resource directory-entry-stream;
    resource descriptor {
      read: func(length: filesize, offset: filesize) -> result<tuple<list<u8>, bool>, error-code>;
      set-size: func(size: filesize) -> result<_, error-code>;
      read-directory: func() -> result<directory-entry-stream, error-code>;
      create-directory-at: func(path: string) -> result<_, error-code>;
      link-at: func(old-path-flags: path-flags, old-path: string, new-descriptor: borrow<descriptor>,
        new-path: string) -> result<_, error-code>;
      rename-at: func(old-path: string, new-descriptor: borrow<descriptor>, new-path: string)
        -> result<_, error-code>;
      symlink-at: func(old-path: string, new-path: string) -> result<_, error-code>;
      open-at: func(path-flags: path-flags, path: string, open-flags: open-flags, %flags: descriptor-flags)
        -> result<descriptor, error-code>;
      write: func(buffer: list<u8>, offset: filesize) -> result<filesize, error-code>;
      unlink-file-at: func(path: string) -> result<_, error-code>;
    }
  }
  interface preopens {
    use types.{descriptor};
    get-directories: func() -> list<tuple<descriptor, string>>;
  }
}
"#;

/// An assistant whose `invoke` has this body, with these further parts in its module.
///
/// The body sees `$in`, the address of the arguments, and leaves the address of the result; `$done`
/// makes one of a string. Static data may lie from 1024, scratch from 512.
pub(crate) fn guest(parts: &str, body: &str) -> Arc<[u8]> {
    guest_with(parts, "", body)
}

/// Like [`guest`], with further parts that must stand behind its memory and its functions.
pub(crate) fn guest_with(parts: &str, rest: &str, body: &str) -> Arc<[u8]> {
    let module = format!(
        r#"(module
          (import "wakeful:assistant/events@0.1.0" "emit"
            (func $emit (param i32 i32 i32 i32 i32 i32)))
          (import "wakeful:assistant/log@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
          (import "wakeful:assistant/thread@0.1.0" "values" (func $values (param i32)))
          (import "wakeful:assistant/config@0.1.0" "get" (func $get (param i32 i32 i32)))
          (import "wakeful:assistant/control@0.1.0" "cancelled" (func $cancelled (result i32)))
          {parts}
          (memory (export "memory") 2)
          (global $top (mut i32) (i32.const 65536))
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (global.get $top))
            (global.set $top (i32.and
              (i32.add (i32.add (global.get $top) (local.get 3)) (i32.const 15)) (i32.const -16)))
            (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
              (then (drop (memory.grow (i32.add (i32.const 1)
                (i32.shr_u (local.get 3) (i32.const 16)))))))
            (local.get $at))
          (func $result (param $tag i32) (param $kind i32) (param $ptr i32) (param $len i32) (result i32)
            (i32.store (i32.const 256) (local.get $tag))
            (i32.store (i32.const 260) (local.get $kind))
            (i32.store (i32.const 264) (local.get $ptr))
            (i32.store (i32.const 268) (local.get $len))
            (i32.store (i32.const 272) (i32.const 1))
            (i32.store (i32.const 276) (i32.const 1))
            (i32.store (i32.const 280) (i32.const 1500))
            (i32.const 256))
          (func $done (param $ptr i32) (param $len i32) (result i32)
            (call $result (i32.const 0) (i32.const 0) (local.get $ptr) (local.get $len)))
          (data (i32.const 1008) "{{}}")
          (func $fine (result i32) (call $done (i32.const 1008) (i32.const 2)))
          {rest}
          (func (export "wakeful:assistant/assistant@0.1.0#invoke") (param $in i32) (result i32)
            {body}))"#
    );
    component("guest", &module)
}

/// An assistant that returns the string of which the address lies at `offset` in its arguments:
/// 76 the metadata, 84 the input.
pub(crate) fn returning_argument(offset: u32) -> Arc<[u8]> {
    let length = offset + 4;
    guest(
        "",
        &format!(
            "(call $done (i32.load offset={offset} (local.get $in)) (i32.load offset={length} (local.get $in)))"
        ),
    )
}

/// An assistant that returns its input.
pub(crate) fn echo() -> Arc<[u8]> {
    returning_argument(84)
}

/// A component of another world of the test package.
pub(crate) fn component(world: &str, module: &str) -> Arc<[u8]> {
    let mut resolve = Resolve::default();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    resolve.push_path(contract).expect("the contract parses");
    let package = resolve.push_str("test.wit", WASI).expect("the test world parses");
    let world = resolve.select_world(&[package], Some(world)).expect("the world is there");
    let mut module = wat::parse_str(module).expect("the guest's text parses");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("metadata fits");
    ComponentEncoder::default()
        .module(&module)
        .expect("the guest fits its world")
        .encode()
        .expect("the guest becomes a component")
        .into()
}

/// An assistant that returns an empty object, and whose `describe` has this body, with these further
/// parts in its module. The body leaves the address of the description; `$text` puts a text into
/// one of its fields, `$schema` an optional one.
pub(crate) fn described(parts: &str, body: &str) -> Arc<[u8]> {
    let module = format!(
        r#"(module
          (import "wakeful:assistant/events@0.1.0" "emit"
            (func $emit (param i32 i32 i32 i32 i32 i32)))
          (import "wakeful:assistant/store@0.1.0" "get"
            (func $item (param i32 i32 i32 i32 i32)))
          (import "wakeful:assistant/config@0.1.0" "keys" (func $keys (param i32)))
          (import "wakeful:assistant/thread@0.1.0" "values" (func $values (param i32)))
          {parts}
          (memory (export "memory") 4)
          (global $top (mut i32) (i32.const 131072))
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (global.get $top))
            (global.set $top (i32.and
              (i32.add (i32.add (global.get $top) (local.get 3)) (i32.const 15)) (i32.const -16)))
            (local.get $at))
          (data (i32.const 1000) "{{}}")
          (func (export "wakeful:assistant/assistant@0.1.0#invoke") (param $in i32) (result i32)
            (i32.store (i32.const 264) (i32.const 1000))
            (i32.store (i32.const 268) (i32.const 2))
            (i32.const 256))
          (func $text (param $field i32) (param $ptr i32) (param $len i32)
            (i32.store (i32.add (i32.const 512) (local.get $field)) (local.get $ptr))
            (i32.store (i32.add (i32.const 516) (local.get $field)) (local.get $len)))
          (func $schema (param $field i32) (param $ptr i32) (param $len i32)
            (i32.store8 (i32.add (i32.const 512) (local.get $field)) (i32.const 1))
            (call $text (i32.add (local.get $field) (i32.const 4)) (local.get $ptr) (local.get $len)))
          (func (export "wakeful:assistant/metadata@0.1.0#describe") (result i32)
            {body}))"#
    );
    component("described", &module)
}

/// The text of an assistant's module that never runs, with further parts.
pub(crate) fn idle(parts: &str) -> String {
    format!(
        r#"(module {parts}
          (memory (export "memory") 1)
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
          (func (export "wakeful:assistant/assistant@0.1.0#invoke") (param i32) (result i32)
            unreachable))"#
    )
}
