//! Crons that assistants make for themselves.

use serde_json::{Value, json};

use crate::support::{Server, eventually, list, text};

/// A server that goes along with crons at every second, with the probe as `clerk` and the reminder,
/// each with this file beside it.
fn server(toml: &str) -> Server {
    let mut server = Server::new();
    let settings = "[assistant_crons]\nmin_interval = \"1s\"\n";
    std::fs::write(server.data().with_file_name("wakeful.toml"), settings).unwrap();
    for (example, id) in [("test/probe", "clerk"), ("reminder", "reminder")] {
        std::fs::write(server.assistants().join(format!("{id}.toml")), toml).unwrap();
        server.install(example, id);
    }
    server.launch();
    server
}

fn granted(max: u32, min_interval: &str) -> String {
    format!("[grants]\ncrons = {{ max = {max}, min_interval = \"{min_interval}\" }}\n")
}

/// The values after a run of this assistant on the thread.
fn run(server: &Server, thread: &str, assistant: &str, input: Value) -> Value {
    let body = json!({ "assistant_id": assistant, "input": input });
    server.post(&format!("/threads/{thread}/runs/wait"), body).ok()
}

/// What came of these calls of the probe.
fn calls(server: &Server, thread: &str, calls: Value) -> Vec<Value> {
    let ended = run(server, thread, "clerk", json!({ "crons": calls }));
    assert_eq!(ended.get("__error__"), None, "{ended}");
    list(ended["answers"].clone())
}

fn create(request: Value) -> Value {
    json!({ "call": "create", "request": request })
}

/// The crons of the thread, as a client sees them.
fn crons(server: &Server, thread: &str) -> Vec<Value> {
    list(server.post("/runs/crons/search", json!({ "thread_id": thread })).ok())
}

/// The word and the message with which a call was refused.
#[track_caller]
fn refusal(answer: &Value) -> (String, String) {
    let word = text(answer, "error");
    (word.trim_start_matches("ErrorCode::").to_owned(), text(answer, "message"))
}

#[test]
fn without_a_grant_every_call_is_refused_with_the_line_that_would_allow_it() {
    let server = server("");
    let thread = server.thread();
    let allowing = "crons = { max = 5, min_interval = \"1h\" }";
    let id = "019ac1c8-0000-7000-8000-000000000000";
    let answers = calls(
        &server,
        &thread,
        json!([
            create(json!({ "schedule": "0 9 * * *" })),
            { "call": "list" },
            { "call": "delete", "id": id },
        ]),
    );
    for answer in &answers {
        let (word, message) = refusal(answer);
        assert_eq!(word, "Denied");
        assert!(message.contains(allowing), "{message}");
    }
    let body =
        json!({ "assistant_id": "reminder", "input": { "remind": "x", "schedule": "0 9 * * *" } });
    let made = server.post(&format!("/threads/{thread}/runs"), body).ok();
    let path = format!("/threads/{thread}/runs/{}", text(&made, "run_id"));
    server.get(&format!("{path}/join")).ok();
    let ended = server.get(&path).ok();
    assert_eq!(ended["status"], "error");
    assert!(ended["execution"]["log_tail"].to_string().contains("min_interval"), "{ended}");
    assert_eq!(crons(&server, &thread), Vec::<Value>::new());
    // The line does what it says.
    std::fs::write(server.assistants().join("clerk.toml"), format!("[grants]\n{allowing}\n"))
        .unwrap();
    eventually("the grant is in force", || {
        let components = list(server.get("/components").ok());
        components.iter().any(|one| one["id"] == "clerk" && one["grants"]["crons"]["max"] == 5)
    });
    let made = calls(&server, &thread, json!([create(json!({ "schedule": "0 9 * * *" }))]));
    assert!(made[0]["ok"]["cron_id"].is_string(), "{made:?}");
    let shown = server.wakeful(&["assistants", "show", "clerk"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("up to 5 crons for itself on a thread, 1h apart or more"), "{shown}");
}

#[test]
fn a_reminder_fires_on_its_thread_until_it_is_forgotten() {
    let server = server(&granted(5, "1s"));
    let thread = server.thread();
    let input = json!({ "remind": "call Ada", "schedule": "* * * * * *" });
    let promised = run(&server, &thread, "reminder", input);
    assert!(promised.to_string().contains("I will remind you"), "{promised}");
    let made = crons(&server, &thread).remove(0);
    assert_eq!(made["payload"]["input"]["reminder"], "call Ada");
    assert_eq!(
        made["assistant_id"],
        server.post("/assistants/search", json!({ "graph_id": "reminder" })).ok()[0]["assistant_id"]
    );
    assert!(made["made_by_run_id"].is_string(), "{made}");
    let said = || server.get(&format!("/threads/{thread}/state")).ok()["values"].to_string();
    eventually("it is said on the thread", || said().contains("Reminder: call Ada ("));
    let agenda = run(&server, &thread, "reminder", json!({}));
    assert!(agenda["messages"].to_string().contains("call Ada"), "{agenda}");
    run(&server, &thread, "reminder", json!({ "forget": made["cron_id"] }));
    assert_eq!(crons(&server, &thread), Vec::<Value>::new());
}

#[test]
fn a_reminder_for_one_instant_is_said_once_and_is_gone() {
    let server = server(&granted(5, "1h"));
    let thread = server.thread();
    let at = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 3).unwrap();
    let input = json!({ "remind": "call Ada", "at": at.to_string() });
    run(&server, &thread, "reminder", input);
    let made = crons(&server, &thread).remove(0);
    assert_eq!(text(&made, "next_run_date").parse::<jiff::Timestamp>().unwrap(), at);
    eventually("the cron is gone", || crons(&server, &thread).is_empty());
    let state = server.get(&format!("/threads/{thread}/state")).ok();
    let said = list(state["values"]["messages"].clone());
    assert_eq!(said[1]["content"], format!("Reminder: call Ada ({at})"));
    let runs = list(server.get(&format!("/threads/{thread}/runs")).ok());
    let fired = runs.iter().find(|run| !run["execution"]["fire"].is_null()).unwrap();
    let fire = &fired["execution"]["fire"];
    assert_eq!((&fire["cron_id"], &fire["trigger"]), (&made["cron_id"], &json!("schedule")));
    assert_eq!(runs.len(), 2);
    let every = create(json!({ "every": "2h" }));
    let made = calls(&server, &thread, json!([every, every, every, every, every]));
    assert!(made.iter().all(|answer| answer["ok"].is_object()), "{made:?}");
    assert_eq!(made[0]["ok"]["schedule"], "@every 2h");
}

#[test]
fn a_cron_that_will_not_fire_again_gives_way_to_a_new_one() {
    let server = server(&granted(1, "1h"));
    let thread = server.thread();
    let at = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 3).unwrap();
    // Its input calls nothing, so that nobody deletes it.
    let once = create(json!({ "at": at.to_string(), "input": { "crons": [] } }));
    let daily = create(json!({ "schedule": "@daily" }));
    let answers = calls(&server, &thread, json!([once, daily]));
    assert_eq!(refusal(&answers[1]).0, "LimitExceeded");
    eventually("it has ended", || crons(&server, &thread)[0]["ended"] == true);
    let answers = calls(&server, &thread, json!([daily, daily]));
    assert!(answers[0]["ok"].is_object(), "{answers:?}");
    assert_eq!(refusal(&answers[1]).0, "LimitExceeded");
    let left = crons(&server, &thread);
    assert_eq!((left.len(), &left[0]["cron_id"]), (1, &answers[0]["ok"]["cron_id"]));
}

#[test]
fn a_run_sees_its_own_changes_and_others_only_after_its_end() {
    let server = server(&granted(3, "1m"));
    let thread = server.thread();
    let body = json!({ "assistant_id": "clerk", "schedule": "0 0 1 1 *" });
    let clients = server.post(&format!("/threads/{thread}/runs/crons"), body).ok();
    let elsewhere = server.thread();
    let body = json!({ "assistant_id": "clerk", "schedule": "0 0 1 1 *" });
    let foreign = server.post(&format!("/threads/{elsewhere}/runs/crons"), body).ok();
    let request = json!({
        "schedule": "0 9 * * *", "timezone": "Europe/Berlin", "end_time": "2099-01-01T00:00:00Z",
        "input": { "n": 1 }, "metadata": { "k": "v" },
    });
    let answers = calls(
        &server,
        &thread,
        json!([
            create(request),
            create(json!({ "schedule": "0 10 * * *" })),
            { "call": "list" },
            { "call": "delete", "id": 1 },
            { "call": "delete", "id": 1 },
            { "call": "list" },
            { "call": "delete", "id": clients["cron_id"] },
            { "call": "delete", "id": foreign["cron_id"] },
            { "call": "delete", "id": "no id" },
        ]),
    );
    assert_eq!(answers[2]["ok"].as_array().unwrap().len(), 3);
    assert_eq!((&answers[3]["ok"], &answers[4]["ok"]), (&json!(true), &json!(false)));
    assert_eq!(answers[5]["ok"].as_array().unwrap().len(), 2);
    assert_eq!(refusal(&answers[6]).0, "Denied");
    assert_eq!(answers[7]["ok"], false);
    assert_eq!(refusal(&answers[8]).0, "InvalidInput");
    let found = crons(&server, &thread);
    assert_eq!(found.len(), 2);
    let made = &answers[0]["ok"];
    let seen = found.iter().find(|cron| cron["cron_id"] == made["cron_id"]).unwrap();
    for field in ["schedule", "timezone", "thread_id", "assistant_id", "metadata", "made_by_run_id"]
    {
        assert_eq!(seen[field], made[field], "{field}");
    }
    assert_eq!(seen["payload"]["input"], json!({ "n": 1 }));
    let later = calls(&server, &thread, json!([{ "call": "delete", "id": made["cron_id"] }]));
    assert_eq!(later[0]["ok"], true);
    assert_eq!(crons(&server, &thread).len(), 1);
}

#[test]
fn a_grant_bounds_how_many_and_how_often() {
    let server = server(&granted(2, "1h"));
    let thread = server.thread();
    for (request, word, expected) in [
        (json!({ "schedule": "*/30 * * * *" }), "InvalidInput", "30m apart"),
        (json!({ "schedule": "* * * * * *" }), "InvalidInput", "1s apart"),
        (json!({ "schedule": "0,59 0,23 1,31 * *" }), "InvalidInput", "apart"),
        (
            json!({ "schedule": "0 9 * * *", "end_time": "2020-01-01T00:00:00Z" }),
            "InvalidInput",
            "never fire",
        ),
        (json!({ "schedule": "0 9 * *" }), "InvalidInput", "field"),
        (json!({ "schedules": ["0 9 * * *", "59 9 * * *"] }), "InvalidInput", "59m apart"),
        (json!({ "schedules": [] }), "InvalidInput", "1 to 16"),
        (json!({ "every": "59m" }), "InvalidInput", "59m apart"),
        (json!({ "every": "often" }), "InvalidInput", "interval"),
        (json!({ "at": "2020-01-01T00:00:00Z" }), "InvalidInput", "never fire"),
        (json!({ "at": "tomorrow" }), "InvalidInput", "RFC 3339"),
        (json!({ "at": "2099-01-01T00:00:00Z", "every": "2h" }), "InvalidInput", "give one of"),
        (json!({ "schedule": "0 9 * * *", "timezone": "Mars" }), "InvalidInput", "Mars"),
        (
            json!({ "schedule": "0 9 * * *", "webhook": "https://example.com" }),
            "InvalidInput",
            "webhook",
        ),
        (json!([]), "InvalidInput", "object"),
    ] {
        let answer = calls(&server, &thread, json!([create(request.clone())])).remove(0);
        let (found, message) = refusal(&answer);
        assert_eq!(found, word, "{request}: {message}");
        assert!(message.contains(expected), "{request}: {message}");
    }
    let hourly = create(json!({ "schedule": "0 * * * *", "timezone": "America/New_York" }));
    let answers = calls(&server, &thread, json!([hourly, hourly, hourly]));
    let (word, message) = refusal(&answers[2]);
    assert_eq!(word, "LimitExceeded");
    assert!(message.contains("max = 2, min_interval = \"1h\""), "{message}");
    let (word, _) = refusal(&calls(&server, &thread, json!([hourly])).remove(0));
    assert_eq!(word, "LimitExceeded");
    // What clients create does not count, and another thread has a number of its own.
    assert_eq!(crons(&server, &thread).len(), 2);
    let answers = calls(&server, &server.thread(), json!([hourly]));
    assert!(answers[0]["ok"].is_object());
}

#[test]
fn a_thread_that_goes_with_its_run_takes_no_crons() {
    let server = server(&granted(2, "1h"));
    let input =
        json!({ "crons": [create(json!({ "schedule": "0 9 * * *" })), { "call": "list" }] });
    let body = json!({ "assistant_id": "clerk", "input": input, "on_completion": "delete" });
    let answers = list(server.post("/runs/wait", body).ok()["answers"].clone());
    let (word, message) = refusal(&answers[0]);
    assert_eq!(word, "Conflict");
    assert!(message.contains("create a thread"), "{message}");
    assert_eq!(answers[1]["ok"], json!([]));
    let body = json!({ "assistant_id": "clerk", "input": input, "on_completion": "keep" });
    let answers = list(server.post("/runs/wait", body).ok()["answers"].clone());
    assert_eq!(answers[1]["ok"].as_array().unwrap().len(), 1);
}

#[test]
fn a_run_that_fails_leaves_no_cron_and_one_that_is_tried_again_leaves_one() {
    let server = server(&granted(5, "1h"));
    let thread = server.thread();
    let daily = create(json!({ "schedule": "0 9 * * *" }));
    let ended = run(&server, &thread, "clerk", json!({ "crons": [daily, { "call": "trap" }] }));
    assert_eq!(ended["__error__"]["error"], "trapped");
    assert_eq!(crons(&server, &thread), Vec::<Value>::new());
    let answers = calls(&server, &thread, json!([daily, { "call": "fail" }, { "call": "list" }]));
    assert_eq!(answers[2]["ok"].as_array().unwrap().len(), 1);
    assert_eq!(crons(&server, &thread).len(), 1);
    // A run that is deleted is undone, with what it made.
    let run = text(&crons(&server, &thread)[0], "made_by_run_id");
    assert_eq!(server.delete(&format!("/threads/{thread}/runs/{run}")).status, 204);
    assert_eq!(crons(&server, &thread), Vec::<Value>::new());
}

#[test]
fn a_fire_makes_no_cron_that_fires_sooner_than_the_grant_says() {
    let server = server(&granted(5, "1h"));
    let thread = server.thread();
    // Once an hour, but the next time soon.
    let soon = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC)
        + jiff::SignedDuration::from_mins(2);
    let hourly = json!({ "schedule": format!("{} * * * *", soon.minute()) });
    let input = json!({ "crons": [create(hourly.clone())] });
    let body = json!({ "assistant_id": "clerk", "schedule": "* * * * * *", "input": input });
    let cron = server.post(&format!("/threads/{thread}/runs/crons"), body).ok();
    let state = || server.get(&format!("/threads/{thread}/state")).ok()["values"].clone();
    eventually("it fires", || state()["answers"].is_array());
    let ended = state();
    let (word, message) = refusal(&ended["answers"][0]);
    assert_eq!(word, "InvalidInput");
    assert!(message.contains("a run that a cron started"), "{message}");
    assert_eq!(ended["fire"]["cron_id"], cron["cron_id"]);
    assert!(text(&ended["fire"], "scheduled_at").ends_with('Z'));
    assert!(ended["fire"]["late_ms"].is_u64() && ended["fire"]["fire_id"].is_string(), "{ended}");
    server.delete(&format!("/runs/crons/{}", text(&cron, "cron_id")));
    // Whom a client asks may.
    let asked = calls(&server, &thread, json!([create(hourly)]));
    assert!(asked[0]["ok"].is_object(), "{asked:?}");
}
