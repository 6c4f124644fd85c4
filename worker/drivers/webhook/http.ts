import type { Webhook } from '../../ports/webhook.ts'

/** Webhooks over HTTP to origins that the operator named: whoever may write pipelines must not reach the inside of a network through the edge. */
export class HttpWebhook implements Webhook {
  readonly #origins: ReadonlySet<string>

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins)
  }

  allows(url: string): boolean {
    return URL.canParse(url) && this.#origins.has(new URL(url).origin)
  }

  async send(url: string, message: unknown, idempotencyKey: string, signal: AbortSignal): Promise<void> {
    if (!this.allows(url)) throw new Error('the origin is not among MEMOS_WEBHOOK_ORIGINS')
    const response = await fetch(url, {
      method: 'POST',
      // A redirect could lead to where the operator did not allow.
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
      body: JSON.stringify(message),
      signal,
    })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`status ${response.status}`)
  }
}
