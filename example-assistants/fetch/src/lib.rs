//! Fetch sends HTTP requests as it is told, and tells what came back.
//!
//! It is a test of what the host lets out and in, and no example to follow: `{"requests": [{"url":
//! "http://…", "method": "GET", "headers": {}, "body": "…", "follow": 3, "unread": false}]}`. In a
//! header and in a body, `$NAME` stands for a variable of its environment; `"fill:1000"` as a body
//! is that many characters. `"hold"` keeps the answers open until the last request. `"fail": true`
//! panics at the end with everything it got in its message. `"environment": true` tells the
//! environment.

wit_bindgen::generate!({ path: "../../wit", world: "assistant-plugin" });

mod request;

use exports::wakeful::assistant::assistant::Guest;
use serde_json::{Value, json};
use wakeful::assistant::assistant_types::{Error, Outcome, ThreadInfo};
use wakeful::assistant::{events, log};

struct Fetch;

export!(Fetch);

impl Guest for Fetch {
    fn invoke(_: ThreadInfo, input: String) -> Result<Outcome, Error> {
        let input: Value = serde_json::from_str(&input).unwrap_or_default();
        let requests = input["requests"].as_array().cloned().unwrap_or_default();
        let mut held = Vec::new();
        let hold = input["hold"].as_bool().unwrap_or_default();
        let answers: Vec<Value> = requests
            .iter()
            .map(|wish| {
                if hold {
                    return match request::send(wish, wish["url"].as_str().unwrap_or_default()) {
                        Ok(response) => {
                            let status = response.status();
                            held.push(response);
                            json!({ "status": status })
                        }
                        Err(code) => json!({ "error": code }),
                    };
                }
                request::follow(wish)
            })
            .collect();
        let mut told = json!({ "answers": answers });
        if input["environment"].as_bool().unwrap_or_default() {
            told["environment"] =
                std::env::vars().map(|(name, value)| json!([name, value])).collect();
        }
        let text = told.to_string();
        if input["fail"].as_bool().unwrap_or_default() {
            log::log(log::Level::Error, &text, &[]);
            println!("{text}");
            let _ = events::emit(&events::Event::Message(text.clone()));
            panic!("{text}");
        }
        Ok(Outcome::Done(text))
    }
}
