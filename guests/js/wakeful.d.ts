/** The code of an error in the contract. */
export type ErrorCode =
  | "invalid-input"
  | "denied"
  | "not-found"
  | "conflict"
  | "rate-limited"
  | "timeout"
  | "unavailable"
  | "cancelled"
  | "limit-exceeded"
  | "internal";

/** Fails the run, and leaves the thread as it was. */
export class Failure extends Error {
  constructor(message: string, options?: { code?: ErrorCode; retryable?: boolean });
  code: ErrorCode;
  /** Another try may succeed. */
  retryable: boolean;
}

/** A message in OpenAI's notation, with `role`, or LangChain's, with `type`. */
export interface Message {
  role?: string;
  type?: string;
  content?: string | (string | { text?: string })[];
  [key: string]: unknown;
}

/** A JSON object. */
export interface Values {
  messages?: Message[];
  [key: string]: unknown;
}

/** One run: why it happens, what it is given, and what its thread holds. */
export class Run {
  readonly id: string;
  readonly threadId: string;
  readonly assistantId: string;
  /** 1 for the first try of this run. */
  readonly attempt: number;
  /** When the host ends the run, in RFC 3339. */
  readonly deadline: string | null;
  readonly metadata: Record<string, unknown>;
  /** What the caller or the cron hands in. */
  readonly input: Values;
  /** What the last successful run on the thread left. */
  readonly values: Values;
  /** If a cron fired: the instant that its schedule named, in RFC 3339. */
  readonly scheduledAt: string | null;
  /** How many earlier instants this run stands for. */
  readonly missed: number;
  /** Answers to the questions of an earlier invocation, by their ids. */
  readonly answers: Record<string, unknown>;
  /** The messages that the input brings. */
  readonly messages: Message[];
  /** What the user says in them. */
  readonly said: string[];
  /** The thread's values with these changes, and the conversation in `messages` gone on. */
  reply(text: string, changes?: Record<string, unknown>): Values;
}

/** What a message says, if a user says it; else null. */
export function userText(message: Message): string | null;

/** Logs a line, which is kept with the run. */
export function write(
  level: "trace" | "debug" | "info" | "warn" | "error" | "critical",
  message: string,
  fields?: Record<string, unknown>,
): void;

/** A question for a person or another system. */
export interface Question {
  id: string;
  reason?: string;
  payload?: unknown;
  /** JSON Schema of the expected answer. */
  answerSchema?: object;
}

declare class Questions {
  private constructor();
}

/** Questions, in place of new values: the run goes on from its beginning once they are answered. */
export function ask(...questions: Question[]): Questions;

type Outcome = Values | Questions;

/** Makes the exports of an assistant. Built with componentize-js, `run` may be `async`. */
export function define(assistant: {
  name: string;
  description?: string;
  version?: string;
  /** JSON Schemas. */
  schemas?: { input?: object; output?: object; config?: object };
  run(run: Run): Outcome | Promise<Outcome>;
}): { assistant: object; metadata: object };
