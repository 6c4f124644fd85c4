import type { KvRenditionRow } from '../rows.ts'

/** Names one cache. */
export type RenditionPlace = Pick<KvRenditionRow, 'cubeId' | 'model' | 'session'>

/** KV caches of memory. They are derived: losing one costs time, never memory. */
export type RenditionWrite =
  /**
   * Keeps a cache with its cube, in place of the one before it of the same model or conversation. Nothing is kept where the cube is gone or
   * not at the revision `cid` any more, or where one of `sources` is gone.
   */
  | { kind: 'put_rendition'; row: KvRenditionRow; cid: string; sources: readonly string[] }
  | { kind: 'drop_renditions'; renditions: readonly RenditionPlace[] }
  | { kind: 'touch_renditions'; renditions: readonly RenditionPlace[]; atMs: number }
  /** Promotions that were carried out and have to be done again: the scheduler plans them where they are due. */
  | { kind: 'reopen_promotions'; taskIds: readonly string[]; because: string; atMs: number }
