import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { portableEd25519 } from '../../protocol/core/ed25519-rule.ts'
import { HEX } from '../../protocol/core/object-view.ts'
import { type RootSigner, rootDid } from '../../protocol/core/root-entries.ts'
import { ObjectCid } from '../../schemas/cid.ts'
import { Did } from '../../schemas/did.ts'
import { CliError } from '../failure.ts'

const SEED_BYTES = 32
const Seed = z.string().regex(/^[0-9a-f]{64}$/)

/**
 * The root of an organisation, in a file that stays with a person and is never sent. `next` is the key that the next rotation hands over to; who
 * has both can do everything in the organisation's name. `end` is the last entry of the main log that was seen, so that a server which serves
 * an older log is found out.
 */
const RootFile = z.strictObject({
  v: z.literal(1),
  org: Did,
  root: Seed,
  next: Seed,
  end: z.strictObject({ epoch: z.int(), seq: z.int(), cid: ObjectCid }).nullable(),
})
export type RootFile = z.infer<typeof RootFile>

export const newSeed = (): string => HEX.toText(new Uint8Array(randomBytes(SEED_BYTES)))
export const seedOf = (text: string): Uint8Array => HEX.toBytes(text)

/** A root that nobody has heard of. */
export function newRoot(): RootFile {
  const root = newSeed()
  return { v: 1, org: rootDid(seedOf(root)), root, next: newSeed(), end: null }
}

export const signerOf = ({ root }: RootFile, nowMs: number): RootSigner => ({
  seed: seedOf(root),
  ed25519: portableEd25519,
  nowMs,
})

/** @throws CliError */
export async function readRoot(file: string): Promise<RootFile> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CliError(`cannot read ${file}: ${cause instanceof Error ? cause.message : ''}`)
  })
  const root = RootFile.safeParse(jsonOrNull(text))
  // Never what stands in it.
  if (!root.success) throw new CliError(`${file} is no root key file, as memos org init writes it`)
  return root.data
}

/** Writes a root where there is none. @throws CliError */
export async function writeNewRoot(file: string, root: RootFile): Promise<void> {
  await writeFile(file, textOf(root), { mode: 0o600, flag: 'wx' }).catch((cause: unknown) => {
    throw new CliError(`cannot write ${file}: ${cause instanceof Error ? cause.message : ''}`, {
      next: 'A root key is never written over another one. Choose another file.',
    })
  })
}

/** Writes what was seen last into the file of a root; whole or not at all. */
export async function rewriteRoot(file: string, root: RootFile): Promise<void> {
  const partial = `${file}.partial`
  await writeFile(partial, textOf(root), { mode: 0o600 })
  await rename(partial, file)
}

/**
 * Puts a root in place of an earlier one once `work` is done. The new one is on the disk before: when nobody knows whether the server has taken it,
 * both files are there.
 */
export async function replaceRoot(file: string, root: RootFile, work: () => Promise<void>): Promise<void> {
  const pending = `${file}.next`
  await writeNewRoot(pending, root)
  try {
    await work()
  } catch (error) {
    if (error instanceof Error && error.name === 'MemosApiError') await rm(pending, { force: true })
    throw error
  }
  await rename(pending, file)
}

const textOf = (root: RootFile): string => `${JSON.stringify(root, null, 2)}\n`

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
