import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TinyDisk {
  path: string
  remove(): void
}

/** A file system of a few bytes, to run out of space on. Answers null where this process may not mount one (it needs root on Linux). */
export function mountTinyDisk(sizeKiB: number): TinyDisk | null {
  const path = mkdtempSync(join(tmpdir(), 'memos-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeKiB}k`, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    rmdirSync(path)
    return null
  }
  const remove = () => {
    execFileSync('umount', ['-l', path])
    rmdirSync(path)
  }
  return { path, remove }
}
