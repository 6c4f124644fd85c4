import {
  MIP_BLOB_BYTES_PER_SECOND_MIN,
  MIP_BLOB_COPIES_MAX,
  MIP_BLOB_GRACE_MS,
  MIP_BLOB_PROVIDERS_MAX,
  MIP_BLOB_REQUEST_CHUNKS_MAX,
  MIP_BLOB_WINDOW_CHUNKS_MAX,
} from '../../schemas/limits-mip.ts'

/** How a download treats its providers. */
export interface DownloadRules {
  /** Providers asked at once. */
  providersMax: number
  /** Chunks that one provider owes at once. */
  windowChunksMax: number
  requestChunksMax: number
  /** Providers asked for the same chunk at the end. */
  copiesMax: number
  bytesPerSecondMin: number
  graceMs: number
}

export const DOWNLOAD_RULES: DownloadRules = {
  providersMax: MIP_BLOB_PROVIDERS_MAX,
  windowChunksMax: MIP_BLOB_WINDOW_CHUNKS_MAX,
  requestChunksMax: MIP_BLOB_REQUEST_CHUNKS_MAX,
  copiesMax: MIP_BLOB_COPIES_MAX,
  bytesPerSecondMin: MIP_BLOB_BYTES_PER_SECOND_MIN,
  graceMs: MIP_BLOB_GRACE_MS,
}

/** Why a provider is not asked again. `bad_chunk` and `unrequested` are provable and cost it a strike. */
export type DropReason = 'bad_chunk' | 'unrequested' | 'too_slow' | 'failed'

/** What happened. Every event carries the time at which it did. */
export type DownloadEvent = { atMs: number } & (
  | { type: 'reserved'; have: Uint8Array }
  | { type: 'provider'; provider: string }
  /** A chunk arrived; `valid` says whether length and hash are those of the manifest. */
  | { type: 'chunk'; provider: string; index: number; valid: boolean }
  /** The sink took the chunk. */
  | { type: 'written'; provider: string; index: number }
  /** The provider answered, without these. */
  | { type: 'absent'; provider: string; indexes: readonly number[] }
  | { type: 'failed'; provider: string }
  | { type: 'tick' }
)

/** What is to be done, in this order. */
export type DownloadAction =
  | { type: 'reserve'; bytes: number }
  | { type: 'request'; provider: string; indexes: readonly number[] }
  /** Somebody else delivered these first. */
  | { type: 'cancel'; provider: string; indexes: readonly number[] }
  | { type: 'drop'; provider: string; reason: DropReason; strike: boolean }
  | { type: 'write'; index: number }
  /** Every chunk is written. */
  | { type: 'complete' }
  /** Nobody is left who may have what is missing. A further provider lets it go on. */
  | { type: 'starved' }
