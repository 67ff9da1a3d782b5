/** The assistants that may be called. */
export function granted(): string[];

export interface Ended {
  run_id: string;
  status: string;
  values?: Record<string, unknown>;
  interrupts?: { id: string; reason: string; value: unknown }[];
}

/** Runs an assistant and waits for its end. Throws if it fails. */
export function invoke(assistant: string, input?: Record<string, unknown>): Ended;

/** Starts an assistant, and returns the id of its run, which outlives this one. */
export function start(assistant: string, input?: Record<string, unknown>): string;
