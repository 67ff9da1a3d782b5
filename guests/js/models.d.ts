/** The models that this assistant is granted. */
export function models(): string[];

export interface Message {
  role: "system" | "user" | "assistant" | "tool";
  content?: string | null;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
}

export interface Tool {
  name: string;
  description?: string;
  /** JSON Schema of the arguments. */
  parameters?: object;
}

export interface ToolCall {
  id: string;
  name: string;
  arguments: Record<string, unknown>;
}

export interface Options {
  system?: string;
  messages?: Message[];
  tools?: Tool[];
  /** JSON Schema of the answer, whose text is JSON then. */
  schema?: object;
  /** From 0 to 2. */
  temperature?: number;
  maxTokens?: number;
  stop?: string[];
}

export interface Answer {
  text: string;
  toolCalls: ToolCall[];
  finishReason: "stop" | "length" | "tool_calls" | "content_filter" | "other";
  /** `estimated` where the provider did not say what it used. */
  usage: { input_tokens: number; output_tokens: number; estimated?: true };
  /** The provider's name for the model. */
  model: string;
}

/** A question for a language model, by a name that the operator granted. */
export class Chat {
  constructor(model: string, options?: Options);
  /** Says something to the model. */
  user(text: string): this;
  /** Goes on after an answer, with what came of its tool calls, by their ids. */
  answered(answer: Answer, results?: Record<string, string>): this;
  /** Asks, and waits for the whole answer. */
  ask(): Answer;
  /** Asks, and hands out the text piece by piece; what the generator returns is the answer. */
  stream(): Generator<string, Answer, void>;
  /** Asks, and passes the answer on to whoever watches the run, while it comes. */
  say(): Answer;
}
