import { posix } from 'node:path'

export interface Import {
  /** Path from the repository root for our own files, else the package specifier. */
  target: string
  /** `import type` or `export type`: gone at run time. */
  isType: boolean
}

const STATIC_IMPORT = /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w$*{}\s,]+?\sfrom\s+)?['"]([^'"\n]+)['"]/gm
const DYNAMIC_IMPORT = /\bimport\(\s*['"]([^'"\n]+)['"]/g
const QUOTED_SOURCE_FILE = /['"`]([\w./-]+\.ts)['"`]/g
const RE_EXPORT = /^export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+['"][^'"\n]+['"];?$/gm

/** Imports and re-exports of one file, with relative specifiers resolved against it. */
export function importsOf(path: string, source: string): Import[] {
  const found: [specifier: string, isType: boolean][] = [
    ...[...source.matchAll(STATIC_IMPORT)].map((m): [string, boolean] => [m[2] ?? '', m[1] !== undefined]),
    ...[...source.matchAll(DYNAMIC_IMPORT)].map((m): [string, boolean] => [m[1] ?? '', false]),
  ]
  return found.map(([specifier, isType]) => ({ target: resolve(path, specifier), isType }))
}

/** Every file that a source names in quotes (import, URL, child process), read both from the file's folder and from the root. */
export function filesNamedIn(path: string, source: string): string[] {
  return [...source.matchAll(QUOTED_SOURCE_FILE)].flatMap(([, name = '']) => [
    resolve(path, `./${name}`),
    posix.normalize(name),
  ])
}

/** A file that only passes on what other files export. */
export function isBarrel(source: string): boolean {
  const code = stripComments(source)
  return code.trim() !== '' && code.replace(RE_EXPORT, '').trim() === ''
}

export const stripComments = (source: string) =>
  source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')

const resolve = (path: string, specifier: string) =>
  specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier
