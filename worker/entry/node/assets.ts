import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const PUBLIC = join(import.meta.dirname, '..', '..', '..', 'console', 'public')

/** Files of the console that come from a package, by the path they are served at. On Cloudflare scripts/console-assets.ts copies them. */
export const PACKAGE_FILES: ReadonlyMap<string, string> = new Map([
  ['/assets/api-reference.js', 'swagger-ui-dist/swagger-ui-bundle.js'],
  ['/assets/api-reference.css', 'swagger-ui-dist/swagger-ui.css'],
])

const MEDIA_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
}

/** Static file of the console, or null when there is none at this path. */
export async function consoleAsset(path: string): Promise<Response | null> {
  const specifier = PACKAGE_FILES.get(path)
  const file = specifier === undefined ? normalize(join(PUBLIC, path)) : packageFile(specifier)
  if (specifier === undefined && !file.startsWith(PUBLIC + sep)) return null
  const bytes = await readFile(file).catch(() => null)
  if (bytes === null) return null
  return new Response(bytes, { headers: { 'content-type': MEDIA_TYPES[extname(file)] ?? 'application/octet-stream' } })
}

/** Where a file of an installed package lies. */
export const packageFile = (specifier: string): string => fileURLToPath(import.meta.resolve(specifier))
