import { describe, expect, it } from 'vitest'
import { importFault } from './import-rules.ts'
import { filesNamedIn, importsOf, isBarrel } from './source.ts'

describe('importsOf', () => {
  it('finds static, side-effect, type, multi-line, re-exporting and dynamic imports', () => {
    const source = [
      `import { a,\n  b } from './near.ts'`,
      `import type { T } from '../up/types.ts'`,
      `import 'side-effect'`,
      `export { c } from './re-exported.ts'`,
      `const later = await import('./later.ts')`,
    ].join('\n')
    expect(importsOf('worker/app.ts', source)).toEqual([
      { target: 'worker/near.ts', isType: false },
      { target: 'up/types.ts', isType: true },
      { target: 'side-effect', isType: false },
      { target: 'worker/re-exported.ts', isType: false },
      { target: 'worker/later.ts', isType: false },
    ])
  })

  it('takes neither a comment nor a string constant for an import', () => {
    expect(importsOf('a.ts', ` * import { a } from './b.ts'\nexport const kind = 'x'\nexport type Kind = 'y'`)).toEqual(
      [],
    )
  })
})

describe('filesNamedIn', () => {
  it('reads a name from the folder of the file and from the root', () => {
    expect(filesNamedIn('test/support/process.ts', `spawn('worker/entry/node.ts')`)).toContain('worker/entry/node.ts')
    expect(filesNamedIn('worker/drivers/x.ts', `new URL('./thread.ts', import.meta.url)`)).toContain(
      'worker/drivers/thread.ts',
    )
  })
})

describe('isBarrel', () => {
  it('is a file of re-exports and nothing else', () => {
    expect(isBarrel(`/** all */\nexport * from './a.ts'\nexport { b } from './b.ts'\n`)).toBe(true)
    expect(isBarrel(`export { b } from './b.ts'\nexport const c = 1\n`)).toBe(false)
    expect(isBarrel('')).toBe(false)
  })
})

describe('importFault', () => {
  const fault = (path: string, target: string, isType = false) => importFault(path, { target, isType })

  it.each([
    ['schemas/memories.ts', 'schemas/tables/cubes.ts'],
    ['schemas/memories.ts', 'hono'],
    ['protocol/core/log.ts', 'node:crypto'],
    ['worker/operation/operator.ts', 'drizzle-orm'],
    ['worker/operation/operator.ts', 'worker/infrastructure/vault.ts'],
    ['worker/interface/routes/search.ts', 'worker/drivers/blob-store/fs.ts'],
    ['worker/app.ts', 'worker/drivers/blob-store/fs.ts'],
    ['worker/drivers/blob-store/fs.ts', 'worker/drivers/database/libsql.ts'],
    ['sdk/client.ts', 'worker/app.ts'],
    ['worker/app.ts', 'test/support/free-port.ts'],
    ['worker/operation/follow.ts', 'protocol/host/mip-remote.ts'],
    ['worker/infrastructure/mip.ts', 'protocol/host/node.ts'],
    ['protocol/host/node.ts', 'worker/components.ts'],
    ['protocol/core/log.ts', 'protocol/host/node.ts'],
  ])('%s may not import %s', (path, target) => {
    expect(fault(path, target)).toBeTypeOf('string')
  })

  it.each([
    ['schemas/tables/cubes.ts', 'drizzle-orm/sqlite-core', false],
    ['worker/operation/operator.ts', 'worker/infrastructure/vault.ts', true],
    ['worker/operation/follow.ts', 'protocol/host/mip-remote.ts', true],
    ['worker/infrastructure/mip.ts', 'protocol/host/mip-source.ts', true],
    ['worker/components.ts', 'protocol/host/node.ts', false],
    ['worker/components.ts', 'worker/drivers/blob-store/fs.ts', false],
    ['worker/drivers/blob-store/fs.ts', 'node:fs/promises', false],
    ['sdk/client.ts', 'schemas/memories.ts', true],
    ['scripts/generate.ts', 'schemas/limits.ts', false],
    ['scripts/vectors.ts', 'test/conformance/cases/cid.ts', false],
  ])('%s may import %s', (path, target, isType) => {
    expect(fault(path, target, isType)).toBeUndefined()
  })
})
