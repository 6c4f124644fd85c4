import { spawn } from 'node:child_process'
import { once } from 'node:events'

const HOLDER = `
const { DatabaseSync } = require('node:sqlite')
new DatabaseSync(process.argv[1]).exec('begin immediate')
console.log('locked')
process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
`

/**
 * Holds the write lock of a SQLite file from another process; the answer gives it back. A second connection in this process would not do:
 * POSIX locks belong to a process, so two copies of SQLite in one process do not see each other's.
 */
export async function lockDatabase(path: string): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, ['-e', HOLDER, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(([code]) => [`the holder of the lock ended with ${code}`]),
  ])
  if (String(line).trim() !== 'locked') throw new Error(String(line))
  return async () => {
    const ended = once(child, 'exit')
    child.stdin.end()
    await ended
  }
}
