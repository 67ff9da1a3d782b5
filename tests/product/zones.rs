//! Time-zone files that change.

use std::path::Path;

use serde_json::json;

use crate::support::{Server, eventually, text};

/// A file of a zone whose clocks are always this many hours ahead of UTC (RFC 9636).
fn zone(hours: i32) -> Vec<u8> {
    let block = |bytes: &mut Vec<u8>| {
        bytes.extend(b"TZif2");
        bytes.extend([0; 15]);
        // No leap seconds and no transitions; one type, and its abbreviation of four bytes.
        for count in [0_u32, 0, 0, 0, 1, 4] {
            bytes.extend(count.to_be_bytes());
        }
        bytes.extend((hours * 3_600).to_be_bytes());
        bytes.extend(b"\0\0XXX\0");
    };
    let mut bytes = Vec::new();
    // Once for readers of 32 bits, once for others, who read the rule at the end.
    block(&mut bytes);
    block(&mut bytes);
    bytes.extend(format!("\nXXX{}\n", -hours).as_bytes());
    bytes
}

/// Puts another file in the place of a zone's, as an update of the system does.
fn put(folder: &Path, hours: i32) {
    let (new, place) = (folder.join("Europe/new"), folder.join("Europe/Berlin"));
    std::fs::create_dir_all(folder.join("Europe")).unwrap();
    std::fs::write(&new, zone(hours)).unwrap();
    std::fs::rename(new, place).unwrap();
}

#[test]
fn crons_follow_time_zone_files_that_change_while_the_server_runs_or_is_down() {
    let zones = tempfile::tempdir().unwrap();
    put(zones.path(), 1);
    let mut server = Server::new();
    server.install("echo", "echo");
    server.set("TZDIR", zones.path());
    let settings = server.data().with_file_name("wakeful.toml");
    std::fs::write(settings, "[crons]\nzone_poll = \"100ms\"\n").unwrap();
    server.launch();
    let body = json!({
        "assistant_id": "echo", "schedule": "0 9 * * *", "timezone": "Europe/Berlin",
    });
    let cron = text(&server.post("/runs/crons", body).ok(), "cron_id");
    let next =
        |server: &Server| text(&server.get(&format!("/runs/crons/{cron}")).ok(), "next_run_date");
    assert!(next(&server).ends_with("T08:00:00+00:00"), "{}", next(&server));
    put(zones.path(), 3);
    eventually("the running server follows", || next(&server).ends_with("T06:00:00+00:00"));
    server.terminate();
    put(zones.path(), -2);
    server.launch();
    eventually("the next start follows", || next(&server).ends_with("T11:00:00+00:00"));
}
