/**
 * Globals that gpu-node/core may use besides the language: what Node, browser tabs and workers have in common. The type packages that
 * declare them also bring in files, sockets and the DOM.
 */
interface AbortSignal {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

declare class AbortController {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
}

declare function setTimeout(action: () => void, ms: number): unknown
declare function clearTimeout(timer: unknown): void
declare const performance: { now(): number }

declare class URL {
  constructor(url: string, base?: string)
  readonly href: string
  readonly host: string
  protocol: string
}
