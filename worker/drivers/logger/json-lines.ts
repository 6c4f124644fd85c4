import type { LogFields, Logger } from '../../ports/logger.ts'

/** One JSON object a line: what log collectors read. */
export function jsonLinesLogger(write: (line: string) => void, nowMs: () => number): Logger {
  const log =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      write(JSON.stringify({ at: new Date(nowMs()).toISOString(), level, event, ...fields }))
  return { info: log('info'), warn: log('warn'), error: log('error') }
}
