import { describe, expect, it } from 'vitest'
import { firstNamesOf, resolveAliases } from './resolve-aliases.ts'

const resolve = (...people: string[]) => resolveAliases(firstNamesOf(people), people)

describe('resolveAliases', () => {
  it('takes a first name for the only full name that begins with it', () => {
    expect(resolve('melanie', 'melanie smith').put).toEqual([['melanie', 'melanie smith']])
  })

  it('takes nothing for granted when two people share a first name', () => {
    expect(resolve('melanie', 'melanie smith', 'melanie jones')).toEqual({ put: [], drop: ['melanie'] })
  })

  it('knows common short forms, and lets the chain lead to the full name', () => {
    expect(resolve('mel', 'melanie', 'melanie smith').put).toEqual([
      ['mel', 'melanie'],
      ['melanie', 'melanie smith'],
    ])
  })

  it('leaves a short form alone whose long form nobody has', () => {
    expect(resolve('mel')).toEqual({ put: [], drop: ['mel'] })
  })

  it('makes no alias of a name that occurs only inside of full ones', () => {
    expect(resolve('melanie smith')).toEqual({ put: [], drop: [] })
  })
})

it('looks for short and long forms of a name', () => {
  expect(firstNamesOf(['melanie smith', 'bob']).sort()).toEqual(['bob', 'mel', 'melanie', 'robert'])
})
