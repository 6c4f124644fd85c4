import { ARCHIVE_ENTRY_BYTES_MAX } from '../../../schemas/limits.ts'

/** One part of an archive: lines, and apart from them the texts that come as blobs. */
export const ARCHIVE_PART_BYTES_MAX = 2 * ARCHIVE_ENTRY_BYTES_MAX
/** One payload of an archive. A larger one is passed over; its cube keeps naming it. */
export const ARCHIVE_BLOB_BYTES_MAX = 64 * 1024 * 1024
/** One file of another system (`textual_memory.json`, a mem0 export): it is read as a whole. */
export const FOREIGN_FILE_BYTES_MAX = 64 * 1024 * 1024
