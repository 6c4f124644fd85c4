import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { PACKAGE_FILES, packageFile } from '../worker/entry/node/assets.ts'

const PUBLIC = join(import.meta.dirname, '../console/public')

/** Puts the console's files that come from packages beside the others, where wrangler takes them from. Git ignores the copies. */
export function copyConsoleAssets(): void {
  for (const [path, specifier] of PACKAGE_FILES) copyFileSync(packageFile(specifier), join(PUBLIC, path))
}
