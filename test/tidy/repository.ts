import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const REPOSITORY = join(import.meta.dirname, '../..')
const UNTRACKED_FOLDERS = /^(\.git|node_modules|\.wrangler|\.memos|\.tsbuild|dist|coverage)$/
const BINARY = /\.(wasm|bin|cbor|gz|png|ico|woff2|onnx|safetensors|db)$/

/** Every file that is, or with the next commit could be, part of the repository; paths from its root, sorted. */
export function repositoryFiles(): string[] {
  return (listedByGit() ?? walk('')).filter((path) => existsSync(join(REPOSITORY, path))).sort()
}

export const readRepositoryFile = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8')

export const isText = (path: string) => !BINARY.test(path)
export const isTypeScript = (path: string) => path.endsWith('.ts') && !path.endsWith('.as.ts')
/** Tests and what only tests use. They may reach everywhere and may name what the rules forbid. */
export const isTestCode = (path: string) => path.startsWith('test/') || /\.(test|suite|bench|fuzz|sim)\.ts$/.test(path)

function listedByGit(): string[] | undefined {
  try {
    const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
    const listed = execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const files = new Set(listed.split('\0').filter(Boolean))
    return files.size > 0 ? [...files] : undefined // a copy inside an ignored folder of another repository
  } catch {
    return undefined // an archive without .git, or a machine without git
  }
}

function walk(folder: string): string[] {
  return readdirSync(join(REPOSITORY, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isFile()) return [path]
    return entry.isDirectory() && !UNTRACKED_FOLDERS.test(entry.name) ? walk(path) : []
  })
}
