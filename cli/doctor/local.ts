import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { homeOf } from '../connection.ts'
import type { Io } from '../io.ts'
import { bytesText } from '../text.ts'
import { type Finding, failed, ok, reasonOf, warning } from './finding.ts'

/** First Node that runs TypeScript files without a flag. */
const NODE_VERSION_MIN = [22, 18] as const
/** Below this a day of writing can fill the disk. */
export const DISK_FREE_BYTES_MIN = 512 * 1024 * 1024
const GROUP_AND_OTHERS = 0o077

/** Checks that need no server. */
export async function localChecks(io: Io): Promise<Finding[]> {
  const home = resolve(homeOf(io))
  return [checkNode(process.versions.node), await checkHome(home), await checkRootKey(home), await checkDisk(home)]
}

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin, minorMin] = NODE_VERSION_MIN
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return ok('Node.js', version)
  return failed(
    'Node.js',
    `${version} is too old`,
    `Run npm ci, which brings a newer one, or install ${majorMin}.${minorMin} or later.`,
  )
}

async function checkHome(home: string): Promise<Finding> {
  const folder = await nearestFolder(home)
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return ok('MEMOS_HOME', folder === home ? `${home} is writable` : `${home} will be created at the first start`)
  } catch (error) {
    return failed(
      'MEMOS_HOME',
      `${home}: ${reasonOf(error)}`,
      'Make the folder writable for this user, or set MEMOS_HOME to another one.',
    )
  }
}

async function checkRootKey(home: string): Promise<Finding> {
  const file = resolve(home, 'root.key')
  const facts = await stat(file).catch(() => undefined)
  if (facts === undefined)
    return ok('root key file', 'not here; a server that starts here without MEMOS_ROOT_KEY makes it')
  if ((facts.mode & GROUP_AND_OTHERS) === 0) return ok('root key file', `${file} is readable by its owner only`)
  return warning('root key file', `${file} can be read by other users`, `chmod 600 ${file}`)
}

async function checkDisk(home: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearestFolder(home))
  const free = bavail * bsize
  if (free >= DISK_FREE_BYTES_MIN) return ok('disk', `${bytesText(free)} free`)
  return failed(
    'disk',
    `only ${bytesText(free)} free`,
    `Free at least ${bytesText(DISK_FREE_BYTES_MIN)} or move MEMOS_HOME.`,
  )
}

/** The folder, or the closest one above it that exists. */
async function nearestFolder(folder: string): Promise<string> {
  const facts = await stat(folder).catch(() => undefined)
  return facts !== undefined || dirname(folder) === folder ? folder : nearestFolder(dirname(folder))
}
