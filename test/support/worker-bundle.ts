import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'

const REPOSITORY = join(import.meta.dirname, '../..')
/** The one file through which the Worker reaches libp2p. */
const PEER = 'object-peer.ts'

export interface WorkerBundle {
  gzipBytes: number
  metafile: Metafile
}

/** The Worker as wrangler bundles it, with or without what a peer needs. */
export async function buildWorker(init: { minify: boolean; peer: boolean }): Promise<WorkerBundle> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: REPOSITORY,
    entryPoints: ['worker/entry/cloudflare.ts'],
    bundle: true,
    write: false,
    metafile: true,
    minify: init.minify,
    keepNames: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['node:*', 'cloudflare:*', '*.wasm', ...(init.peer ? [] : [`*/${PEER}`])],
    logLevel: 'error',
  })
  const gzipBytes = outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
  return { gzipBytes, metafile }
}

/** Files that are evaluated when the Worker starts: all that static imports reach from its entry. */
export function evaluatedAtStart({ inputs }: Metafile): Set<string> {
  const reached = new Set<string>()
  const waiting = ['worker/entry/cloudflare.ts']
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    for (const { path: next, kind, external } of inputs[path]?.imports ?? [])
      if (kind !== 'dynamic-import' && !external) waiting.push(next)
  }
  return reached
}
