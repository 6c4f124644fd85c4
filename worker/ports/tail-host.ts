import type { Logger } from './logger.ts'

/** A log that is followed, and where it may be had. */
export interface WantedTail {
  did: string
  log: string
  url: string
}

/** As much of an open WebSocket as whoever reads a tail needs. */
export interface TailSocket {
  send(text: string): void
  close(): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close' | 'error', listener: () => void): void
}

/** What keeping tails open needs of a host. */
export interface TailHost {
  /** Opens the WebSocket of a tail. @throws when nobody answers there, or the address may not be opened */
  connect(tail: WantedTail): Promise<TailSocket>
  /** A log may have gone on: pulls it. Handles its own failures. */
  hear(tail: WantedTail, place: { epoch: number; seq: number }): Promise<void>
  logger: Logger
}
