import { MemosError } from '../../../schemas/errors.ts'
import { GuardError, UniqueError } from '../../ports/database.ts'

/** Texts of an error and its causes; drivers wrap SQLite's message at different depths. */
function messagesOf(error: unknown): string {
  const texts: string[] = []
  for (let at = error; at instanceof Error && texts.length < 5; at = at.cause) texts.push(at.message)
  return texts.join(' | ')
}

/** When a caller should try again to write into an organisation that is being moved. */
const MOVING_RETRY_S = 2

const KINDS: [pattern: RegExp, make: (cause: unknown) => Error][] = [
  [
    /CHECK constraint failed: (guard_)?ok/,
    (cause) => new GuardError('an expectation of the batch was false', { cause }),
  ],
  // The check of a fence (worker/infrastructure/placement/fence.ts) fails by this constraint and by nothing else.
  [
    /UNIQUE constraint failed: fences\./,
    (cause) => new MemosError('organisation_moving', { retryAfterS: MOVING_RETRY_S }, { cause }),
  ],
  [/UNIQUE constraint failed/, (cause) => new UniqueError('a row with this key exists', { cause })],
  [
    /SQLITE_BUSY|database is locked|SQLITE_LOCKED|D1_ERROR: .*overloaded/,
    (cause) => new MemosError('database_busy', { retryAfterS: 1 }, { cause }),
  ],
  [
    /SQLITE_FULL|disk is full|disk I\/O error|SQLITE_IOERR|ENOSPC/,
    (cause) => new MemosError('storage_full', {}, { cause }),
  ],
  [/SQLITE_CORRUPT|malformed|SQLITE_NOTADB/, (cause) => new MemosError('data_corrupt', {}, { cause })],
]

/** Turns what SQLite said into the port's errors; anything unknown stays as it is. */
export function toPortError(error: unknown): unknown {
  const text = messagesOf(error)
  return KINDS.find(([pattern]) => pattern.test(text))?.[1](error) ?? error
}
