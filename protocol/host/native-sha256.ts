import { hash } from 'node:crypto'
import { bringSha256 } from '../core/sha256.ts'

/** Has addresses computed by node:crypto in this process. */
export function useNativeSha256(): void {
  bringSha256((bytes) => hash('sha256', bytes, 'buffer'))
}
