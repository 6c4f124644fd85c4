import { expect, it } from 'vitest'
import { strictSchema } from './strict-schema.ts'

it('leaves out what strict mode refuses, and keeps fields whose names are those of keywords', () => {
  const text = { type: 'string', minLength: 1, maxLength: 9, pattern: '^a', description: 'A name.' }
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { minLength: text, items: { type: 'array', items: text, uniqueItems: true, maxItems: 3 } },
    required: ['minLength', 'items'],
    additionalProperties: false,
  }
  const kept = { type: 'string', pattern: '^a', description: 'A name.' }
  expect(strictSchema(schema)).toEqual({
    type: 'object',
    properties: { minLength: kept, items: { type: 'array', items: kept, maxItems: 3 } },
    required: ['minLength', 'items'],
    additionalProperties: false,
  })
  expect(strictSchema({ anyOf: [text, { type: 'null' }], enum: ['minLength'] })).toEqual({
    anyOf: [kept, { type: 'null' }],
    enum: ['minLength'],
  })
})
