/**
 * Goal: the house rules hold by themselves, also for files that are not committed yet.
 * Method: read every file of the repository as text; a failure lists each place as `path: what is wrong`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERROR_CODES } from '../schemas/errors.ts'
import { missingPlatformPackages } from '../scripts/missing-platform-packages.ts'
import { importFault } from './tidy/import-rules.ts'
import { isTestCode, isText, isTypeScript, REPOSITORY, readRepositoryFile, repositoryFiles } from './tidy/repository.ts'
import { filesNamedIn, importsOf, isBarrel, stripComments } from './tidy/source.ts'

const FILE_LINES_MAX = 500
const FILE_LINES_MEDIAN_MAX = 100

const FILES = repositoryFiles()
const SOURCES = new Map(FILES.filter(isTypeScript).map((path) => [path, readRepositoryFile(path)]))
const PRODUCT = new Map([...SOURCES].filter(([path]) => !isTestCode(path)))

const matches = (text: string, pattern: RegExp): string[] => [...new Set(text.match(pattern))]

const faults = (sources: Iterable<[string, string]>, check: (path: string, source: string) => string[]) =>
  [...sources].flatMap(([path, source]) => check(path, source).map((fault) => `${path}: ${fault}`))

describe('layers', () => {
  it('import only what ARCHITECTURE.md allows', () => {
    const found = faults(PRODUCT, (path, source) =>
      importsOf(path, source).flatMap((one) => {
        const fault = importFault(path, one)
        return fault ? [`${one.target} (${fault})`] : []
      }),
    )
    expect(found).toEqual([])
  })

  it('keep clock, dice and I/O out of the protocol core', () => {
    const ambient =
      /\b(Date\.now|new Date\(\)|Math\.random|crypto\.getRandomValues|performance\.now|fetch\(|setTimeout|setInterval)/g
    const core = [...PRODUCT].filter(([path]) => path.startsWith('protocol/core/'))
    expect(faults(core, (_, source) => matches(stripComments(source), ambient))).toEqual([])
  })

  it('have no barrels', () => {
    expect(faults(PRODUCT, (_, source) => (isBarrel(source) ? ['only re-exports'] : []))).toEqual([])
  })
})

describe('files', () => {
  const lines = (source: string) => source.split('\n').length - 1

  it(`are at most ${FILE_LINES_MAX} lines long`, () => {
    const found = faults(SOURCES, (_, source) => (lines(source) > FILE_LINES_MAX ? [`${lines(source)} lines`] : []))
    expect(found).toEqual([])
  })

  it(`have a median of at most ${FILE_LINES_MEDIAN_MAX} lines`, () => {
    const sorted = [...PRODUCT.values()].map(lines).sort((a, b) => a - b)
    expect(sorted[Math.floor(sorted.length / 2)] ?? 0).toBeLessThanOrEqual(FILE_LINES_MEDIAN_MAX)
  })

  it('are used: imported by another file than their own test, or an entry, a script, a test', () => {
    const named = new Set(
      ['package.json', 'wrangler.toml'].flatMap((path) => filesNamedAsWords(readRepositoryFile(path))),
    )
    for (const [path, source] of SOURCES) {
      for (const target of filesNamedIn(path, source))
        if (path !== target.replace(/\.ts$/, '.test.ts')) named.add(target)
    }
    const isRoot = /\.(test|bench|fuzz|sim|config|d)\.ts$|^scripts\/[\w-]+\.ts$|^test\/bench\/|^schemas\/tables\//
    expect([...SOURCES.keys()].filter((path) => !named.has(path) && !isRoot.test(path))).toEqual([])
  })
})

describe('words', () => {
  it('of unfinished work do not stand in product code', () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b|@ts-(ignore|expect-error|nocheck)/g
    const phrases = /\b(for now|placeholder|not (yet )?implemented|simplified|in a real)\b/gi
    expect(faults(PRODUCT, (_, source) => [...matches(source, marks), ...matches(source, phrases)])).toEqual([])
  })

  it('that switch the type checker off do not stand in product code', () => {
    const unchecked = /\bas any\b|: any\b|<any>/g
    expect(faults(PRODUCT, (_, source) => matches(stripComments(source), unchecked))).toEqual([])
  })

  it('about one machine or one package registry do not stand anywhere', () => {
    const traces = /\/(?:work|root|farm)\/[a-z][\w./-]*|registry\.npmjs|deb\.debian/g
    const texts = FILES.filter(isText).map((path): [string, string] => [path, readRepositoryFile(path)])
    expect(faults(texts, (_, text) => matches(text, traces))).toEqual([])
  })
})

describe('error codes', () => {
  const CODES = Object.keys(ERROR_CODES)

  it('are each raised somewhere', () => {
    const product = [...PRODUCT].filter(([path]) => path !== 'schemas/errors.ts').map(([, source]) => source)
    expect(CODES.filter((code) => !product.some((source) => source.includes(`'${code}'`)))).toEqual([])
  })

  it('are each documented in openapi.json', ({ skip }) => {
    skip(!existsSync(join(REPOSITORY, 'openapi.json')), 'openapi.json does not exist: run npm run generate')
    const document = readRepositoryFile('openapi.json')
    expect(CODES.filter((code) => !document.includes(`"${code}"`))).toEqual([])
  })
})

describe('tests', () => {
  const TESTS = [...SOURCES].filter(([path]) => isTestCode(path))

  it('that are skipped say why, in brackets at the end of their title', () => {
    const skipped = /\b(?:it|test|describe)\.(?:skip|skipIf|runIf)\b[^\n]*(?:\n[^\n]*)?/g
    const hasReason = /\([^()]*\w[^()]*\)['"`]/
    expect(faults(TESTS, (_, source) => matches(source, skipped).filter((line) => !hasReason.test(line)))).toEqual([])
  })

  it('are neither focused nor announced', () => {
    expect(faults(TESTS, (_, source) => matches(source, /\b(?:it|test|describe)\.(?:only|todo)\(/g))).toEqual([])
  })
})

describe('test/TEST-MATRIX.md', () => {
  /** Tests that run one suite on a host or driver are named by their suite. */
  const byHost = (path: string) => path.replace(/\.(?:workerd\.)?test\.ts$/, '.suite.ts')

  it('names every test and suite under test/', () => {
    const matrix = readRepositoryFile('test/TEST-MATRIX.md')
    const tests = FILES.filter((path) => /^test\/.*\.(?:test|suite)\.ts$/.test(path))
    const isNamed = (path: string) => matrix.includes(path.replace(/^test\//, ''))
    const runsSuite = (path: string) => FILES.includes(byHost(path)) && isNamed(byHost(path))
    expect(tests.filter((path) => !isNamed(path) && !runsSuite(path))).toEqual([])
  })
})

describe('package-lock.json', () => {
  it('holds every platform package, so that npm ci of a fresh clone accepts it', () => {
    expect(missingPlatformPackages(JSON.parse(readRepositoryFile('package-lock.json')))).toEqual([])
  })
})

/** Source files named in a file that is not TypeScript, such as a command in package.json. */
function filesNamedAsWords(text: string): string[] {
  return text.match(/[\w./-]+\.ts\b/g) ?? []
}
