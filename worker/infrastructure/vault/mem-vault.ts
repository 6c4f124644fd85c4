import { eq } from 'drizzle-orm'
import { MemosError } from '../../../schemas/errors.ts'
import { PLACEMENT_MS_MAX, PLACEMENTS_MAX } from '../../../schemas/limits.ts'
import { organisations } from '../../../schemas/tables/directory.ts'
import type { Database, Row } from '../../ports/database.ts'
import type { OrganisationRow } from '../../ports/rows.ts'
import type { VaultWrite } from '../../ports/vault-write.ts'
import { FencedDatabase } from '../placement/fence.ts'
import { type Orm, openOrm } from './sql.ts'
import { statementsOf } from './write-statements.ts'

/** One organisation's rows: the database that holds them and queries over it. */
export interface OrgVault {
  organisation: OrganisationRow
  database: Database
  orm: Orm
  /**
   * Applies decisions as one atomic batch and answers the rows of each statement.
   * @throws GuardError when an expectation was false, UniqueError when a key exists, MemosError when the database refuses.
   */
  apply(writes: readonly VaultWrite[]): Promise<Row[][]>
}

export interface MemVaultComponents {
  /** Databases by the name the directory uses; `default` holds the directory itself. */
  databases: ReadonlyMap<string, Database>
}

/** Storage and routing (MemOS paper, section 5.5): each organisation lives in one database, and the directory says in which. */
export class MemVault {
  readonly directory: Database
  readonly directoryOrm: Orm
  readonly #databases: ReadonlyMap<string, Database>
  readonly #placements = new Map<string, { vault: OrgVault; readAtMs: number }>()

  constructor({ databases }: MemVaultComponents) {
    const directory = databases.get('default')
    if (directory === undefined) throw new TypeError('"databases" expected an entry named "default"')
    this.#databases = databases
    this.directory = directory
    this.directoryOrm = openOrm(directory)
  }

  /** Names of the databases that organisations may be placed in. */
  get databaseNames(): string[] {
    return [...this.#databases.keys()]
  }

  database(name: string): Database {
    const database = this.#databases.get(name)
    if (database === undefined) {
      throw new MemosError('internal', {
        detail: `The organisation is placed in the database "${name}", which this deployment does not have.`,
      })
    }
    return database
  }

  /**
   * The vault of an organisation. A placement may be two seconds old: a move opens the new place and erases the old one later than that,
   * and a write that lands in the wrong place meets a fence there (placement/fence.ts).
   * @throws MemosError not_found, organisation_moving (writes only)
   */
  async of(orgId: string, nowMs: number, access: 'read' | 'write' = 'read'): Promise<OrgVault> {
    const known = this.#placements.get(orgId)
    const isFresh = known !== undefined && nowMs - known.readAtMs < PLACEMENT_MS_MAX && known.readAtMs <= nowMs
    const vault = isFresh ? known.vault : await this.#lookUp(orgId, nowMs)
    if (access === 'write' && vault.organisation.state === 'moving')
      throw new MemosError('organisation_moving', { retryAfterS: 2 })
    return vault
  }

  /** Forgets what is remembered about an organisation's placement. */
  forget(orgId: string): void {
    this.#placements.delete(orgId)
  }

  async #lookUp(orgId: string, nowMs: number): Promise<OrgVault> {
    const [organisation] = await this.directoryOrm.select().from(organisations).where(eq(organisations.id, orgId))
    if (organisation === undefined) throw new MemosError('not_found')
    const place = this.database(organisation.database)
    // With one database there is nowhere to move to.
    const database = this.#databases.size === 1 ? place : new FencedDatabase(place, orgId)
    const vault: OrgVault = {
      organisation,
      database,
      orm: openOrm(database),
      apply: (writes) => database.batch(writes.flatMap((write) => statementsOf(orgId, write))),
    }
    if (this.#placements.size >= PLACEMENTS_MAX) this.#placements.clear()
    this.#placements.set(orgId, { vault, readAtMs: nowMs })
    return vault
  }
}
