/** Tells other systems that something happened here. */
export interface Webhook {
  /** Whether the operator lets the edge call this address. */
  allows(url: string): boolean
  /** Sends one message. Throws where it was not taken; the same key says that it is the same message again. */
  send(url: string, message: unknown, idempotencyKey: string, signal: AbortSignal): Promise<void>
}
