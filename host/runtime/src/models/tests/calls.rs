//! What is asked and answered, in each wire format.

use serde_json::{Value as Json, json};

use super::provider::{Act, Provider, events, good, lines};
use super::stage::{KEY, Stage, hello, model, object};
use crate::models::Provider as Speaks;

const ALL: [Speaks; 3] = [Speaks::OpenAi, Speaks::Anthropic, Speaks::Ollama];

/// "Hello" as each says it, having been sent 9 tokens and answering with 2.
fn greeting(speaks: Speaks) -> Json {
    match speaks {
        Speaks::OpenAi => json!({
            "id": "c", "object": "chat.completion", "model": "real-name-2",
            "choices": [{ "index": 0, "finish_reason": "stop",
                          "message": { "role": "assistant", "content": "Hello" } }],
            "usage": { "prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11 },
        }),
        Speaks::Anthropic => json!({
            "id": "m", "type": "message", "role": "assistant", "model": "real-name-2",
            "content": [{ "type": "text", "text": "Hello" }], "stop_reason": "end_turn",
            "usage": { "input_tokens": 4, "cache_read_input_tokens": 5, "output_tokens": 2 },
        }),
        Speaks::Ollama => json!({
            "model": "real-name-2", "message": { "role": "assistant", "content": "Hello" },
            "done": true, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 2,
        }),
    }
}

/// The same in pieces.
fn greeting_in_pieces(speaks: Speaks) -> Act {
    Act::Stream(match speaks {
        Speaks::OpenAi => {
            let chunk = |delta: Json, finish: Json| {
                json!({ "object": "chat.completion.chunk", "model": "real-name-2",
                        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
            };
            let mut parts = events(&[
                chunk(json!({ "role": "assistant", "content": "" }), Json::Null),
                chunk(json!({ "content": "Hel" }), Json::Null),
                chunk(json!({ "content": "lo" }), Json::Null),
                chunk(json!({}), json!("stop")),
                json!({ "choices": [],
                        "usage": { "prompt_tokens": 9, "completion_tokens": 2 } }),
            ]);
            parts.push("data: [DONE]\n\n".to_owned());
            parts
        }
        Speaks::Anthropic => events(&[
            json!({ "type": "message_start", "message": { "model": "real-name-2",
                    "usage": { "input_tokens": 9, "output_tokens": 1 } } }),
            json!({ "type": "content_block_start", "index": 0,
                    "content_block": { "type": "text", "text": "" } }),
            json!({ "type": "ping" }),
            json!({ "type": "content_block_delta", "index": 0,
                    "delta": { "type": "text_delta", "text": "Hel" } }),
            json!({ "type": "content_block_delta", "index": 0,
                    "delta": { "type": "text_delta", "text": "lo" } }),
            json!({ "type": "content_block_stop", "index": 0 }),
            json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" },
                    "usage": { "output_tokens": 2 } }),
            json!({ "type": "message_stop" }),
        ]),
        Speaks::Ollama => lines(&[
            json!({ "model": "real-name-2", "message": { "content": "Hel" }, "done": false }),
            json!({ "model": "real-name-2", "message": { "content": "lo" }, "done": false }),
            json!({ "model": "real-name-2", "message": { "content": "" }, "done": true,
                    "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 2 }),
        ]),
    })
}

fn expected() -> Json {
    json!({
        "content": "Hello", "tool_calls": [], "finish_reason": "stop",
        "usage": { "input_tokens": 9, "output_tokens": 2 }, "model": "real-name-2",
    })
}

#[tokio::test]
async fn each_provider_answers_at_once_and_in_pieces() {
    for speaks in ALL {
        let acts = [good(greeting(speaks)), greeting_in_pieces(speaks)];
        let provider = Provider::start(acts).await;
        let mut stage = Stage::open(model(speaks, &provider)).await;
        let answer = stage.complete(hello()).await.unwrap();
        assert_eq!(Json::Object(answer), expected(), "{speaks:?}");
        let (pieces, answer) = stage.call(hello(), true).await;
        assert_eq!(pieces, ["Hel", "lo"], "{speaks:?}");
        assert_eq!(Json::Object(answer.unwrap()), expected(), "{speaks:?}");
        let tokens = stage.end().await;
        assert_eq!(
            (tokens.calls, tokens.input, tokens.output, tokens.estimated),
            (2, 18, 4, false)
        );

        let got = provider.got();
        let (path, header) = match speaks {
            Speaks::OpenAi => ("/v1/chat/completions", format!("authorization: Bearer {KEY}")),
            Speaks::Anthropic => ("/v1/messages", format!("x-api-key: {KEY}")),
            Speaks::Ollama => ("/api/chat", format!("authorization: Bearer {KEY}")),
        };
        assert!(got[0].head.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{}", got[0].head);
        assert!(got[0].head.contains(&header), "{}", got[0].head);
        assert_eq!(got[0].body["model"], "real-name");
        assert_eq!(got[1].body["stream"], true);
    }
}

fn conversation() -> Json {
    json!({
        "messages": [
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": "weather?" },
            { "role": "assistant", "content": "",
              "tool_calls": [{ "id": "c1", "name": "look", "arguments": { "at": "Rome" } }] },
            { "role": "tool", "tool_call_id": "c1", "content": "sunny" },
        ],
        "tools": [{ "name": "look", "description": "looks",
                    "parameters": { "type": "object", "properties": { "at": { "type": "string" } } } }],
        "temperature": 0.5, "max_tokens": 50, "stop": ["END"],
    })
}

#[tokio::test]
async fn a_conversation_with_tools_is_put_into_the_words_of_each_provider() {
    let look = json!({ "type": "object", "properties": { "at": { "type": "string" } } });
    let function = json!([{ "type": "function", "function": {
        "name": "look", "description": "looks", "parameters": look } }]);
    for (speaks, body) in [
        (
            Speaks::OpenAi,
            json!({
                "model": "real-name", "stream": false, "max_tokens": 50, "temperature": 0.5,
                "stop": ["END"], "tools": function,
                "messages": [
                    { "role": "system", "content": "be brief" },
                    { "role": "user", "content": "weather?" },
                    { "role": "assistant", "content": null, "tool_calls": [{ "id": "c1",
                      "type": "function",
                      "function": { "name": "look", "arguments": "{\"at\":\"Rome\"}" } }] },
                    { "role": "tool", "content": "sunny", "tool_call_id": "c1" },
                ],
            }),
        ),
        (
            Speaks::Anthropic,
            json!({
                "model": "real-name", "stream": false, "max_tokens": 50, "temperature": 0.5,
                "stop_sequences": ["END"], "system": "be brief",
                "tools": [{ "name": "look", "description": "looks", "input_schema": look }],
                "messages": [
                    { "role": "user", "content": [{ "type": "text", "text": "weather?" }] },
                    { "role": "assistant", "content": [{ "type": "tool_use", "id": "c1",
                      "name": "look", "input": { "at": "Rome" } }] },
                    { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "c1",
                      "content": "sunny" }] },
                ],
            }),
        ),
        (
            Speaks::Ollama,
            json!({
                "model": "real-name", "stream": false, "tools": function,
                "options": { "num_predict": 50, "temperature": 0.5, "stop": ["END"] },
                "messages": [
                    { "role": "system", "content": "be brief" },
                    { "role": "user", "content": "weather?" },
                    { "role": "assistant", "content": "", "tool_calls": [{ "function": {
                      "name": "look", "arguments": { "at": "Rome" } } }] },
                    { "role": "tool", "content": "sunny", "tool_name": "look" },
                ],
            }),
        ),
    ] {
        let provider = Provider::start([good(greeting(speaks))]).await;
        let mut stage = Stage::open(model(speaks, &provider)).await;
        stage.complete(object(conversation())).await.unwrap();
        assert_eq!(provider.got()[0].body, body, "{speaks:?}");
    }
}

#[tokio::test]
async fn tool_calls_come_back_at_once_and_in_pieces() {
    let openai = json!({ "choices": [{ "finish_reason": "tool_calls", "message": { "content": null,
        "tool_calls": [{ "id": "c1", "type": "function",
                         "function": { "name": "look", "arguments": "{\"at\":\"Rome\"}" } }] } }] });
    let anthropic = json!({ "stop_reason": "tool_use", "content": [
        { "type": "tool_use", "id": "c1", "name": "look", "input": { "at": "Rome" } }] });
    let ollama = json!({ "done": true, "done_reason": "stop", "message": { "content": "",
        "tool_calls": [{ "id": "c1",
                         "function": { "name": "look", "arguments": { "at": "Rome" } } }] } });
    let delta = |call: Json| json!({ "choices": [{ "delta": { "tool_calls": [call] } }] });
    let openai_pieces = events(&[
        delta(json!({ "index": 0, "id": "c1", "function": { "name": "look", "arguments": "" } })),
        delta(json!({ "index": 0, "function": { "arguments": "{\"at\":" } })),
        delta(json!({ "index": 0, "function": { "arguments": "\"Rome\"}" } })),
        json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }),
    ]);
    let anthropic_pieces = events(&[
        json!({ "type": "content_block_start", "index": 1, "content_block": {
            "type": "tool_use", "id": "c1", "name": "look", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": {
            "type": "input_json_delta", "partial_json": "{\"at\":" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": {
            "type": "input_json_delta", "partial_json": "\"Rome\"}" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" } }),
        json!({ "type": "message_stop" }),
    ]);
    for (speaks, whole, pieces) in [
        (Speaks::OpenAi, openai, openai_pieces),
        (Speaks::Anthropic, anthropic, anthropic_pieces),
        (Speaks::Ollama, ollama.clone(), lines(&[ollama])),
    ] {
        let provider = Provider::start([good(whole), Act::Stream(pieces)]).await;
        let mut stage = Stage::open(model(speaks, &provider)).await;
        for streamed in [false, true] {
            let (pieces, answer) = stage.call(object(conversation()), streamed).await;
            let answer = answer.unwrap();
            assert_eq!(pieces, [""; 0], "{speaks:?}");
            assert_eq!(
                answer["tool_calls"],
                json!([{ "id": "c1", "name": "look", "arguments": { "at": "Rome" } }]),
                "{speaks:?}"
            );
            assert_eq!(answer["finish_reason"], "tool_calls", "{speaks:?}");
            // None of them said what it used.
            assert_eq!(answer["usage"]["estimated"], true, "{speaks:?}");
        }
        assert!(stage.end().await.estimated);
    }
}

#[tokio::test]
async fn an_answer_by_a_schema_is_json_whoever_gives_it() {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } },
                         "required": ["n"], "additionalProperties": false });
    let openai = json!({ "choices": [{ "finish_reason": "stop",
                         "message": { "content": "{\"n\":1}" } }] });
    let anthropic = json!({ "stop_reason": "tool_use", "content": [{ "type": "tool_use",
        "id": "x", "name": "answer_with_json", "input": { "n": 1 } }] });
    let ollama = json!({ "done": true, "message": { "content": "{\"n\":1}" } });
    let anthropic_pieces = events(&[
        json!({ "type": "content_block_start", "index": 0, "content_block": {
            "type": "tool_use", "id": "x", "name": "answer_with_json", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": {
            "type": "input_json_delta", "partial_json": "{\"n\"" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": {
            "type": "input_json_delta", "partial_json": ":1}" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" } }),
        json!({ "type": "message_stop" }),
    ]);
    for (speaks, place, whole, pieces) in [
        (Speaks::OpenAi, "/response_format/json_schema/schema", openai.clone(), None),
        (Speaks::Anthropic, "/tools/0/input_schema", anthropic, Some(anthropic_pieces)),
        (Speaks::Ollama, "/format", ollama.clone(), Some(lines(&[ollama]))),
    ] {
        let acts = [good(whole)].into_iter().chain(pieces.map(Act::Stream));
        let provider = Provider::start(acts).await;
        let mut stage = Stage::open(model(speaks, &provider)).await;
        let mut request = hello();
        request.insert("response_schema".into(), schema.clone());
        let answer = stage.complete(request.clone()).await.unwrap();
        assert_eq!(answer["content"], "{\"n\":1}", "{speaks:?}");
        assert_eq!(answer["finish_reason"], "stop", "{speaks:?}");
        assert_eq!(answer["tool_calls"], json!([]), "{speaks:?}");
        assert_eq!(provider.got()[0].body.pointer(place), Some(&schema), "{speaks:?}");
        if speaks != Speaks::OpenAi {
            let (pieces, answer) = stage.call(request, true).await;
            assert_eq!(pieces.concat(), "{\"n\":1}", "{speaks:?}");
            assert_eq!(answer.unwrap()["content"], "{\"n\":1}", "{speaks:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_paid_for_is_given_again_to_the_next_attempt() {
    let speaks = Speaks::OpenAi;
    let provider = Provider::start([good(greeting(speaks)), greeting_in_pieces(speaks)]).await;
    let mut stage = Stage::open(model(speaks, &provider)).await;
    let mut other = hello();
    other.insert("max_tokens".into(), 7.into());
    stage.complete(hello()).await.unwrap();
    stage.call(other.clone(), true).await.1.unwrap();
    let paid = stage.end().await;
    assert_eq!((paid.calls, paid.total()), (2, 22));

    stage.begin().await;
    let answer = stage.complete(hello()).await.unwrap();
    assert_eq!(Json::Object(answer), expected());
    let (pieces, answer) = stage.call(other, true).await;
    assert_eq!((pieces.concat().as_str(), &answer.unwrap()["content"]), ("Hello", &json!("Hello")));
    assert_eq!(provider.got().len(), 2);
    assert_eq!(stage.end().await, paid, "nothing was paid again, and nothing forgotten");

    // Whoever asks something else pays for that.
    stage.begin().await;
    provider.then(good(greeting(speaks)));
    let mut new = hello();
    new.insert("temperature".into(), 1.into());
    stage.complete(new).await.unwrap();
    assert_eq!(provider.got().len(), 3);
    assert_eq!(stage.end().await.total(), 33);
}
