"""Write an assistant for Wakeful in Python.

    import wakeful

    def run(run: wakeful.Run) -> wakeful.Outcome:
        week = run.values.get("week", 0) + 1
        return run.reply(f"This is week {week}.", week=week)

    Assistant, Metadata = wakeful.export(run, name="weekly", description="Counts weeks")

The module with these lines is what `componentize-py componentize` is given, for the world
`http-assistant-plugin`, or `described-assistant-plugin` without `wakeful_http`. A run sees its thread's files at `/`, through `open`. Values and files
are kept only if the run succeeds.
"""

import json
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from componentize_py_types import Err
from wit_world.exports.metadata import Description
from wit_world.imports import assistant_types as contract
from wit_world.imports import calls as _calls
from wit_world.imports import chat as _chat
from wit_world.imports import config, control, crons, events, fire, log, store, thread

__all__ = [
    "Answer", "Ask", "Chat", "Done", "Error", "Outcome", "Question", "Run", "ToolCall", "export", "info",
    "invoke", "models", "start", "user_text", "warn", "config", "control", "crons", "events", "fire", "log", "store",
]

Values = dict[str, Any]


class Error(Exception):
    """Fails the run, and leaves the thread as it was.

    `code` is one of the contract's, such as "invalid-input" or "unavailable"; `retryable` says that
    another try may succeed.
    """

    def __init__(self, message: str, code: str = "internal", retryable: bool = False):
        super().__init__(message)
        self.code = contract.ErrorCode[code.replace("-", "_").upper()]
        self.retryable = retryable


@dataclass
class Done:
    """The run ends with new values, which replace the thread's as a whole."""

    values: Values


@dataclass
class Question:
    """A question for a person or another system."""

    id: str
    payload: Any
    reason: str = "question"
    answer_schema: Values | None = None


@dataclass
class Ask:
    """The run stops at questions.

    Once they are answered it goes on from its beginning, with the answers in `run.answers`; the
    thread's values stay.
    """

    questions: list[Question]


Outcome = Done | Ask


@dataclass
class Run:
    """One run: why it happens, what it is given, and what its thread holds."""

    id: str
    thread_id: str
    assistant_id: str
    attempt: int  # 1 for the first try of this run
    scheduled_at: str | None  # if a cron fired: the instant that its schedule named
    missed: int  # how many earlier instants this run stands for
    answers: dict[str, Any]  # to the questions of an earlier invocation, by their ids
    deadline: str | None
    metadata: Values
    input: Values
    values: Values = field(default_factory=dict)  # what the last successful run left

    @property
    def messages(self) -> list[Any]:
        """The messages that the input brings."""
        return self.input.get("messages", [])

    @property
    def said(self) -> list[str]:
        """What the user says in the messages that the input brings."""
        return [text for text in map(user_text, self.messages) if text is not None]

    def reply(self, text: str, **changes: Any) -> Done:
        """The thread's values with these changes, and the conversation in `messages` gone on."""
        said = {"role": "assistant", "content": text}
        conversation = [*self.values.get("messages", []), *self.messages, said]
        return Done({**self.values, **changes, "messages": conversation})


@dataclass
class ToolCall:
    """A call of a tool, which a model asks for."""

    id: str
    name: str
    arguments: Values


@dataclass
class Answer:
    """What a model answered."""

    text: str
    tool_calls: list[ToolCall]
    finish_reason: str  # "stop", "length", "tool_calls", "content_filter" or "other"
    usage: Values  # `input_tokens` and `output_tokens`
    model: str

    def json(self) -> Any:
        """The text as the JSON that a schema asked for."""
        try:
            return json.loads(self.text)
        except ValueError as error:
            # As when it was cut off; another try may get it.
            raise Error(f"the model's answer is not JSON: {error}", retryable=True) from error


@dataclass
class Chat:
    """A question for a language model, by a name that the operator granted.

        answer = wakeful.Chat("fast", system="Be brief.").user("Why is the sky blue?").say()
    """

    model: str
    messages: list[Values] = field(default_factory=list)  # `role`, `content`, `tool_calls`, `tool_call_id`
    system: str | None = None
    tools: list[Values] = field(default_factory=list)  # `name`, `description`, `parameters`
    schema: Values | None = None  # JSON Schema of the answer; see `Answer.json`
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] = field(default_factory=list)

    def user(self, text: str) -> "Chat":
        """Says something to the model."""
        self.messages.append({"role": "user", "content": text})
        return self

    def answered(self, answer: Answer, results: dict[str, str]) -> "Chat":
        """Goes on after an answer, with what came of its tool calls, by their ids."""
        calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
        self.messages.append({"role": "assistant", "content": answer.text, "tool_calls": calls})
        for id, content in results.items():
            self.messages.append({"role": "tool", "tool_call_id": id, "content": content})
        return self

    def ask(self) -> Answer:
        """Asks, and waits for the whole answer."""
        return _answer(_chat.complete(self.model, self._request()))

    def stream(self) -> Iterator[str]:
        """Asks, and hands out the text piece by piece. Returns the `Answer`."""
        with _chat.open(self.model, self._request()) as stream:
            while (piece := stream.next()) is not None:
                yield json.loads(piece).get("content", "")
            return _answer(stream.answer())

    def say(self) -> Answer:
        """Asks, and passes the answer on to whoever watches the run, while it comes."""
        stream = self.stream()
        while True:
            try:
                events.emit(events.Event_TextDelta(next(stream)))
            except StopIteration as end:
                return end.value

    def _request(self) -> str:
        system = [] if self.system is None else [{"role": "system", "content": self.system}]
        request = {
            "messages": [*system, *self.messages],
            "tools": self.tools,
            "response_schema": self.schema,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "stop": self.stop,
        }
        return json.dumps({key: value for key, value in request.items() if value not in (None, [])})


def invoke(assistant: str, input: Values) -> Values:
    """Runs another assistant and waits for its end: `run_id`, `status`, and `values` or `interrupts`."""
    return json.loads(_calls.invoke(assistant, json.dumps(input)))


def start(assistant: str, input: Values) -> str:
    """Starts another assistant, and returns the id of its run, which outlives this one."""
    return _calls.start(assistant, json.dumps(input))


def models() -> list[str]:
    """The language models that this assistant is granted."""
    return _chat.models()


def _answer(text: str) -> Answer:
    answer = json.loads(text)
    calls = [ToolCall(call["id"], call["name"], call["arguments"]) for call in answer["tool_calls"]]
    return Answer(answer["content"], calls, answer["finish_reason"], answer["usage"], answer["model"])


def user_text(message: Any) -> str | None:
    """What a message says, if a user says it, in OpenAI's notation or LangChain's."""
    if not isinstance(message, dict) or message.get("role", message.get("type")) not in ("user", "human"):
        return None
    content = message.get("content", "")
    parts = content if isinstance(content, list) else [content]
    return "".join(part.get("text", "") if isinstance(part, dict) else str(part) for part in parts)


def info(message: str, **fields: Any) -> None:
    """Logs a line, which is kept with the run."""
    _log(log.Level.INFO, message, fields)


def warn(message: str, **fields: Any) -> None:
    """Logs a warning, which is kept with the run."""
    _log(log.Level.WARN, message, fields)


def export(
    run: Callable[[Run], Outcome],
    *,
    name: str,
    description: str = "",
    version: str = "0.1.0",
    input_schema: Values | None = None,
    output_schema: Values | None = None,
    config_schema: Values | None = None,
) -> tuple[type, type]:
    """Makes the two classes that componentize-py looks for: `Assistant` and `Metadata`."""

    class Assistant:
        def invoke(self, info: contract.ThreadInfo, input: str) -> contract.Outcome:
            try:
                return _outcome(run(_run(info, input)))
            except Error as error:
                raise Err(contract.Error(error.code, str(error), error.retryable, None)) from error
            except Err:
                raise  # what a call of the host was refused with
            except Exception as error:
                # As an error it is an outcome with a reason; uncaught it would be a bare trap.
                log.log(log.Level.ERROR, traceback.format_exc(), [])
                reason = f"{type(error).__name__}: {error}"
                raise Err(contract.Error(contract.ErrorCode.INTERNAL, reason, False, None)) from error

    class Metadata:
        def describe(self) -> Description:
            schemas = (input_schema, output_schema, config_schema)
            return Description(name, description, version, *map(_text, schemas))

    return Assistant, Metadata


def _run(info: contract.ThreadInfo, input: str) -> Run:
    given = json.loads(input)
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise Error('the input must be a JSON object, such as {"messages": []}', "invalid-input")
    if not isinstance(given.get("messages", []), list):
        raise Error("`messages` in the input must be a list", "invalid-input")
    scheduled_at, missed, answers = None, 0, {}
    match info.trigger:
        case contract.Trigger_Cron(cron):
            scheduled_at, missed = cron.scheduled_at, cron.missed
        case contract.Trigger_Resume(values):
            answers = {answer.interrupt_id: json.loads(answer.value) for answer in values}
    return Run(
        id=info.run_id,
        thread_id=info.thread_id,
        assistant_id=info.assistant_id,
        attempt=info.attempt,
        scheduled_at=scheduled_at,
        missed=missed,
        answers=answers,
        deadline=info.deadline,
        metadata=json.loads(info.metadata) or {},
        input=given,
        values=json.loads(thread.values()) or {},
    )


def _outcome(outcome: Outcome) -> contract.Outcome:
    match outcome:
        case Done(values):
            return contract.Outcome_Done(json.dumps(values))
        case Ask(questions):
            return contract.Outcome_Interrupted([
                contract.Interrupt(ask.id, ask.reason, json.dumps(ask.payload), _text(ask.answer_schema))
                for ask in questions
            ])
    raise Error(f"a run returns `run.reply(…)`, `Done` or `Ask`, and not {type(outcome).__name__}")


def _text(schema: Values | None) -> str | None:
    return None if schema is None else json.dumps(schema)


def _log(level: log.Level, message: str, fields: dict[str, Any]) -> None:
    log.log(level, message, [log.Field(key, str(value)) for key, value in fields.items()])
