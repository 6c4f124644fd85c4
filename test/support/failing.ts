import type { BlobStore } from '../../worker/ports/blob-store.ts'
import type { Database, Row, Statement } from '../../worker/ports/database.ts'

/** What a broken connection looks like: nobody knows whether the call took effect. */
export class InjectedFault extends Error {
  override name = 'InjectedFault'
}

/** Fails the n-th call since it was armed, before or after the call takes effect. Shared by all stores of one edge. */
export class Fault {
  #callsLeft = Number.POSITIVE_INFINITY
  #when: 'before' | 'after' = 'before'
  /** Name of the call that failed; null while none has. */
  fired: string | null = null

  arm(atCall: number, when: 'before' | 'after'): void {
    this.#callsLeft = atCall
    this.#when = when
    this.fired = null
  }

  disarm(): void {
    this.#callsLeft = Number.POSITIVE_INFINITY
  }

  async around<T>(name: string, call: () => Promise<T>): Promise<T> {
    this.#callsLeft -= 1
    const isHit = this.#callsLeft === 0
    if (isHit) this.fired = name
    if (isHit && this.#when === 'before') throw new InjectedFault(`${name} failed before it took effect`)
    const answer = await call()
    if (isHit) throw new InjectedFault(`${name} took effect, and its answer was lost`)
    return answer
  }
}

export class FailingDatabase implements Database {
  readonly name: string
  readonly vectorDistance: boolean
  readonly #database: Database
  readonly #fault: Fault

  constructor(database: Database, fault: Fault) {
    this.name = database.name
    this.vectorDistance = database.vectorDistance
    this.#database = database
    this.#fault = fault
  }

  all(statement: Statement): Promise<Row[]> {
    return this.#fault.around(`all: ${statement.sql.slice(0, 60)}`, () => this.#database.all(statement))
  }

  read(statements: readonly Statement[]): Promise<Row[][]> {
    return this.#fault.around('read', () => this.#database.read(statements))
  }

  batch(statements: readonly Statement[]): Promise<Row[][]> {
    return this.#fault.around(`batch of ${statements.length}`, () => this.#database.batch(statements))
  }
}

export class FailingBlobStore implements BlobStore {
  readonly #blobs: BlobStore
  readonly #fault: Fault

  constructor(blobs: BlobStore, fault: Fault) {
    this.#blobs = blobs
    this.#fault = fault
  }

  put = (key: string, bytes: Uint8Array) => this.#fault.around('put', () => this.#blobs.put(key, bytes))
  putPieces = (key: string, size: number, pieces: AsyncIterable<Uint8Array>) =>
    this.#fault.around('putPieces', () => this.#blobs.putPieces(key, size, pieces))
  get = (key: string) => this.#fault.around('get', () => this.#blobs.get(key))
  slice = (key: string, offset: number, length: number) =>
    this.#fault.around('slice', () => this.#blobs.slice(key, offset, length))
  size = (key: string) => this.#fault.around('size', () => this.#blobs.size(key))
  delete = (keys: readonly string[]) => this.#fault.around('delete', () => this.#blobs.delete(keys))
  list = (prefix: string, options?: { after?: string; limit?: number }) =>
    this.#fault.around('list', () => this.#blobs.list(prefix, options))
}
