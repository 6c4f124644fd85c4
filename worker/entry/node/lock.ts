import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { ConfigError } from '../config-error.ts'

/** Start time of a process in clock ticks (field 22 of /proc/PID/stat): tells a process from a later one with its number. Empty where there is no /proc. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * Makes this process the only server of a database file: keys and placements are kept in memory, and a second server would go on accepting a key
 * that the first has revoked. A lock whose process died is taken over. Answers how to give the lock back.
 * @throws ConfigError when another server runs on the file
 */
export function lockDatabase(databasePath: string): () => void {
  const path = `${databasePath}.lock`
  const mine = `${process.pid} ${startOf(process.pid)}`
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, mine, { flag: 'wx', mode: 0o600 })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const [pid = '0', start = ''] = readHolder(path).split(' ')
    const holder = Number(pid)
    const isHeld = holder > 0 && isRunning(holder) && (start === '' || start === startOf(holder))
    if (isHeld || attempt > 2) {
      throw new ConfigError(
        `${databasePath} is in use by another server (process ${pid}). Stop it first, or give this one a MEMOS_HOME of its own.`,
      )
    }
    rmSync(path, { force: true })
  }
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
