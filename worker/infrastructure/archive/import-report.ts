/** What an import did. `line` is the number of a cube in the archive, from 1; 0 for the archive as a whole. */
export interface ImportReport {
  created: number
  updated: number
  unchanged: number
  skipped: { line: number; reason: SkipReason }[]
}

/** docs/portability.md explains each. */
export type SkipReason =
  | 'id_in_use'
  | 'another_history'
  | 'cube_frozen'
  | 'cube_archived'
  | 'expired'
  | 'blob_too_large'
  | 'grants_not_permitted'
  | 'no_text'
  | 'text_too_long'
  | 'deleted_at_source'
  | 'duplicate_id'
  | 'tensor_not_included'
  | 'not_as_printed'
