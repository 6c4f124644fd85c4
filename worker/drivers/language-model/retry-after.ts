/** Wait before a repetition where the server names none. */
const RETRY_MS_DEFAULT = 250

/** Milliseconds that `Retry-After` asks for (RFC 9110, section 10.2.3: seconds or a date); a little where it says nothing useful. */
export function retryAfterMs(header: string | null, nowMs: () => number = Date.now): number {
  if (header === null) return RETRY_MS_DEFAULT
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs()
  if (Number.isNaN(ms)) return RETRY_MS_DEFAULT
  return Math.max(0, ms)
}

/** Rejects with the signal's reason as soon as it fires. */
export function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
