//! Guests that fill the disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::attack::{Aftermath, Attack};
use super::files::{FILES, OPEN_ROOT};
use super::strings::Strings;
use super::{forever, stage};
use crate::guest::guest;
use crate::support::limits;

/// Bytes that may be on the disk before the guest is stopped, beyond its limit of four mebibytes.
const OVERSHOOT: u64 = 64 << 20;

fn filling(body: &str) -> Arc<[u8]> {
    guest(FILES, &format!("{OPEN_ROOT} {body}"))
}

/// What is below a directory, in bytes on the disk.
fn taken(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;

    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let taken_by = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => taken(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    };
    entries.flatten().map(taken_by).sum()
}

fn overshoot(after: &Aftermath<'_>) -> Result<(), String> {
    let taken = taken(&after.scene.expect("it has files").root());
    if taken > limits().disk + OVERSHOOT {
        return Err(format!("{} MiB are on the disk", taken >> 20));
    }
    Ok(())
}

/// Moves between two directories what it goes on filling.
fn dodging() -> Arc<[u8]> {
    let mut strings = Strings::new();
    let [here, there, file] = ["here", "there", "here/file"].map(|text| strings.put(text));
    let body = format!(
        "{OPEN_ROOT}
         (call $mkdir (global.get $root) {here} (i32.const 512)) (call $must_be_ok)
         (call $open (global.get $root) (i32.const 0) {file} (i32.const 1) (i32.const 3) (i32.const 512))
         (call $must_be_ok) (global.set $file (i32.load (i32.const 516)))
         {}",
        forever(&format!(
            "(call $append)
             (call $move (global.get $root) {here} (global.get $root) {there} (i32.const 512))
             (call $move (global.get $root) {there} (global.get $root) {here} (i32.const 512))"
        ))
    );
    guest(&format!("{FILES} {}", strings.segments()), &body)
}

/// Directories in directories, deeper than a path can say.
fn burrowing() -> Arc<[u8]> {
    let mut strings = Strings::new();
    let name = strings.put(&"d".repeat(200));
    let body = format!(
        "{OPEN_ROOT} {}",
        forever(&format!(
            "(call $mkdir (global.get $root) {name} (i32.const 512)) (call $must_be_ok)
             (call $open (global.get $root) (i32.const 0) {name} (i32.const 2) (i32.const 33) (i32.const 512))
             (call $must_be_ok) (call $close (global.get $root))
             (global.set $root (i32.load (i32.const 516)))"
        ))
    );
    guest(&format!("{FILES} {}", strings.segments()), &body)
}

/// One file under many names.
fn linking() -> Arc<[u8]> {
    let mut strings = Strings::new();
    let mine = strings.put("mine");
    let link = format!(
        "(call $link (global.get $root) (i32.const 0) {mine} (global.get $root) (i32.const 1024) (i32.const 4) (i32.const 512))
         (call $rename)"
    );
    let body = format!("{OPEN_ROOT} {}", forever(&link));
    guest(&format!("{FILES} {}", strings.segments()), &body)
}

/// Symbolic links that point nowhere.
fn pointing() -> Arc<[u8]> {
    let mut strings = Strings::new();
    let nowhere = strings.put("nowhere");
    let link = format!(
        "(call $symlink (global.get $root) {nowhere} (i32.const 1024) (i32.const 4) (i32.const 512)) (call $rename)"
    );
    let body = format!("{OPEN_ROOT} {}", forever(&link));
    guest(&format!("{FILES} {}", strings.segments()), &body)
}

fn attacks() -> Vec<Attack> {
    let full = |name, guest, text: &str| {
        Attack::new(name, guest, &["disk_full"], text).with_files().checked(overshoot)
    };
    let appending = forever("(call $append)");
    let hidden = "(call $unlink (global.get $root) (i32.const 1024) (i32.const 4) (i32.const 512))";
    let next_file = "(call $close (global.get $file)) (call $rename)";
    vec![
        full(
            "one file that grows",
            filling(&format!("(call $create) {appending}")),
            "limit `disk`",
        ),
        full(
            "a removed file that grows",
            filling(&format!("(call $create) {hidden} {appending}")),
            "limit `disk`",
        ),
        full(
            "many files, nothing in them",
            filling(&forever(&format!("(call $create) {next_file}"))),
            "limit `files`",
        ),
        full(
            "many files, each with something in it",
            filling(&forever(&format!("(call $create) (call $append) {next_file}"))),
            "limit",
        ),
        full(
            "a file of a tebibyte without contents",
            filling(
                "(call $create) (call $set_size (global.get $file) (i64.const 1099511627776) (i32.const 512))
                 (call $read (global.get $file) (i64.const 1099511627776) (i64.const 0) (i32.const 512))
                 (call $fine)",
            ),
            "limit `disk`",
        ),
        full(
            "a file with one byte at the end of a tebibyte",
            filling(
                "(call $create)
                 (call $write (global.get $file) (i32.const 2048) (i32.const 1) (i64.const 1099511627776) (i32.const 512))
                 (call $fine)",
            ),
            "limit `disk`",
        ),
        full("a file that grows while its directory is renamed", dodging(), "limit `disk`"),
        full("directories in directories", burrowing(), ""),
        full("one file under many names", linking(), "limit `files`"),
        full("many links to nowhere", pointing(), "limit `files`"),
        full(
            "more than it may have, left behind in a hurry",
            filling(&format!("(call $create) {} (call $fine)", "(call $append) ".repeat(80))),
            "limit `disk`",
        ),
        Attack::new(
            "a file that grows after its run was cancelled",
            filling(&format!("(call $create) {appending}")),
            &["cancelled", "disk_full"],
            "",
        )
        .with_files()
        .cancelled_after(std::time::Duration::from_millis(20))
        .checked(overshoot),
        Attack::timed_out(
            "reading without end",
            filling(&forever(
                "(global.set $top (i32.const 65536)) (call $create)
                 (call $read (global.get $file) (i64.const -1) (i64.const 0) (i32.const 512))
                 (call $close (global.get $file))",
            )),
        )
        .with_files(),
    ]
}

#[tokio::test]
async fn a_guest_that_fills_the_disk_is_stopped() {
    stage::contain("disk", attacks).await;
}
