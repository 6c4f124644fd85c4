import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { LoadOrder, LoadResult } from '../corpus/load-generator.ts'
import type { EdgeTenant } from './edge-tenant.ts'
import { BENCH } from './repository.ts'

/** Writes to an edge from a process of its own. */
export async function generateLoad(
  { url, key }: EdgeTenant,
  order: Omit<LoadOrder, 'url' | 'key'>,
): Promise<LoadResult> {
  const argument: LoadOrder = { url, key, ...order }
  const program = join(BENCH, 'corpus/load-generator.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(argument)])
  return JSON.parse(stdout) as LoadResult
}
