import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import config from '../../drizzle.config.ts'

const REPOSITORY = join(import.meta.dirname, '../..')
const MIGRATIONS = join(REPOSITORY, 'schemas/migrations')
// Inside the repository, because drizzle-kit resolves its output folder against the working directory.
const SCRATCH = join(REPOSITORY, '.tsbuild/migrations')
const DRIZZLE_KIT = join(REPOSITORY, 'node_modules/drizzle-kit/bin.cjs')

/** The SQL that schemas/tables would still need, or undefined when schemas/migrations is up to date. Leaves schemas/migrations alone. */
export async function migrationDrift(): Promise<string | undefined> {
  await rm(SCRATCH, { recursive: true, force: true })
  await mkdir(SCRATCH, { recursive: true })
  try {
    if (existsSync(MIGRATIONS)) await cp(MIGRATIONS, SCRATCH, { recursive: true })
    const before = new Set(await readdir(SCRATCH))
    const output = await generateInto(SCRATCH)
    // drizzle-kit ends with 0 even when it could not read the tables: only its own words tell "no change" from "failed".
    if (output.includes('No schema changes')) return undefined
    const added = (await readdir(SCRATCH)).filter((file) => file.endsWith('.sql') && !before.has(file))
    if (added.length === 0) throw new Error(`drizzle-kit could not compare the tables with the migrations:\n${output}`)
    return (await Promise.all(added.map((file) => readFile(join(SCRATCH, file), 'utf8')))).join('\n')
  } finally {
    await rm(SCRATCH, { recursive: true, force: true })
  }
}

/** Writes the next migration, if one is needed, and returns what drizzle-kit said. */
async function generateInto(folder: string): Promise<string> {
  const options = {
    dialect: config.dialect,
    schema: String(config.schema),
    casing: 'snake_case',
    out: relative(REPOSITORY, folder),
    name: 'drift',
  }
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [DRIZZLE_KIT, 'generate', ...flags], {
    cwd: REPOSITORY,
  })
  return stdout + stderr
}
