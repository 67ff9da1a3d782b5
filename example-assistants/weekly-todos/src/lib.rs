//! Weekly Todos keeps the list of the week in `todo.md`, among the files of its thread.
//!
//! It understands `add buy milk`, `done 2`, `done buy milk` and `list`, one per message. To
//! anything else, and whenever a cron wakes it, it replies with the list.

wit_bindgen::generate!({ path: "../../wit", world: "described-assistant-plugin" });

mod about;
mod list;

use exports::wakeful::assistant::assistant::Guest;
use list::List;
use serde_json::json;
use wakeful::assistant::assistant_types::{Error, ErrorCode, Outcome, ThreadInfo, Trigger};
use wakeful::assistant::log::{Level, log};
use wakeful::assistant::thread;

/// The root of what an assistant sees is its thread's own directory.
const FILE: &str = "/todo.md";

struct Todo;

export!(Todo);

impl Guest for Todo {
    fn invoke(info: ThreadInfo, input: String) -> Result<Outcome, Error> {
        let invalid = |message| error(ErrorCode::InvalidInput, message);
        let input = messages::input(&input).map_err(invalid)?;
        let new = messages::of(&input).map_err(invalid)?;

        let mut list = List::read(FILE).map_err(file_error)?;
        let mut replies: Vec<_> =
            messages::user_texts(new).filter_map(|text| obey(&mut list, &text)).collect();
        if replies.is_empty() || matches!(info.trigger, Trigger::Cron(_)) {
            replies.push(list.to_string());
        }
        log(Level::Info, &format!("{} of {} open", list.open(), list.len()), &[]);
        // The host keeps the file only if this run succeeds, together with the values.
        list.write(FILE).map_err(file_error)?;

        let old = messages::parsed(&thread::values());
        let mut conversation = messages::so_far(&old, new);
        conversation.push(messages::reply(replies.join("\n")));
        let values = json!({ "messages": conversation, "todo": list.to_json() });
        Ok(Outcome::Done(values.to_string()))
    }
}

/// Does what the user says, and tells what came of it; nothing if the list is the answer.
fn obey(list: &mut List, text: &str) -> Option<String> {
    let (command, rest) = text.trim().split_once(char::is_whitespace)?;
    match command.to_lowercase().as_str() {
        "add" => Some(format!("Added: {}", list.add(rest))),
        "done" => Some(match list.finish(rest) {
            Some(item) => format!("Done: {item}"),
            None => format!("There is no open item `{}`; `list` shows them.", rest.trim()),
        }),
        _ => None,
    }
}

fn file_error(io: std::io::Error) -> Error {
    error(ErrorCode::Internal, format!("cannot keep {FILE}: {io}"))
}

fn error(code: ErrorCode, message: String) -> Error {
    Error { code, message, retryable: false, retry_after_ms: None }
}
