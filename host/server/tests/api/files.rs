use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;

use crate::support::{Answer, Api, NOBODY, message, text};

fn content(thread: &str, path: &str) -> String {
    format!("{thread}/files/content?path={path}")
}

async fn put(api: &Api, thread: &str, path: &str, bytes: &str) -> Answer {
    api.text(Method::PUT, &content(thread, path), bytes).await
}

async fn paths(api: &Api, thread: &str) -> Vec<String> {
    let files = api.get(&format!("{thread}/files")).await.ok();
    let files = files["files"].as_array().unwrap().clone();
    files.iter().map(|file| text(file, "path").to_owned()).collect()
}

#[tokio::test]
async fn a_file_is_put_listed_read_and_deleted() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let empty = json!({ "checkpoint_id": null, "total_bytes": 0, "files": [] });
    assert_eq!(api.get(&format!("{thread}/files")).await.ok(), empty);

    let first = put(&api, &thread, "notes/today.md", "milk").await.ok();
    let second = put(&api, &thread, "notes/today.md", "bread").await.ok();
    assert_eq!(put(&api, &thread, "notes/today.md", "bread").await.ok(), second);
    let files = api.get(&format!("{thread}/files")).await.ok();
    assert_eq!(files["checkpoint_id"], second["checkpoint_id"]);
    assert_eq!(files["total_bytes"], 5);
    assert_eq!(files["files"][0], json!({ "path": "notes", "type": "directory" }));
    assert_eq!(files["files"][1]["type"], "file");
    assert_eq!(files["files"][1]["size"], 5);

    let read = api.get(&content(&thread, "notes/today.md")).await;
    assert_eq!((read.status, &read.body[..]), (StatusCode::OK, &b"bread"[..]));
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("content-length", "5"),
        ("content-disposition", "attachment"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(read.headers[name], value, "{name}");
    }
    let earlier = format!("&checkpoint_id={}", text(&first, "checkpoint_id"));
    let earlier = api.get(&(content(&thread, "notes/today.md") + &earlier)).await;
    assert_eq!(&earlier.body[..], b"milk");

    let tag = read.headers[header::ETAG].clone();
    let again = Request::get(content(&thread, "notes/today.md")).header("if-none-match", &tag);
    let again = api.send(again.body(String::new().into()).unwrap()).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.headers[header::ETAG], tag);

    api.delete(&content(&thread, "notes")).await.ok();
    assert_eq!(paths(&api, &thread).await, Vec::<String>::new());
    api.delete(&content(&thread, "notes")).await.refused(404);
    let path = content(&thread, "notes/today.md");
    api.get(&path).await.refused(404);
}

#[tokio::test]
async fn files_lie_in_the_state_and_leave_the_values_alone() {
    let api = Api::start().await;
    let thread = api.thread().await;
    let input = json!({ "assistant_id": "echo", "input": message("hello") });
    api.post(&format!("{thread}/runs/wait"), input).await.ok();
    let before = api.get(&format!("{thread}/state")).await.ok();
    assert_eq!(before.get("files"), None);
    put(&api, &thread, "a", "x").await.ok();
    let after = api.get(&format!("{thread}/state")).await.ok();
    assert_eq!(after["values"], before["values"]);
    assert_eq!(after["parent_checkpoint_id"], before["checkpoint_id"]);
    assert_eq!(after["metadata"]["source"], "update");
    assert_eq!(after["files"][0]["path"], "a");
    let earlier = format!("{thread}/state/{}", text(&before, "checkpoint_id"));
    assert_eq!(api.get(&earlier).await.ok(), before);
    let history = api.get(&format!("{thread}/history")).await.ok();
    assert_eq!(history[0].get("files"), None);
}

#[tokio::test]
async fn a_run_finds_the_files_that_a_client_put_and_they_survive_a_restart() {
    let api = Api::start().await;
    api.add("weekly-todos").await;
    let thread = api.thread().await;
    put(&api, &thread, "todo.md", "- [ ] call home\n").await.ok();
    let api = api.restart().await;
    api.until("/components", |it| it.as_array().is_some_and(|it| it.len() == 2)).await;
    let input = json!({ "assistant_id": "weekly-todos", "input": message("add buy milk") });
    api.post(&format!("{thread}/runs/wait"), input).await.ok();
    let read = api.get(&content(&thread, "todo.md")).await;
    let kept = String::from_utf8(read.body.to_vec()).unwrap();
    assert!(kept.contains("call home") && kept.contains("buy milk"), "{kept}");
}

#[tokio::test]
async fn a_file_that_cannot_be_put_is_refused_and_changes_nothing() {
    let api = Api::with_host(|host| (host.limits.disk, host.limits.files) = (100, 4)).await;
    let thread = api.thread().await;
    put(&api, &thread, "d/f", "0123456789").await.ok();
    let refused: &[(&str, &str, u16, &str)] = &[
        ("", "", 422, "path: it is empty"),
        ("%2Fetc%2Fpasswd", "", 422, "path: it begins with `/`"),
        ("a%2F..%2F..%2Fb", "", 422, "path: `..` is no name"),
        ("a%00", "", 422, "path: it has a NUL byte"),
        ("d", "x", 409, "`d` is a directory"),
        ("d/f/g", "x", 409, "`d/f` is a file"),
        ("a/b/c", "x", 422, "the limit `files` allows"),
        ("big", &"x".repeat(91), 422, "the limit `disk` allows"),
        ("bigger", &"x".repeat(101), 422, "the limit `disk` allows"),
    ];
    for (path, bytes, status, reason) in refused {
        let answer = put(&api, &thread, path, bytes).await;
        let detail = answer.refused(*status);
        assert!(detail.contains(reason), "{path}: {detail}");
    }
    assert_eq!(paths(&api, &thread).await, ["d", "d/f"]);
    let directory = api.get(&content(&thread, "d")).await.refused(409);
    assert!(directory.contains("`d` is a directory, not a file"), "{directory}");

    let nobody = format!("/threads/{NOBODY}");
    put(&api, &nobody, "a", "x").await.refused(404);
    api.get(&format!("{nobody}/files")).await.refused(404);
    let other = format!("{thread}/files?checkpoint_id={NOBODY}");
    api.get(&other).await.refused(404);
    let no_id = format!("{thread}/files?checkpoint_id=x");
    api.get(&no_id).await.refused(422);
}

#[tokio::test]
async fn a_busy_thread_keeps_its_files() {
    let api = Api::start().await;
    let thread = api.thread().await;
    put(&api, &thread, "a", "x").await.ok();
    api.sleeping_run(&thread).await;
    let busy = put(&api, &thread, "b", "x").await.refused(409);
    assert!(busy.contains("has a run in flight"), "{busy}");
    api.delete(&content(&thread, "a")).await.refused(409);
    assert_eq!(paths(&api, &thread).await, ["a"]);
}

#[tokio::test]
async fn what_a_deleted_thread_kept_is_gone() {
    let api = Api::start().await;
    let thread = api.thread().await;
    put(&api, &thread, "a", "secret").await.ok();
    let storage = api.get(&format!("{thread}/storage")).await.ok();
    assert_eq!(storage["files"], json!({ "count": 1, "bytes": 6 }));
    api.delete(&thread).await;
    api.get(&content(&thread, "a")).await.refused(404);
}
