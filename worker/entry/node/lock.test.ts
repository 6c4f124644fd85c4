import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockDatabase } from './lock.ts'

describe('lockDatabase', () => {
  let folder = ''
  let path = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'memos-lock-'))
    path = join(folder, 'memos.db')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('lets one server in and says who holds the file to the next', () => {
    const release = lockDatabase(path)
    expect(() => lockDatabase(path)).toThrow(`in use by another server (process ${process.pid})`)
    release()
    expect(existsSync(`${path}.lock`)).toBe(false)
    lockDatabase(path)()
  })

  it('takes over from a process that died', () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    writeFileSync(`${path}.lock`, `${pid} 1`)
    lockDatabase(path)()
  })

  it.skipIf(!existsSync('/proc/self/stat'))(
    'takes over from an earlier process whose number was given out again (needs /proc to tell)',
    () => {
      writeFileSync(`${path}.lock`, `${process.pid} 1`)
      lockDatabase(path)()
    },
  )

  it('takes over an empty lock, left by a crash between making and filling it', () => {
    writeFileSync(`${path}.lock`, '')
    lockDatabase(path)()
  })
})
