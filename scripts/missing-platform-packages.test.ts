import { expect, it } from 'vitest'
import { missingPlatformPackages } from './missing-platform-packages.ts'

const needs = (...names: string[]) => ({
  version: '1.0.0',
  optionalDependencies: Object.fromEntries(names.map((name) => [name, '2.0.0'])),
})

it('names a platform package that the lock does not hold', () => {
  const packages = { '': {}, 'node_modules/tool': needs('@tool/linux', '@tool/darwin'), 'node_modules/@tool/linux': {} }
  expect(missingPlatformPackages({ packages })).toEqual(['node_modules/tool@1.0.0 needs @tool/darwin@2.0.0'])
})

it('finds a platform package wherever Node would: beside, inside, or further up', () => {
  const packages = {
    '': needs('top'),
    'node_modules/top': {},
    'node_modules/a/node_modules/b': needs('inside', 'beside', 'above'),
    'node_modules/a/node_modules/b/node_modules/inside': {},
    'node_modules/a/node_modules/beside': {},
    'node_modules/above': {},
  }
  expect(missingPlatformPackages({ packages })).toEqual([])
})

it('does not take a package inside a neighbour for one that can be found', () => {
  const packages = { 'node_modules/a': needs('x'), 'node_modules/b/node_modules/x': {} }
  expect(missingPlatformPackages({ packages })).toEqual(['node_modules/a@1.0.0 needs x@2.0.0'])
})
