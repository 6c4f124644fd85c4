/** As much of the WebSocket API as an agent needs; browsers and Node have it. */
export interface NodeSocket {
  send(text: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close' | 'error', listener: () => void): void
}

/** As much of `fetch` as an agent needs. */
export interface EdgeRequest {
  method?: string
  headers?: Record<string, string>
  body?: Uint8Array
  signal: AbortSignal
}
export interface EdgeAnswer {
  readonly ok: boolean
  readonly status: number
  readonly headers: { get(name: string): string | null }
  arrayBuffer(): Promise<ArrayBuffer>
}

/** What an agent needs of the machine that it runs on. */
export interface AgentHost {
  /** Opens a socket; it may not have opened yet. */
  openSocket(url: string): NodeSocket
  fetch(url: string, request: EdgeRequest): Promise<EdgeAnswer>
  /** 32 bytes that only this node has; the entry keeps them. */
  readonly seed: Uint8Array
  /** From 0 to 1, for waits that differ between nodes. */
  random(): number
  setTimeout(run: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}
