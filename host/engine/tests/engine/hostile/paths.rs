//! Guests that want out of their directory.

use std::sync::Arc;

use super::attack::Attack;
use super::files::{FILES, OPEN_ROOT};
use super::stage;
use super::strings::Strings;
use crate::guest::guest;

/// Spellings of what is not the guest's.
const WAYS_OUT: &[&str] = &[
    "..",
    "../",
    "../other/secret",
    "../OTHER/secret",
    "..//other//secret",
    "./../other/secret",
    "mine/../../other/secret",
    "mine/../../own/mine",
    "a/../../other/secret",
    "..\\other\\secret",
    "..%2fother%2fsecret",
    "%2e%2e/other/secret",
    "．．/other/secret",
    "..\0/other/secret",
    "mine\0/../../other/secret",
    "/",
    "//",
    "/other/secret",
    "/../other/secret",
    "/etc/passwd",
    "//etc/passwd",
    "/proc/self/cwd",
    "/proc/self/environ",
    "proc/self/fd/0",
    "C:\\Windows\\win.ini",
    "\\\\?\\C:\\",
    "C:other",
    "NUL:",
    "planted",
    "planted/",
    "planted/secret",
    "PLANTED/secret",
    "leak",
    "leak/",
    "leak/.",
    "link/secret",
    "link/../../other/secret",
    "deep/deep/deep/../../../../other/secret",
    "",
];

/// Opens all that can be thought of, to read, to write and as a directory, with links followed and
/// not, and tells the number of the first that could be opened, from one.
fn opening() -> Arc<[u8]> {
    let mut strings = Strings::new();
    let links = [("../other", "link"), (".", "loop"), ("/etc", "abs"), ("loop", "deep")];
    let prepared: String = links
        .map(|(target, name)| {
            let (target, name) = (strings.put(target), strings.put(name));
            format!("(call $symlink (global.get $root) {target} {name} (i32.const 512))")
        })
        .concat();
    let tried: String = WAYS_OUT
        .iter()
        .zip(1..)
        .map(|(path, number)| format!("(call $try {} (i32.const {number}))", strings.put(path)))
        .collect();
    let parts = format!(
        r#"{FILES} {}
        (data (i32.const 1100) "{{\"opened\":\"00\"}}")
        (func $once (param $ptr i32) (param $len i32) (param $number i32) (param $follow i32) (param $how i32) (param $flags i32)
          (call $open (global.get $root) (local.get $follow) (local.get $ptr) (local.get $len)
            (local.get $how) (local.get $flags) (i32.const 512))
          (if (i32.and (i32.eqz (i32.load8_u (i32.const 512)))
                       (i32.eq (i32.load16_u (i32.const 1111)) (i32.const 0x3030))) (then
            (i32.store8 (i32.const 1111) (i32.add (i32.const 48) (i32.div_u (local.get $number) (i32.const 10))))
            (i32.store8 (i32.const 1112) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10)))))))
        (func $try (param $ptr i32) (param $len i32) (param $number i32)
          {})"#,
        strings.segments(),
        [(0, 0, 1), (1, 0, 1), (1, 0, 3), (0, 2, 1), (1, 2, 33)]
            .map(|(follow, how, flags)| format!(
                "(call $once (local.get $ptr) (local.get $len) (local.get $number) (i32.const {follow}) (i32.const {how}) (i32.const {flags}))"
            ))
            .concat()
    );
    guest(
        &parts,
        &format!("{OPEN_ROOT} {prepared} {tried} (call $done (i32.const 1100) (i32.const 15))"),
    )
}

/// Moves, links, makes and removes all that can be thought of; the host's side tells whether any of
/// it worked.
fn meddling() -> Arc<[u8]> {
    let mut strings = Strings::new();
    let mine = strings.put("mine");
    let mut body = OPEN_ROOT.to_owned();
    for (number, path) in WAYS_OUT.iter().enumerate() {
        // These are names like any others inside of its directory.
        if ["", "planted", "leak", "PLANTED/secret"].contains(path) {
            continue;
        }
        let (path, name) = (strings.put(path), strings.put(&format!("got{number}")));
        let own = "(global.get $root)";
        for call in [
            format!("(call $move {own} {path} {own} {name} (i32.const 512))"),
            format!("(call $move {own} {mine} {own} {path} (i32.const 512))"),
            format!("(call $link {own} (i32.const 0) {path} {own} {name} (i32.const 512))"),
            format!("(call $link {own} (i32.const 1) {path} {own} {name} (i32.const 512))"),
            format!("(call $link {own} (i32.const 0) {mine} {own} {path} (i32.const 512))"),
            format!("(call $symlink {own} {mine} {path} (i32.const 512))"),
            format!("(call $mkdir {own} {path} (i32.const 512))"),
            format!(
                "(call $open {own} (i32.const 1) {path} (i32.const 1) (i32.const 3) (i32.const 512))"
            ),
            format!(
                "(call $open {own} (i32.const 1) {path} (i32.const 9) (i32.const 3) (i32.const 512))"
            ),
            format!("(call $unlink {own} {path} (i32.const 512))"),
        ] {
            body.push_str(&call);
        }
    }
    let (leak, got) = (strings.put("leak"), strings.put("got"));
    body.push_str(&format!(
        "(call $link (global.get $root) (i32.const 1) {leak} (global.get $root) {got} (i32.const 512)) (call $fine)"
    ));
    guest(&format!("{FILES} {}", strings.segments()), &body)
}

/// Climbs from a directory that it opened and that then moved up.
fn climbing() -> Arc<[u8]> {
    let mut strings = Strings::new();
    let [a, ab, b] = ["a", "a/b", "b"].map(|text| strings.put(text));
    let [up, there] = ["../..", "../../other/secret"].map(|text| strings.put(text));
    let own = "(global.get $root)";
    let opened = "(if (i32.eqz (i32.load8_u (i32.const 512))) (then unreachable))";
    let body = format!(
        "{OPEN_ROOT}
         (call $mkdir {own} {a} (i32.const 512)) (call $must_be_ok)
         (call $mkdir {own} {ab} (i32.const 512)) (call $must_be_ok)
         (call $open {own} (i32.const 0) {ab} (i32.const 2) (i32.const 33) (i32.const 512)) (call $must_be_ok)
         (global.set $file (i32.load (i32.const 516)))
         (call $move {own} {ab} {own} {b} (i32.const 512)) (call $must_be_ok)
         (call $open (global.get $file) (i32.const 1) {up} (i32.const 2) (i32.const 1) (i32.const 512)) {opened}
         (call $open (global.get $file) (i32.const 1) {there} (i32.const 0) (i32.const 1) (i32.const 512)) {opened}
         (call $fine)"
    );
    guest(&format!("{FILES} {}", strings.segments()), &body)
}

fn attacks() -> Vec<Attack> {
    let done = |name, guest, text: &str| {
        Attack::new(name, guest, &["done"], text).with_files().within(|limits| limits.files = 1_000)
    };
    vec![
        done("every spelling of a way out, opened", opening(), r#""opened":"00""#),
        done("every spelling of a way out, moved, linked and removed", meddling(), ""),
        done("a way up from a directory that moved", climbing(), ""),
        Attack::new(
            "a directory where none was given",
            guest(
                FILES,
                "(call $directories (i32.const 512))
                 (if (i32.load (i32.const 516)) (then unreachable)) (call $fine)",
            ),
            &["done"],
            "",
        ),
    ]
}

#[tokio::test]
async fn a_guest_that_wants_out_of_its_directory_stays_in() {
    stage::contain("paths", attacks).await;
}
