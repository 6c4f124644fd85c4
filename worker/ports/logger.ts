export type LogFields = Record<string, string | number | boolean | null | undefined>

/** Structured log lines. Fields are identifiers, counts and codes: never memory content. */
export interface Logger {
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}
