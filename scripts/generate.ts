/**
 * `npm run generate` writes what is derived from the schemas; `--check` writes nothing and fails when something is stale.
 * Migrations and the vector kernel are only ever checked: a migration has a name that a person gives it
 * (`npm run db:generate -- --name what-changed`), and the kernel has its compiler (`npm run build:wasm`).
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isKernelStale } from './generate/kernel.ts'
import { renderLimits } from './generate/limits.ts'
import { migrationDrift } from './generate/migrations.ts'
import { renderMipLimits } from './generate/mip-limits.ts'
import { renderOpenApi } from './generate/openapi.ts'

const REPOSITORY = join(import.meta.dirname, '..')
const GENERATED: Record<string, () => Promise<string>> = {
  'LIMITS.md': renderLimits,
  'docs/mip/limits.md': renderMipLimits,
  'openapi.json': renderOpenApi,
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const stale: string[] = []

for (const [path, render] of Object.entries(GENERATED)) {
  const file = join(REPOSITORY, path)
  const wanted = await render()
  if (wanted === (await readFile(file, 'utf8').catch(() => undefined))) continue
  if (values.check) stale.push(`${path}: run npm run generate`)
  else {
    await writeFile(file, wanted)
    console.log(`wrote ${path}`)
  }
}

if (await isKernelStale()) stale.push('the compiled vector kernel: run npm run build:wasm')

const drift = await migrationDrift()
if (drift !== undefined) stale.push(`schemas/migrations: run npm run db:generate -- --name what-changed\n${drift}`)

for (const line of stale) console.error(`stale: ${line}`)
process.exitCode = stale.length > 0 ? 1 : 0
